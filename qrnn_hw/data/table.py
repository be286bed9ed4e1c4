"""A table in a text file: columns with names, and where each cell stands."""

from __future__ import annotations

import csv
import difflib
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from qrnn_hw.data.lines import numbered_lines, shown, trimmed, whole_text
from qrnn_hw.data.number_cells import decimal_comma, filled, numbers
from qrnn_hw.errors import DataError

_SEPARATORS = (",", ";", "\t", "|")
_NUMBER = re.compile(r"\s*[+-]?(\d+[.,]?\d*|[.,]\d+)([eE][+-]?\d+)?\s*", re.ASCII)
MOST_CELL_CHARACTERS = 1 << 20
LOOKED_AT = 1000
"""Rows in which decimal commas are looked for in every column."""


class DataTable(Protocol):
    """Columns by name, whatever file they come from."""

    @property
    def path(self) -> Path:
        """The file."""

    @property
    def names(self) -> tuple[str, ...]:
        """Of the columns, in their order."""

    @property
    def header(self) -> str:
        """Say where the names stand."""

    def __len__(self) -> int: ...

    def place(self, row: int, name: str) -> str:
        """Say where a cell stands."""

    def cells(self, name: str) -> list[str]:
        """Return a column as text, stripped of blanks around it; a gap is empty."""

    def numbers(self, name: str, *, fill: bool = False) -> NDArray[np.float64]:
        """Return a column of finite numbers, shape (n,).

        Args:
            name: of the column.
            fill: whether a gap is the number before it.

        Raises:
            DataError: a cell is none; one line with its place.
        """

    def n_gaps(self, name: str) -> int:
        """Return how many cells of a column are gaps, those before the first number aside."""

    def has_decimal_commas(self, name: str) -> bool:
        """Tell whether a comma parts the decimals of a column's numbers."""


@dataclass(frozen=True, eq=False)
class TextTable:
    """Rows of as many cells as the header has."""

    path: Path
    names: tuple[str, ...]
    rows: list[list[str]]
    lines: list[int]
    """The number of the line on which each row ends."""

    separator: str
    header_line: int

    @property
    def header(self) -> str:
        """Say where the names stand."""
        return f"{self.path}, line {self.header_line}"

    def __len__(self) -> int:
        return len(self.rows)

    def place(self, row: int, name: str) -> str:
        """Say where a cell stands."""
        return f"{self.path}, line {self.lines[row]}, column {shown(name)}"

    def cells(self, name: str) -> list[str]:
        """Return a column as text, stripped of blanks around it."""
        place = column_place(self, name)
        return [trimmed(row[place]) for row in self.rows]

    def n_gaps(self, name: str) -> int:
        """Return how many cells of a column are gaps, those before the first number aside."""
        return filled(self.cells(name))[1]

    def numbers(self, name: str, *, fill: bool = False) -> NDArray[np.float64]:
        """Return a column of finite numbers, shape (n,).

        Where no comma parts the cells it may part the decimals, and then does so in all columns.

        Raises:
            DataError: a cell is no number; one line with its place.
        """
        cells = self.cells(name)
        comma = self.has_decimal_commas(name)
        if fill:
            cells, _ = filled(cells)
        return numbers(cells, comma=comma, place=lambda row: self.place(row, name))

    def has_decimal_commas(self, name: str) -> bool:
        """Tell whether a comma parts the decimals of a column's numbers."""
        if self.separator == ",":
            return False
        return self._has_commas or decimal_comma(self.cells(name))

    @cached_property
    def _has_commas(self) -> bool:
        return any(decimal_comma(row) for row in self.rows[:LOOKED_AT])


def column_place(table: DataTable, name: str) -> int:
    """Return the place of a column, by its name as it is written, else in any case.

    Raises:
        DataError: the header has no such column, or several.
    """
    exact = [place for place, one in enumerate(table.names) if one == name]
    found = exact or [
        place for place, one in enumerate(table.names) if one.casefold() == name.strip().casefold()
    ]
    if len(found) == 1:
        return found[0]
    near = difflib.get_close_matches(name, table.names, n=2)
    meant = f" Did you mean {' or '.join(map(shown, near))}?" if near and not found else ""
    raise DataError(
        f"{table.header}: should have {'one' if found else 'a'} column {shown(name)}. "
        f"Got {len(found) or 'none'} among {columns_shown(table.names)}.{meant}"
    )


def parted_names(columns: Sequence[str], asked: Sequence[str]) -> tuple[str, ...]:
    """Return the names that were asked for, `a,b` parted in two unless a column is called so."""
    known = {one.casefold() for one in columns}
    found: list[str] = []
    for name in asked:
        whole = name.strip().casefold() in known or "," not in name
        found += [name] if whole else [one.strip() for one in name.split(",") if one.strip()]
    return tuple(found)


def has_column(table: DataTable, name: str) -> bool:
    """Tell whether a column of that name is there, in any case."""
    return any(one.casefold() == name.casefold() for one in table.names)


def columns_shown(names: Sequence[str]) -> str:
    """Return the names of columns as a message shows them."""
    return ", ".join(shown(name) for name in names[:12]) + (", ..." if len(names) > 12 else "")


def read_table(path: Path) -> TextTable:
    """Read a table of text whose first line names the columns.

    A name that ends in `.csv` is read as spreadsheets write it (RFC 4180: cells may be quoted, and
    then hold separators and line ends), parted by commas, semicolons, tabs or bars, whichever the
    header has most of; a line `sep=;` in front says which. Any other is parted by tabs, and quotes
    are ordinary characters, as IANA's `text/tab-separated-values` has it. Empty lines, and rows at
    the end in which every cell is empty, are passed over.

    Raises:
        DataError: the file cannot be read, or a row has not as many cells as the header.
    """
    quoted = path.suffix.lower() == ".csv"
    separator, records = _quoted(path) if quoted else ("\t", _plain(path))
    header_line, header = next(records)
    names = tuple(map(trimmed, header))
    if all(map(_NUMBER.fullmatch, header)):
        raise DataError(
            f"{path}, line {header_line}: the first line should name the columns. "
            f"Got {shown(separator.join(header))}: add a line with their names."
        )
    rows, lines = [], []
    for line, cells in records:
        if len(cells) != len(names):
            raise DataError(
                f"{path}, line {line}: should have {len(names)} cells parted by "
                f"{_named(separator)}, as the header has. Got {len(cells)}: "
                f"{shown(separator.join(cells))}."
            )
        if len(names) > 1 and cells == header:
            raise DataError(
                f"{path}, line {line}: a row should hold data. Got the header again, as where "
                "files were joined: leave this line out."
            )
        rows.append(cells)
        lines.append(line)
    while rows and not any(map(trimmed, rows[-1])):
        rows.pop()
        lines.pop()
    if not rows:
        raise DataError(f"{path}: should hold rows below the header. Got none.")
    return TextTable(path, names, rows, lines, separator, header_line)


def _plain(path: Path) -> Iterator[tuple[int, list[str]]]:
    for number, line in numbered_lines(path):
        if number == 1 and "\r" in line and "\t" in line:
            raise DataError(
                f"{path}, line 1: lines should end in LF or CR LF. Got CR alone, as in files of "
                "old Macs: save it with other line ends."
            )
        yield number, line.removeprefix("\ufeff").split("\t")


def _quoted(path: Path) -> tuple[str, Iterator[tuple[int, list[str]]]]:
    # Where files were joined, each but the first keeps its byte order mark.
    text = whole_text(path).replace("\n\ufeff", "\n").replace("\r\ufeff", "\r")
    stream = io.StringIO(text, newline="")
    said, skipped = stream.readline().rstrip("\r\n"), 0
    first = said.strip()
    if re.fullmatch(r"sep=.", said.lstrip(), re.IGNORECASE):
        separator, skipped = said[-1], 1
    else:
        stream.seek(0)
        while not first and len(text) > stream.tell():  # blank lines before the header
            first = stream.readline().strip()
        bare = re.sub(r'"[^"]*"', "", first)
        separator = max(_SEPARATORS, key=lambda one: (bare.count(one), -_SEPARATORS.index(one)))
        stream.seek(0)

    def records() -> Iterator[tuple[int, list[str]]]:
        csv.field_size_limit(MOST_CELL_CHARACTERS)
        reader = csv.reader(stream, delimiter=separator, strict=True)
        try:
            for cells in reader:
                if cells:
                    yield reader.line_num + skipped, cells
        except csv.Error as error:
            raise DataError(
                f"{path}, line {reader.line_num + skipped}: quotes should enclose whole cells, and "
                f"be doubled within. Got a cell that is not so ({error}); it may begin further up."
            ) from error

    return separator, records()


def _named(separator: str) -> str:
    return {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}.get(
        separator, shown(separator)
    )
