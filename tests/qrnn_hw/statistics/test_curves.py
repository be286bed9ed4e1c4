import numpy as np
import pytest

from qrnn_hw.errors import UsageError
from qrnn_hw.statistics.curves import (
    abstention_curve,
    accuracy_law,
    correct_probabilities,
    expected_maximum,
    flip_rate_curve,
    infinite_shot_accuracy,
    margin_histogram,
    selection_luck,
)
from qrnn_hw.statistics.decisions import (
    DecisionRule,
    flip_probabilities,
    infinite_shot_labels,
    margins,
)

RULE = DecisionRule((1.0, 0.0, 0.0, -1.0))


def inputs(n: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).dirichlet(np.full(4, 6.0), n)


def test_flip_rate_is_the_mean_flip_probability_and_falls() -> None:
    p = inputs(60, 1)
    curve = flip_rate_curve(p, RULE, [1, 11, 101, 1001], seed=2)
    assert [point.value for point in curve] == sorted((c.value for c in curve), reverse=True)
    for point, shots in zip(curve, [1, 11, 101, 1001], strict=True):
        assert point.value == pytest.approx(flip_probabilities(p, RULE, shots).mean())
        assert point.low < point.value < point.high


def test_accuracy_law_is_what_repeated_draws_show() -> None:
    rng = np.random.default_rng(3)
    p, labels = inputs(50, 4), rng.integers(0, 2, 50)
    predicted = infinite_shot_labels(p, RULE)
    correct = correct_probabilities(flip_probabilities(p, RULE, 25), predicted, labels)
    law = accuracy_law(correct)
    votes = np.stack([rng.multinomial(25, row, 4000) @ RULE.steps > 0 for row in p], axis=1)
    accuracies = (votes == labels).mean(axis=1)
    assert accuracies.mean() == pytest.approx(law.mean, abs=4 * law.sd / np.sqrt(4000))
    assert accuracies.std() == pytest.approx(law.sd, rel=0.05)


def test_infinite_shot_accuracy_counts_right_signs() -> None:
    p = inputs(40, 5)
    labels = (margins(p, RULE) > 0).astype(int)
    labels[:10] = 1 - labels[:10]
    assert infinite_shot_accuracy(p, RULE, labels).value == pytest.approx(0.75)


def test_luck_of_equal_runs_is_what_is_expected() -> None:
    assert expected_maximum(2) == pytest.approx(1 / np.sqrt(np.pi))
    assert expected_maximum(1) == pytest.approx(0.0, abs=1e-9)
    runs = np.random.default_rng(6).normal(0.7, 0.02, (3000, 26))
    lucks = [selection_luck(row) for row in runs[:300]]
    observed = np.array([luck.best_minus_mean for luck in lucks])
    expected = np.array([luck.expected for luck in lucks])
    assert observed.mean() == pytest.approx(expected.mean(), rel=0.05)


def test_abstention_keeps_the_largest_margins() -> None:
    margin = np.array([0.1, -0.9, 0.5, -0.2])
    correct = [0, 1, 1, 0]
    half, whole = abstention_curve(margin, correct, [0.5, 1.0])
    assert (half.value, half.n) == (1.0, 2)
    assert (whole.value, whole.n) == (0.5, 4)


def test_histogram_counts_every_input_and_splits_at_zero() -> None:
    p = inputs(100, 7)
    counts, edges = margin_histogram(p, RULE, 10)
    assert counts.sum() == 100
    assert edges[5] == pytest.approx(0.0)
    assert counts[5:].sum() == (margins(p, RULE) > 0).sum()


def test_misuse_is_one_clear_line() -> None:
    with pytest.raises(UsageError, match="labels are a list of 0 and 1"):
        infinite_shot_accuracy(inputs(2, 8), RULE, [1, 2])
    with pytest.raises(UsageError, match="coverages above 0"):
        abstention_curve([0.1], [1], [0.0])
