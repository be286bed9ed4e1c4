"""Numbers from the cells of a table, or one line on the cell that is none."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from qrnn_hw.data.lines import shown
from qrnn_hw.errors import DataError

LARGEST = 1e100
"""Of a number in size: squares of it are finite, and so are sums of them."""

SMALLEST = 1e-100
"""Of a spread: the squares of smaller numbers are none."""

GAPS = frozenset({"", "na", "n/a", "#n/a", "nan", "null", "none", "nil", "-", "--", "?", "."})
"""How tables write that a value is missing, in lower case."""

_COMMA = re.compile(r"[+-]?\d+,\d+([eE][+-]?\d+)?", re.ASCII)
_THOUSANDS = re.compile(r"[+-]?\d{1,3}([,.' \u00a0\u202f]\d{3})+([.,]\d+)?", re.ASCII)
_DATE = re.compile(
    r"(\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}|\d{1,2}:\d{2}|\d{4}-\d{2})([T ].*|:.*)?"
    r"|.*\b(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\b.*",
    re.ASCII | re.IGNORECASE,
)


def is_constant(found: NDArray[np.float64]) -> bool:
    """Tell whether numbers do not vary, or by so little that no square of it can be told from 0."""
    return bool(np.ptp(found) < SMALLEST)


def decimal_comma(cells: Sequence[str]) -> bool:
    """Tell whether a column writes its decimals with a comma."""
    return any("," in cell and _COMMA.fullmatch(cell) for cell in cells)


def filled(cells: Sequence[str]) -> tuple[list[str], int]:
    """Return the cells with each gap as the one before it, and how many gaps there were.

    Gaps before the first number stay.
    """
    found, n_gaps, last = [], 0, ""
    for cell in cells:
        is_gap = cell.lower() in GAPS
        n_gaps += is_gap and bool(last)
        last = last if is_gap else cell
        found.append(last or cell)
    return found, n_gaps


def numbers(
    cells: Sequence[str], *, comma: bool, place: Callable[[int], str]
) -> NDArray[np.float64]:
    """Return the cells as finite numbers, shape (n,).

    Args:
        cells: stripped of blanks.
        comma: whether a comma parts the decimals; a point then parts nothing.
        place: says where the cell of a row stands.

    Raises:
        DataError: a cell is no number, or too large; the message says where, and what it may be.
    """
    together = "".join(cells)
    plain = together.isascii() and "_" not in together and not (comma and "." in together)
    try:
        # `float` also takes other scripts' digits, 1_000 and infinity; those are refused below.
        found = np.array([float(one.replace(",", ".") if comma else one) for one in cells])
    except ValueError:
        plain, found = False, np.zeros(0)
    if plain and bool((np.abs(found) <= LARGEST).all()):
        return found
    for row, cell in enumerate(cells):
        if (wrong := _wrong(cell, comma)) is not None:
            raise DataError(f"{place(row)}: should be a number. Got {wrong}.")
    return found


def _wrong(cell: str, comma: bool) -> str | None:
    """Say what a cell is if it is no number."""
    if cell.lower() in GAPS:
        written = f" written {shown(cell)}" if cell else ""
        return f"a gap{written}: fill it (a series by --gaps last), or leave its rows out"
    if comma and "." in cell:
        return (
            f"{shown(cell)}, with a point in a file whose decimals are parted by commas: write all "
            "numbers in one way"
        )
    try:
        value = float(cell.replace(",", ".") if comma else cell)
        if cell.isascii() and "_" not in cell and abs(value) <= LARGEST:
            return None
        if cell.isascii() and "_" not in cell:
            return f"{shown(cell)}: it should be finite and at most {LARGEST:g} in size"
    except ValueError:
        pass
    if _DATE.fullmatch(cell):
        return f"the date or time {shown(cell)}: name the column by --time, or leave it out"
    if _COMMA.fullmatch(cell):
        return f"{shown(cell)}, with a comma: write decimals with a point, and thousands with none"
    if _THOUSANDS.fullmatch(cell):
        return f"{shown(cell)}, with parted thousands: write the digits without a break"
    return f"the text {shown(cell)}"
