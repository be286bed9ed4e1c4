from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from qrnn_hw.errors import UsageError
from qrnn_hw.statistics.decisions import (
    UNDECIDED,
    DecisionRule,
    decide,
    disagreements,
    flip_probabilities,
    infinite_shot_labels,
    margins,
    shot_variances,
    vote_law,
)

ONE_READOUT = DecisionRule((1.0, -1.0))
TWO_READOUTS = DecisionRule((0.0, 2.0, -2.0, 0.0))
LEARNED = DecisionRule((1.31, 0.72, -0.44, -1.61), threshold=0.07)


def biased(margin: float) -> np.ndarray:
    return np.array([[(1 + margin) / 2, (1 - margin) / 2]])


def test_margin_and_variance_of_two_readouts_follow_their_correlation() -> None:
    p = np.random.default_rng(1).dirichlet(np.ones(4), 50)
    z_first, z_second = p @ [1, 1, -1, -1], p @ [1, -1, 1, -1]
    correlation = p @ [1, -1, -1, 1]
    margin = margins(p, TWO_READOUTS)
    np.testing.assert_allclose(margin, z_first - z_second, atol=1e-14)
    np.testing.assert_allclose(
        shot_variances(p, TWO_READOUTS), 2 - 2 * correlation - margin**2, atol=1e-14
    )


@settings(max_examples=40, deadline=None)
@given(
    weights=arrays(np.float64, 4, elements=st.floats(-2, 2).map(lambda w: round(w, 2))),
    shots=st.integers(1, 6),
    seed=st.integers(0, 1000),
)
def test_vote_law_equals_the_sum_over_all_shot_sequences(
    weights: np.ndarray, shots: int, seed: int
) -> None:
    p = np.random.default_rng(seed).dirichlet(np.ones(4), 1)
    law = vote_law(p, DecisionRule(tuple(weights)), shots)
    expected = {1: 0.0, 0: 0.0, -1: 0.0}
    for sequence in product(range(4), repeat=shots):
        total = round(sum(weights[k] for k in sequence), 9)
        expected[int(np.sign(total))] += float(np.prod(p[0, list(sequence)]))
    assert law.above[0] == pytest.approx(expected[1], abs=1e-12)
    assert law.tie[0] == pytest.approx(expected[0], abs=1e-12)
    assert law.below[0] == pytest.approx(expected[-1], abs=1e-12)


@pytest.mark.parametrize("rule", [ONE_READOUT, TWO_READOUTS, LEARNED])
@pytest.mark.parametrize("shots", [1, 2, 31, 100, 400])
def test_flip_probability_matches_multinomial_draws(rule: DecisionRule, shots: int) -> None:
    rng = np.random.default_rng(shots)
    n, n_draws = 12, 20_000
    p = rng.dirichlet(np.full(len(rule.weights), 3.0), n)
    flips = flip_probabilities(p, rule, shots)
    label = infinite_shot_labels(p, rule)
    for i in range(n):
        scores = rng.multinomial(shots, p[i], n_draws) @ rule.steps
        measured = np.mean((scores > 1e-9) != label[i])
        sd = np.sqrt(max(flips[i] * (1 - flips[i]), 1e-4) / n_draws)
        assert measured == pytest.approx(flips[i], abs=5 * sd)


def test_a_tie_reads_as_label_zero() -> None:
    law = vote_law(biased(0.0), ONE_READOUT, 2)
    assert (law.above[0], law.tie[0], law.below[0]) == pytest.approx((0.25, 0.5, 0.25))
    assert infinite_shot_labels(biased(0.0), ONE_READOUT)[0] == 0
    assert flip_probabilities(biased(0.2), ONE_READOUT, 2)[0] == pytest.approx(0.4**2 + 2 * 0.24)
    assert flip_probabilities(biased(-0.2), ONE_READOUT, 2)[0] == pytest.approx(0.4**2)


def test_threshold_shifts_the_margin_and_nothing_else() -> None:
    p = np.random.default_rng(3).dirichlet(np.ones(4), 20)
    shifted = DecisionRule(tuple(LEARNED.steps))
    np.testing.assert_allclose(margins(p, LEARNED), margins(p, shifted))
    np.testing.assert_allclose(shot_variances(p, LEARNED), shot_variances(p, shifted))


def test_a_rule_whose_weights_all_lie_above_the_threshold_never_flips() -> None:
    p = np.random.default_rng(4).dirichlet(np.ones(4), 20)
    rule = DecisionRule((0.1, 0.2, 0.31, 1.0))
    assert flip_probabilities(p, rule, 7).max() == 0.0
    assert (
        flip_probabilities(p[:, :2] / p[:, :2].sum(1)[:, None], DecisionRule((2, 1)), 7).max() == 0
    )


def test_disagreement_is_largest_for_a_coin() -> None:
    np.testing.assert_allclose(disagreements([0.0, 0.5, 0.1]), [0, 0.5, 0.18])


@pytest.mark.parametrize("rule", [ONE_READOUT, TWO_READOUTS, LEARNED])
def test_decide_is_wrong_at_most_as_often_as_it_says_and_may_abstain(rule: DecisionRule) -> None:
    rng = np.random.default_rng(5)
    n_outcomes = len(rule.weights)
    p = np.full(n_outcomes, 1 / n_outcomes) + 0.03 * np.sign(rule.steps) / n_outcomes
    p /= p.sum()
    truth = infinite_shot_labels(p[None], rule)[0]
    labels = decide(rng.multinomial(200, p, 20_000), rule, delta=0.05)
    assert set(np.unique(labels)) == {UNDECIDED, 0, 1}
    assert np.mean(labels == 1 - truth) <= 0.05
    strong = decide(np.full((1, n_outcomes), 5) + 400 * (rule.steps > 0), rule, delta=0.001)
    assert strong[0] == 1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: DecisionRule((1.0, 2.0, 3.0)), r"2\*\*m finite weights.*Got 3"),
        (lambda: margins([[0.5, 0.6]], ONE_READOUT), "add up to one.*1.1"),
        (lambda: margins([[1.0, 0, 0, 0]], ONE_READOUT), r"shape \(inputs, 2\)"),
        (lambda: vote_law(biased(0.1), ONE_READOUT, 0), "at least 1. Got 0"),
        (lambda: decide([[1, 2]], ONE_READOUT, 0.7), "between 0 and 0.5. Got 0.7"),
    ],
)
def test_misuse_is_one_clear_line(call: object, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        call()  # type: ignore[operator]
