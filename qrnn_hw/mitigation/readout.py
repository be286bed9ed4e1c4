"""Undo the readout errors of bits that nothing was fed forward from; shots are never resampled."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qrnn_hw.errors import UsageError
from qrnn_hw.mitigation.estimate import ValueEstimate, mean_of_shots
from qrnn_hw.mitigation.readout_calibration import ReadoutCalibration, from_counts, from_shots

__all__ = [
    "ReadoutCalibration",
    "correct_distribution",
    "correct_product",
    "correct_score",
    "correct_weights",
    "correct_z",
    "corrected_mean_z",
    "from_counts",
    "from_shots",
    "project_on_simplex",
    "read_distribution",
    "read_weights",
]

Array = NDArray[np.float64]


def correct_z(bits: ArrayLike, calibration: ReadoutCalibration) -> Array:
    """Give each bit of each shot the number whose mean is the true <Z>.

    Args:
        bits: Bits read, 0 or 1. Shape: (..., shots, n_bits).
        calibration: Of these bits.

    Returns:
        (z - offset) / contrast with z = 1 - 2 bit. Shape of `bits`.

    Raises:
        UsageError: If the number of bits differs from the calibration's.
    """
    array = np.asarray(bits)
    _check_bits(array.shape[-1] if array.ndim else 0, calibration)
    scale = 1 / calibration.contrast
    return np.asarray((1 - calibration.offset) * scale - array * (2 * scale))


def corrected_mean_z(mean: ValueEstimate, calibration: ReadoutCalibration) -> ValueEstimate:
    """Undo readout in the mean of z = 1 - 2 bit of each bit, with both of its errors.

    The correction is affine, so it may follow an extrapolation, whose weights sum to one; the one
    calibration of all scale factors then counts once, as it should.

    Args:
        mean: Of the bits read. Shape: (..., n_bits).
        calibration: Of these bits.

    Raises:
        UsageError: If the number of bits differs from the calibration's.
    """
    _check_bits(mean.value.shape[-1] if mean.value.ndim else 0, calibration)
    contrast = calibration.contrast
    value = (mean.value - calibration.offset) / contrast
    # d/dp01 and d/dp10 of (z - (p10 - p01)) / (1 - p01 - p10)
    variance = (
        mean.standard_error**2
        + ((1 + value) * np.array(calibration.p01_standard_error)) ** 2
        + ((value - 1) * np.array(calibration.p10_standard_error)) ** 2
    ) / contrast**2
    return ValueEstimate.from_variance(value, variance, mean.confidence)


def correct_product(
    bits: ArrayLike, calibration: ReadoutCalibration, confidence: float = 0.95
) -> ValueEstimate:
    """Estimate the expectation of Z x Z x ... over all the bits given.

    Each shot contributes the product of its corrected bits, so that the standard error counts what
    the correction costs; the errors of the calibration itself are left out (see `correct_score`).

    Args:
        bits: Bits read. Shape: (..., shots, n_bits).
        calibration: Of these bits; `select` picks some.
        confidence: Probability that the interval covers.

    Returns:
        Arrays of shape (...).

    Raises:
        UsageError: See `correct_z`.
    """
    return mean_of_shots(correct_z(bits, calibration).prod(axis=-1), confidence)


def correct_weights(weights: ArrayLike, calibration: ReadoutCalibration) -> Array:
    """Turn weights of true outcomes into the weights of read outcomes with the same mean.

    A shot that reads k contributes the k-th number to the estimate of sum_k weights_k p_k.

    Args:
        weights: Outcome k has bit j = (k >> j) & 1. Shape: (..., 2**n_bits).
        calibration: Of these bits.

    Raises:
        UsageError: If the length is not 2**n_bits.
    """
    columns = zip(calibration.p01, calibration.p10, calibration.contrast, strict=True)
    inverses = [
        np.array([[1 - p10, -p01], [-p10, 1 - p01]]) / contrast for p01, p10, contrast in columns
    ]
    return _apply_per_bit(inverses, np.asarray(weights, dtype=float), calibration)


def read_weights(weights: ArrayLike, calibration: ReadoutCalibration) -> Array:
    """Turn weights of read outcomes into those of true ones with the same mean.

    `correct_weights` undoes it. Arguments and errors: as there.
    """
    confusions = [
        np.array([[1 - p01, p01], [p10, 1 - p10]])
        for p01, p10 in zip(calibration.p01, calibration.p10, strict=True)
    ]
    return _apply_per_bit(confusions, np.asarray(weights, dtype=float), calibration)


def correct_score(
    counts: ArrayLike,
    weights: ArrayLike,
    calibration: ReadoutCalibration,
    confidence: float = 0.95,
) -> ValueEstimate:
    """Estimate a score sum_k weights_k p_k of the true outcomes, with both of its errors.

    The variance is that of the shots' corrected numbers plus that of the calibration, propagated to
    first order through each bit's inverse.

    Args:
        counts: Shots that read each outcome. Shape: (..., 2**n_bits).
        weights: One number for each outcome. Shape: (2**n_bits,).
        calibration: Of these bits.
        confidence: Probability that the interval covers.

    Returns:
        Arrays of shape (...).

    Raises:
        UsageError: If lengths are wrong or a row has fewer than two shots.
    """
    table = np.asarray(counts, dtype=float)
    per_outcome = correct_weights(weights, calibration)
    if table.shape[-1:] != per_outcome.shape:
        raise UsageError(
            f"counts should end in one number for each outcome ({len(per_outcome)}). "
            f"Got the shape {table.shape}."
        )
    n_shots = table.sum(axis=-1)
    if (n_shots < 2).any():
        raise UsageError(f"a score with an error needs 2 shots or more. Got {n_shots.min():g}.")
    frequencies = table / n_shots[..., None]
    value = frequencies @ per_outcome
    shot_variance = (frequencies @ per_outcome**2 - value**2) / (n_shots - 1)
    variance = np.maximum(shot_variance, 0) + _calibration_variance(
        frequencies, per_outcome, calibration
    )
    return ValueEstimate.from_variance(value, variance, confidence)


def correct_distribution(
    frequencies: ArrayLike, calibration: ReadoutCalibration, *, project: bool = False
) -> Array:
    """Apply the inverse confusion matrix, bit by bit, to a distribution of read outcomes.

    Args:
        frequencies: Counts or probabilities; each row is normalised first. Outcome k has bit
            j = (k >> j) & 1. Shape: (..., 2**n_bits).
        calibration: Of these bits.
        project: Return the nearest probabilities (no negative entry) instead of the
            quasi-probabilities. The projection is biased; leave it out for expectation values.

    Returns:
        Rows that sum to one. Shape of `frequencies`.

    Raises:
        UsageError: If the length is not 2**n_bits or a row sums to zero.
    """
    table = np.asarray(frequencies, dtype=float)
    total = table.sum(axis=-1, keepdims=True)
    if not (total > 0).all():
        raise UsageError(f"every row should have shots in it. Got a row that sums to {total.min()}")
    columns = zip(calibration.p01, calibration.p10, calibration.contrast, strict=True)
    inverses = [
        np.array([[1 - p10, -p10], [-p01, 1 - p01]]) / contrast for p01, p10, contrast in columns
    ]
    quasi = _apply_per_bit(inverses, table / total, calibration)
    return project_on_simplex(quasi) if project else quasi


def read_distribution(probabilities: ArrayLike, calibration: ReadoutCalibration) -> Array:
    """Return what is read of a distribution of true outcomes; `correct_distribution` undoes it.

    Args:
        probabilities: Outcome k has bit j = (k >> j) & 1. Shape: (..., 2**n_bits).
        calibration: Of these bits.

    Raises:
        UsageError: If the length is not 2**n_bits.
    """
    confusions = [
        np.array([[1 - p01, p10], [p01, 1 - p10]])
        for p01, p10 in zip(calibration.p01, calibration.p10, strict=True)
    ]
    return _apply_per_bit(confusions, np.asarray(probabilities, dtype=float), calibration)


def project_on_simplex(quasi: ArrayLike) -> Array:
    """Return the probabilities nearest to each row in the Euclidean distance.

    Args:
        quasi: Rows that sum to one, negative entries allowed. Shape: (..., n_outcomes).

    Source: Smolin, Gambetta, Smith, arXiv 1106.5458.
    """
    rows = np.asarray(quasi, dtype=float)
    descending = -np.sort(-rows, axis=-1)
    excess = (np.cumsum(descending, axis=-1) - 1) / np.arange(1, rows.shape[-1] + 1)
    n_kept = (descending > excess).sum(axis=-1, keepdims=True)
    return np.asarray(np.maximum(rows - np.take_along_axis(excess, n_kept - 1, axis=-1), 0))


def _apply_per_bit(matrices: list[Array], table: Array, calibration: ReadoutCalibration) -> Array:
    """Multiply the outcome axis by the Kronecker product of 2 x 2 matrices, bit 0 the fastest."""
    n_bits = calibration.n_bits
    if table.shape[-1:] != (2**n_bits,):
        raise UsageError(
            f"the last axis should have one entry for each outcome of {n_bits} bits "
            f"({2**n_bits}). Got the shape {table.shape}."
        )
    for bit, matrix in enumerate(matrices):
        split = table.reshape(*table.shape[:-1], -1, 2, 2**bit)
        table = np.asarray(matrix @ split).reshape(table.shape)
    return table


def _calibration_variance(
    frequencies: Array, per_outcome: Array, calibration: ReadoutCalibration
) -> Array:
    """Propagate the errors of p01 and p10: d(inverse)/dp = -inverse (d confusion/dp) inverse."""
    corrected = correct_distribution(frequencies, calibration)
    outcomes = np.arange(len(per_outcome))
    variance = np.zeros(frequencies.shape[:-1])
    for bit in range(calibration.n_bits):
        change = per_outcome - per_outcome[outcomes ^ (1 << bit)]
        is_one = (outcomes >> bit) & 1
        for value, errors in enumerate(
            (calibration.p01_standard_error, calibration.p10_standard_error)
        ):
            slope = corrected @ (change * (is_one == value))
            variance += (slope * errors[bit]) ** 2
    return variance


def _check_bits(n_bits: int, calibration: ReadoutCalibration) -> None:
    if n_bits != calibration.n_bits:
        raise UsageError(
            f"shots should have the {calibration.n_bits} bits of the calibration. Got {n_bits}."
        )
