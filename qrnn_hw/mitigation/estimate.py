"""A number with its standard error and its interval."""

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qrnn_hw.errors import TooFewShotsError, UsageError


@dataclass(frozen=True, eq=False)
class ValueEstimate:
    """A value, or an array of values, never bare. All arrays have one shape; () for one number."""

    value: NDArray[np.float64]
    standard_error: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    confidence: float

    @classmethod
    def from_variance(
        cls, value: ArrayLike, variance: ArrayLike, confidence: float = 0.95
    ) -> "ValueEstimate":
        """Set a symmetric normal interval around `value`.

        Args:
            value: Any shape.
            variance: Variance of `value` itself (of the mean, not of one shot), same shape.
            confidence: Probability that the interval covers the true value, between 0 and 1.

        Raises:
            UsageError: If the confidence is outside (0, 1) or a variance is negative.
        """
        if not 0 < confidence < 1:
            raise UsageError(f"the confidence should lie between 0 and 1. Got {confidence}.")
        center, spread = np.broadcast_arrays(np.asarray(value, float), np.asarray(variance, float))
        if not np.all(spread >= 0):  # nor nan
            raise UsageError(f"variances should not be negative. Got {spread.min()}.")
        error = np.sqrt(spread)
        half_width = NormalDist().inv_cdf((1 + confidence) / 2) * error
        return cls(center, error, center - half_width, center + half_width, confidence)


def mean_of_shots(per_shot: ArrayLike, confidence: float = 0.95) -> ValueEstimate:
    """Average the real numbers of the shots; the variance is that of the sample.

    Args:
        per_shot: One number for each shot. Shape: (..., shots), with 2 shots or more.
        confidence: Probability that the interval covers the true mean.

    Raises:
        UsageError: If there are fewer than two shots.
    """
    numbers = np.asarray(per_shot, dtype=float)
    n_shots = numbers.shape[-1] if numbers.ndim else 0
    if n_shots < 2:
        raise UsageError(f"a mean with an error needs 2 shots or more. Got {n_shots}.")
    variance = numbers.var(axis=-1, ddof=1) / n_shots
    return ValueEstimate.from_variance(numbers.mean(axis=-1), variance, confidence)


def weighted_sum(
    weights: ArrayLike, values: ArrayLike, variances: ArrayLike, confidence: float = 0.95
) -> ValueEstimate:
    """Add up the independent values of several circuits: sum_i w_i v_i, variance sum_i w_i^2 var_i.

    Args:
        weights: Signed weights. Shape: (n_circuits,).
        values: Shape: (n_circuits, ...).
        variances: Variance of each value (of the mean, not of one shot), same shape.
        confidence: Probability that the interval covers.

    Returns:
        Arrays of the trailing shape.
    """
    factors = np.asarray(weights, dtype=float)
    value = np.tensordot(factors, np.asarray(values, dtype=float), axes=1)
    variance = np.tensordot(factors**2, np.asarray(variances, dtype=float), axes=1)
    return ValueEstimate.from_variance(value, variance, confidence)


def split_by_weight(total_shots: int, weights: ArrayLike) -> tuple[int, ...]:
    """Share shots in proportion to |weight|, which gives a weighted sum its least variance.

    Args:
        total_shots: Sum of the shares.
        weights: One for each circuit. Shape: (n_circuits,).

    Returns:
        One whole number of shots, at least 1, for each circuit.

    Raises:
        TooFewShotsError: If there are fewer shots than circuits.
    """
    shares = np.abs(np.asarray(weights, dtype=float))
    # Shots are part of a job's key: the last bits of a weight, which differ between processors and
    # between Mitiq's weights and ours, may not decide where a share is rounded.
    shares = np.round(shares / shares.max(), 11)
    n_circuits = len(shares)
    if total_shots < n_circuits:
        raise TooFewShotsError(
            f"the shots should be at least one for each circuit ({n_circuits}). Got {total_shots}."
        )
    exact = np.round(shares / shares.sum() * (total_shots - n_circuits), 6)
    shots = np.floor(exact).astype(int)
    n_left = total_shots - n_circuits - int(shots.sum())
    shots[np.argsort(shots - exact, kind="stable")[:n_left]] += 1
    return tuple(int(number) + 1 for number in shots)
