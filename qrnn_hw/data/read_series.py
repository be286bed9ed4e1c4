"""Read a series from a table, a row a step, in the order of time."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from qrnn_hw.data.lines import shown
from qrnn_hw.data.series import Series
from qrnn_hw.data.table import Table, column_place, columns_shown
from qrnn_hw.errors import DataError, UsageError

TIME_NAMES = ("time", "date", "datetime", "timestamp", "ds", "year", "t")
"""Of columns whose order is looked at even if none is named."""

_YEAR_FIRST = re.compile(r"(\d{4})[/.](\d{1,2})[/.](\d{1,2})(.*)", re.ASCII)


def read_series(
    table: Table,
    *,
    target: Sequence[str],
    inputs: Sequence[str] = (),
    window: int,
    horizon: int,
    time: str | None = None,
    fill: bool = False,
) -> Series:
    """Return a series, its rows in the order of time.

    Args:
        table: with a row a step.
        target: columns of what is forecast.
        inputs: columns that a model reads; by default those of the target.
        window: steps that a model reads.
        horizon: steps from the last of them to the target.
        time: column of the times, which should rise from row to row; by default one that is called
            so is looked at, whose dates should not fall, nor its numbers in every row.
        fill: whether a gap is the number before it.

    Raises:
        UsageError: a column is named twice, or window and horizon do not fit.
        DataError: a column is missing, a cell is no number, or rows are not in the order of time.
    """
    check_times(table, time)
    asked = [*(inputs or target), *target]
    for what, given in (("--inputs", inputs), ("--target", target)):
        if len(set(given)) != len(given):
            raise UsageError(f"{what} should name each column once. Got {columns_shown(given)}.")
    written = {name: table.names[column_place(table, name)] for name in asked}
    names = tuple(dict.fromkeys(written.values()))
    values = np.stack([table.numbers(name, fill=fill) for name in names], axis=1)
    return Series(
        name=str(table.path),
        names=names,
        values=values,
        inputs=tuple(written[name] for name in inputs or target),
        targets=tuple(written[name] for name in target),
        window=window,
        horizon=horizon,
    )


def check_times(table: Table, time: str | None) -> None:
    """Refuse rows that are not in the order of time.

    Raises:
        DataError: a named column does not rise from row to row, or dates of one that is called a
            time fall, or its numbers in every row.
    """
    if time is not None:
        steps = np.diff(times(table, time))
        if not (steps > 0).all():
            row = int((steps <= 0).argmax()) + 1
            cells = table.cells(time)
            again = "again" if steps[row - 1] == 0 else "after a later one"
            raise DataError(
                f"{table.place(row, time)}: times should rise from row to row. "
                f"Got {shown(cells[row])} {again} ({shown(cells[row - 1])}): sort the rows, and "
                "keep one for each time."
            )
        return
    for name in table.names:
        if name.casefold() in TIME_NAMES and table.names.count(name) == 1:
            try:
                found = times(table, name)
            except DataError:
                continue  # a month's name, say; no one said that it is a time
            steps = np.diff(found)
            # Numbers may be hours of the day, and start anew; days never fall in one series.
            falls = (steps < 0).any() and (_are_dates(table, name) or (steps <= 0).all())
            if falls:
                row = int((steps < 0).argmax()) + 1
                cells = table.cells(name)
                raise DataError(
                    f"{table.place(row, name)}: rows should be in the order of time, the oldest "
                    f"first. Got {shown(cells[row])} after {shown(cells[row - 1])}: sort or "
                    "reverse the rows; of several series in one table read each by itself, or name "
                    "their column by --sequence."
                )


def _are_dates(table: Table, name: str) -> bool:
    try:
        float(table.cells(name)[0])
    except ValueError:
        return True
    return False


def times(table: Table, name: str) -> NDArray[np.float64]:
    """Return a column of times as numbers, shape (n,): as written, or seconds of a date.

    Raises:
        DataError: a cell is neither a number nor a date with the year in front (ISO 8601).
    """
    cells = table.cells(name)
    column_place(table, name)
    try:
        found = np.array([float(cell) for cell in cells])
        if np.isfinite(found).all():
            return found
    except ValueError:
        pass
    found = np.empty(len(cells))
    for row, cell in enumerate(cells):
        try:
            found[row] = _seconds(cell)
        except ValueError:
            what = f"Got {shown(cell)}" if cell else "Got a gap"
            raise DataError(
                f"{table.place(row, name)}: should be a number or a date with the year in front, "
                f"such as 2024-03-31 (ISO 8601). {what}."
            ) from None
    return found


def _seconds(cell: str) -> float:
    if match := _YEAR_FIRST.fullmatch(cell):
        year, month, day, rest = match.groups()
        cell = f"{year}-{int(month):02d}-{int(day):02d}{rest}"
    if re.fullmatch(r"\d{4}-\d{2}", cell, re.ASCII):
        cell += "-01"
    moment = datetime.fromisoformat(cell)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
