"""Classes of a data set from the labels that its rows carry."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from qrnn_hw.data.lines import shown
from qrnn_hw.data.number_cells import GAPS
from qrnn_hw.errors import DataError

# Below this a class may have no row in the validation or the test part of a default split.
MIN_ROWS_PER_CLASS = 10


_WHOLE = re.compile(r"[+-]?\d+", re.ASCII)
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)


def numbered_classes(
    path: Path | str,
    labels: Sequence[str],
    *,
    of_what: str = "the label column",
    known: Sequence[str] = (),
) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """Return the classes in their order, and the place of each label in it, shape (n,).

    The order is numeric if all are numbers, else alphabetic. Numbers are written the shortest way,
    `0` for `0.0`, so that a class has one name in every kind of file.

    Args:
        path: the file, as messages name it.
        labels: of each row.
        of_what: what holds them, as messages name it.
        known: classes of a file that is trained on, where this one is to test on.

    Raises:
        DataError: there is one class only.
    """
    labels = shortened(labels, known)
    names = ordered({*labels, *known})
    if len(names) < 2:
        raise DataError(f"{path}: {of_what} should hold at least two classes. Got {listed(names)}.")
    places = {name: place for place, name in enumerate(names)}
    return tuple(names), np.array([places[label] for label in labels], dtype=np.int64)


def shortened(labels: Sequence[str], known: Sequence[str] = ()) -> Sequence[str]:
    """Return labels that are all numbers as these are written shortest, others as they are.

    Unlike spellings of one number in one file stay as they are: they may be meant.

    Args:
        labels: of each row.
        known: labels that are known as they are written.
    """
    distinct = set(labels)
    if distinct <= set(known):
        return labels
    forms = {one: shortest(one) for one in distinct}
    if None in forms.values() or len(set(forms.values())) < len(distinct):
        return labels
    return [forms[one] or one for one in labels]


def shortest(label: str) -> str | None:
    """Return the shortest form of a number, None of what is none; digits alone stay as they are."""
    if _WHOLE.fullmatch(label):
        return label
    if not _NUMBER.fullmatch(label) or not math.isfinite(value := float(label)):
        return None
    return str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value)


def check_class_rows(
    path: Path | str,
    names: Sequence[str],
    places: NDArray[np.int64],
    least: int,
    remedy: str = "",
) -> None:
    """Refuse classes of which there are too few rows to be split.

    Args:
        path: the file, as messages name it.
        names: of the classes.
        places: the class of each row, shape (n,).
        least: rows of each class.
        remedy: a sentence on what to do.

    Raises:
        DataError: there is such a class.
    """
    counts = np.bincount(places, minlength=len(names))
    few = np.flatnonzero(counts < least)
    if len(few):
        numbers = " If these are numbers to be learnt, name them by --target." * _are_numbers(names)
        others = f", and {len(few) - 1} other classes with too few" if len(few) > 1 else ""
        raise DataError(
            f"{path}: each class should have at least {least} rows, to be split into training, "
            f"validation and test parts. Got {counts[few[0]]} of {shown(names[few[0]])}{others}."
            f"{remedy}{numbers}"
        )


def class_notes(names: Sequence[str]) -> tuple[str, ...]:
    """Say which classes may be one, or none: alike but for case or a number's form, or a gap."""
    alike: dict[object, list[str]] = {}
    for name in names:
        key: object = float(name) if _are_numbers([name]) else name.casefold()
        alike.setdefault(key, []).append(name)
    said = [
        f"{' and '.join(map(shown, same))} are different classes: write them alike if they are one."
        for same in alike.values()
        if len(same) > 1
    ]
    gaps = [name for name in names if name.strip().lower() in GAPS]
    said += [f"{shown(name)} is a class: leave its rows out if it is a gap." for name in gaps]
    return tuple(said)


def ordered(names: Collection[str]) -> list[str]:
    """Return names in numeric order if all are finite numbers, else in that of the alphabet."""
    try:
        values = {name: float(name) for name in names}
    except ValueError:
        return sorted(names)
    if not all(math.isfinite(value) for value in values.values()):
        return sorted(names)
    return sorted(names, key=lambda name: (values[name], name))


def listed(names: Sequence[str]) -> str:
    """Return how many names there are and the first of them, as a message shows them."""
    first = ", ".join(shown(name) for name in names[:5]) or "no row"
    return f"{len(names)}: {first}{', ...' if len(names) > 5 else ''}"


def _are_numbers(names: Sequence[str]) -> bool:
    try:
        return all(math.isfinite(float(name)) for name in names)
    except ValueError:
        return False
