"""Intervals by redrawing the shots of every circuit, for a check on the analytic ones."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from qrnn_hw.errors import UsageError
from qrnn_hw.mitigation.estimate import Estimate
from qrnn_hw.mitigation.stack import Term, combine_counts


def bootstrap_counts(
    counts: ArrayLike,
    listed: Sequence[Term],
    numbers: ArrayLike,
    *,
    seed: int,
    n_resamples: int = 1000,
    confidence: float = 0.95,
) -> Estimate:
    """Combine the counts of a stack, with the interval of its redrawn values (percentiles).

    The shots of each scale factor and mask are redrawn among themselves. A circuit whose few shots
    all read the same is taken to be certain, which the analytic `combine_counts` avoids: prefer
    that one where shots are few.

    Args:
        counts: Shots that read each outcome. Shape: (n_terms, ..., 2**n_bits).
        listed: The terms, in the order of the counts.
        numbers: See `stack.outcome_numbers`. Shape: (2**n_bits,).
        seed: Seed of the redrawing.
        n_resamples: How often to redraw, 2 or more.
        confidence: Probability that the interval covers the expectation.

    Returns:
        Arrays of shape (...).

    Raises:
        UsageError: See `stack.combine_counts`; or if there are too few resamples.

    Source: Efron, Annals of Statistics 7 (1979) 1.
    """
    if n_resamples < 2:
        raise UsageError(f"a bootstrap should have 2 resamples or more. Got {n_resamples}.")
    table = np.asarray(counts)
    value = combine_counts(table, listed, numbers, confidence).value
    n_shots = table.sum(axis=-1)
    frequencies = table / n_shots[..., None]
    redrawn = np.random.default_rng(seed).multinomial(
        n_shots.astype(int), frequencies, size=(n_resamples, *n_shots.shape)
    )
    resampled = combine_counts(np.moveaxis(redrawn, 0, 1), listed, numbers).value
    tail = (1 - confidence) / 2
    low, high = np.quantile(resampled, (tail, 1 - tail), axis=0)
    return Estimate(value, resampled.std(axis=0, ddof=1), low, high, confidence)
