"""Whether stated probabilities of label 1 come true as often as they say."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qrnn_hw.errors import UsageError
from qrnn_hw.statistics.intervals import Interval, bootstrap, wilson

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Bin:
    """Inputs of like stated probability: what was stated in the mean, and what came true."""

    stated: float
    observed: Interval


def brier(stated: ArrayLike, labels: ArrayLike, *, seed: int) -> Interval:
    """Return the mean squared error of the stated probabilities, bootstrapped over inputs.

    Source: G. W. Brier, Monthly Weather Review 78, 1 (1950).

    Args:
        stated: shape (n,), probability of label 1.
        labels: shape (n,), 0 or 1.
        seed: of the resampling.
    """
    p, y = _checked(stated, labels)
    return bootstrap((p - y) ** 2, seed=seed)


def reliability_bins(stated: ArrayLike, labels: ArrayLike, n_bins: int = 10) -> list[Bin]:
    """Return the filled bins of equal width, each with the share of label 1 (Wilson interval)."""
    p, y = _checked(stated, labels)
    index = _bin_index(p, n_bins)
    return [
        Bin(float(p[index == b].mean()), wilson(int(y[index == b].sum()), int((index == b).sum())))
        for b in np.unique(index)
    ]


def expected_calibration_error(
    stated: ArrayLike, labels: ArrayLike, *, n_bins: int = 10, level: float = 0.95
) -> Interval:
    """Return the mean distance between stated and observed shares over bins of equal width.

    The estimate is too large by about the noise in its bins, even where calibration is perfect
    (Kumar, Liang and Ma, NeurIPS 2019). The interval allows for that: the noise adds at most
    B = sum_b sqrt(n_b) / (2 N) in the mean, and one label moves the estimate by 1/N at most, so
    that McDiarmid's inequality (1989) bounds the rest by t = sqrt(ln(2 / (1 - level)) / (2 N)).
    The result [value - B - t, value + t] is wide and holds for any sample size, given the stated
    probabilities.

    Source of the estimate: Naeini, Cooper and Hauskrecht, AAAI 2015.

    Args:
        stated: shape (n,), probability of label 1.
        labels: shape (n,), 0 or 1.
        n_bins: number of bins between 0 and 1.
        level: the probability with which the interval holds the true error of the bins.
    """
    p, y = _checked(stated, labels)
    index = _bin_index(p, n_bins)
    gaps = np.bincount(index, y - p, minlength=n_bins)
    value = float(np.abs(gaps).sum() / p.size)
    noise = float(np.sqrt(np.bincount(index, minlength=n_bins)).sum() / (2 * p.size))
    spread = float(np.sqrt(np.log(2 / (1 - level)) / (2 * p.size)))
    return Interval(value, max(0.0, value - noise - spread), min(1.0, value + spread), p.size)


def _bin_index(p: Array, n_bins: int) -> NDArray[np.int64]:
    if n_bins < 1:
        raise UsageError(f"reliability needs at least one bin. Got {n_bins}.")
    return np.minimum((p * n_bins).astype(np.int64), n_bins - 1)


def _checked(stated: ArrayLike, labels: ArrayLike) -> tuple[Array, Array]:
    p, y = np.asarray(stated, dtype=np.float64), np.asarray(labels, dtype=np.float64)
    if p.ndim != 1 or p.shape != y.shape or p.size < 2:
        raise UsageError(
            "reliability needs one stated probability per label, two or more. "
            f"Got shapes {p.shape} and {y.shape}."
        )
    if not ((p >= 0) & (p <= 1)).all() or not np.isin(y, (0, 1)).all():
        raise UsageError(
            "stated probabilities lie between 0 and 1 and labels are 0 or 1. "
            f"Got probabilities from {p.min():.3g} to {p.max():.3g}."
        )
    return p, y
