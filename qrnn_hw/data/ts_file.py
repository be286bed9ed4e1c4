"""Sequences from a .ts file, the text format of aeon, sktime and the UCR and UEA archives."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from qrnn_hw.data.arrays import Kind
from qrnn_hw.data.class_names import numbered_classes, shortest
from qrnn_hw.data.dataset import Dataset, sequences_note
from qrnn_hw.data.lines import numbered_lines, shown, trimmed
from qrnn_hw.data.number_cells import is_constant, numbers
from qrnn_hw.data.sequences import Sequences
from qrnn_hw.data.series import check_size
from qrnn_hw.data.target import Classes, Numbers, Target, known_names
from qrnn_hw.errors import DataError

LONGEST_LINE_BYTES = 1 << 28


@dataclass(frozen=True)
class _Header:
    """What the lines before `@data` promise; lower case."""

    path: Path
    tags: dict[str, tuple[int, list[str]]]
    """Line and words of each tag."""

    def says(self, tag: str) -> bool | None:
        """Return what a tag says, true or false; None where it is not there."""
        if tag not in self.tags:
            return None
        line, cells = self.tags[tag]
        word = cells[0].lower() if cells else ""
        if word not in ("true", "false"):
            raise DataError(
                f"{self.path}, line {line}: @{tag} should be true or false. Got {shown(word)}."
            )
        return word == "true"

    def count(self, tag: str) -> int | None:
        """Return the whole number of a tag; None where it is not there."""
        if tag not in self.tags:
            return None
        line, cells = self.tags[tag]
        if len(cells) != 1 or not (cells[0].isascii() and cells[0].isdecimal()):
            raise DataError(
                f"{self.path}, line {line}: @{tag} should be a whole number. "
                f"Got {shown(' '.join(cells))}."
            )
        return int(cells[0])


def read_ts(path: Path, *, kind: Kind | None = None, known: Target | None = None) -> Dataset:
    """Return the sequences of a .ts file, of any lengths and dimensions, with classes or numbers.

    The lines before `@data` say what follows; then each line is a sequence: its dimensions parted
    by colons, the steps of each by commas, and what is to be learnt at the end.

    Args:
        path: the file.
        kind: whether what is learnt are classes (`@classLabel`) or numbers (`@targetLabel`), where
            the caller expects one.
        known: what a file that is trained on teaches, where this one is to test on.

    Raises:
        DataError: the file cannot be read, differs from its own header, has time stamps or missing
            values, or names nothing to be learnt.
    """
    header, lines = _opened(path)
    found_kind = _kind(header, kind)
    sequences, ends, places = _sequences(header, lines, has_end=True)
    target, targets = _targets(header, found_kind, ends, places, known)
    return Dataset(
        name=path.stem,
        sequences=replace(sequences, targets=targets),
        target=target,
        features=tuple(f"x{place}" for place in range(sequences.dim)),
        order="random",
        notes=(sequences_note(sequences.lengths, sequences.dim),),
    )


def read_cases(path: Path) -> Sequences:
    """Return the sequences of a .ts file alone, whether or not it says what is to be learnt.

    Raises:
        DataError: as for `read_ts`.
    """
    header, lines = _opened(path)
    has_end = bool(header.says("classlabel") or header.says("targetlabel"))
    return _sequences(header, lines, has_end=has_end)[0]


def _opened(path: Path) -> tuple[_Header, Iterator[tuple[int, str]]]:
    lines = numbered_lines(path, longest_bytes=LONGEST_LINE_BYTES)
    header = _header(path, lines)
    if header.says("timestamps"):
        stated = header.tags["timestamps"][0]
        raise DataError(
            f"{path}, line {stated}: steps should follow each other without time stamps. Got "
            "@timeStamps true: write the values alone."
        )
    return header, lines


def _sequences(
    header: _Header, lines: Iterator[tuple[int, str]], *, has_end: bool
) -> tuple[Sequences, list[str], list[int]]:
    """Return the sequences, what stands at the end of each, and its line."""
    cases: list[NDArray[np.float64]] = []
    ends, places = [], []
    for number, line in lines:
        if line.lstrip().startswith(("#", "%")):
            continue
        dimensions = line.split(":")
        ends.append(trimmed(dimensions.pop()) if has_end else "")
        cases.append(_case(header, number, dimensions, cases))
        places.append(number)
    if not cases:
        raise DataError(f"{header.path}: should hold a sequence a line after @data. Got none.")
    lengths = np.array([case.shape[1] for case in cases], dtype=np.int64)
    shape = (len(cases), int(lengths.max()), len(cases[0]))
    check_size(str(header.path), math.prod(shape))
    values = np.zeros(shape)
    for row, case in enumerate(cases):
        values[row, : lengths[row]] = case.T
    return Sequences(values, lengths), ends, places


def _header(path: Path, lines: Iterator[tuple[int, str]]) -> _Header:
    tags: dict[str, tuple[int, list[str]]] = {}
    for number, line in lines:
        line = line.strip()
        if not line or line.startswith(("#", "%")):
            continue
        if not line.startswith("@"):
            raise DataError(
                f"{path}, line {number}: the lines before @data should begin with @ or #. "
                f"Got {shown(line)}."
            )
        tag, *cells = line[1:].split() or ("",)
        if tag.lower() == "data":
            return _Header(path, tags)
        tags[tag.lower()] = (number, cells)
    raise DataError(f"{path}: should hold a line @data before the sequences. Got none.")


def _kind(header: _Header, asked: Kind | None) -> Kind:
    kind: Kind | None = "classes" if header.says("classlabel") else None
    kind = "numbers" if header.says("targetlabel") else kind
    if kind is None or asked not in (None, kind):
        wanted = {"classes": "@classLabel true", "numbers": "@targetLabel true"}
        got = "none" if kind is None else wanted[kind]
        raise DataError(
            f"{header.path}: the header should hold "
            f"{wanted[asked] if asked else ' or '.join(wanted.values())}, what is to be learnt. "
            f"Got {got}."
        )
    return kind


def _case(
    header: _Header,
    number: int,
    dimensions: Sequence[str],
    before: Sequence[NDArray[np.float64]],
) -> NDArray[np.float64]:
    """Return one sequence, shape (d, length)."""
    where = f"{header.path}, line {number}"
    n_wanted = header.count("dimensions") or header.count("dimension")
    if header.says("univariate"):
        n_wanted = 1
    if n_wanted is None and before:
        n_wanted = len(before[0])
    if not dimensions or (n_wanted is not None and len(dimensions) != n_wanted):
        raise DataError(
            f"{where}: a sequence should have {n_wanted or 'one or more'} dimensions and what is "
            f"learnt, parted by colons. Got {len(dimensions)} dimensions."
        )
    rows = []
    for dimension, text in enumerate(dimensions, start=1):
        cells = [cell.strip() for cell in text.split(",")]

        def place(step: int, dimension: int = dimension) -> str:
            return f"{where}, dimension {dimension}, step {step + 1}"

        rows.append(numbers(cells, comma=False, place=place))
    lengths = {len(row) for row in rows}
    if len(lengths) != 1:
        raise DataError(
            f"{where}: the dimensions of a sequence should have one length. "
            f"Got {', '.join(map(str, sorted(lengths)))}."
        )
    (length,) = lengths
    promised = header.count("serieslength") if header.says("equallength") is not False else None
    if promised is None and header.says("equallength") and before:
        promised = before[0].shape[1]
    if promised is not None and length != promised:
        raise DataError(
            f"{where}: a sequence should have {promised} steps, as the header says. Got {length}."
        )
    return np.stack(rows)


def _targets(
    header: _Header, kind: Kind, ends: list[str], lines: list[int], taught: Target | None
) -> tuple[Target, NDArray[np.int64] | NDArray[np.float64]]:
    if kind == "numbers":
        found = numbers(
            ends, comma=False, place=lambda row: f"{header.path}, line {lines[row]}, the target"
        )
        if is_constant(found):
            raise DataError(f"{header.path}: the target should vary. Got {found[0]:g} in all rows.")
        return Numbers(("y",)), found[:, None]
    known = header.tags["classlabel"][1][1:]
    alike = {*known, *(form for one in known if (form := shortest(one)) is not None)}
    for end, line in zip(ends, lines, strict=True):
        if not end or (known and end not in known and shortest(end) not in alike):
            raise DataError(
                f"{header.path}, line {line}: the class at the end should be one of "
                f"{', '.join(known) or 'those of @classLabel'}. Got {shown(end)}."
            )
    classes, places = numbered_classes(
        header.path, ends, of_what="the sequences", known=known_names(taught)
    )
    return Classes(classes), places
