import numpy as np
import pytest

from qrnn_hw.errors import UsageError
from qrnn_hw.statistics.drift import batch_chi_square, design_effect, lag_one, set_design_effect

P = np.array([0.4, 0.3, 0.2, 0.1])


def test_steady_batches_are_rejected_as_often_as_alpha() -> None:
    rng = np.random.default_rng(1)
    p_values = [batch_chi_square(rng.multinomial(500, P, 8)).p_value for _ in range(600)]
    assert np.mean(np.array(p_values) < 0.05) == pytest.approx(0.05, abs=0.036)


def test_a_jump_between_batches_is_found() -> None:
    rng = np.random.default_rng(2)
    moved = np.array([0.34, 0.36, 0.2, 0.1])
    counts = np.concatenate([rng.multinomial(1000, P, 4), rng.multinomial(1000, moved, 4)])
    assert batch_chi_square(counts).p_value < 1e-4
    counts[:, 3] = 0
    assert batch_chi_square(counts).p_value < 1e-4


def test_lag_one_finds_memory_and_only_memory() -> None:
    rng = np.random.default_rng(3)
    p_values = [lag_one(rng.choice([-1, 1], 400)).p_value for _ in range(600)]
    assert np.mean(np.array(p_values) < 0.05) == pytest.approx(0.05, abs=0.036)
    sticky = np.where(np.cumsum(rng.random(2000) < 0.4) % 2, 1, -1)
    result = lag_one(sticky)
    assert result.statistic == pytest.approx(0.2, abs=0.08)
    assert result.p_value < 1e-6


def test_design_effect_is_one_without_drift_and_the_excess_with_it() -> None:
    rng = np.random.default_rng(4)
    weights = np.array([1.0, 1.0, -1.0, -1.0])
    held = []
    for _ in range(400):
        interval = design_effect(rng.multinomial(400, P, 10), weights)
        held.append(interval.low <= 1 <= interval.high)
    assert np.mean(held) == pytest.approx(0.95, abs=0.045)
    q = np.clip(rng.normal(0.7, 0.05, 4000), 0, 1)
    heads = rng.binomial(400, q)
    drifting = design_effect(np.stack([heads, 400 - heads], axis=1), [1, -1])
    assert drifting.value == pytest.approx(1 + 399 * 0.05**2 / (0.7 * 0.3), rel=0.08)


def test_misuse_is_one_clear_line() -> None:
    with pytest.raises(UsageError, match=r"batches of one size. Got 3 to 4 shots"):
        design_effect([[1, 2], [2, 2]], [1, -1])
    with pytest.raises(UsageError, match="two batches or more"):
        batch_chi_square([[1, 2]])
    with pytest.raises(UsageError, match="20 values or more"):
        lag_one([1, 2, 3])


@pytest.mark.parametrize(("drift", "expected"), [(0.0, 1.0), (0.1, None)])
def test_the_design_effect_of_a_set_is_one_without_drift_whatever_the_inputs(drift, expected):
    """Inputs of unlike laws: pooling them would call their differences noise."""
    rng = np.random.default_rng(7)
    weights, n_rounds, shots = np.array([1.0, -1.0]), 6, 200
    ups = np.linspace(0.1, 0.9, 20)
    effects, held = [], 0
    for _ in range(400):
        p = np.clip(ups + rng.normal(0, drift, (n_rounds, 1)), 0.01, 0.99)
        heads = rng.binomial(shots, p)
        found = set_design_effect(np.stack([heads, shots - heads], axis=-1), weights)
        effects.append(found.value)
        held += found.low <= 1 <= found.high
    if expected is None:
        # The score drifts by twice the probability, the same for all inputs.
        variance = 4 * (ups * (1 - ups)).mean() / (len(ups) * shots)
        assert np.mean(effects) == pytest.approx(1 + 4 * drift**2 / variance, rel=0.15)
    else:
        assert np.mean(effects) == pytest.approx(1, abs=4 * np.sqrt(2 / 5 / 400))
        assert abs(held / 400 - 0.95) <= 4 * np.sqrt(0.95 * 0.05 / 400)
