"""Whether the shots of a device are independent draws from one law, and the price if not."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special, stats

from qrnn_hw.errors import UsageError
from qrnn_hw.statistics.intervals import Interval

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Significance:
    """A statistic and the probability that independent shots exceed it."""

    statistic: float
    p_value: float


def batch_chi_square(counts: ArrayLike) -> Significance:
    """Test whether batches were drawn from one distribution.

    Pearson's chi-square test of homogeneity, Phil. Mag. 50, 157 (1900); outcomes that no batch
    gave are left out. The approximation wants about five expected counts per cell.

    Args:
        counts: shape (batches, outcomes), two batches or more.
    """
    table = _batches(counts)
    table = table[:, table.sum(axis=0) > 0]
    if table.shape[1] < 2:
        return Significance(0.0, 1.0)
    result = stats.chi2_contingency(table, correction=False)
    return Significance(float(result.statistic), float(result.pvalue))


def lag_one(values: ArrayLike) -> Significance:
    """Return the lag-1 autocorrelation of a sequence and its two-sided p value.

    Under independence r is about normal with mean -1/n and variance 1/n.
    Source: R. L. Anderson, Ann. Math. Stat. 13, 1 (1942).

    Args:
        values: shape (n,), steps of shots in the order they were taken, n >= 20.
    """
    x = np.asarray(values, dtype=np.float64)
    if x.ndim != 1 or x.size < 20:
        raise UsageError(f"a lag-1 test needs a list of 20 values or more. Got shape {x.shape}.")
    deviations = x - x.mean()
    total = float((deviations**2).sum())
    if total == 0:
        return Significance(0.0, 1.0)
    r = float((deviations[:-1] * deviations[1:]).sum()) / total
    z = (r + 1 / x.size) * np.sqrt(x.size)
    return Significance(r, float(2 * special.ndtr(-abs(z))))


def design_effect(counts: ArrayLike, weights: ArrayLike) -> Interval:
    """Return by what factor drift between batches inflates the variance of the score.

    The variance of the batches' scores over what independent shots would give, with the chi-square
    interval of a variance of normal batch means; divide the shots by it for the effective number.
    Source: L. Kish, Survey Sampling (1965), section 5.4.

    Args:
        counts: shape (batches, outcomes), equal numbers of shots in each batch.
        weights: shape (outcomes,), the weight of each outcome.

    Raises:
        UsageError: for batches of unlike size, or a score that no shot moves.
    """
    table, r = _batches(counts), np.asarray(weights, dtype=np.float64)
    sizes = table.sum(axis=1)
    if np.ptp(sizes) > 0:
        raise UsageError(
            "a design effect needs batches of one size. "
            f"Got {sizes.min():.0f} to {sizes.max():.0f} shots."
        )
    scores = table @ r / sizes
    share = table.sum(axis=0) / table.sum()
    shot_variance = float(share @ (r - share @ r) ** 2)
    if shot_variance == 0:
        raise UsageError("a design effect needs shots of unlike weight. Got one weight only.")
    effect = float(scores.var(ddof=1) * sizes[0] / shot_variance)
    freedom = len(scores) - 1
    low, high = freedom * effect / stats.chi2.ppf([0.975, 0.025], freedom)
    return Interval(effect, float(low), float(high), len(scores))


def set_design_effect(counts: ArrayLike, weights: ArrayLike) -> Interval:
    """Return by what factor drift between rounds inflates the variance of a set's mean score.

    As `design_effect`, for inputs with laws of their own that every round repeats: what
    independent shots would give is the mean of the inputs' variances over inputs and shots.

    Args:
        counts: shape (rounds, inputs, outcomes), equal numbers of shots everywhere.
        weights: shape (outcomes,), the weight of each outcome.

    Raises:
        UsageError: for one round, unlike numbers of shots, or a score that no shot moves.
    """
    table, r = np.asarray(counts, dtype=np.float64), np.asarray(weights, dtype=np.float64)
    if table.ndim != 3:
        raise UsageError(
            f"a design effect of a set needs counts (rounds, inputs, outcomes). Got {table.shape}."
        )
    shots, totals, squares = table.sum(axis=-1), table @ r, table @ r**2
    return mean_design_effect(shots[..., None], totals[..., None], squares[..., None])


def mean_design_effect(shots: ArrayLike, totals: ArrayLike, squares: ArrayLike) -> Interval:
    """Return the same from sums over shots of the numbers that they give, one or several.

    Of several, such as the scores of K classes, the variances add up. What is independent of what
    among them is not asked: the interval is that of numbers that move together, the widest.

    Args:
        shots: of each, equal everywhere, shape (rounds, inputs, k).
        totals: sums of what a shot gives, same shape.
        squares: sums of its squares, same shape.

    Raises:
        UsageError: for one round, unlike numbers of shots, or numbers that no shot moves.
    """
    sizes, sums = np.asarray(shots, dtype=np.float64), np.asarray(totals, dtype=np.float64)
    if sums.ndim != 3 or len(sums) < 2 or np.ptp(sizes) > 0:
        raise UsageError(
            "a design effect of a set needs rounds and inputs of equal shots, two rounds or more. "
            f"Got shape {sums.shape}, {sizes.min():.0f} to {sizes.max():.0f} shots."
        )
    (n_rounds, n_inputs, _), size = sums.shape, float(sizes.flat[0])
    # The pooled law of an input is fitted to its own shots, which takes one of them away.
    pooled = n_rounds * size
    means = sums.sum(axis=0) / pooled
    variances = np.asarray(squares, dtype=np.float64).sum(axis=0) / pooled - means**2
    expected = variances.mean(axis=0).sum() * pooled / max(pooled - 1, 1) / (n_inputs * size)
    if expected <= 0:
        raise UsageError("a design effect needs shots of unlike weight. Got one weight only.")
    scores = (sums / size).mean(axis=1)
    effect = float(scores.var(axis=0, ddof=1).sum() / expected)
    freedom = n_rounds - 1
    low, high = freedom * effect / stats.chi2.ppf([0.975, 0.025], freedom)
    return Interval(effect, float(low), float(high), n_rounds)


def _batches(counts: ArrayLike) -> Array:
    table = np.asarray(counts, dtype=np.float64)
    if table.ndim != 2 or table.shape[0] < 2 or table.min() < 0 or (table.sum(axis=1) == 0).any():
        raise UsageError(
            "batches are a table (batches, outcomes) of counts, two batches or more, none empty. "
            f"Got shape {table.shape}."
        )
    return table
