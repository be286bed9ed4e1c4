"""Read a text file line by line, and say in one line why it cannot be read."""

from collections.abc import Iterator
from pathlib import Path

from qrnn_hw.errors import DataError

SHOWN_CHARACTERS = 60


def numbered_lines(path: Path) -> Iterator[tuple[int, str]]:
    r"""Yield (line number from 1, line without its end) of a UTF-8 file, skipping empty lines.

    Lines end at `\n` or `\r\n` only: a sentence may hold the other Unicode line separators, which
    `str.splitlines` would cut at. A byte order mark in front is dropped.

    Raises:
        DataError: the file is missing, a directory, unreadable, empty or not UTF-8 text.
    """
    n_lines = 0
    try:
        with path.open("rb") as file:
            for number, raw in enumerate(file, start=1):
                line = _decode(raw, path, number).rstrip("\n").removesuffix("\r")
                if line:
                    n_lines += 1
                    yield number, line
    except FileNotFoundError as error:
        raise DataError(f"{path}: should be a file. Got a path where nothing is.") from error
    except IsADirectoryError as error:
        raise DataError(f"{path}: should be a file. Got a directory.") from error
    except OSError as error:
        raise DataError(f"{path}: should be readable. Got: {error.strerror or error}.") from error
    if n_lines == 0:
        raise DataError(f"{path}: should hold lines of text. Got an empty file.")


def shown(text: str) -> str:
    """Return `text` quoted, on one line and cut to a length that fits a message."""
    cut = text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + "..."
    return repr(cut)


def _decode(raw: bytes, path: Path, number: int) -> str:
    if b"\0" in raw:
        raise DataError(
            f"{path}, line {number}: should be UTF-8 text. Got a NUL byte: the file is binary, "
            "or UTF-16 to be saved as UTF-8."
        )
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path}, line {number}: should be UTF-8 text. Got the byte "
            f"0x{raw[error.start]:02x} at column {error.start + 1}: save the file as UTF-8."
        ) from error
    return text.removeprefix("\ufeff") if number == 1 else text
