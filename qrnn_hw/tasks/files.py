"""Whole files of a task's data, gzipped or not."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

from qrnn_hw.data.lines import regular_file
from qrnn_hw.errors import DataError

MOST_BYTES = 2**30


def content_of(path: Path) -> bytes:
    """Return the bytes of a file, unpacked where its name ends in `.gz`.

    Raises:
        DataError: it cannot be read or unpacked, or is larger than `MOST_BYTES` in the end.
    """
    with regular_file(path) as stream:
        try:
            if path.suffix == ".gz":
                with gzip.open(stream) as unpacked:
                    content = unpacked.read(MOST_BYTES + 1)
            else:
                content = stream.read(MOST_BYTES + 1)
        except (OSError, EOFError, zlib.error) as error:
            raise DataError(
                f"{path} should be readable. Got {type(error).__name__}; name another file."
            ) from error
    if len(content) > MOST_BYTES:
        raise DataError(f"{path} should have at most {MOST_BYTES:,} bytes. Got more.")
    return content


def text_of(path: Path) -> str:
    """Return a text in UTF-8, without the mark that some editors begin it with.

    Raises:
        DataError: as `content_of`, or bytes that are no UTF-8.
    """
    try:
        return content_of(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path} should be a text in UTF-8. Got other bytes; name another file."
        ) from error


def lines_of(path: Path) -> list[str]:
    """Return the lines of a text, which end at line feeds alone: sentences hold other separators.

    Raises:
        DataError: as `text_of`.
    """
    lines = [line.rstrip("\r") for line in text_of(path).split("\n")]
    return lines[:-1] if lines[-1] == "" else lines
