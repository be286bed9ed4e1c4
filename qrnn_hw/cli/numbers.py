"""Numbers as typed: each option has its finite range, refused before anything runs."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

import typer

from qrnn_hw.cli.terminal import plain


class RefusedNumber(typer.BadParameter):
    """A number of an option that is none, or out of range; the message begins with the option."""

    def format_message(self) -> str:
        """Return the line without the parser's own preamble."""
        names = getattr(self.param, "opts", None) or ["a number"]
        return f"{max(names, key=len)} {self.message}"


_WHOLE = re.compile(r"[+-]?[0-9][0-9_]{0,30}")
SHOWN_CHARACTERS = 40


def whole(least: int, most: int, *names: str, help: str) -> Any:
    """Return an option that takes a whole number from `least` to `most`."""

    def parse(value: Any) -> int:
        text = str(value).strip()
        if not _WHOLE.fullmatch(text):
            raise RefusedNumber(f"should be a whole number. Got {_shown(text)}.")
        found: int = _within(int(text), least, most, text)
        return found

    return _option(parse, least, most, names, "INTEGER", help)


def real(least: float, most: float, *names: str, help: str) -> Any:
    """Return an option that takes a number from `least` to `most`; not a number is none."""

    def parse(value: Any) -> float:
        text = str(value).strip()
        try:
            typed = float(text)
        except ValueError:
            raise RefusedNumber(f"should be a number. Got {_shown(text)}.") from None
        found: float = _within(typed, least, most, text)
        return found

    return _option(parse, least, most, names, "FLOAT", help)


def _option(
    parse: Callable[[Any], Any],
    least: float,
    most: float,
    names: tuple[str, ...],
    metavar: str,
    help: str,
) -> Any:
    parse.range = (least, most)  # type: ignore[attr-defined]  # for the test of all options
    return typer.Option(*names, parser=parse, metavar=metavar, help=help)


def _within(value: Any, least: Any, most: Any, text: str) -> Any:
    if math.isnan(value):
        raise RefusedNumber(f"should be a number. Got {_shown(text)}.")
    if value < least:
        raise RefusedNumber(f"should be at least {least:,}. Got {_shown(text)}.")
    if value > most:
        raise RefusedNumber(f"should be at most {most:,}. Got {_shown(text)}.")
    return value


def _shown(text: str) -> str:
    cut = text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + "..."
    return plain(cut)


def numbers(text: str) -> tuple[int, ...]:
    """Read "10,1_000".

    Raises:
        UsageError: something else than whole numbers.
    """
    from qrnn_hw.errors import UsageError

    parts = [part.strip().replace("_", "") for part in text.split(",")]
    if not all(part.isascii() and part.isdecimal() and len(part) < 100 for part in parts):
        raise UsageError(f"shots should be whole numbers with commas between. Got {text[:60]!r}.")
    return tuple(map(int, parts))
