"""Put numbers to mean 0 and deviation 1, as the training rows have them, and back."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qrnn_hw.data.number_cells import SMALLEST
from qrnn_hw.data.sequences import Sequences
from qrnn_hw.data.target import Numbers, Target


@dataclass(frozen=True, eq=False)
class Scaling:
    """Mean and standard deviation of each feature and of each target, over training rows.

    What is constant there has the deviation 1, and so becomes 0.
    """

    mean: NDArray[np.float64]  # shape: (d,)
    deviation: NDArray[np.float64]  # shape: (d,)
    target_mean: NDArray[np.float64]  # shape: (k,)
    target_deviation: NDArray[np.float64]  # shape: (k,)
    """Empty where classes are learnt."""

    low: NDArray[np.float64]  # shape: (d,)
    high: NDArray[np.float64]  # shape: (d,)
    """Least and largest value of each feature in the training rows."""

    def apply(self, sequences: Sequences) -> Sequences:
        """Return scaled sequences; padding stays zero, and who a row is stays what was read."""
        values = (sequences.values - self.mean) / self.deviation
        targets = sequences.targets
        if targets is not None and len(self.target_mean):
            targets = (targets - self.target_mean) / self.target_deviation
        return replace(sequences, values=values * sequences.mask[:, :, None], targets=targets)

    def unscaled(self, outputs: ArrayLike) -> NDArray[np.float64]:
        """Return outputs (..., k) that were learnt of scaled targets in the targets' own units."""
        return np.asarray(outputs, np.float64) * self.target_deviation + self.target_mean

    def outside(self, sequences: Sequences) -> NDArray[np.bool_]:
        """Tell of each row, not scaled, whether a value is beyond those of training, shape (n,)."""
        beyond = ((sequences.values < self.low) | (sequences.values > self.high)).any(axis=2)
        return np.asarray((beyond & sequences.mask).any(axis=1))


def fit_scaling(sequences: Sequences, rows: NDArray[np.int64], target: Target) -> Scaling:
    """Return the scaling of the steps and targets at `rows`, no other being looked at.

    Args:
        sequences: all.
        rows: of the training part.
        target: numbers are scaled, classes are not.
    """
    steps = sequences.values[rows][sequences.mask[rows]]  # shape: (m, d)
    numbers: NDArray[np.float64] = np.zeros((1, 0))
    if isinstance(target, Numbers) and sequences.targets is not None:
        numbers = sequences.targets[rows]
        if target.per_step:
            numbers = numbers[sequences.mask[rows]]
    target_mean, target_deviation = moments(numbers)
    mean, deviation = moments(steps)
    return Scaling(
        mean, deviation, target_mean, target_deviation, steps.min(axis=0), steps.max(axis=0)
    )


def moments(rows: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return mean and standard deviation of each column, shape (d,), of rows (m, d).

    Of a constant the deviation is 1.
    """
    size = np.abs(rows).max(axis=0, initial=0.0)
    # Squares of very small numbers would be none.
    unit = np.where((size > 0) & (size < SMALLEST), size, 1.0)
    mean, deviation = rows.mean(axis=0), unit * (rows / unit).std(axis=0)
    # A constant's deviation is rounding noise of its size, which would blow it up.
    varies = deviation > 1e-12 * size
    return mean, np.where(varies, deviation, 1.0)
