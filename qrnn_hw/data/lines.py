"""Read a text file line by line, and say in one line why it cannot be read."""

import codecs
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO

from qrnn_hw.errors import DataError

SHOWN_CHARACTERS = 60
LONGEST_LINE_BYTES = 1 << 20
"""A word vector of 10,000 dimensions has a tenth of it."""


@contextmanager
def regular_file(path: Path) -> Iterator[BufferedReader]:
    """Open a file for reading, and say in one line why it cannot be read, then or later.

    A pipe or a device is refused before it is opened: the one may wait and the other go on for
    ever.

    Raises:
        DataError: the file is missing, a directory, no regular file, or unreadable.
    """
    try:
        if not stat.S_ISREG(mode := path.stat().st_mode) and not stat.S_ISDIR(mode):
            raise DataError(f"{path}: should be a regular file. Got a pipe, socket or device.")
        with path.open("rb") as file:
            yield file
    except FileNotFoundError as error:
        raise DataError(f"{path}: should be a file. Got a path where nothing is.") from error
    except IsADirectoryError as error:
        raise DataError(f"{path}: should be a file. Got a directory.") from error
    except OSError as error:
        raise DataError(f"{path}: should be readable. Got: {error.strerror or error}.") from error


def numbered_lines(
    path: Path, *, longest_bytes: int = LONGEST_LINE_BYTES
) -> Iterator[tuple[int, str]]:
    r"""Yield (line number from 1, line without its end) of a UTF-8 file, skipping empty lines.

    Lines end at `\n` or `\r\n` only: a sentence may hold the other Unicode line separators, which
    `str.splitlines` would cut at. A byte order mark in front is dropped.

    Raises:
        DataError: the file is missing, no regular file, unreadable, empty or not UTF-8 text, or a
            line is too long.
    """
    n_lines = 0
    with regular_file(path) as file:
        for number, line in stream_lines(file, path, longest_bytes=longest_bytes):
            n_lines += 1
            yield number, line
    if n_lines == 0:
        raise DataError(f"{path}: should hold lines of text. Got an empty file.")


def stream_lines(
    stream: BinaryIO, name: Path | str, *, longest_bytes: int = LONGEST_LINE_BYTES
) -> Iterator[tuple[int, str]]:
    """Yield the same of an open stream, of none where it is empty.

    Args:
        stream: of bytes.
        name: of it, as messages have it.
        longest_bytes: of a line.

    Raises:
        DataError: it is not UTF-8 text, or a line is too long.
    """
    number = 0
    while raw := stream.readline(longest_bytes + 1):
        number += 1
        if len(raw) > longest_bytes:
            raise DataError(
                f"{name}, line {number}: should have at most {longest_bytes:,} bytes. "
                "Got more: the file is binary, or its line ends are of another kind."
            )
        line = _decode(raw, name, number).rstrip("\n").removesuffix("\r")
        if line:
            yield number, line


def whole_text(path: Path) -> str:
    """Return a UTF-8 file as it is, line ends included; a byte order mark in front is dropped.

    Raises:
        DataError: as for `numbered_lines`.
    """
    with regular_file(path) as file:
        raw = file.read()
    if not raw.strip(b"\r\n\xef\xbb\xbf"):
        raise DataError(f"{path}: should hold lines of text. Got an empty file.")
    if b"\0" not in raw:
        try:
            return raw.decode("utf-8").removeprefix("\ufeff")
        except UnicodeDecodeError:
            pass
    for number, line in enumerate(raw.splitlines(keepends=True), start=1):
        _decode(line, path, number)
    raise AssertionError("one line is not UTF-8")  # pragma: no cover


_BLANKS = (
    "".join(chr(n) for n in range(0x3001) if chr(n).isspace()) + "\u200b\u200e\u200f\u2060\ufeff"
)
"""Blanks of all scripts, and signs that are not seen: zero-width spaces, marks of direction, byte
order marks, as where files were joined."""


def trimmed(text: str) -> str:
    """Return a text without what is not seen at its ends."""
    return text.strip(_BLANKS)


def shown(text: str) -> str:
    """Return `text` quoted, on one line and cut to a length that fits a message."""
    cut = text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + "..."
    return repr(cut)


_OTHER_ENCODINGS = {
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}
"""By the byte order mark in front; the longer ones first."""


def _decode(raw: bytes, path: Path | str, number: int) -> str:
    for mark, name in _OTHER_ENCODINGS.items():
        if number == 1 and raw.startswith(mark):
            raise DataError(
                f"{path}, line 1: should be UTF-8 text. Got {name}: save the file as UTF-8 (a "
                'spreadsheet calls it "CSV UTF-8").'
            )
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
