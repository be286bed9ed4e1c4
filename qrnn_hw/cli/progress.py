"""Progress on stderr: a bar in a terminal, one line a stage elsewhere."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Self

from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from qrnn_hw.cli.console import PlainConsole
from qrnn_hw.cli.terminal import one_line


class ConsoleProgress:
    """Shows stages; within a stage a bar where stderr is a terminal."""

    def __init__(self) -> None:
        self._console = PlainConsole(stderr=True, soft_wrap=True)
        self._live: Progress | None = None
        self._task: TaskID | None = None
        if sys.stderr.isatty():
            self._live = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                TextColumn("{task.fields[note]}"),
                TimeElapsedColumn(),
                console=self._console,
            )

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._live is not None:
            self._finish()
            self._live.stop()

    def stage(self, text: str) -> None:
        """Begin a stage."""
        if self._live is None:
            self._console.print(one_line(text))
            return
        self._finish()
        self._task = self._live.add_task(escape(one_line(text)), total=None, note="")

    def advance(self, done: int, total: int, note: str = "") -> None:
        """Say how far the stage is."""
        if self._live is not None and self._task is not None:
            self._live.update(self._task, completed=done, total=total, note=escape(one_line(note)))

    def _finish(self) -> None:
        if self._live is not None and self._task is not None:
            total = self._live.tasks[-1].total or 1
            self._live.update(self._task, completed=total, total=total)
            self._live.stop_task(self._task)
            self._task = None
