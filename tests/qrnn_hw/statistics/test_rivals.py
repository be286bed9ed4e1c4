"""Firmness of K classes against every count of few shots, and of drawn covariances."""

from itertools import product
from math import factorial, prod

import numpy as np
import pytest

from qrnn_hw.errors import UsageError
from qrnn_hw.statistics.decisions import UNDECIDED, DecisionRule, flip_probabilities
from qrnn_hw.statistics.rivals import answer_flips, answers, certain_shots, decide_outputs

RNG = np.random.default_rng(3)
P = RNG.dirichlet(np.ones(4), 6)
R = np.array([[1.0, 0, 0], [0, 1, 0], [0, 0, 1], [0.5, 0.25, 0.0]])


def enumerated(p, r, shots):
    """Return the probability of another class than that of infinitely many shots, by counting."""
    own, total = (p @ r).argmax(), 0.0
    for counts in product(range(shots + 1), repeat=len(p)):
        if sum(counts) == shots and (np.array(counts) @ r).argmax() != own:
            ways = factorial(shots) / prod(factorial(c) for c in counts)
            total += ways * prod(one**c for one, c in zip(p, counts, strict=True))
    return total


@pytest.mark.parametrize("shots", [1, 4, 9])
def test_the_bounds_hold_the_probability_that_counting_gives(shots):
    low, high = answer_flips(P, R, shots)
    exact = np.array([enumerated(p, R, shots) for p in P])
    assert (low <= exact + 1e-12).all()
    assert (exact <= high + 1e-12).all()
    assert (high <= 2 * exact + 1e-12).all()  # two rivals


def test_two_classes_are_one_rule():
    low, high = answer_flips(P, R[:, :2], 7)
    np.testing.assert_array_equal(low, high)
    rule = DecisionRule(tuple(R[:, 1] - R[:, 0]))
    np.testing.assert_allclose(high, flip_probabilities(P, rule, 7), atol=1e-12)


def test_certain_shots_are_certain_and_not_many_more_than_needed():
    shots = certain_shots(P, R, 0.05, 100_000)
    assert np.isfinite(shots).all()
    rng = np.random.default_rng(1)
    for row, number in enumerate(shots.astype(int)):
        drawn = rng.multinomial(number, P[row], 4000) @ R
        assert (drawn.argmax(axis=1) != answers(P, R)[row]).mean() < 0.05 + 0.011
        half = rng.multinomial(max(1, number // 3), P[row], 4000) @ R
        assert number < 4 or (half.argmax(axis=1) != answers(P, R)[row]).mean() > 0.02
    assert np.isinf(certain_shots(P[:1], R, 0.05, 1)).all() or shots[0] <= 1


def test_estimated_scores_are_decided_with_the_error_asked_for():
    mean, delta, n = np.array([0.5, 0.45, 0.1]), 0.05, 20_000
    covariance = 0.002 * np.array([[1.0, 0.3, 0], [0.3, 1.0, 0], [0, 0, 1.0]])
    drawn = np.random.default_rng(2).multivariate_normal(mean, covariance, n)
    decided = decide_outputs(drawn, np.broadcast_to(covariance, (n, 3, 3)), delta)
    wrong = ((decided != 0) & (decided != UNDECIDED)).mean()
    assert 0 < wrong < delta
    assert (decided == 0).any()
    assert (decided == UNDECIDED).any()
    sure = decide_outputs([[0.3], [0.01], [-0.3]], np.full((3, 1, 1), 0.01), 0.05)
    assert sure.tolist() == [1, UNDECIDED, 0]


def test_one_column_is_no_matrix_of_classes():
    with pytest.raises(UsageError, match=r"each of K >= 2 classes. Got \(4, 1\)"):
        answers(P, R[:, :1])
