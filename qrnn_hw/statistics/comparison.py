"""One model against another on the same items, and many such comparisons at once."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from qrnn_hw.errors import UsageError
from qrnn_hw.statistics.intervals import Interval, paired_bootstrap


@dataclass(frozen=True)
class McNemar:
    """Items that only one of two models has right, and the chance of a split so uneven."""

    only_first: int
    only_second: int
    p_value: float  # two-sided


def mcnemar(first_correct: ArrayLike, second_correct: ArrayLike) -> McNemar:
    """Test whether two models have the same accuracy, from the items on which they differ.

    The exact binomial form: under equal accuracy each differing item falls to either side with
    probability 1/2. Source: Q. McNemar, Psychometrika 12, 153 (1947); Dietterich, Neural
    Computation 10, 1895 (1998), for classifiers.

    Args:
        first_correct: shape (n,), whether each item is right.
        second_correct: shape (n,), the same items in the same order.
    """
    first, second = _paired(first_correct, second_correct)
    only_first, only_second = int((first & ~second).sum()), int((~first & second).sum())
    differing = only_first + only_second
    p_value = stats.binomtest(only_first, differing).pvalue if differing else 1.0
    return McNemar(only_first, only_second, float(p_value))


def accuracy_difference(
    first_correct: ArrayLike, second_correct: ArrayLike, *, seed: int, level: float = 0.95
) -> Interval:
    """Return the first accuracy minus the second with a paired bootstrap interval over items.

    Args:
        first_correct: shape (n,), whether each item is right.
        second_correct: shape (n,), the same items in the same order.
        seed: of the resampling.
        level: the probability with which the interval holds the true difference.
    """
    first, second = _paired(first_correct, second_correct)
    return paired_bootstrap(first, second, seed=seed, level=level, method="percentile")


def holm(p_values: ArrayLike) -> NDArray[np.float64]:
    """Return p values adjusted for their number, in the given order, shape (k,).

    Calling significant what stays at or below alpha keeps the probability of any false claim at
    alpha. Source: S. Holm, Scand. J. Stat. 6, 65 (1979).

    >>> holm([0.01, 0.04, 0.03]).round(3).tolist()
    [0.03, 0.06, 0.06]
    """
    p = np.asarray(p_values, dtype=np.float64)
    if p.ndim != 1 or p.size == 0 or not ((p >= 0) & (p <= 1)).all():
        raise UsageError(f"p values are a list of numbers between 0 and 1. Got {p.tolist()}.")
    order = np.argsort(p)
    adjusted = np.maximum.accumulate(p[order] * np.arange(p.size, 0, -1))
    result = np.empty_like(p)
    result[order] = np.minimum(adjusted, 1)
    return result


def _paired(first: ArrayLike, second: ArrayLike) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    one, other = np.asarray(first).astype(bool), np.asarray(second).astype(bool)
    if one.ndim != 1 or one.shape != other.shape or one.size == 0:
        raise UsageError(
            "two models are compared on the same items. "
            f"Got results of shapes {one.shape} and {other.shape}."
        )
    return one, other
