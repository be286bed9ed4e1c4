"""How many shots a label needs before it flips with at most a given probability."""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from qrnn_hw.statistics.decisions import (
    DecisionRule,
    check_delta,
    distributions,
    flip_probabilities,
    margins,
    shot_variances,
)
from qrnn_hw.statistics.sum_law import is_exact

Array = NDArray[np.float64]


def hoeffding_shots(margin: ArrayLike, width: float, delta: float) -> Array:
    """Return shots that suffice for any distribution: ceil(w^2 ln(1/delta) / (2 m^2)).

    One-sided, for a fixed input. Infinite at margin 0.
    Source: Hoeffding, J. Am. Stat. Assoc. 58, 13 (1963), theorem 2.

    Args:
        margin: score minus threshold, any shape.
        width: of the range of the weights; 2 for one +-1 readout, 4 for a difference of two.
        delta: the probability of a wrong label that is accepted.

    >>> hoeffding_shots(0.1, 2, 0.01)
    array(922.)
    """
    check_delta(delta)
    with np.errstate(divide="ignore"):
        return _whole(width**2 * np.log(1 / delta) / (2 * np.square(margin)))


def normal_shots(margin: ArrayLike, variance: ArrayLike, delta: float) -> Array:
    """Return the shots at which the normal approximation puts the flip probability at delta."""
    check_delta(delta)
    return shots_at_quantile(margin, variance, float(-special.ndtri(delta)))


def shots_at_quantile(margin: ArrayLike, variance: ArrayLike, z: float) -> Array:
    """Return ceil(z^2 sigma^2 / m^2), at least 1; infinite at margin 0.

    Args:
        margin: score minus threshold, any shape.
        variance: of one shot, the same shape.
        z: the one-sided quantile of the normal law, such as 1.645 for delta = 5 %.
    """
    margin, variance = np.broadcast_arrays(margin, variance)
    with np.errstate(divide="ignore", invalid="ignore"):
        shots = np.maximum(1, _whole(z**2 * variance / np.square(margin)))
    return np.where(margin == 0, np.inf, shots)


def exact_shots(probabilities: ArrayLike, rule: DecisionRule, delta: float, limit: int) -> Array:
    """Return the fewest shots S at which the label is certain, shape (n,); infinite over `limit`.

    Certain means that S and S + 1 shots both flip the label with probability at most delta:
    votes of an even number of shots can tie, so odd numbers alone would promise too much. Found
    by bisection on that larger one of two neighbours, which falls with S for weights of equal
    steps; with unequal steps a shorter certain S may lie between. Weights on no lattice do not
    tie: there S alone counts, and is found within half a percent.

    Args:
        probabilities: shape (n, 2**m).
        rule: the weights and the threshold.
        delta: the flip probability that is accepted.
        limit: the largest number of shots that is of interest.
    """
    check_delta(delta)
    p = distributions(probabilities, rule)
    margin = margins(p, rule)
    shots = np.full(p.shape[0], np.inf)
    rows = np.flatnonzero(margin != 0)
    rows = rows[_certain(p[rows], rule, delta, np.full(rows.size, limit))]
    if rows.size == 0:
        return shots
    p, guess = p[rows], normal_shots(margin[rows], shot_variances(p[rows], rule), delta)
    # The normal approximation is near: try a narrow bracket before the whole range.
    enough = np.minimum(np.ceil(1.1 * guess) + 8, limit).astype(np.int64)
    enough = np.where(_certain(p, rule, delta, enough), enough, limit)
    too_few = np.maximum(np.floor(0.9 * np.minimum(guess, limit)) - 8, 0).astype(np.int64)
    too_few = np.where(_certain(p, rule, delta, np.maximum(too_few, 1)), 0, too_few)
    tolerance = 0.0 if is_exact(rule.steps) else 0.005
    while (is_open := enough - too_few > np.maximum(1, tolerance * enough)).any():
        middle = (too_few + enough)[is_open] // 2
        certain = _certain(p[is_open], rule, delta, middle)
        enough[is_open] = np.where(certain, middle, enough[is_open])
        too_few[is_open] = np.where(certain, too_few[is_open], middle)
    shots[rows] = enough
    return shots


def _certain(
    p: Array, rule: DecisionRule, delta: float, shots: NDArray[np.int64]
) -> NDArray[np.bool_]:
    if shots.size == 0:
        return np.zeros(0, dtype=bool)
    certain = flip_probabilities(p, rule, shots) <= delta
    if is_exact(rule.steps):
        certain &= flip_probabilities(p, rule, shots + 1) <= delta
    return certain


def _whole(shots: ArrayLike) -> Array:
    """Round up, forgiving the last digits of a number that is whole but for rounding."""
    return np.asarray(np.ceil(np.asarray(shots, dtype=np.float64) * (1 - 1e-12)))
