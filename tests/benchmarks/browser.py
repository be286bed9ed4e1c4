"""Pages opened in headless Chromium, over its debugging pipe: what it logs, asks for and shows."""

from __future__ import annotations

import fcntl
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome",
         "chrome-headless-shell")  # fmt: skip
OPTIONS = ("--headless", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu",
           "--disable-dev-shm-usage", "--no-first-run")  # fmt: skip
ANSWER_SECONDS = 60

LAUNCH = """
import os, sys
for ours, wanted in zip(map(int, sys.argv[1:3]), (3, 4)):
    os.dup2(ours, wanted)  # the browser reads from descriptor 3 and writes to 4
os.execv(sys.argv[3], sys.argv[3:])
"""

LEGIBILITY = """
(() => {
  const parse = c => { const p = (c.match(/[\\d.]+/g) || []).map(Number);
                       return {rgb: p.slice(0, 3), a: p.length > 3 ? p[3] : 1}; };
  const light = c => c.map(v => v / 255).map(v => v <= 0.03928 ? v / 12.92
                       : ((v + 0.055) / 1.055) ** 2.4);
  const luminance = c => { const [r, g, b] = light(c); return 0.2126*r + 0.7152*g + 0.0722*b; };
  const ground = e => {
    for (; e; e = e.parentElement) {
      const c = getComputedStyle(e).backgroundColor;
      if (c !== 'transparent' && parse(c).a > 0.99) return parse(c).rgb;
    }
    return matchMedia('(prefers-color-scheme: dark)').matches ? [18, 18, 18] : [255, 255, 255];
  };
  const found = {size: 1e9, contrast: 1e9, smallest: '', faintest: '', texts: 0,
                 beyond: document.documentElement.scrollWidth - innerWidth};
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node; node = walker.nextNode();) {
    const text = node.textContent.trim(), e = node.parentElement;
    if (!text || e.closest('style, title, defs, metadata')) continue;
    const style = getComputedStyle(e), svg = e.closest('svg');
    if (style.visibility === 'hidden' || style.display === 'none') continue;
    let size = parseFloat(style.fontSize);
    if (svg) { const m = e.getScreenCTM && e.getScreenCTM();
               if (m) size *= Math.hypot(m.a, m.b); }
    const ink = parse(svg ? style.fill : style.color), back = ground(svg ? svg : e);
    const shown = ink.rgb.map((v, i) => v * ink.a + back[i] * (1 - ink.a));
    const [a, b] = [luminance(shown), luminance(back)].sort((x, y) => y - x);
    const contrast = (a + 0.05) / (b + 0.05);
    found.texts += 1;
    if (size < found.size) { found.size = size; found.smallest = text.slice(0, 40); }
    if (contrast < found.contrast) { found.contrast = contrast;
                                     found.faintest = text.slice(0, 40); }
  }
  return found;
})()
"""


def find_browser() -> str | None:
    """Return the path of a Chromium, None where there is none."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


class Browser:
    """One headless Chromium with one tab; messages are JSON documents that end in a zero byte."""

    def __init__(self, path: str) -> None:
        self._profile = tempfile.TemporaryDirectory()
        to_browser, self._write = os.pipe()
        self._read, from_browser = os.pipe()
        # Moved above 4 first, so that neither is in the way of the other.
        high = [fcntl.fcntl(one, fcntl.F_DUPFD, 10) for one in (to_browser, from_browser)]
        self._process = subprocess.Popen(
            [sys.executable, "-c", LAUNCH, *map(str, high), path, *OPTIONS,
             f"--user-data-dir={self._profile.name}", "about:blank"],
            pass_fds=high,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        for descriptor in (to_browser, from_browser, *high):
            os.close(descriptor)
        self._buffer, self._n_sent, self._session = b"", 0, ""
        self.events: list[dict[str, Any]] = []
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        attached = self.ask("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.ask(f"{domain}.enable")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._write)
        os.close(self._read)
        self._profile.cleanup()

    def ask(self, method: str, **parameters: Any) -> Any:
        """Call a method of the debugging protocol and return its result."""
        self._n_sent += 1
        message = {"id": self._n_sent, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        answer = self._until(lambda one: one.get("id") == self._n_sent)
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']}")
        return answer["result"]

    def open(self, page: Path, width: int, theme: str) -> dict[str, Any]:
        """Open a page and return what it logged, what it asked for and how legible it is."""
        self.events.clear()
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=900,
                 deviceScaleFactor=1, mobile=False)  # fmt: skip
        self.ask("Emulation.setEmulatedMedia",
                 features=[{"name": "prefers-color-scheme", "value": theme}])  # fmt: skip
        self.ask("Page.navigate", url=page.resolve().as_uri())
        if not any(one["method"] == "Page.loadEventFired" for one in self.events):
            self._until(lambda one: one.get("method") == "Page.loadEventFired")
        shown = self.ask("Runtime.evaluate", expression=LEGIBILITY, returnByValue=True)
        return shown["result"]["value"] | {"errors": self._errors(), "requests": self._requests()}

    def _errors(self) -> list[str]:
        found = []
        for one in self.events:
            detail = one["params"]
            if one["method"] == "Runtime.exceptionThrown":
                found.append(str(detail["exceptionDetails"]["text"]))
            elif one["method"] == "Log.entryAdded" and detail["entry"]["level"] == "error":
                found.append(str(detail["entry"]["text"]))
            elif one["method"] == "Runtime.consoleAPICalled" and detail["type"] == "error":
                found.append("console.error")
        return found

    def _requests(self) -> list[str]:
        """Return what was asked for besides the page itself and what stands in it."""
        asked = [
            one["params"]["request"]["url"]
            for one in self.events
            if one["method"] == "Network.requestWillBeSent"
        ]
        return [url for url in asked[1:] if not url.startswith("data:")]

    def _until(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        deadline = time.monotonic() + ANSWER_SECONDS
        while True:
            while b"\0" not in self._buffer:
                left = deadline - time.monotonic()
                if left <= 0 or not select.select([self._read], [], [], left)[0]:
                    raise TimeoutError(f"no answer from the browser in {ANSWER_SECONDS} s")
                received = os.read(self._read, 1 << 16)
                if not received:
                    raise RuntimeError("the browser ended")
                self._buffer += received
            text, _, self._buffer = self._buffer.partition(b"\0")
            message: dict[str, Any] = json.loads(text)
            if "method" in message:
                self.events.append(message)
            if wanted(message):
                return message
