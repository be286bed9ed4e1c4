"""JSON from outside: a document, or one error, whatever the text is."""

from __future__ import annotations

import json
import math
import stat
from pathlib import Path
from typing import Any

LARGEST_FILE_BYTES = 256 * 1024 * 1024
MOST_LEVELS = 100
"""Of nesting; what this project writes has six."""


def parsed(text: str | bytes) -> Any:
    """Return a JSON document.

    Raises:
        ValueError: it is no JSON, nested too deep, or holds a number that single numbers of this
            program cannot be: NaN, an infinity, or a whole number of more than 300 digits.
    """
    try:
        document = json.loads(text, parse_constant=_refused, parse_float=_finite, parse_int=_whole)
        _check_levels(document)
    except RecursionError:
        raise ValueError(f"it is nested deeper than {MOST_LEVELS} levels") from None
    return document


def read_document(path: Path) -> Any:
    """Return the JSON document of a file in UTF-8, with or without a byte order mark.

    Raises:
        OSError: it cannot be read.
        ValueError: it is no regular file, too large, not UTF-8, or as `parsed`.
    """
    return parsed(read_text(path))


def read_text(path: Path) -> str:
    """Return the text of a file in UTF-8, with or without a byte order mark.

    Raises:
        OSError: it cannot be read.
        ValueError: it is no regular file, too large or not UTF-8.
    """
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):  # a pipe may wait, a device go on, for ever
        raise ValueError("it is no regular file")
    if status.st_size > LARGEST_FILE_BYTES:
        raise ValueError(f"it has more than {LARGEST_FILE_BYTES >> 20} MiB")
    return path.read_bytes().decode("utf-8-sig")


def _refused(constant: str) -> float:
    raise ValueError(f"{constant} is no number of JSON")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text[:20]} is too large a number")
    return value


def _whole(text: str) -> int:
    if len(text) > 300:  # what a float can hold
        raise ValueError(f"a number has {len(text):,} digits")
    return int(text)


def _check_levels(document: Any) -> None:
    level, here = 0, [document]
    while here:
        level += 1
        if level > MOST_LEVELS:
            raise RecursionError
        here = [
            inner
            for one in here
            if isinstance(one, dict | list)
            for inner in (one.values() if isinstance(one, dict) else one)
        ]
