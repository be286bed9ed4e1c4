import itertools
from datetime import UTC, datetime, timedelta
from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from calibration.errors import CalibrationError
from qrnn_hw.errors import UsageError
from qrnn_hw.mitigation.estimate import ValueEstimate
from qrnn_hw.mitigation.readout import (
    ReadoutCalibration,
    correct_distribution,
    correct_product,
    correct_score,
    correct_weights,
    correct_z,
    from_counts,
    from_shots,
    project_on_simplex,
    read_distribution,
)

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def exact(p01, p10):
    return ReadoutCalibration(tuple(p01), tuple(p10), (0.0,) * len(p01), (0.0,) * len(p10), NOON)


def confusion(calibration):
    """Build the dense matrix by hand: entry (read, true), bit 0 the lowest."""
    matrix = np.ones((1, 1))
    for p01, p10 in zip(calibration.p01, calibration.p10, strict=True):
        matrix = np.kron([[1 - p01, p10], [p01, 1 - p10]], matrix)
    return matrix


THREE_BITS = exact([0.01, 0.05, 0.2], [0.03, 0.02, 0.1])
rates = st.floats(0, 0.4)


@given(st.lists(st.tuples(rates, rates), min_size=1, max_size=4), st.integers(0, 10**6))
def test_correction_inverts_the_confusion_matrix(pairs, seed):
    calibration = exact(*zip(*pairs, strict=True))
    true = np.random.default_rng(seed).dirichlet(np.ones(2**calibration.n_bits), size=2)
    read = true @ confusion(calibration).T
    np.testing.assert_allclose(correct_distribution(read, calibration), true, atol=1e-10)


def test_what_is_read_is_the_confusion_of_what_is_true():
    true = np.random.default_rng(4).dirichlet(np.ones(8), size=2)
    expected = true @ confusion(THREE_BITS).T
    np.testing.assert_allclose(read_distribution(true, THREE_BITS), expected, atol=1e-12)
    with pytest.raises(UsageError, match=r"of 3 bits \(8\). Got the shape \(4,\)"):
        read_distribution(true[0, :4], THREE_BITS)


def test_corrected_weights_are_the_transpose_of_the_inverse():
    weights = np.random.default_rng(1).normal(size=8)
    expected = np.linalg.inv(confusion(THREE_BITS)).T @ weights
    np.testing.assert_allclose(correct_weights(weights, THREE_BITS), expected, atol=1e-12)


def test_a_product_of_z_is_the_score_of_its_parities():
    outcomes = np.random.default_rng(2).integers(0, 8, size=400)
    bits = (outcomes[:, None] >> np.arange(3)) & 1
    parity = (-1.0) ** np.array([index.bit_count() for index in range(8)])
    from_bits = correct_product(bits, THREE_BITS)
    from_score = correct_score(np.bincount(outcomes, minlength=8), parity, THREE_BITS)
    assert from_bits.value == pytest.approx(from_score.value, abs=1e-12)
    assert from_bits.standard_error == pytest.approx(from_score.standard_error, rel=1e-12)


def test_bits_of_any_leading_shape_and_any_choice():
    bits = np.random.default_rng(3).integers(0, 2, size=(4, 5, 100, 3))
    assert correct_z(bits, THREE_BITS).shape == (4, 5, 100, 3)
    pair = correct_product(bits[..., [2, 0]], THREE_BITS.select([2, 0]))
    assert pair.value.shape == (4, 5)
    one = correct_product(bits[1, 2][:, [2, 0]], THREE_BITS.select([2, 0]))
    assert pair.value[1, 2] == one.value


@pytest.mark.parametrize("confidence", [0.68, 0.95])
def test_intervals_cover_what_they_claim(confidence):
    generator = np.random.default_rng(12)
    true = generator.dirichlet(np.ones(8))
    weights = generator.normal(size=8)
    counts = generator.multinomial(2000, confusion(THREE_BITS) @ true, size=500)
    result = correct_score(counts, weights, THREE_BITS, confidence)
    truth = weights @ true
    assert abs(np.mean((result.low <= truth) & (truth <= result.high)) - confidence) <= 0.03


def test_intervals_cover_with_a_calibration_of_few_shots():
    generator = np.random.default_rng(4)
    true, weights = np.array([0.9, 0.1]), np.array([1.0, -1.0])
    p01, p10, n_calibration, covered = 0.02, 0.06, 500, 0
    for _ in range(500):
        ones = generator.binomial(n_calibration, [p01, 1 - p10])
        calibration = from_counts([ones[0]], [ones[1]], n_calibration, n_calibration, NOON)
        counts = generator.multinomial(20_000, confusion(exact([p01], [p10])) @ true)
        result = correct_score(counts, weights, calibration)
        covered += bool(result.low <= 0.8 <= result.high)
    assert abs(covered / 500 - 0.95) <= 0.03


def test_twenty_bits_need_no_table_of_their_outcomes():
    calibration = exact([0.01] * 20, [0.03] * 20)
    # All bits are 0: each reads 0.99, 0.01, so its <Z> of 0.98 is divided back to 1.
    bits = (np.random.default_rng(5).random((100_000, 20)) < 0.01).astype(np.uint8)
    result = correct_product(bits, calibration)
    assert abs(result.value - 1) < 5 * result.standard_error
    assert result.standard_error < 0.005


def test_projection_gives_the_nearest_probabilities():
    quasi = np.array([[0.7, 0.4, -0.1, 0.0], [0.25, 0.25, 0.25, 0.25]])
    projected = project_on_simplex(quasi)
    np.testing.assert_allclose(projected, [[0.65, 0.35, 0.0, 0.0], [0.25] * 4], atol=1e-15)
    generator = np.random.default_rng(6)
    for other in generator.dirichlet(np.ones(4), size=200):
        assert np.linalg.norm(quasi[0] - projected[0]) <= np.linalg.norm(quasi[0] - other)
    counts = generator.multinomial(50, [0.97, 0.01, 0.01, 0.01])
    calibration = exact([0.05, 0.05], [0.1, 0.1])
    assert correct_distribution(counts, calibration).min() < 0
    corrected = correct_distribution(counts, calibration, project=True)
    assert corrected.min() >= 0
    assert corrected.sum() == pytest.approx(1)


def test_rates_come_from_the_two_calibration_circuits():
    calibration = from_counts([10, 0], [970, 1000], 1000, 1000, NOON)
    assert calibration.p01 == (0.01, 0.0)
    assert calibration.p10 == (0.03, 0.0)
    assert calibration.p01_standard_error[0] == pytest.approx(np.sqrt(0.01 * 0.99 / 1000), rel=0.05)
    assert calibration.p10_standard_error[1] > 0
    np.testing.assert_allclose(calibration.contrast, [0.96, 1.0])
    np.testing.assert_allclose(calibration.offset, [0.02, 0.0])
    zeros = np.zeros((1000, 2), bool)
    ones = np.ones((1000, 2), bool)
    zeros[:10, 0] = True
    ones[:30, 0] = False
    assert from_shots(zeros, ones, NOON) == calibration


def test_stale_calibrations_are_refused():
    later = NOON + timedelta(hours=25)
    assert THREE_BITS.age(later) == timedelta(hours=25)
    THREE_BITS.check_fresh(timedelta(hours=26), now=later)
    with pytest.raises(CalibrationError, match=r"at most 24.0 h old. Got 25.0 h"):
        THREE_BITS.check_fresh(timedelta(hours=24), now=later)


@pytest.mark.parametrize(
    ("p01", "p10", "message"),
    [
        ([0.1, 0.5], [0.1, 0.5], "above 0 for every bit. Got p01 = 0.5, p10 = 0.5 for bit 1"),
        ([0.1], [1.2], "between 0 and 1"),
        ([float("nan")], [0.1], "between 0 and 1"),
        ([0.1], [0.1, 0.2], "two rates"),
        ([], [], "two rates"),
    ],
)
def test_calibrations_that_cannot_be_inverted_are_refused(p01, p10, message):
    with pytest.raises(CalibrationError, match=message):
        exact(p01, p10)


@pytest.mark.parametrize("n_shots", [1, 2, 5, 10])
def test_a_singular_bit_of_few_shots_asks_for_more(n_shots):
    """Held against all outcomes of a poor qubit, whose two errors are both 1/4."""
    flips = range(n_shots + 1)
    weights = np.array([comb(n_shots, k) * 0.25**k * 0.75 ** (n_shots - k) for k in flips])
    at_least = {
        k: sum(weights[a] * weights[b] for a in flips for b in flips if a + b >= k)
        for k in range(2 * n_shots + 1)
    }
    assert any(chance > 0.01 for k, chance in at_least.items() if k >= n_shots)
    for a, b in itertools.product(flips, flips):
        if a + b < n_shots:
            assert from_counts([a], [n_shots - b], n_shots, n_shots, NOON).n_bits == 1
            continue
        by_chance = at_least[a + b] > 0.01
        expected = "Take more shots" if by_chance else "Choose another qubit"
        with pytest.raises(CalibrationError, match=expected):
            from_counts([a], [n_shots - b], n_shots, n_shots, NOON)


def test_a_singular_bit_of_many_shots_asks_for_another_qubit():
    with pytest.raises(CalibrationError, match="for bit 1. Choose another qubit"):
        from_counts([0, 2010], [4000, 2000], 4000, 4000, NOON)
    # One circuit of a single shot is too few, whatever the other has.
    with pytest.raises(CalibrationError, match=r"Got 1 of 1 and 40 of 4000 .*for bit 0.*Take more"):
        from_counts([1], [3960], 1, 4000, NOON)


def test_what_does_not_fit_is_refused():
    for error in (np.nan, -1.0, np.inf):
        with pytest.raises(CalibrationError, match="finite and not negative"):
            ReadoutCalibration((0.1,), (0.1,), (error,), (0.0,), datetime.now(UTC))
    with pytest.raises(UsageError, match="variances should not be negative. Got nan"):
        ValueEstimate.from_variance(0.0, np.nan)
    with pytest.raises(CalibrationError, match="zone"):
        ReadoutCalibration((0.1,), (0.1,), (0.0,), (0.0,), datetime(2026, 1, 1))
    with pytest.raises(CalibrationError, match="between 0 and the shots"):
        from_counts([11], [10], 10, 10, NOON)
    with pytest.raises(UsageError, match=r"3 bits of the calibration. Got 2"):
        correct_z(np.zeros((10, 2)), THREE_BITS)
    with pytest.raises(UsageError, match=r"3 bits \(8\)"):
        correct_distribution(np.ones(4), THREE_BITS)
    with pytest.raises(UsageError, match="sums to 0"):
        correct_distribution(np.zeros(8), THREE_BITS)
    with pytest.raises(UsageError, match=r"2 shots or more. Got 1"):
        correct_score([1, 0, 0, 0, 0, 0, 0, 0], np.ones(8), THREE_BITS)
