"""One score of a stack and its error, from what the shots of all its circuits read."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qrnn_hw.errors import UsageError
from qrnn_hw.mitigation.estimate import ValueEstimate, weighted_sum
from qrnn_hw.mitigation.labels import Mask
from qrnn_hw.mitigation.moments import Moments
from qrnn_hw.mitigation.readout import ReadoutCalibration, correct_weights
from qrnn_hw.mitigation.stack import Stack, Term
from qrnn_hw.statistics.half_widths import mean_errors

ROUNDING = 1e-12
"""Of a squared number: a variance below it is none."""

FEW_SHOTS = 30


def outcome_numbers(
    weights: ArrayLike, stack: Stack, terminal: ReadoutCalibration | None
) -> NDArray[np.float64]:
    """Return the number that a shot contributes for each outcome it may read.

    Args:
        weights: The score's weight of each true outcome. Shape: (2**n_bits,).
        stack: Whether the final readout is corrected.
        terminal: Calibration of the final bits.

    Raises:
        UsageError: If the stack corrects the final readout and there is no calibration.
    """
    if not stack.terminal:
        return np.asarray(weights, dtype=float)
    if terminal is None:
        raise UsageError(f"{stack.name} should have a calibration of the final bits. Got none.")
    return correct_weights(weights, terminal)


def combine_counts(
    counts: ArrayLike,
    listed: Sequence[Term],
    numbers: ArrayLike,
    confidence: float = 0.95,
) -> ValueEstimate:
    """Combine the counts of all terms into one score.

    Args:
        counts: Shots that read each outcome. Shape: (n_terms, ..., 2**n_bits).
        listed: The terms, in the order of the counts.
        numbers: `outcome_numbers`. Shape: (2**n_bits,).
        confidence: Probability that the interval covers the expectation; bias is not in it.

    Returns:
        Arrays of shape (...).

    Raises:
        UsageError: If shapes do not fit, or a term has no shots.
    """
    table, per_outcome = np.asarray(counts, dtype=float), np.asarray(numbers, dtype=float)
    if len(table) != len(listed) or table.shape[-1:] != per_outcome.shape:
        raise UsageError(
            f"counts should have the shape ({len(listed)}, ..., {len(per_outcome)}). "
            f"Got {table.shape}."
        )
    return combine_moments(Moments.of_counts(table, per_outcome), listed, confidence)


def combine_moments(
    moments: Moments, listed: Sequence[Term], confidence: float = 0.95
) -> ValueEstimate:
    """Combine the sums over the shots of all terms, shape (n_terms, ...); see `combine_counts`."""
    if (moments.shots < 1).any():
        raise UsageError("every circuit of a stack should have shots. Got one with none.")
    n_shots, value, spread = moments.shots, moments.mean, moments.variance
    # A circuit of very few shots says little about its own spread: lend it that of all of them.
    pooled = (spread * n_shots).sum(axis=0) / n_shots.sum(axis=0)
    spread = np.where(n_shots < FEW_SHOTS, np.maximum(spread, pooled), spread)
    variance = spread / np.maximum(n_shots - 1, 1)
    # Shots that all read the same are not free of error: what others would read is unknown.
    given = n_shots, moments.total, moments.squares, moments.low, moments.high
    alike = pooled <= ROUNDING * np.maximum(moments.low**2, moments.high**2)
    variance = np.where(alike, mean_errors(*given, confidence) ** 2, variance)
    for group in _drawn_groups(listed):
        # The scatter of random circuits holds that of their shots too.
        variance[group] = np.maximum(variance[group], value[group].var(axis=0, ddof=1))
    return weighted_sum([term.weight for term in listed], value, variance, confidence)


def _drawn_groups(listed: Sequence[Term]) -> list[list[int]]:
    """Return the places of terms that are random draws of one thing: masks, or one mask twirled."""
    groups: dict[tuple[float, Mask | None, bool, bool], list[int]] = {}
    for place, term in enumerate(listed):
        if term.drawn or term.twirl is not None:
            mask = None if term.drawn else term.mask
            key = (term.scale_factor, mask, term.drawn, term.weight > 0)
            groups.setdefault(key, []).append(place)
    return [group for group in groups.values() if len(group) > 1]
