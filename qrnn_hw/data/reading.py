"""The one door for data: a file becomes sequences with their target, whatever it was."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from qrnn_hw.data.arrays import Kind, read_arrays
from qrnn_hw.data.class_names import MIN_ROWS_PER_CLASS, check_class_rows, class_notes
from qrnn_hw.data.dataset import Dataset
from qrnn_hw.data.given_test import with_test
from qrnn_hw.data.labelled_text import labelled_text
from qrnn_hw.data.long_table import read_long
from qrnn_hw.data.read_options import ReadOptions
from qrnn_hw.data.read_series import read_series
from qrnn_hw.data.read_text import text_dataset
from qrnn_hw.data.series import Series
from qrnn_hw.data.table import DataTable, columns_shown, has_column, parted_names
from qrnn_hw.data.tables import open_table, refuse_totals
from qrnn_hw.data.target import Classes, Numbers, Target
from qrnn_hw.data.times import time_notes
from qrnn_hw.data.ts_file import read_ts
from qrnn_hw.errors import DataError

FEWEST = 2
"""Rows of a class where no test rows are taken from them."""

OF_SERIES = ("window", "horizon", "inputs", "sequence", "time", "gaps", "changes")
OF_TEXT = ("text", "steps", "words")


def read(path: Path | str, options: ReadOptions | None = None, **given: Any) -> Dataset:
    """Return the data of a file, chosen by its ending and its header.

    `.npz` holds arrays, `.ts` sequences as aeon and sktime write them. Tables (`.csv`, `.tsv`,
    `.parquet`) hold a step a row if a column of sequences is named, one series if a target, a
    window or a horizon is given, else sentences with labels.

    Args:
        path: the file.
        options: how it is to be read.
        given: fields of `ReadOptions`, in place of `options`.

    Raises:
        DataError: the file is not as it should be; one line with the place, what was expected and
            what was got.
        UsageError: an option does not fit the others, or the file.
        ConfigurationError: a package that reads the file is not installed.
    """
    path = Path(path)
    options = ReadOptions(**given) if options is None else options
    options.refuse("A file", "length", "data_seed")
    data = _read(path, options)
    if options.test is not None:
        data = with_test(data, _read(options.test, options, data.target), (path, options.test))
    if (labels := data.labels) is not None and isinstance(data.target, Classes):
        least, remedy = MIN_ROWS_PER_CLASS, f" With test rows of their own (--test) {FEWEST} do."
        if data.tested is not None:
            labels, least, remedy = np.delete(labels, data.tested), FEWEST, ""
        check_class_rows(path, data.target.names, labels, least, remedy)
    notes = data.notes
    if isinstance(data.target, Classes):
        notes = *notes, *class_notes(data.target.names)
    return replace(data, notes=notes, reading=options, path=path.absolute())


def _read(path: Path, options: ReadOptions, known: Target | None = None) -> Dataset:
    """Return the data of one file; one to test on need not hold all that is `known` of targets."""
    if path.suffix.lower() == ".npz":
        options.refuse("An .npz archive", *OF_SERIES, *OF_TEXT)
        kind, per_step = _kind(path, options), options.per_step
        return read_arrays(path, kind=kind, per_step=per_step, known=known)
    if path.suffix.lower() == ".ts":
        options.refuse("A .ts file", *OF_SERIES, *OF_TEXT, "per_step")
        return read_ts(path, kind=_kind(path, options), known=known)
    table = open_table(path)
    options = replace(
        options,
        target=parted_names(table.names, options.target),
        inputs=parted_names(table.names, options.inputs),
    )
    if options.sequence is not None:
        options.refuse("A table of sequences", *OF_TEXT, "window", "horizon", "gaps", "changes")
        return read_long(
            table,
            sequence=options.sequence,
            time=options.time,
            label=options.label,
            target=options.target,
            inputs=options.inputs,
            per_step=bool(options.per_step),
            known=known,
        )
    if options.is_series:
        options.refuse("A series", *OF_TEXT, "label")
        data = read_windows(_series(table, options), per_step=bool(options.per_step))
        notes = *_gap_notes(table, options, data), *time_notes(table, options.time)
        return replace(data, notes=(*data.notes, *notes))
    options.refuse("Text", *OF_SERIES, "per_step")
    names = (options.text or "text", options.label or "label")
    if not all(has_column(table, name) for name in names) and not (options.text or options.label):
        raise DataError(
            f"{table.header}: should name the columns text and label of sentences; --text and "
            "--label name others, and --target the number to be learnt of a series. "
            f"Got {columns_shown(table.names)}."
        )
    return text_dataset(labelled_text(table, *names, known=known), options)


def read_windows(series: Series, *, per_step: bool = False) -> Dataset:
    """Return the windows of a series, or its pieces with a target for every step."""
    step = "step" if series.horizon == 1 else "steps"
    inputs, targets = ", ".join(series.inputs), ", ".join(series.targets)
    what = (
        f"pieces of {series.window} steps, a target for each"
        if per_step
        else (f"windows of {series.window} steps")
    )
    names, learnt = series.targets, f"{targets} is forecast {series.horizon} {step} ahead"
    if series.changes:
        names = tuple(f"change of {name}" for name in names)
        inputs = f"{inputs}, each as the change from the row before"
        learnt = (
            f"the change of {targets} over the next {series.horizon} {step} is forecast, and "
            "errors are in deviations of that change"
        )
    return Dataset(
        name=Path(series.name).stem,
        sequences=series.pieces() if per_step else series.windows(),
        target=Numbers(names, per_step),
        features=series.inputs,
        order="time",
        gap=0 if per_step else max(series.horizon - 1, 0),
        series=series,
        notes=(
            f"{len(series.steps):,} steps of {inputs}, read in {what}; "
            f"{learnt}. The last windows in time test what those before have taught.",
        ),
    )


def _gap_notes(table: DataTable, options: ReadOptions, data: Dataset) -> tuple[str, ...]:
    """Say how many gaps were filled."""
    if options.gaps == "refused" or data.series is None:
        return ()
    n_gaps = sum(table.n_gaps(name) for name in data.series.names)
    if n_gaps == 1:
        return ("1 gap is the last number before it.",)
    return (f"{n_gaps:,} gaps are the last numbers before them.",) if n_gaps else ()


def _series(table: DataTable, options: ReadOptions) -> Series:
    refuse_totals(table)
    if not options.target:
        raise DataError(
            f"{table.header}: a series should have a target, the column that is forecast "
            f"(--target). Got none; the columns are {columns_shown(table.names)}."
        )
    return read_series(
        table,
        target=options.target,
        inputs=options.inputs,
        window=options.window_or_default,
        horizon=options.horizon_or_default,
        time=options.time,
        fill=options.gaps == "last",
        changes=options.changes,
    )


def _kind(path: Path, options: ReadOptions) -> Kind | None:
    for name in (*options.target, options.label):
        if name not in (None, "y"):
            raise DataError(f"{path}: what is learnt should be the array y. Got {name!r}.")
    return "numbers" if options.target else "classes" if options.label else None
