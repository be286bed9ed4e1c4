"""Columns of times: numbers, or dates as ISO 8601 and as spreadsheets write them."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from qrnn_hw.data.lines import shown
from qrnn_hw.data.table import Table, column_place
from qrnn_hw.errors import DataError

Array = NDArray[np.float64]

TIME_NAMES = ("time", "date", "datetime", "timestamp", "ds", "year", "t")
"""Of columns whose order is looked at even if none is named."""

_OTHER_NAMES = frozenset(
    ("day", "datum", "zeit", "zeitstempel", "tag", "fecha", "jour", "data", "dato")
)
"""Of columns that are looked at where they hold dates, as the first of a table is."""

_YEAR_FIRST = re.compile(r"(\d{4})[/.](\d{1,2})[/.](\d{1,2})(.*)", re.ASCII)
_YEAR_LAST = re.compile(r"(\d{1,2})([./-])(\d{1,2})\2(\d{4}|\d{2})(?:,?[ T]+(.*))?", re.ASCII)
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))? ?([AP])\.?M\.?", re.ASCII | re.IGNORECASE)
_WITH_NAMES = ("%d-%b-%Y", "%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y", "%d-%b-%y")


def check_times(table: Table, time: str | None) -> None:
    """Refuse rows that are not in the order of time.

    Raises:
        DataError: a named column does not rise from row to row, or dates of one that is called a
            time, or that stands first, fall, or its numbers in every row.
    """
    if time is not None:
        rises = np.diff(times(table, time))
        if not (rises > 0).all():
            row = int((rises <= 0).argmax()) + 1
            cells = table.cells(time)
            again = "again" if rises[row - 1] == 0 else "after a later one"
            raise DataError(
                f"{table.place(row, time)}: times should rise from row to row. "
                f"Got {shown(cells[row])} {again} ({shown(cells[row - 1])}): sort the rows, and "
                "keep one for each time."
            )
        return
    for place, name in enumerate(table.names):
        if table.names.count(name) > 1:
            continue
        is_date, called = _are_dates(table, name), name.casefold()
        is_looked_at = is_date and (place == 0 or called in _OTHER_NAMES)
        if not is_looked_at and called not in TIME_NAMES:
            continue
        try:
            steps = [np.diff(one) for one in readings(table, name)]
        except DataError:
            continue  # a month's name, say; no one said that it is a time
        # Numbers may be hours of the day, and start anew; days never fall in one series.
        if all((one < 0).any() and (is_date or (one <= 0).all()) for one in steps):
            row = int((steps[0] < 0).argmax()) + 1
            cells = table.cells(name)
            raise DataError(
                f"{table.place(row, name)}: rows should be in the order of time, the oldest "
                f"first. Got {shown(cells[row])} after {shown(cells[row - 1])}: sort or "
                "reverse the rows; of several series in one table read each by itself, or name "
                "their column by --sequence."
            )


def times(table: Table, name: str) -> Array:
    """Return a column of times as numbers, shape (n,): as written, or seconds of a date.

    Raises:
        DataError: a cell is neither a number nor a date, or dates can be read in two ways.
    """
    found = readings(table, name)
    if len(found) > 1:
        raise DataError(
            f"{table.place(0, name)}: dates should tell the day from the month. Got "
            f"{shown(table.cells(name)[0])} and no number above 12: write the year in front, such "
            "as 2024-03-31 (ISO 8601), or 31.03.2024."
        )
    return found[0]


def readings(table: Table, name: str) -> list[Array]:
    """Return a column of times in each way that all of its cells can be read, shape (n,).

    Dates that points part have the day in front. Of those with other signs and the year at the end,
    such as 03/31/2024, either may stand in front: a number above 12 tells.

    Raises:
        DataError: as `times`, but for dates of two ways.
    """
    cells = table.cells(name)
    column_place(table, name)
    try:
        found = np.array([float(cell) for cell in cells])
        if np.isfinite(found).all():
            return [found]
    except ValueError:
        pass
    parts = [match for match in map(_YEAR_LAST.fullmatch, cells) if match]
    orders = [(0, 1)]
    if len(parts) == len(cells) and any(match[2] != "." for match in parts):
        pairs = np.array([(int(match[1]), int(match[3])) for match in parts])
        able = [(0, 1)] * bool((pairs[:, 1] <= 12).all()) + [(1, 0)] * bool(
            (pairs[:, 0] <= 12).all()
        )
        orders = able or orders
    return [_seconds_of(table, name, day_first=order == (0, 1)) for order in orders]


def _seconds_of(table: Table, name: str, *, day_first: bool) -> Array:
    cells = table.cells(name)
    found = np.empty(len(cells))
    for row, cell in enumerate(cells):
        try:
            found[row] = _seconds(cell, day_first)
        except ValueError:
            what = f"Got {shown(cell)}" if cell else "Got a gap"
            raise DataError(
                f"{table.place(row, name)}: should be a number or a date, best with the year in "
                f"front, such as 2024-03-31 (ISO 8601). {what}."
            ) from None
    return found


def _are_dates(table: Table, name: str) -> bool:
    """Tell whether the first cell is a date and no number."""
    try:
        float(table.cells(name)[0])
    except ValueError:
        pass
    else:
        return False
    try:
        _seconds(table.cells(name)[0], day_first=True)
    except ValueError:
        return _YEAR_LAST.fullmatch(table.cells(name)[0]) is not None
    return True


def _seconds(cell: str, day_first: bool) -> float:
    if match := _YEAR_FIRST.fullmatch(cell):
        year, month, day, rest = match.groups()
        cell = f"{year}-{int(month):02d}-{int(day):02d}{rest}"
    elif match := _YEAR_LAST.fullmatch(cell):
        first, _, second, year, clock = match.groups()
        day, month = (first, second) if day_first else (second, first)
        if len(year) == 2:
            year = f"{1900 if int(year) > 68 else 2000}"[:2] + year
        cell = f"{year}-{int(month):02d}-{int(day):02d}{_clock(clock)}"
    elif re.fullmatch(r"\d{4}-\d{2}", cell, re.ASCII):
        cell += "-01"
    try:
        moment = datetime.fromisoformat(cell)
    except ValueError:
        moment = _with_month_name(cell)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _clock(text: str | None) -> str:
    if not text:
        return ""
    if match := _CLOCK.fullmatch(text.strip()):
        hour = int(match[1]) % 12 + 12 * (match[4] in "Pp")
        return f"T{hour:02d}:{match[2]}:{match[3] or '00'}"
    return f"T{text.strip().zfill(5) if re.match(r'[0-9]:', text) else text.strip()}"


def _with_month_name(cell: str) -> datetime:
    for form in _WITH_NAMES:
        try:
            return datetime.strptime(cell, form).replace(tzinfo=UTC)
        except ValueError:
            continue
    raise ValueError(cell)
