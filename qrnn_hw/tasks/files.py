"""Whole files of a task's data: alone, gzipped, in a folder or in a zip archive."""

from __future__ import annotations

import codecs
import gzip
import zipfile
import zlib
from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path, PurePosixPath

from qrnn_hw.data.lines import regular_file
from qrnn_hw.errors import DataError

MOST_BYTES = 2**30
GZIPPED, ZIPPED = b"\x1f\x8b", b"PK\x03\x04"
UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def content_of(path: Path) -> bytes:
    """Return the bytes of a file, unpacked where they are gzipped, whatever its name.

    Raises:
        DataError: it cannot be read or unpacked, or is larger than `MOST_BYTES` in the end.
    """
    with regular_file(path) as stream:
        content = stream.read(MOST_BYTES + 1)
    return _unpacked(content, str(path))


def is_archive(path: Path) -> bool:
    """Say whether a path is a zip archive, by its first bytes."""
    with regular_file(path) as stream:
        return stream.read(4) == ZIPPED


def contents_of(path: Path, wanted: Sequence[Sequence[str]], form: str) -> list[bytes]:
    """Return the bytes of several files of a folder or of a zip archive.

    A folder that has none of them but one archive is that archive.

    Args:
        path: of the folder or archive.
        wanted: the names that each file may have, the usual one first, with `.gz` or without.
        form: what `path` should be, for the error.

    Raises:
        DataError: a file is missing, or as for `content_of`.
    """
    if not path.exists():
        raise DataError(f"--data should be {form}. Got {path}, where nothing is.")
    if not path.is_dir():
        return _of_archive(path, wanted, form)
    there = [one.name for one in sorted(path.iterdir()) if one.is_file()]
    archives = [name for name in there if name.lower().endswith(".zip")]
    if any(_named(there, names) for names in wanted) or len(archives) != 1:
        return _chosen(there, wanted, lambda name: content_of(path / name), path, form)
    return _of_archive(path / archives[0], wanted, form)


def _chosen(
    there: Sequence[str],
    wanted: Sequence[Sequence[str]],
    content: Callable[[str], bytes],
    path: Path,
    form: str,
) -> list[bytes]:
    """Return the bytes of each file that is wanted, of which there may be equal copies.

    Raises:
        DataError: one is missing, or there are unlike ones.
    """
    found = [_named(there, names) for names in wanted]
    if missing := [names[0] for names, own in zip(wanted, found, strict=True) if not own]:
        raise DataError(f"--data should be {form}. Got {path} without {', '.join(missing)}.")
    contents = []
    for own in found:
        first, *others = (content(name) for name in own)
        if unlike := [name for name, one in zip(own[1:], others, strict=True) if one != first]:
            raise DataError(
                f"--data should be {form}, one set of them. Got {path} with unlike {own[0]} and "
                f"{unlike[0]}; keep one set in a folder or archive of its own."
            )
        contents.append(first)
    return contents


def _named(there: Sequence[str], names: Sequence[str]) -> list[str]:
    """Return the files of some names in any folder, the usual name first."""
    every = [name + end for name in names for end in ("", ".gz")]
    return [one for name in every for one in there if PurePosixPath(one).name == name]


def text_of(content: bytes, name: str) -> str:
    """Return a text in UTF-8 with line feeds alone, without the mark that some editors begin with.

    Args:
        content: of the file.
        name: of the file, for the error.

    Raises:
        DataError: bytes that are no UTF-8, or no text.
    """
    remedy = "save it as UTF-8, or name another file"
    if content.startswith(UTF_16):
        raise DataError(f"{name} should be a text in UTF-8. Got UTF-16 or UTF-32; {remedy}.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{name} should be a text in UTF-8. Got other bytes; {remedy}.") from error
    if "\0" in text:
        raise DataError(f"{name} should be a text in UTF-8. Got bytes of 0; {remedy}.")
    # Left in, a carriage return is one more character to predict, a sure one at each line's end.
    text = text.replace("\r\n", "\n")
    return text if "\n" in text else text.replace("\r", "\n")


def lines_of(text: str) -> list[str]:
    """Return the lines of a text, parted at line feeds alone: sentences hold other separators."""
    lines = text.split("\n")
    return lines[:-1] if lines[-1] == "" else lines


def _of_archive(path: Path, wanted: Sequence[Sequence[str]], form: str) -> list[bytes]:
    with regular_file(path) as stream:
        try:
            with zipfile.ZipFile(stream) as archive:
                # Beside each file some systems pack one of its attributes, `__MACOSX/._NAME`.
                there = sorted(archive.namelist(), key=lambda name: (name.count("/"), name))

                def content(name: str) -> bytes:
                    with archive.open(name) as member:
                        return _unpacked(member.read(MOST_BYTES + 1), f"{path}: {name}")

                return _chosen(there, wanted, content, path, form)
        # Damaged, encrypted, or packed in a way that Python does not unpack.
        except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
            raise DataError(
                f"--data should be {form}. Got {path}, which is no zip archive that can be read "
                f"({type(error).__name__})."
            ) from error


def _unpacked(content: bytes, name: str) -> bytes:
    if len(content) <= MOST_BYTES and content.startswith(GZIPPED):
        try:
            with gzip.open(BytesIO(content)) as stream:
                content = stream.read(MOST_BYTES + 1)
        except (OSError, EOFError, zlib.error) as error:
            raise DataError(
                f"{name} should be readable. Got a damaged gzip file ({type(error).__name__}); "
                "fetch it anew, or name another."
            ) from error
    if len(content) > MOST_BYTES:
        raise DataError(f"{name} should have at most {MOST_BYTES:,} bytes. Got more.")
    return content
