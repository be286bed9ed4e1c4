"""How firm the answer of K classes is: against each rival by a rule of its own.

The answer a has the largest of the scores p @ R[:, c]. It stands while each rule R[:, a] - R[:, b]
keeps a mean above 0, so what one rule flips with probability q_b, all of them flip with probability
between max q_b and the sum of the q_b (Boole). Of equal scores the first class wins.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from qrnn_hw.errors import UsageError
from qrnn_hw.statistics.certainty import exact_shots
from qrnn_hw.statistics.decisions import UNDECIDED, DecisionRule, check_delta, vote_law

Array = NDArray[np.float64]


def answers(probabilities: ArrayLike, coefficients: ArrayLike) -> NDArray[np.int64]:
    """Return the class of infinitely many shots, shape (n,).

    Args:
        probabilities: of the outcomes, shape (n, 2**m).
        coefficients: R, shape (2**m, K).
    """
    scores = np.asarray(probabilities, dtype=np.float64) @ _matrix(coefficients)
    return np.asarray(scores.argmax(axis=1), dtype=np.int64)


def answer_flips(
    probabilities: ArrayLike, coefficients: ArrayLike, shots: int
) -> tuple[Array, Array]:
    """Return bounds of the probability that so many shots give another class, shape (n,) each.

    The lower one is the likeliest single rival, the upper one the union bound over all; with two
    classes they are one number. Arguments: see `answers`.
    """
    p, r = np.asarray(probabilities, dtype=np.float64), _matrix(coefficients)
    own = answers(p, r)
    found = np.zeros((len(p), r.shape[1]))
    for a, b, rows in _pairs(own, r.shape[1]):
        law = vote_law(p[rows], _rule(r, a, b), shots)
        found[rows, b] = law.below + (law.tie if a > b else 0.0)
    return found.max(axis=1), np.minimum(found.sum(axis=1), 1.0)


def certain_shots(
    probabilities: ArrayLike, coefficients: ArrayLike, delta: float, limit: int
) -> Array:
    """Return shots that keep the class with probability at least 1 - delta, shape (n,).

    So many that each rival flips it with at most delta / (K - 1); infinite above `limit`.
    """
    check_delta(delta)
    p, r = np.asarray(probabilities, dtype=np.float64), _matrix(coefficients)
    own = answers(p, r)
    found = np.ones(len(p))
    for a, b, rows in _pairs(own, r.shape[1]):
        needed = exact_shots(p[rows], _rule(r, a, b), delta / (r.shape[1] - 1), limit)
        found[rows] = np.maximum(found[rows], needed)
    return found


def decide_outputs(value: ArrayLike, covariance: ArrayLike, delta: float) -> NDArray[np.int64]:
    """Return the classes that estimated scores prove, else `UNDECIDED`, shape (n,).

    The normal approximation at a fixed number of shots: each rival is passed with an error of at
    most delta / (K - 1). One score is held against 0.

    Args:
        value: scores, shape (n, k).
        covariance: of them, shape (n, k, k).
        delta: the probability of a wrong class that is accepted.
    """
    check_delta(delta)
    scores, spread = np.asarray(value, dtype=np.float64), np.asarray(covariance)
    if scores.shape[1] == 1:
        sure = np.abs(scores[:, 0]) > -special.ndtri(delta) * np.sqrt(spread[:, 0, 0])
        return np.where(sure, scores[:, 0] > 0, UNDECIDED).astype(np.int64)
    own = scores.argmax(axis=1)
    rows, k = np.arange(len(scores)), scores.shape[1]
    margin = scores[rows, own][:, None] - scores
    variances = np.diagonal(spread, axis1=1, axis2=2)
    variance = variances[rows, own][:, None] + variances - 2 * spread[rows, own]
    z = -special.ndtri(delta / (k - 1))
    passed = margin > z * np.sqrt(np.maximum(variance, 0.0))
    passed[rows, own] = True
    return np.where(passed.all(axis=1), own, UNDECIDED).astype(np.int64)


def _matrix(coefficients: ArrayLike) -> Array:
    r = np.asarray(coefficients, dtype=np.float64)
    if r.ndim != 2 or r.shape[1] < 2:
        raise UsageError(f"R should have a column for each of K >= 2 classes. Got {r.shape}.")
    return r


def _rule(r: Array, a: int, b: int) -> DecisionRule:
    return DecisionRule(tuple((r[:, a] - r[:, b]).tolist()))


def _pairs(own: NDArray[np.int64], k: int) -> list[tuple[int, int, NDArray[np.int64]]]:
    every = ((a, b) for a in range(k) for b in range(k) if a != b)
    pairs = ((a, b, np.flatnonzero(own == a)) for a, b in every)
    return [(a, b, rows) for a, b, rows in pairs if rows.size]
