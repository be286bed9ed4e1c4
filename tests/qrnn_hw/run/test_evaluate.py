"""Stacks at equal total shots: how they divide them, and what they estimate."""

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qrnn_hw.errors import UsageError
from qrnn_hw.mitigation.readout_calibration import ReadoutCalibration
from qrnn_hw.run.evaluate import Measured, accuracy_interval, plan_shots


@given(total=st.integers(20, 100_000), n_sentences=st.integers(1, 2000))
def test_every_stack_spends_the_same_total(total, n_sentences):
    plan = plan_shots(total, n_sentences)
    assert plan.calibration_share * n_sentences >= 2 * plan.calibration
    assert plan.calibration_share + plan.readout == total
    assert plan.calibration_share + sum(plan.scaled) == total
    assert min(plan.scaled) >= 1
    assert plan.calibration_share <= max(2, 0.2 * total + 1)


def test_too_few_shots_are_refused_with_the_number_needed():
    with pytest.raises(UsageError, match="at least 3, to calibrate and to extrapolate. Got 2"):
        plan_shots(2, 200)


def test_stacks_recover_what_readout_and_noise_took():
    rng = np.random.default_rng(4)
    decision = np.array([1.0, 1.0, -1.0, -1.0])  # <Z> of bit 1
    plan = plan_shots(200_000, 1)
    true = np.array([0.10, 0.15, 0.45, 0.30])
    flip = np.array([[0.96, 0.04], [0.10, 0.90]])  # row = true
    confusion = np.kron(flip, flip)
    mixed = np.full(4, 0.25)
    by_scale = [(1 - 0.1 * k) * true + 0.1 * k * mixed for k in (1, 3)]  # linear in the scale
    outcomes = tuple(
        rng.choice(4, size=(1, shots), p=p @ confusion)
        for p, shots in zip(by_scale, (plan.total, plan.scaled[1]), strict=True)
    )
    calibration = ReadoutCalibration(
        (0.04, 0.04), (0.10, 0.10), (0.001, 0.001), (0.001, 0.001), datetime.now(UTC)
    )
    scores = Measured(outcomes, calibration).scores(plan, decision)
    assert scores["noisy"][0] == pytest.approx(by_scale[0] @ confusion @ decision, abs=0.01)
    assert scores["readout"][0] == pytest.approx(by_scale[0] @ decision, abs=0.01)
    assert scores["zne"][0] == pytest.approx(true @ decision, abs=0.03)
    assert abs(by_scale[0] @ decision - true @ decision) > 0.04


def test_accuracy_counts_signs_and_zero_is_class_0():
    interval = accuracy_interval(np.array([0.5, -0.2, 0.0, 0.1]), np.array([1, 0, 0, 0]))
    assert interval.value == 0.75
    assert interval.n == 4
    assert interval.low < 0.75 < interval.high
