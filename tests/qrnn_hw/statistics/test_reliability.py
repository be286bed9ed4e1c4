import numpy as np
import pytest

from qrnn_hw.errors import UsageError
from qrnn_hw.statistics.reliability import brier, expected_calibration_error, reliability_bins


def test_brier_is_the_mean_squared_error() -> None:
    interval = brier([0.9, 0.2, 0.6, 0.5], [1, 0, 0, 1], seed=1)
    assert interval.value == pytest.approx((0.01 + 0.04 + 0.36 + 0.25) / 4)


def test_bins_hold_every_input_once_and_the_ends_too() -> None:
    p = np.array([0.0, 0.05, 0.55, 0.58, 1.0])
    bins = reliability_bins(p, [0, 1, 1, 0, 1], n_bins=10)
    assert [b.observed.n for b in bins] == [2, 2, 1]
    assert bins[1].stated == pytest.approx(0.565)
    assert bins[1].observed.value == 0.5


def test_calibration_error_of_a_constant_is_its_distance_from_the_base_rate() -> None:
    error = expected_calibration_error(np.full(100, 0.9), np.repeat([0, 1], [40, 60]))
    assert error.value == pytest.approx(0.3)


@pytest.mark.parametrize("sharpening", [1.0, 3.0])
def test_calibration_interval_holds_the_true_error(sharpening: float) -> None:
    rng = np.random.default_rng(2)
    truth = rng.uniform(0.1, 0.9, 200)
    odds = (truth / (1 - truth)) ** sharpening
    stated = odds / (1 + odds)
    gaps = np.bincount((stated * 10).astype(int), truth - stated)
    true_error = np.abs(gaps).sum() / 200
    held = [
        interval.low <= true_error <= interval.high
        for interval in (
            expected_calibration_error(stated, rng.random(200) < truth) for _ in range(500)
        )
    ]
    assert np.mean(held) >= 0.95
    if sharpening == 3.0:
        sample = rng.random(200) < truth
        assert expected_calibration_error(np.repeat(stated, 20), np.repeat(sample, 20)).low > 0


def test_misuse_is_one_clear_line() -> None:
    with pytest.raises(UsageError, match=r"between 0 and 1.*1\.2"):
        brier([0.1, 1.2], [0, 1], seed=0)
    with pytest.raises(UsageError, match="one stated probability per label"):
        expected_calibration_error([0.1], [0])
