"""The one door to the terminal: what comes from outside is shown, and steers nothing.

Names in files, answers of a service and messages of other packages may hold what moves a cursor,
sets a title, or turns the direction of writing. Every stream of the command shows such characters
as escapes; what colours a table is our own, and added behind the door.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO

KEPT = frozenset("\n\t")


def plain(text: str) -> str:
    r"""Return a text with all that does not print as an escape, but for line ends and tabs.

    Among it are control characters, those that turn the direction of writing, and those without a
    width.

    >>> plain("a\x1b[2J\u202eb")
    'a\\x1b[2J\\u202eb'
    """
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() or one in KEPT else ascii(one)[1:-1] for one in text)


def one_line(text: str) -> str:
    """Return a message in one line."""
    return plain(" ".join(text.split()))


class PlainStream:
    """A text stream whose every write goes through `plain`."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def write(self, text: str) -> int:
        """Write a text; its length is that of what was given, as callers expect."""
        if not isinstance(text, str):
            raise TypeError(f"a text stream should be given text. Got {type(text).__name__}.")
        self.stream.write(plain(text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write several texts."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


@contextmanager
def guarded() -> Iterator[None]:
    """Let everything that is written to the standard streams meanwhile go through `plain`."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (
        stream if isinstance(stream, PlainStream) else PlainStream(stream) for stream in before
    )
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before
