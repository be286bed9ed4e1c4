"""Columns of times: numbers, or dates as ISO 8601 and as spreadsheets write them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from qrnn_hw.data.lines import shown
from qrnn_hw.data.number_cells import numbers
from qrnn_hw.data.table import DataTable, column_place
from qrnn_hw.errors import DataError

Array = NDArray[np.float64]

TIME_NAMES = ("time", "date", "datetime", "timestamp", "ds", "year", "t")
"""Of columns whose order is looked at even if none is named."""

LONG = 1.5
"""Times the usual step from row to row: longer than months are unlike, shorter than a gap."""

_OTHER_NAMES = frozenset(
    ("day", "datum", "zeit", "zeitstempel", "tag", "fecha", "jour", "data", "dato")
)
"""Of columns that are looked at where they hold dates, as the first of a table is."""

_WITH_CLOCK = re.compile(r"(.*?[^\s,])(?:,?\s+|T)(\d{1,2}:\d{2}.*)", re.ASCII)
_YEAR_FIRST = re.compile(r"(\d{4})([./-])(\d{1,2})\2(\d{1,2})", re.ASCII)
_YEAR_LAST = re.compile(r"(\d{1,2})([./-])(\d{1,2})\2(\d{4}|\d{2})", re.ASCII)
_CLOCK = re.compile(
    r"(\d{1,2})(:\d{2}(?::\d{2}(?:[.,]\d+)?)?)(?: ?([AP])\.?M\.?)?"
    r"(?: ?(UTC|GMT|Z|[+-]\d{2}(?::?\d{2})?))?",
    re.ASCII | re.IGNORECASE,
)
_WITH_NAMES = ("%d-%b-%Y", "%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y", "%d-%b-%y")


def check_times(table: DataTable, time: str | None) -> None:
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
                f"keep one for each time.{_set_back(rises[row - 1], cells[row])}"
            )
        return
    for name, is_date in _looked_at(table):
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
                f"their column by --sequence.{_set_back(steps[0][row - 1], cells[row])}"
            )


def _looked_at(table: DataTable) -> Iterator[tuple[str, bool]]:
    """Yield the columns that may be times though no one says so, and whether each holds dates."""
    for place, name in enumerate(table.names):
        if table.names.count(name) > 1:
            continue
        is_date, called = _are_dates(table, name), name.casefold()
        if called in TIME_NAMES or (is_date and (place == 0 or called in _OTHER_NAMES)):
            yield name, is_date


def _set_back(rise: float, cell: str) -> str:
    """Say what to do where a clock that was set back may be why times do not rise."""
    if not (-3600 <= rise <= 0 and _parted(cell)[1]):
        return ""
    return (
        " If the clocks were set back there, write each offset from UTC, such as "
        "2024-10-27T02:00+01:00."
    )


def time_notes(table: DataTable, time: str | None) -> tuple[str, ...]:
    """Say where more time than usual lies between two rows, as where some are missing.

    Args:
        table: whose rows are in the order of time.
        time: column of the times; None for the first one that holds dates and is looked at.
    """
    if time is None:
        time = next((name for name, is_date in _looked_at(table) if is_date), None)
    try:
        found = [] if time is None else readings(table, time)
    except DataError:
        return ()
    if time is None or len(found) != 1 or len(found[0]) < 2:
        return ()
    steps = np.diff(found[0])
    n_long = int((steps > LONG * np.median(steps)).sum())
    if not n_long:
        return ()
    cells, row = table.cells(time), int(steps.argmax())
    return (
        f"{n_long:,} of {len(steps):,} steps in time are longer than the usual one, the longest "
        f"from {shown(cells[row])} to {shown(cells[row + 1])}: a window counts rows, whatever lies "
        "between them.",
    )


def times(table: DataTable, name: str) -> Array:
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


def readings(table: DataTable, name: str) -> list[Array]:
    """Return a column of times in each way that all of its cells can be read, shape (n,).

    Dates that points part have the day in front. Of those with other signs and the year at the end,
    such as 03/31/2024, either may stand in front: a number above 12 tells.

    Raises:
        DataError: as `times`, but for dates of two ways.
    """
    cells = table.cells(name)
    column_place(table, name)
    try:
        comma = table.has_decimal_commas(name)
        return [numbers(cells, comma=comma, place=lambda row: table.place(row, name))]
    except DataError:
        pass
    days = (_YEAR_LAST.fullmatch(_parted(cell)[0]) for cell in cells)
    parts = [match for match in days if match]
    orders = [(0, 1)]
    if len(parts) == len(cells) and any(match[2] != "." for match in parts):
        pairs = np.array([(int(match[1]), int(match[3])) for match in parts])
        able = [(0, 1)] * bool((pairs[:, 1] <= 12).all()) + [(1, 0)] * bool(
            (pairs[:, 0] <= 12).all()
        )
        orders = able or orders
    return [_seconds_of(table, name, day_first=order == (0, 1)) for order in orders]


def _seconds_of(table: DataTable, name: str, *, day_first: bool) -> Array:
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


def _are_dates(table: DataTable, name: str) -> bool:
    """Tell whether the first cell is a date and no number."""
    try:
        first = table.cells(name)[0]
    except DataError:
        return False  # lists or the like, which nobody asked for
    try:
        float(first)
    except ValueError:
        pass
    else:
        return False
    try:
        _seconds(first, day_first=True)
    except ValueError:
        return _YEAR_LAST.fullmatch(_parted(first)[0]) is not None
    return True


def _seconds(cell: str, day_first: bool) -> float:
    is_midnight = False
    try:
        moment = datetime.fromisoformat(cell)
    except ValueError:
        day, clock = _parted(cell)
        is_midnight = clock.startswith("24:00")  # the end of a day, as metered data have it
        clock = clock.replace("24", "00", 1) if is_midnight else clock
        moment = datetime.fromisoformat(_iso_day(day, day_first) + _iso_clock(clock))
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return moment.timestamp() + 86400 * is_midnight


def _parted(cell: str) -> tuple[str, str]:
    """Return the day and the clock of a cell; either may be missing."""
    match = _WITH_CLOCK.fullmatch(cell)
    return (match[1], match[2]) if match else (cell, "")


def _iso_day(day: str, day_first: bool) -> str:
    if match := _YEAR_FIRST.fullmatch(day):
        return f"{match[1]}-{int(match[3]):02d}-{int(match[4]):02d}"
    if match := _YEAR_LAST.fullmatch(day):
        first, _, second, year = match.groups()
        date, month = (first, second) if day_first else (second, first)
        if len(year) == 2:
            year = f"{1900 if int(year) > 68 else 2000}"[:2] + year
        return f"{year}-{int(month):02d}-{int(date):02d}"
    if re.fullmatch(r"\d{4}-\d{2}", day, re.ASCII):
        return f"{day}-01"
    for form in _WITH_NAMES:
        try:
            return datetime.strptime(day, form).date().isoformat()
        except ValueError:
            continue
    return day


def _iso_clock(clock: str) -> str:
    if not clock:
        return ""
    if (match := _CLOCK.fullmatch(clock)) is None:
        return f"T{clock}"  # no clock, and said to be none
    hour, rest, half, zone = int(match[1]), match[2], match[3], match[4] or ""
    if half:
        if not 1 <= hour <= 12:
            raise ValueError(clock)
        hour = hour % 12 + 12 * (half in "Pp")
    return f"T{hour:02d}{rest}{'+00:00' if zone.isalpha() else zone}"
