"""What a classical model says of the test rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qrnn_hw.data.sequences import Sequences
from qrnn_hw.data.target import Classes, Target, answer, quality


@dataclass(frozen=True, eq=False)
class Baseline:
    """The answers of a classical model to the test rows, in their order."""

    name: str
    n_parameters: int
    """Numbers that were learnt, those of a projection included and a vocabulary not."""
    predictions: NDArray[Any]  # shape: (n_test,) or (n_test, k); per step with an axis of T
    """Places of class names, or numbers in the targets' own units."""
    quality: NDArray[np.float64]  # shape: (n_test,)
    """The share of right answers to each row, or its mean squared error, as `target.quality`."""

    @property
    def correct(self) -> NDArray[np.bool_]:
        """Whether each answer is right, which is what McNemar's test needs; shape (n_test,)."""
        return np.asarray(self.quality == 1)

    @property
    def accuracy(self) -> float:
        """The share of right answers."""
        return float(self.quality.mean())


def answered(
    name: str, n_parameters: int, target: Target, outputs: ArrayLike, test: Sequences
) -> Baseline:
    """Return a baseline from what a model puts out for the test rows.

    Args:
        name: of the model.
        n_parameters: that it learnt.
        target: classes or numbers.
        outputs: shape (n, k), per step (n, T, k): scores of classes, or numbers in the targets'
            units.
        test: the rows, with their targets.
    """
    found = answer(target, outputs)
    return Baseline(
        name, n_parameters, found, quality(target, outputs, np.asarray(test.targets), test.lengths)
    )


def one_hot(target: Classes, places: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return outputs (n, k) whose answers are the given classes, shape (n,)."""
    if target.n_outputs == 1:
        return np.asarray(2.0 * places[:, None] - 1.0, dtype=np.float64)
    return np.eye(target.n_outputs)[places]
