"""An estimate with its interval, and the few intervals that the reports use."""

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special, stats

from qrnn_hw.errors import UsageError

Statistic = Callable[..., NDArray[np.float64]]

AGREEMENT = 1e-3
"""Shares that differ by no more than this agree."""


@dataclass(frozen=True)
class Interval:
    """An estimate, the interval around it, and the number of values that it rests on.

    Ends that the values are too few for are NaN, and null in JSON.
    """

    value: float
    low: float
    high: float
    n: int

    def to_json(self) -> dict[str, float | int | None]:
        """Return the four fields as a JSON object."""
        low, high = (None if math.isnan(end) else end for end in (self.low, self.high))
        return {"value": self.value, "low": low, "high": high, "n": self.n}

    def within(self, least: float, most: float) -> "Interval":
        """Return the interval with its ends where the values can lie; unknown ones stay so."""
        low, high = (float(np.clip(end, least, most)) for end in (self.low, self.high))
        return Interval(self.value, low, high, self.n)

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


def wilson(successes: int, n: int, level: float = 0.95) -> Interval:
    """Return a proportion with its Wilson score interval.

    Source: E. B. Wilson, J. Am. Stat. Assoc. 22, 209 (1927); recommended over the textbook
    interval by Brown, Cai and DasGupta, Stat. Sci. 16, 101 (2001).

    Raises:
        UsageError: unless 0 <= successes <= n, n >= 1 and 0 < level < 1.

    >>> print(wilson(122, 200))
    0.610 [0.541, 0.675]
    """
    _check_level(level)
    if n < 1 or not 0 <= successes <= n:
        raise UsageError(
            f"a proportion needs 0 <= successes <= n and n >= 1. Got {successes} of {n}."
        )
    z = _two_sided_z(level)
    value = successes / n
    centre = (value + z**2 / (2 * n)) / (1 + z**2 / n)
    half_width = z / (1 + z**2 / n) * np.sqrt(value * (1 - value) / n + z**2 / (4 * n**2))
    # At the ends the exact bounds are 0 and 1; rounding would leave 1e-18 in their place.
    low = 0.0 if successes == 0 else float(centre - half_width)
    high = 1.0 if successes == n else float(centre + half_width)
    return Interval(value, low, high, n)


def mean_interval(values: ArrayLike, level: float = 0.95) -> Interval:
    """Return the mean of independent values, such as seeds or splits, with Student's t interval.

    Splits of one data set share items, so their spread understates what new data would do
    (Nadeau and Bengio, Machine Learning 52, 239, 2003); seeds on a fixed split do not.
    Source: Student, Biometrika 6, 1 (1908).

    Args:
        values: shape (n,), n >= 2.
        level: the probability with which the interval holds the expectation.

    Raises:
        UsageError: for fewer than two values, or values that are not finite.
    """
    _check_level(level)
    sample = _finite(values)
    n = sample.shape[0]
    if sample.ndim != 1 or n < 2:
        raise UsageError(
            f"an interval for a mean needs a list of at least two values. Got shape {sample.shape}."
            " Run more seeds or splits."
        )
    mean = float(sample.mean())
    quantile = float(special.stdtrit(n - 1, (1 + level) / 2))
    half_width = quantile * float(sample.std(ddof=1)) / np.sqrt(n)
    return Interval(mean, mean - half_width, mean + half_width, n)


def bootstrap(
    *arrays: ArrayLike,
    statistic: Statistic = np.mean,
    seed: int,
    level: float = 0.95,
    n_resamples: int = 2000,
    method: str = "bca",
) -> Interval:
    """Return `statistic(*arrays)` with a seeded bootstrap interval over items.

    All arrays are resampled with the same indices: an item keeps its values together. A statistic
    with a keyword `axis` is evaluated on many resamples at once; one without is called for each.
    Source: B. Efron, J. Am. Stat. Assoc. 82, 171 (1987), for BCa; Efron and Tibshirani, An
    Introduction to the Bootstrap (1993), section 13.3, for the percentile interval.

    Args:
        arrays: one or more, each of shape (n,), n >= 2.
        statistic: a function of as many arrays as are given.
        seed: of the resampling; the same seed gives the same interval.
        level: the probability with which the interval holds the statistic's true value.
        n_resamples: number of bootstrap samples.
        method: "bca" (bias-corrected and accelerated) or "percentile".

    Raises:
        UsageError: for arrays of unlike or too short length, values that are not finite, or a
            method that is not known.
    """
    _check_level(level)
    if method not in ("bca", "percentile"):
        raise UsageError(f'a bootstrap method is "bca" or "percentile". Got {method!r}.')
    samples = [_finite(array) for array in arrays]
    shapes = sorted({sample.shape for sample in samples})
    if len(shapes) != 1 or len(shapes[0]) != 1 or shapes[0][0] < 2:
        raise UsageError(
            f"a bootstrap needs lists of one common length of at least two. Got shapes {shapes}."
        )
    n = shapes[0][0]
    value = float(statistic(*samples))
    with warnings.catch_warnings(), np.errstate(invalid="ignore", divide="ignore"):
        warnings.simplefilter("ignore", stats.DegenerateDataWarning)
        result = stats.bootstrap(
            samples,
            statistic,
            paired=True,
            confidence_level=level,
            n_resamples=n_resamples,
            method=method,
            rng=np.random.default_rng(seed),
        )
    low, high = result.confidence_interval
    if not np.isfinite([low, high]).all():
        # BCa's acceleration is 0/0 where no single item moves the statistic.
        low, high = np.quantile(result.bootstrap_distribution, [(1 - level) / 2, (1 + level) / 2])
    return Interval(value, float(low), float(high), n)


def mean_share(shares: ArrayLike, *, seed: int, level: float = 0.95) -> Interval:
    """Return the mean of shares in [0, 1], one an item, with a bootstrap interval over items.

    Where all items agree there is no scatter to resample, and a bootstrap would claim certainty
    that so few items do not give: the interval is then Wilson's for as many items.

    Args:
        shares: shape (n,), n >= 2, such as the flip probability of each input.
        seed: of the resampling.
        level: see `bootstrap`.

    Raises:
        UsageError: as `bootstrap`.

    >>> print(mean_share([0, 0, 0, 0, 0, 0, 0, 0, 0, 0], seed=0))
    0.000 [0.000, 0.278]
    """
    found = bootstrap(shares, seed=seed, level=level)
    if float(np.ptp(np.asarray(shares))) > AGREEMENT:
        return found
    whole = wilson(round(found.value * found.n), found.n, level)
    return Interval(found.value, min(found.low, whole.low), max(found.high, whole.high), found.n)


def share_over_levels(hits: ArrayLike, level: float = 0.95) -> Interval:
    """Return a share over levels, such as seeds, days or rounds, with the wider of two intervals.

    All items share the levels, so that levels are what is repeated (Student); but where they
    happen to agree, the items are still few (Wilson). With one level it is Wilson's over items.

    Args:
        hits: shape (levels, items), true or false.
        level: the probability with which the interval holds the expectation.
    """
    found = np.asarray(hits, dtype=np.float64)
    value, n = float(found.mean()), found.shape[1]
    by_items = wilson(round(value * n), n, level)
    if len(found) == 1:
        return by_items
    by_levels = mean_interval(found.mean(axis=1), level)
    low, high = min(by_levels.low, by_items.low), max(by_levels.high, by_items.high)
    return Interval(value, max(0.0, low), min(1.0, high), n)


def wider(one: Interval, other: Interval) -> Interval:
    """Return the value and number of the second with the ends of both that lie farther out.

    Ends that the second lacks stay unknown.
    """
    if math.isnan(other.low) or math.isnan(other.high):
        return other
    low, high = min(one.low, other.low), max(one.high, other.high)
    return Interval(other.value, low, high, other.n)


def paired_bootstrap(
    first: ArrayLike,
    second: ArrayLike,
    *,
    statistic: Statistic = np.mean,
    seed: int,
    level: float = 0.95,
    n_resamples: int = 2000,
    method: str = "bca",
) -> Interval:
    """Return statistic(first) - statistic(second) on the same items, with a bootstrap interval.

    Resampling items, not values, keeps the correlation between the two columns, which is what
    makes a paired comparison sharper. Arguments, errors and source: see `bootstrap`.

    Args:
        first: shape (n,), one value per item.
        second: shape (n,), the same items in the same order.
        statistic: a function of one array with a keyword `axis`.
        seed: of the resampling.
        level: see `bootstrap`.
        n_resamples: see `bootstrap`.
        method: see `bootstrap`.
    """

    def difference(
        one: NDArray[np.float64], other: NDArray[np.float64], axis: int = -1
    ) -> NDArray[np.float64]:
        return statistic(one, axis=axis) - statistic(other, axis=axis)

    return bootstrap(
        first,
        second,
        statistic=difference,
        seed=seed,
        level=level,
        n_resamples=n_resamples,
        method=method,
    )


def _two_sided_z(level: float) -> float:
    return float(special.ndtri((1 + level) / 2))


def _check_level(level: float) -> None:
    if not 0 < level < 1:
        raise UsageError(f"a confidence level lies between 0 and 1, such as 0.95. Got {level}.")


def _finite(values: ArrayLike) -> NDArray[np.float64]:
    sample = np.asarray(values, dtype=np.float64)
    if not np.isfinite(sample).all():
        n_bad = int((~np.isfinite(sample)).sum())
        raise UsageError(f"statistics need finite values. Got {n_bad} that are nan or infinite.")
    return sample
