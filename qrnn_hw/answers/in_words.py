"""How an answer is said: classes by their names, numbers in their own units."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qrnn_hw.answers.model_file import Model
from qrnn_hw.data.target import Classes
from qrnn_hw.statistics.decisions import UNDECIDED

Array = NDArray[np.float64]


def outputs_of(model: Model) -> tuple[str, ...]:
    """Return what each output of a model is of, shape (k,)."""
    target = model.target
    return (
        target.names[1:] if isinstance(target, Classes) and target.n_outputs == 1 else target.names
    )


def said_of(model: Model) -> list[str]:
    """Say what answers are where that is not plain: changes, and what no circuit computed."""
    found = []
    if model.reading.changes:
        steps = model.reading.horizon_or_default
        found.append(
            f"An answer is the {', '.join(model.target.names)} over the next {steps} "
            f"{'step' if steps == 1 else 'steps'}, from the last row that is read."
        )
    if model.trained.network.direct:
        found.append("Answers have a part that no circuit computed, a line through what is read.")
    return found


def in_words(
    model: Model, label: Any, parts: Sequence[Array], direct: Array | float = 0.0
) -> tuple[Any, list[list[Any]]]:
    """Return the answer as it is said, and outputs with their ends; numbers in their own units.

    Args:
        model: which names classes and scales numbers.
        label: place of a class, or None where it is undecided; of numbers it does not matter.
        parts: outputs first, each of shape (k,), per step (T, k).
        direct: what reaches the outputs past the circuits, of the same shape.
    """
    if isinstance(model.target, Classes):
        return _named(model.target, label), [part.tolist() for part in parts]
    parts = [part + direct for part in parts]
    if model.scaling is not None:
        parts = [model.scaling.unscaled(part) for part in parts]
    listed = [part.tolist() for part in parts]
    return listed[0], listed


def _named(target: Classes, label: Any) -> Any:
    """Return the name of a label, None of an undecided one; of several a list."""
    if label is None or np.ndim(label) == 0:
        return None if label is None or label == UNDECIDED else target.names[int(label)]
    return [_named(target, one) for one in label]
