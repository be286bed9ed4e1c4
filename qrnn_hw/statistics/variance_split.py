"""How much of a spread each cause contributes: nested analysis of variance."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from qrnn_hw.errors import UsageError
from qrnn_hw.statistics.intervals import Interval

Array = NDArray[np.float64]


@dataclass(frozen=True)
class VarianceComponent:
    """One cause's variance component and its share of the total.

    The unbiased estimate may fall below zero, which says that the cause is lost in those nested
    under it; the share counts it as zero.
    """

    cause: str
    variance: Interval
    share: float


def variance_split(values: ArrayLike, causes: Sequence[str]) -> list[VarianceComponent]:
    """Split the variance of nested repeats by cause, the outermost first.

    Model: value = mean + a_i + b_ij + c_ijk + ..., all effects independent with mean zero and
    normal for the intervals. A component is the difference of two mean squares over the number of
    values under one level (Searle, Casella and McCulloch, Variance Components, 1992, section 3.6);
    its 95 % interval is the modified large-sample one of Ting, Burdick, Graybill, Jeyaratnam and
    Lu, J. Stat. Comput. Simul. 35, 135 (1990). The innermost cause has the exact chi-square one.

    Args:
        values: one axis per cause, outermost first, each of length 2 or more: for causes
            ("drift", "seed", "jitter", "shots") the shape is (days, seeds, jitters, repeats).
        causes: the name of each axis.

    Raises:
        UsageError: for unlike numbers of axes and causes, or an axis shorter than 2.
    """
    table = np.asarray(values, dtype=np.float64)
    if table.ndim != len(causes) or min(table.shape, default=0) < 2:
        raise UsageError(
            "a nested variance split needs one axis of two or more per cause. "
            f"Got shape {table.shape} for causes {list(causes)}."
        )
    squares, freedom = mean_squares(table)
    components = []
    for level, cause in enumerate(causes):
        per_level = int(np.prod(table.shape[level + 1 :]))
        interval = (
            innermost_interval(squares[level], freedom[level])
            if level == table.ndim - 1
            else difference_interval(
                squares[level : level + 2], freedom[level : level + 2], per_level
            )
        )
        n_levels = int(np.prod(table.shape[: level + 1]))
        components.append((cause, Interval(*interval, n_levels)))
    total = sum(max(0.0, variance.value) for _, variance in components)
    return [
        VarianceComponent(cause, variance, max(0.0, variance.value) / total if total else 0.0)
        for cause, variance in components
    ]


def mean_squares(table: Array) -> tuple[list[float], list[int]]:
    """Return the mean square of each level about the mean of the one above, and its freedom."""
    squares, freedom = [], []
    for level in range(table.ndim):
        means = table.mean(axis=tuple(range(level + 1, table.ndim)))
        parent = means.mean(axis=level, keepdims=True)
        per_level = table.size // means.size
        degrees = means.size - means.size // table.shape[level]
        squares.append(float(per_level * ((means - parent) ** 2).sum() / degrees))
        freedom.append(degrees)
    return squares, freedom


def innermost_interval(square: float, freedom: int) -> tuple[float, float, float]:
    """Return a mean square of independent errors and the ends of its chi-square interval."""
    low, high = freedom * square / stats.chi2.ppf([0.975, 0.025], freedom)
    return square, float(low), float(high)


def difference_interval(
    squares: Sequence[float], freedom: Sequence[int], per_level: int
) -> tuple[float, float, float]:
    """Return (S1 - S2) / n and the ends of its interval, 2.5 % beyond each (Ting et al. 1990).

    Args:
        squares: two independent mean squares, that of the cause first.
        freedom: degrees of freedom of each.
        per_level: n, the number of values under one level of the cause.
    """
    (first, second), (f1, f2) = squares, freedom
    # chi2/f is F with infinitely many second degrees of freedom.
    g1, g2 = (1 - f / stats.chi2.ppf(0.975, f) for f in (f1, f2))
    h1, h2 = (f / stats.chi2.ppf(0.025, f) - 1 for f in (f1, f2))
    upper, lower = stats.f.ppf([0.975, 0.025], f1, f2)
    g12 = ((upper - 1) ** 2 - g1**2 * upper**2 - h2**2) / upper
    h12 = ((1 - lower) ** 2 - h1**2 * lower**2 - g2**2) / lower
    below = (g1 * first) ** 2 + (h2 * second) ** 2 + g12 * first * second
    above = (h1 * first) ** 2 + (g2 * second) ** 2 + h12 * first * second
    difference = first - second
    low = difference - np.sqrt(max(below, 0.0))
    high = difference + np.sqrt(max(above, 0.0))
    return difference / per_level, float(low) / per_level, float(high) / per_level
