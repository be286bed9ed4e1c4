import math
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qrnn_hw.errors import UsageError
from qrnn_hw.mitigation.labels import (
    all_masks,
    first_order,
    label_weights,
    sampled_masks,
)
from qrnn_hw.mitigation.readout import ReadoutCalibration

ACTION = {
    "keep": np.eye(2),
    "swap": np.array([[0, 1], [1, 0]]),
    "zero": np.array([[1, 1], [0, 0]]),
    "one": np.array([[0, 0], [1, 1]]),
}


def calibration(*pairs):
    p01, p10 = zip(*pairs, strict=True)
    nothing = (0.0,) * len(p01)
    return ReadoutCalibration(p01, p10, nothing, nothing, datetime(2026, 1, 1, tzinfo=UTC))


def confusion(p01, p10):
    return np.array([[1 - p01, p10], [p01, 1 - p10]])


def total(relabelling, n_bits):
    """Sum weight times the action of each mask on the distribution of all bits."""
    matrix = np.zeros((2**n_bits, 2**n_bits))
    for mask, weight in zip(relabelling.masks, relabelling.weights, strict=True):
        action = np.ones((1, 1))
        for label in mask:
            action = np.kron(ACTION[label], action)
        matrix += weight * action
    return matrix


rates = st.floats(0, 0.4)


@given(rates, rates, st.sampled_from([-1, 0, 1, 2, 4]))
def test_labels_make_up_any_power_of_the_confusion_matrix(p01, p10, power):
    weights = label_weights(p01, p10, power)
    made = sum(weight * ACTION[label] for label, weight in weights.items())
    expected = np.linalg.matrix_power(confusion(p01, p10), power)
    np.testing.assert_allclose(made, expected, atol=1e-12)


@given(rates, rates)
def test_the_inverse_costs_the_least_and_amplification_nothing(p01, p10):
    inverse = label_weights(p01, p10)
    cost = sum(abs(weight) for weight in inverse.values())
    assert cost == pytest.approx((1 + abs(p10 - p01)) / (1 - p01 - p10), rel=1e-12)
    amplified = label_weights(p01, p10, 2)
    assert min(amplified.values()) > -1e-15
    assert sum(amplified.values()) == pytest.approx(1)


def test_all_masks_undo_all_bits():
    pairs = [(0.01, 0.03), (0.05, 0.02), (0.1, 0.1)]
    relabelling = all_masks(calibration(*pairs))
    assert len(relabelling.masks) == 3 * 3 * 2
    joint = np.ones((1, 1))
    for pair in pairs:
        joint = np.kron(confusion(*pair), joint)
    np.testing.assert_allclose(total(relabelling, 3) @ joint, np.eye(8), atol=1e-13)
    expected = math.prod((1 + abs(p10 - p01)) / (1 - p01 - p10) for p01, p10 in pairs)
    assert relabelling.gamma == pytest.approx(expected)


def test_first_order_leaves_an_error_of_second_order():
    def left(scale):
        pairs = [(0.01 * scale, 0.03 * scale), (0.02 * scale, 0.01 * scale)]
        relabelling = first_order(calibration(*pairs))
        assert len(relabelling.masks) == 1 + 2 * 2
        joint = np.kron(confusion(*pairs[1]), confusion(*pairs[0]))
        return np.abs(total(relabelling, 2) @ joint - np.eye(4)).max()

    assert left(1.0) < 2e-3
    assert left(0.1) == pytest.approx(left(1.0) / 100, rel=0.1)


def test_sampled_masks_are_right_on_average():
    pairs = [(0.02, 0.06), (0.05, 0.05), (0.08, 0.01)]
    exact = all_masks(calibration(*pairs))
    drawn = [sampled_masks(calibration(*pairs), 64, seed) for seed in range(150)]
    mean = np.mean([total(one, 3) for one in drawn], axis=0)
    np.testing.assert_allclose(mean, total(exact, 3), atol=5e-4)
    assert np.abs(total(drawn[0], 3) - total(exact, 3)).max() > 1e-3
    assert drawn[0] == sampled_masks(calibration(*pairs), 64, seed=0)


def test_sampled_masks_are_exact_where_they_can_be():
    pairs = [(0.02, 0.06), (0.05, 0.05), (0.08, 0.01)]
    exact = all_masks(calibration(*pairs))
    weight_of = dict(zip(exact.masks, exact.weights, strict=True))
    for seed in range(5):
        once = sampled_masks(calibration(*pairs), 10, seed)
        assert math.fsum(once.weights) == pytest.approx(1, abs=1e-12)
        assert once.gamma == pytest.approx(exact.gamma, rel=1e-12)
        n_few = len(once.masks) - once.n_drawn
        assert once.n_drawn == 10
        for place, (mask, weight) in enumerate(zip(once.masks, once.weights, strict=True)):
            n_changed = sum(label != "keep" for label in mask)
            assert (n_changed >= 2) == (place >= n_few)
            assert place >= n_few or weight == pytest.approx(weight_of[mask], rel=1e-12)
            assert np.sign(weight) == np.sign(weight_of[mask])
    amplified = sampled_masks(calibration(*pairs), 10, 0, power=2)
    assert min(amplified.weights) > 0
    # One bit has no mask of two changes: nothing is left to draw.
    assert sampled_masks(calibration(pairs[0]), 4, 0).n_drawn == 0


def test_what_cannot_be_relabelled_is_refused():
    with pytest.raises(UsageError, match=r"above 0. Got p01 = 0.6, p10 = 0.5"):
        label_weights(0.6, 0.5)
    with pytest.raises(UsageError, match=r"at most 100000. Got 177147 for 11 bits"):
        all_masks(calibration(*[(0.01, 0.02)] * 11))
    with pytest.raises(UsageError, match=r"4 or more. Got 3"):
        sampled_masks(calibration((0.01, 0.02)), 3, seed=1)
