"""Read a series from a table, a row a step, in the order of time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from qrnn_hw.data.series import Series
from qrnn_hw.data.table import DataTable, column_place, columns_shown
from qrnn_hw.data.times import check_times
from qrnn_hw.errors import UsageError


def read_series(
    table: DataTable,
    *,
    target: Sequence[str],
    inputs: Sequence[str] = (),
    window: int,
    horizon: int,
    time: str | None = None,
    fill: bool = False,
    changes: bool = False,
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
        changes: whether steps and targets are changes from row to row.

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
        changes=changes,
    )
