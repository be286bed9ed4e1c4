"""Whether what was repeated during a job scatters as shots alone would, and the error if not.

A machine that changes while it runs makes the shots of one circuit unlike; no error of their own
number shows it. Repetitions that each hold all circuits of an estimate do: their scatter has the
shots in it, and whatever changed between them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special, stats

from qrnn_hw.errors import UsageError

Array = NDArray[np.float64]

DISAGREE = 1.5
"""Two errors that differ by more than this factor are told of."""

CHANCE = 0.01
"""A scatter that shots alone reach this often is not told of."""


@dataclass(frozen=True, eq=False)
class Repeated:
    """A mean over equal repetitions, with the error that its shots give and that of the scatter."""

    value: Array  # any shape
    shot_error: Array  # standard error of the value, as if all shots were alike
    scatter_error: Array  # standard error of the value, from the repetitions
    n_repetitions: int
    freedom: Array | None = None
    """Degrees of freedom of the scatter, of each value; None where all repetitions hold all of an
    estimate, which leaves one less than there are repetitions."""

    @property
    def standard_error(self) -> Array:
        """The larger of both, for each value."""
        return np.maximum(self.shot_error, self.scatter_error)

    def half_width(self, confidence: float = 0.95) -> Array:
        """Return half of an interval: the wider of the normal one and Student's.

        The scatter of B repetitions has B - 1 degrees of freedom, unless others are given; the
        error of many shots is known.
        Source: Student, Biometrika 6, 1 (1908).
        """
        middle = (1 + confidence) / 2
        # What stands beyond a sequence's end has neither errors nor freedom.
        student = np.asarray(special.stdtrit(np.maximum(self._freedom, 1), middle))
        return np.maximum(
            float(special.ndtri(middle)) * self.shot_error, student * self.scatter_error
        )

    @property
    def ratio(self) -> float:
        """Scatter over shots, root mean square over all values; 1 where nothing changed."""
        expected = float(np.mean(np.square(self.shot_error)))
        found = float(np.mean(np.square(self.scatter_error)))
        if expected == 0:
            return 1.0 if found == 0 else float("inf")
        return float(np.sqrt(found / expected))

    @property
    def p_value(self) -> float:
        """How often shots alone scatter as much; chi-square over all values and repetitions."""
        moved = self.shot_error > 0
        if not moved.any():
            return 1.0
        freedom = np.broadcast_to(self._freedom, moved.shape)[moved]
        ratios = np.square(self.scatter_error[moved] / self.shot_error[moved])
        return float(stats.chi2.sf((freedom * ratios).sum(), freedom.sum()))

    @property
    def _freedom(self) -> Array | int:
        return self.n_repetitions - 1 if self.freedom is None else self.freedom

    def to_json(self) -> dict[str, Any]:
        """Return how many there are and whether they agree, as a JSON object."""
        return {
            "number": self.n_repetitions,
            "scatter_over_shots": self.ratio,
            "p_value": self.p_value,
            "disagree": self.disagree,
        }

    @property
    def disagree(self) -> bool:
        """Whether the repetitions scatter over `DISAGREE` times as much as shots, not by chance."""
        return self.ratio > DISAGREE and self.p_value < CHANCE


def repeated(
    values: ArrayLike, shot_variances: ArrayLike, value: ArrayLike | None = None
) -> Repeated:
    """Return the mean of repetitions with both of its errors.

    Args:
        values: one estimate for each repetition, shape (B, ...), B >= 2.
        shot_variances: of the mean of them all, as its shots give it, shape (...).
        value: the estimate from all shots together, shape (...); by default the mean.

    Raises:
        UsageError: for fewer than two repetitions or unlike shapes.
    """
    table, variances = np.asarray(values, float), np.asarray(shot_variances, float)
    if table.ndim < 1 or len(table) < 2 or table.shape[1:] != variances.shape:
        raise UsageError(
            "repetitions should be two or more, each with a value for every variance. "
            f"Got shapes {table.shape} and {variances.shape}."
        )
    mean = table.mean(axis=0) if value is None else np.asarray(value, float)
    scatter = np.sqrt(table.var(axis=0, ddof=1) / len(table))
    return Repeated(mean, np.sqrt(variances), np.asarray(scatter), len(table))


def repeated_scores(counts: ArrayLike, weights: ArrayLike) -> Repeated:
    """Return raw scores of inputs from the shots of each repetition.

    Args:
        counts: shots that gave each outcome, shape (B, ..., 2**m), some in every repetition.
        weights: of the outcomes, shape (2**m,).

    Raises:
        UsageError: for fewer than two repetitions, or one without shots.
    """
    table, per_outcome = np.asarray(counts, float), np.asarray(weights, float)
    shots = table.sum(axis=-1)
    if table.ndim < 2 or (shots < 1).any():
        raise UsageError(
            f"every repetition should have shots of every input. Got shape {table.shape}."
        )
    pooled = table.sum(axis=0)
    total = pooled.sum(axis=-1)
    value = pooled @ per_outcome / total
    variance = np.maximum(pooled @ per_outcome**2 / total - value**2, 0) / np.maximum(total - 1, 1)
    return repeated(table @ per_outcome / shots, variance, value)


def batches_disagree(counts: ArrayLike, weights: ArrayLike) -> NDArray[np.bool_]:
    """Tell for each input whether batches of its shots scatter more than shots alone would.

    Args:
        counts: shape (batches, ..., 2**m); batches may be unlike in size, or empty.
        weights: of the outcomes, shape (2**m,).

    Returns:
        Shape (...); False where there are not two batches, or no shot moves the score.
    """
    table, per_outcome = np.asarray(counts, float), np.asarray(weights, float)
    shots = table.sum(axis=-1)
    squares = ((table @ per_outcome) ** 2 / np.maximum(shots, 1)).sum(axis=0)
    return sums_disagree(squares, (shots > 0).sum(axis=0), table.sum(axis=0), per_outcome)


def sums_disagree(
    squares: ArrayLike, n_batches: ArrayLike, counts: ArrayLike, weights: ArrayLike
) -> NDArray[np.bool_]:
    """Tell the same from sums over the batches, which grow one by one.

    The weighted squares of the batches' scores around the common one, over the variance of a shot,
    are chi-square with one degree of freedom less than there are batches. They disagree where the
    scatter is over `DISAGREE` times what shots give, by a chance of less than `CHANCE`.

    Args:
        squares: sum over batches of (sum of the shots' weights)**2 / shots, shape (...).
        n_batches: that have shots, shape (...).
        counts: of all batches together, shape (..., 2**m).
        weights: of the outcomes, shape (2**m,).
    """
    table, per_outcome = np.asarray(counts, float), np.asarray(weights, float)
    total = np.maximum(table.sum(axis=-1), 1)
    score = table @ per_outcome / total
    variance = np.maximum(table @ per_outcome**2 / total - score**2, 0)
    variance *= total / np.maximum(total - 1, 1)
    freedom = np.maximum(np.asarray(n_batches) - 1, 0)
    usable = (freedom > 0) & (variance > 1e-12 * np.square(per_outcome).max())
    between = np.asarray(squares, float) - total * score**2
    statistic = np.where(usable, between / np.where(usable, variance, 1), 0)
    beyond = statistic > DISAGREE**2 * freedom
    return np.asarray(usable & beyond & (stats.chi2.sf(statistic, np.maximum(freedom, 1)) < CHANCE))
