"""A forked process that runs commands one after the other, within bounds of time and memory.

It is forked after all imports, and replaced only when a command kills it: a thousand commands cost
one fork. (The same as the persistent mode of AFL, M. Zalewski 2015.)
"""

from __future__ import annotations

import functools
import json
import os
import re
import resource
import select
import signal
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CPU_SECONDS = 6.0
"""Of one command; twenty times what the slowest sound one takes."""
WALL_SECONDS = 90.0
BYTES_OF_MEMORY = 6 << 30


@dataclass(frozen=True)
class Ended:
    """How a command ended; the code is None where it hung or was aborted."""

    code: int | None
    said: str
    opened: tuple[str, ...] = ()
    """What Python opened of the folder."""


class Worker:
    """Runs commands in a process of its own, another one after each that did not end well."""

    def __init__(self, folder: Path, prepare: Callable[[bool], None]) -> None:
        """Take a folder, and what is called in the process before a command.

        Its argument says whether a circuit file is read as users do, in a third process.
        """
        self.folder, self.prepare = folder, prepare
        self.output = folder / "said"
        self.child = 0

    def run(self, words: list[str], *, as_users: bool = False) -> Ended:
        """Run a command and return how it ended."""
        if not self.child:
            self._fork()
        os.write(self.asking, json.dumps([words, as_users]).encode() + b"\n")
        answer = b""
        while not answer.endswith(b"\n"):
            ready = select.select([self.answers], [], [], WALL_SECONDS)[0]
            part = os.read(self.answers, 1 << 16) if ready else b""
            if not part:
                self.close()
                return Ended(None, self.output.read_text(errors="replace"))
            answer += part
        code, opened = json.loads(answer)
        return Ended(code, self.output.read_text(errors="replace"), tuple(opened))

    def close(self) -> None:
        """End the process."""
        if self.child:
            os.kill(self.child, signal.SIGKILL)
            os.waitpid(self.child, 0)
            os.close(self.asking)
            os.close(self.answers)
        self.child = 0

    def _fork(self) -> None:
        asked, self.asking = os.pipe()
        self.answers, answering = os.pipe()
        self.child = os.fork()
        if self.child:
            os.close(asked)
            os.close(answering)
            return
        try:
            os.close(self.asking)
            os.close(self.answers)
            self._serve(asked, answering)
        finally:
            os._exit(97)

    def _serve(self, asked: int, answering: int) -> None:
        import typer.main

        # The tree of commands is the same for all of them.
        typer.main.get_command = functools.cache(typer.main.get_command)
        resource.setrlimit(resource.RLIMIT_AS, (BYTES_OF_MEMORY, BYTES_OF_MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        opened: list[str] = []

        def listen(event: str, arguments: tuple[Any, ...]) -> None:
            if event == "open" and str(arguments[0]).startswith(str(self.folder)):
                opened.append(str(arguments[0]))

        sys.addaudithook(listen)
        said = os.open(self.output, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(said, 1)
        os.dup2(said, 2)
        sys.stdout = os.fdopen(1, "w", encoding="utf-8", errors="backslashreplace", closefd=False)
        sys.stderr = os.fdopen(2, "w", encoding="utf-8", errors="backslashreplace", closefd=False)
        with os.fdopen(asked, encoding="utf-8") as lines:
            for line in lines:
                words, as_users = json.loads(line)
                os.truncate(said, 0)
                self.prepare(as_users)
                opened.clear()
                signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)  # its signal ends the process
                code = _invoke(words)
                signal.setitimer(signal.ITIMER_PROF, 0)
                sys.stdout.flush()
                sys.stderr.flush()
                os.write(answering, json.dumps([code, opened]).encode() + b"\n")


def _invoke(words: list[str]) -> int:
    from qrnn_hw.cli import invoke

    try:
        return invoke(words)
    except BaseException:  # what comes so far is a traceback to users
        traceback.print_exc()
        return 99


def steers(said: str) -> bool:
    """Tell whether a terminal would take part of it for a command, or turn its direction."""
    return re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", said) is not None
