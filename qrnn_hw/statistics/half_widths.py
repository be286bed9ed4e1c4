"""How near shots bring a number to that of infinitely many: half-widths in place of flips."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from qrnn_hw.errors import UsageError
from qrnn_hw.statistics.certainty import shots_at_quantile

Array = NDArray[np.float64]


def output_variances(probabilities: ArrayLike, coefficients: ArrayLike) -> Array:
    """Return the variance of one shot's outputs, shape (n, k): p @ R^2 - (p @ R)^2.

    Args:
        probabilities: of the outcomes, shape (n, 2**m).
        coefficients: R, shape (2**m, k).
    """
    p, r = np.asarray(probabilities, dtype=np.float64), np.asarray(coefficients, dtype=np.float64)
    return np.maximum(p @ r**2 - (p @ r) ** 2, 0.0)


def half_widths(variances: ArrayLike, shots: int, level: float = 0.95) -> Array:
    """Return z sigma / sqrt(S): S shots miss the number by more with probability 1 - level.

    Args:
        variances: of one shot, any shape.
        shots: S, at least 1.
        level: of the two-sided interval.

    Raises:
        UsageError: no shot.
    """
    if shots < 1:
        raise UsageError(f"a half-width needs a shot or more. Got {shots}.")
    z = _two_sided(level)
    return np.asarray(z * np.sqrt(np.asarray(variances, dtype=np.float64) / shots))


def shot_errors(counts: ArrayLike, columns: ArrayLike, level: float = 0.95) -> Array:
    """Return the standard errors of mean outputs, shape (..., k), as `mean_errors` has them.

    Args:
        counts: of the outcomes, shape (..., 2**m), a shot or more in each row.
        columns: R, shape (2**m, k).
        level: of the interval that the errors are for.
    """
    table, r = np.asarray(counts, dtype=np.float64), np.asarray(columns, dtype=np.float64)
    shots = table.sum(axis=-1, keepdims=True)
    return mean_errors(shots, table @ r, table @ r**2, r.min(axis=0), r.max(axis=0), level)


def mean_errors(
    shots: ArrayLike,
    sums: ArrayLike,
    squares: ArrayLike,
    low: ArrayLike,
    high: ArrayLike,
    level: float = 0.95,
) -> Array:
    """Return standard errors of the mean of shots that few shots do not bring to 0.

    Shots that all read the same have no scatter, and yet say little of what others would read. So
    z^2 / 2 shots of the largest output and as many of the smallest are added to them: of two
    outcomes that is the interval of Agresti and Coull (Am. Stat. 52, 119, 1998), and of many shots
    the usual error. The interval around the value holds the one around the shifted mean.

    Args:
        shots: how many, at least 1; all arrays of shapes that fit each other.
        sums: of the outputs of all shots.
        squares: of them, summed.
        low: the smallest output that a shot can give.
        high: the largest.
        level: of the interval that the errors are for.
    """
    n, total, least, most = (np.asarray(one, np.float64) for one in (shots, sums, low, high))
    z = _two_sided(level)
    mean = (total + z**2 / 2 * (least + most)) / (n + z**2)
    added = z**2 / 2 * (least**2 + most**2)
    variance = (np.asarray(squares, np.float64) + added) / (n + z**2) - mean**2
    return np.asarray(np.sqrt(np.maximum(variance, 0) / (n + z**2)) + np.abs(mean - total / n) / z)


def shots_for(variances: ArrayLike, half_width: float, level: float = 0.95) -> Array:
    """Return ceil(z^2 sigma^2 / h^2), the shots whose half-width is at most h."""
    _check(half_width)
    return shots_at_quantile(half_width, variances, _two_sided(level))


def _two_sided(level: float) -> float:
    if not 0 < level < 1:
        raise UsageError(f"a level lies between 0 and 1. Got {level}.")
    return float(special.ndtri((1 + level) / 2))


def _check(half_width: float) -> None:
    if not half_width > 0:
        raise UsageError(f"a half-width should be above 0. Got {half_width}.")
