"""Sequences from an .npz archive of arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from jobs.store.archives import read_archive
from qrnn_hw.data.class_names import numbered_classes
from qrnn_hw.data.dataset import Dataset, sequences_note
from qrnn_hw.data.lines import regular_file, shown, trimmed
from qrnn_hw.data.number_cells import LARGEST, is_constant
from qrnn_hw.data.sequences import Sequences
from qrnn_hw.data.target import Classes, Numbers, Target, known_names
from qrnn_hw.errors import DataError

Kind = Literal["classes", "numbers"]
FEW_VALUES = 20
"""So many whole numbers may be classes, though they are stored as fractions."""

ONE_A_COLUMN = "classes in a column each are y.argmax(axis=1)"

NAMES = ("X", "y", "lengths", "groups")


def read_arrays(
    path: Path,
    *,
    kind: Kind | None = None,
    per_step: bool | None = None,
    known: Target | None = None,
) -> Dataset:
    """Read `X` of shape (n, T, d), `y` of shape (n,), (n, k) or (n, T), `lengths` and `groups`.

    Whole numbers, booleans and strings in `y` are classes, others numbers; a few whole numbers that
    are stored as fractions may be either. A `y` with a column for
    each of T steps is a target per step.

    Args:
        path: an archive of NumPy arrays, none of Python objects.
        kind: what `y` holds, where its type does not tell.
        per_step: whether the second axis of `y` are the steps; by default if it is as long.
        known: what a file that is trained on teaches, where this one is to test on.

    Raises:
        DataError: an array is missing, or has another shape, type or value than it should.
    """
    arrays = open_arrays(path, ("X", "y"))
    values, lengths = read_values(path, arrays)
    if known is not None:
        kind, per_step = "classes" if isinstance(known, Classes) else "numbers", known.per_step
    kind = kind or _kind_of(path, arrays["y"])
    target, targets = _targets(path, arrays["y"], lengths, values.shape[1], kind, per_step, known)
    groups = _groups(path, arrays.get("groups"), len(values))
    sequences = Sequences(values, lengths, targets)
    if groups is not None:
        sequences = replace(sequences, groups=groups)
    return Dataset(
        name=path.stem,
        sequences=sequences,
        target=target,
        features=tuple(f"x{place}" for place in range(values.shape[2])),
        order="random" if groups is None else "groups",
        notes=(
            sequences_note(lengths, values.shape[2]),
            *(() if "lengths" in arrays else _padding_notes(values)),
            *_one_hot_notes(target, arrays["y"]),
        ),
    )


def _one_hot_notes(target: Target, y: NDArray[Any]) -> tuple[str, ...]:
    """Say where targets of every step may be classes in a column each."""
    if not target.per_step or not isinstance(target, Classes) or not _is_one_hot(y):
        return ()
    return (f"Every step has a class, 1 at one step of each row: {ONE_A_COLUMN}.",)


def _padding_notes(values: NDArray[np.float64]) -> tuple[str, ...]:
    """Say where rows (n, T, d) without lengths look padded: they end in unlike numbers of zeros."""
    is_empty = np.all(values == 0, axis=2, keepdims=True)[..., 0]
    n_empty = np.logical_and.accumulate(is_empty[:, ::-1], axis=1).sum(axis=1)
    if len(set(n_empty.tolist())) < 2 or n_empty.max() < 2:
        return ()
    return (
        f"{int((n_empty > 0).sum()):,} of {len(values):,} rows of X end in steps of zeros, up to "
        f"{n_empty.max()} of them, and all were read: if they are padding, say so by the array "
        "lengths.",
    )


def _kind_of(path: Path, y: NDArray[Any]) -> Kind:
    if y.dtype.kind != "f":
        return "classes"
    values = np.unique(y[np.isfinite(y)])
    if 2 <= len(values) <= FEW_VALUES and (values == np.round(values)).all():
        raise DataError(
            f"{path}, y: whole numbers that are stored as fractions may be classes or numbers. Got "
            f"{len(values)} values of {y.dtype}: --label y says classes, --target y numbers."
        )
    return "numbers"


def open_arrays(path: Path, needed: Sequence[str]) -> dict[str, NDArray[Any]]:
    """Return the arrays of an archive by name.

    Args:
        path: of the archive.
        needed: names of arrays that it should have; others of `NAMES` it may have.

    Raises:
        DataError: it cannot be read, lacks an array, or has one of another name.
    """
    try:
        with regular_file(path):
            arrays = read_archive(path)
    except (OSError, ValueError) as error:
        if isinstance(error, DataError):
            raise
        reason = " ".join(str(error).split())
        raise DataError(
            f"{path}: should be a NumPy archive with the arrays X and y, without pickled objects. "
            f"Got: {shown(reason)}."
        ) from error
    for name in needed:
        if name not in arrays:
            raise DataError(
                f"{path}: should hold the arrays {' and '.join(needed)}. Got no {name} among "
                f"{', '.join(sorted(arrays)) or 'none'}."
            )
    if unknown := sorted(set(arrays) - set(NAMES)):
        raise DataError(
            f"{path}: should hold no arrays but {', '.join(NAMES)}. Got {unknown[0]}: leave it out."
        )
    return arrays


def read_values(
    path: Path, arrays: dict[str, NDArray[Any]]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return values (n, T, d), zero beyond the lengths, and lengths (n,).

    Raises:
        DataError: `X` or `lengths` have another shape, type or value than they should.
    """
    found = arrays["X"]
    if found.ndim != 3 or 0 in found.shape:
        remedy = ": one feature a step is X[:, :, None]" if found.ndim == 2 else ""
        raise DataError(
            f"{path}, X: should have the shape (n, T, d), n sequences of T steps of d numbers. "
            f"Got {found.shape}{remedy}."
        )
    if found.dtype.kind not in "fiub":
        raise DataError(f"{path}, X: should hold real numbers. Got the type {found.dtype}.")
    n_rows, n_steps, _ = found.shape
    lengths = arrays.get("lengths", np.full(n_rows, n_steps))
    if lengths.shape != (n_rows,) or lengths.dtype.kind not in "iu":
        raise DataError(
            f"{path}, lengths: should be {n_rows} whole numbers, one a row of X. "
            f"Got {lengths.dtype} of shape {lengths.shape}."
        )
    if bad := np.flatnonzero((lengths < 1) | (lengths > n_steps)).tolist():
        raise DataError(
            f"{path}, lengths, row {bad[0]}: should be from 1 to the {n_steps} steps of X. "
            f"Got {lengths[bad[0]]}."
        )
    counted = (np.arange(n_steps) < lengths[:, None])[:, :, None]
    values = np.where(counted, found.astype(np.float64), 0.0)
    _check_finite(path, "X", values)
    return values, lengths.astype(np.int64)


def _targets(
    path: Path,
    found: NDArray[Any],
    lengths: NDArray[np.int64],
    n_steps: int,
    kind: Kind,
    per_step: bool | None,
    known: Target | None,
) -> tuple[Target, NDArray[Any]]:
    n_rows = len(lengths)
    if per_step is None:
        per_step = found.ndim == 3 or (found.ndim == 2 and found.shape[1] == n_steps > 1)
    if kind == "classes" and found.ndim == 2 + per_step and found.shape[-1] == 1:
        found = found[..., 0]  # a column of classes, as numbers may stand in one
    step_axes = (n_steps,) if per_step else ()
    shapes = [(n_rows, *step_axes)]
    if kind == "numbers" and found.ndim > len(shapes[0]):
        shapes = [(n_rows, *step_axes, found.shape[-1])]
    if found.shape not in shapes or 0 in found.shape:
        wanted = f"({n_rows},), ({n_rows}, k) or ({n_rows}, {n_steps}) for a target per step"
        if kind == "classes":
            wanted = f"({n_rows},) or ({n_rows}, {n_steps}) for a class per step"
        remedy = f": {ONE_A_COLUMN}" if _is_one_hot(found) else ""
        raise DataError(f"{path}, y: should have the shape {wanted}. Got {found.shape}{remedy}.")
    counted = np.arange(n_steps) < lengths[:, None]
    if kind == "numbers":
        if found.dtype.kind not in "fiub":
            raise DataError(f"{path}, y: should hold real numbers. Got the type {found.dtype}.")
        if found.ndim == len(shapes[0]) and found.ndim == 1 + len(step_axes):
            found = found[..., None]
        numbers = found.astype(np.float64)
        if per_step:
            numbers = np.where(counted[:, :, None], numbers, 0.0)
        _check_finite(path, "y", numbers)
        columns = (numbers[counted] if per_step else numbers).T
        still = [place for place, one in enumerate(columns) if is_constant(one)]
        if still and (n_rows > 1 or known is not None):
            which = f", column {still[0]}" if len(columns) > 1 else ""
            raise DataError(
                f"{path}, y{which}: should vary. Got {columns[still[0]][0]:g} in all rows."
            )
        n_numbers = numbers.shape[-1]
        names = tuple(f"y{place}" for place in range(n_numbers)) if n_numbers > 1 else ("y",)
        return Numbers(names, per_step), numbers
    if found.dtype.kind not in "iubUf":
        raise DataError(
            f"{path}, y: classes should be whole numbers or strings. Got the type {found.dtype}."
        )
    learnt = found[counted] if per_step else found
    if found.dtype.kind == "f" and not np.isfinite(learnt).all():
        raise DataError(
            f"{path}, y: classes should be finite numbers. Got "
            f"{learnt[~np.isfinite(learnt)][0]:g}: leave rows without a class out."
        )
    labels = [_label(one) for one in learnt.tolist()]
    classes, places = numbered_classes(path, labels, of_what="y", known=known_names(known))
    if not per_step:
        return Classes(classes), places
    steps = np.zeros(counted.shape, dtype=np.int64)
    steps[counted] = places
    return Classes(classes, per_step=True), steps


def _is_one_hot(y: NDArray[Any]) -> bool:
    """Tell whether y (n, k) has a column for each class: a single 1 in every row."""
    if y.ndim != 2 or y.dtype.kind not in "fiub" or y.shape[1] < 2:
        return False
    return bool(
        np.isin(y, (0, 1)).all() and (y.sum(axis=1) == 1).all() and (y.sum(axis=0) > 0).all()
    )


def _label(value: object) -> str:
    is_whole = isinstance(value, float) and value.is_integer()
    return str(int(value)) if is_whole else trimmed(str(value))  # type: ignore[call-overload]


def _groups(path: Path, found: NDArray[Any] | None, n_rows: int) -> NDArray[np.int64] | None:
    if found is None:
        return None
    if found.shape != (n_rows,) or found.dtype.kind not in "iuU":
        raise DataError(
            f"{path}, groups: should be {n_rows} whole numbers or strings, one a row of X. "
            f"Got {found.dtype} of shape {found.shape}."
        )
    return np.asarray(np.unique(found, return_inverse=True)[1], dtype=np.int64)


def _check_finite(path: Path, name: str, numbers: NDArray[np.float64]) -> None:
    unfit = ~(np.abs(numbers) <= LARGEST)
    if unfit.any():
        place = tuple(int(axis[0]) for axis in np.nonzero(unfit))
        hint = "; what is padding is told by lengths" if name == "X" else ""
        raise DataError(
            f"{path}, {name}{list(place)}: should be finite and at most {LARGEST:g} in size. "
            f"Got {numbers[place]:g}{hint}."
        )
