"""Join a file to train on with one to test on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qrnn_hw.data.class_names import ordered
from qrnn_hw.data.dataset import Dataset
from qrnn_hw.data.labelled_text import LabelledText
from qrnn_hw.data.sequences import Sequences
from qrnn_hw.data.target import Classes
from qrnn_hw.data.vectors import WordVectors
from qrnn_hw.errors import DataError, UsageError


def with_test(data: Dataset, test: Dataset, paths: tuple[Path, Path]) -> Dataset:
    """Return both files' rows as one data set, those of the second being tested.

    Args:
        data: to train on.
        test: to test on.
        paths: of both, as messages name them.

    Raises:
        UsageError: the rows are windows of a series, whose end is tested.
        DataError: the files have not the same features and targets, or training has not all
            classes.
    """
    if "time" in (data.order, test.order):
        raise UsageError(
            "a series should be given as one file: its end is tested. "
            f"Got {paths[1]} to test on too; join them, or leave --test out."
        )
    facts = [(one.features, type(one.target), one.target.per_step) for one in (data, test)]
    if facts[0] != facts[1]:
        raise DataError(
            f"{paths[1]}: should have the features and targets of {paths[0]}. Got "
            f"{len(test.features)} features and {_kind(test)}, in place of {len(data.features)} "
            f"and {_kind(data)}."
        )
    target, targets = data.target, [data.sequences.targets, test.sequences.targets]
    if isinstance(target, Classes) and isinstance(test.target, Classes):
        if unknown := ordered(set(test.target.names) - set(target.names)):
            raise DataError(
                f"{paths[1]}: should hold classes that {paths[0]} has. Got {unknown[0]!r}."
            )
        places = np.array([target.names.index(name) for name in test.target.names])
        targets[1] = places[np.asarray(test.sequences.targets)]
    elif target != test.target:
        raise DataError(f"{paths[1]}: should hold the numbers of {paths[0]}. Got others.")
    n_steps = max(data.sequences.n_steps, test.sequences.n_steps)
    parts = [data.sequences, test.sequences]
    values = np.concatenate([_padded(part.values, n_steps) for part in parts])
    if target.per_step:
        targets = [_padded(np.asarray(one), n_steps) for one in targets]
    joined_targets = np.concatenate([np.asarray(one) for one in targets])
    text = _joined(data.text, test.text, joined_targets)
    # Groups of two files have nothing to do with each other; the words of sentences have.
    groups = np.concatenate(
        [data.sequences.groups, test.sequences.groups + data.sequences.groups.max() + 1]
    )
    sequences = Sequences(
        values,
        np.concatenate([part.lengths for part in parts]),
        joined_targets,
        identities=data.sequences.identities + test.sequences.identities,
        groups=groups if text is None else text.groups,
    )
    shares = [one.share_read for one in (data, test) if one.share_read is not None]
    return replace(
        data,
        sequences=sequences,
        order="given",
        tested=np.arange(len(data), len(data) + len(test), dtype=np.int64),
        text=text,
        vectors=_of_both(data.vectors, test.vectors),
        share_read=np.concatenate(shares) if len(shares) == 2 else None,
        notes=(*data.notes, f"Tested on the {len(test):,} rows of {paths[1].name}.", *test.notes),
    )


def _padded(array: NDArray[Any], n_steps: int) -> NDArray[Any]:
    """Return the array with zeros after its steps, the second axis."""
    widths = [(0, 0)] * array.ndim
    widths[1] = (0, n_steps - array.shape[1])
    return np.pad(array, widths)


def _joined(
    first: LabelledText | None, second: LabelledText | None, labels: NDArray[Any]
) -> LabelledText | None:
    if first is None or second is None:
        return None
    return replace(
        first,
        texts=first.texts + second.texts,
        labels=labels,
        sources=first.sources + second.sources,
    )


def _of_both(first: WordVectors | None, second: WordVectors | None) -> WordVectors | None:
    """Return the vectors of all words of two texts, which are of one file."""
    if first is None or second is None:
        return None
    others = [row for row, word in enumerate(second.words) if word not in first.index]
    return WordVectors(
        first.words + tuple(second.words[row] for row in others),
        np.concatenate([first.vectors, second.vectors[others]]),
    )


def _kind(data: Dataset) -> str:
    names = data.target.names
    what = "classes" if isinstance(data.target, Classes) else "numbers"
    return f"{len(names)} {what}{' per step' if data.target.per_step else ''}"
