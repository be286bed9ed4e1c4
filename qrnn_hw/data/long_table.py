"""Sequences from a long table: a row a step, with a column that says of which sequence."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qrnn_hw.data.class_names import numbered_classes
from qrnn_hw.data.dataset import Dataset, sequences_note
from qrnn_hw.data.lines import shown
from qrnn_hw.data.number_cells import is_constant
from qrnn_hw.data.sequences import Sequences
from qrnn_hw.data.series import check_size
from qrnn_hw.data.table import DataTable, column_place, columns_shown
from qrnn_hw.data.target import Classes, Numbers, Target, known_names
from qrnn_hw.data.times import times
from qrnn_hw.errors import DataError, UsageError


def read_long(
    table: DataTable,
    *,
    sequence: str,
    time: str | None,
    label: str | None,
    target: Sequence[str] = (),
    inputs: Sequence[str] = (),
    per_step: bool = False,
    known: Target | None = None,
) -> Dataset:
    """Return the sequences of a long table, in the order in which they first appear.

    Args:
        table: with a row a step.
        sequence: column of the sequences' names.
        time: column by which the steps of a sequence are ordered; None for that of the rows.
        label: column of the classes.
        target: columns of the numbers to be learnt, in place of `label`.
        inputs: columns that a model reads; by default all but those named above.
        per_step: whether every step has a target; else a sequence's rows should agree on it.
        known: what a file that is trained on teaches, where this one is to test on.

    Raises:
        UsageError: neither a label nor a target is given.
        DataError: a column is missing, a cell is not what it should be, a sequence has a time
            twice, or its rows differ in what is learnt.
    """
    if (label is None) == (not target):
        raise UsageError(
            "a table of sequences should have either a label (--label, classes) or a target "
            f"(--target, numbers). Got {'both' if target else 'none'}."
        )
    features = _inputs(table, inputs, [sequence, time, label, *target])
    steps = sequence_steps(table, sequence, time, features)
    learnt, rows, found = _learnt(table, label, target, steps.owner, per_step, known)
    targets: NDArray[Any] = found
    if per_step:
        targets = np.zeros((*steps.values.shape[:2], *found.shape[1:]), found.dtype)
        targets[steps.place] = found[steps.order]
    else:
        targets = found[rows]
    return Dataset(
        name=table.path.stem,
        sequences=Sequences(steps.values, steps.lengths, targets),
        target=learnt,
        features=features,
        order="random",
        notes=(sequences_note(steps.lengths, len(features)),),
    )


@dataclass(frozen=True, eq=False)
class SequenceSteps:
    """What the sequences of a long table are read as."""

    names: tuple[str, ...]
    values: NDArray[np.float64]  # shape: (n, T, d)
    lengths: NDArray[np.int64]  # shape: (n,)
    owner: NDArray[np.int64]  # shape: (rows,)
    """The sequence of each row of the table."""

    order: NDArray[np.int64]  # shape: (rows,)
    """The rows by sequence, those of one in the order of time."""

    place: tuple[NDArray[np.int64], NDArray[np.int64]]
    """Sequence and step of each of them."""


def sequence_steps(
    table: DataTable, sequence: str, time: str | None, features: Sequence[str]
) -> SequenceSteps:
    """Return the numbers of each sequence in the order of time.

    Raises:
        DataError: a row names no sequence, a sequence has a time twice, or a cell is no number.
    """
    names, owner = _owners(table, sequence)
    order = _order(table, owner, time)
    lengths = np.bincount(owner).astype(np.int64)
    step = np.arange(len(owner)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    place = (owner[order], step)
    shape = (len(lengths), int(lengths.max()), len(features))
    check_size(str(table.path), math.prod(shape))
    values = np.zeros(shape)
    for column, name in enumerate(features):
        values[(*place, column)] = table.numbers(name)[order]
    return SequenceSteps(names, values, lengths, owner, order, place)


def _learnt(
    table: DataTable,
    label: str | None,
    target: Sequence[str],
    owner: NDArray[np.int64],
    per_step: bool,
    known: Target | None,
) -> tuple[Target, NDArray[np.int64], NDArray[Any]]:
    """Return the target, the first row of each sequence, and what every row has of it."""
    firsts = np.asarray(np.unique(owner, return_index=True)[1], dtype=np.int64)
    if label is not None:
        cells = table.cells(label)
        if "" in cells:
            raise DataError(
                f"{table.place(cells.index(''), label)}: should not be empty. Got a gap."
            )
        if not per_step:
            _check_same(table, label, np.array(cells), owner, firsts)
        names, places = numbered_classes(table.path, cells, known=known_names(known))
        return Classes(names, per_step), firsts, places
    columns = [table.numbers(name) for name in target]
    for name, column in zip(target, columns, strict=True):
        if not per_step:
            _check_same(table, name, column, owner, firsts)
        if is_constant(column):
            raise DataError(
                f"{table.path}: the target {shown(name)} should vary. Got {column[0]:g} in all "
                f"{len(column)} rows."
            )
    written = tuple(table.names[column_place(table, name)] for name in target)
    return Numbers(written, per_step), firsts, np.stack(columns, axis=1)


def _owners(table: DataTable, sequence: str) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """Return the sequences in the order in which they first appear, and the one of each row."""
    numbers: dict[str, int] = {}
    cells = table.cells(sequence)
    if "" in cells:
        raise DataError(
            f"{table.place(cells.index(''), sequence)}: should name a sequence. Got a gap."
        )
    owner = np.array([numbers.setdefault(one, len(numbers)) for one in cells], dtype=np.int64)
    return tuple(numbers), owner


def _order(table: DataTable, owner: NDArray[np.int64], time: str | None) -> NDArray[np.int64]:
    """Return the rows by sequence, those of one in the order of time."""
    if time is None:
        return np.argsort(owner, kind="stable")
    when = times(table, time)
    order: NDArray[np.int64] = np.lexsort((when, owner))
    twice = (np.diff(owner[order]) == 0) & (np.diff(when[order]) == 0)
    if twice.any():
        first, again = sorted(order[int(twice.argmax()) :][:2].tolist())
        raise DataError(
            f"{table.place(again, time)}: a sequence should have one row at each time. Got "
            f"{shown(table.cells(time)[again])} again, after {table.place(first, time)}."
        )
    return order


def _inputs(
    table: DataTable, inputs: Sequence[str], others: Sequence[str | None]
) -> tuple[str, ...]:
    if inputs:
        found = tuple(table.names[column_place(table, name)] for name in inputs)
    else:
        taken = {column_place(table, name) for name in others if name is not None}
        found = tuple(name for place, name in enumerate(table.names) if place not in taken)
    if not found or len(set(found)) != len(found):
        raise DataError(
            f"{table.header}: one column or more should be read by the model, each once. "
            f"Got {columns_shown(found) or 'none'} (--inputs names them)."
        )
    return found


def _check_same(
    table: DataTable,
    name: str,
    column: NDArray[Any],
    owner: NDArray[np.int64],
    firsts: NDArray[np.int64],
) -> None:
    """Refuse sequences whose rows differ in what is learnt of them."""
    if (other := column != column[firsts][owner]).any():
        row = int(other.argmax())
        first = shown(str(column[firsts[owner[row]]]))
        raise DataError(
            f"{table.place(row, name)}: a sequence should have one {shown(name)}. Got "
            f"{shown(str(column[row]))} after {first}; where every step has its own, --per-step "
            "says so."
        )
