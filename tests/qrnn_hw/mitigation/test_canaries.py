"""Canaries: which are sent, what they miss, and what it does to an interval."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from qrnn_hw.errors import UsageError
from qrnn_hw.mitigation.answer import Answer
from qrnn_hw.mitigation.canaries import choose_canaries, missed
from qrnn_hw.statistics.repetitions import repeated


@given(scores=st.lists(st.floats(-1, 1), min_size=1, max_size=30), data=st.data())
def test_the_largest_answers_of_both_signs_are_chosen(scores, data):
    scores = np.array(scores)
    n = data.draw(st.integers(0, len(scores)))
    chosen = choose_canaries(scores, n)
    assert len(set(chosen.tolist())) == n
    rest = np.setdiff1d(np.arange(len(scores)), chosen)
    low, high = np.sort(scores[chosen])[: n // 2], np.sort(scores[chosen])[n // 2 :]
    for one in scores[rest]:
        assert (low <= one).all()
        assert (high >= one).all()


def test_more_canaries_than_candidates_are_refused():
    with pytest.raises(UsageError, match=r"candidates \(3\). Got 4"):
        choose_canaries([0.1, 0.2, 0.3], 4)
    with pytest.raises(UsageError, match=r"Got shapes \(0,\)"):
        missed([], [], [])


@given(
    known=st.lists(st.floats(-1, 1), min_size=2, max_size=20),
    bias=st.floats(-0.3, 0.3),
    noise=st.floats(0, 0.1),
)
@settings(max_examples=60, deadline=None)
def test_what_is_missed_is_the_bias_less_what_shots_explain(known, bias, noise):
    known = np.array(known)
    miss = missed(known + bias, known, np.full(len(known), noise))
    assert miss.mean == pytest.approx(bias, abs=1e-12)
    assert miss.worst == pytest.approx(abs(bias), abs=1e-12)
    assert miss.beyond_shots == pytest.approx(np.sqrt(max(0, bias**2 - noise**2)), abs=1e-8)


def test_intervals_with_canaries_cover_the_noiseless_value_and_without_them_do_not():
    """Drift between repetitions, and a bias that no shot shows: each term is needed."""
    generator = np.random.default_rng(11)
    n_trials, n_items, _n_canaries, b, shots = 150, 10, 8, 20, 400
    covered = {"shots": [], "machine": [], "its mean": [], "noiseless": []}
    for _ in range(n_trials):
        ideal = np.concatenate([generator.uniform(-0.5, 0.5, n_items), np.linspace(-0.7, 0.7, 8)])
        own = 0.9 * ideal + 0.04 + generator.normal(0, 0.03, len(ideal))
        drift = 0.15 * np.sin(2 * np.pi * np.arange(b) / b + generator.uniform(0, 6))
        mean = own * (1 + drift)[:, None]
        read = 1 - 2 * generator.binomial(shots, (1 - mean) / 2) / shots
        claimed = (1 - own**2) / (b * shots)
        found = repeated(read[:, :n_items], claimed[:n_items])
        others = repeated(read[:, n_items:], claimed[n_items:])
        miss = missed(others.value, ideal[n_items:], others.standard_error)
        answer = Answer(found.value, found.shot_error, found, miss)
        truth, steady = ideal[:n_items], own[:n_items]
        z = stats.norm.ppf(0.975) * answer.shot_error
        covered["shots"].append(np.abs(answer.value - truth) <= z)
        covered["its mean"].append((answer.machine.low <= steady) & (steady <= answer.machine.high))
        covered["machine"].append((answer.machine.low <= truth) & (truth <= answer.machine.high))
        assert answer.noiseless is not None
        wide = (answer.noiseless.low <= truth) & (truth <= answer.noiseless.high)
        covered["noiseless"].append(wide)
    share = {name: np.mean(values) for name, values in covered.items()}
    assert share["its mean"] >= 0.94
    assert share["noiseless"] >= 0.93
    assert share["machine"] < 0.6
    assert share["shots"] < 0.6


def test_without_canaries_nothing_is_said_of_the_noiseless_value():
    answer = Answer(np.array(0.2), np.array(0.01))
    assert answer.noiseless is None
    assert answer.machine.high - 0.2 == pytest.approx(stats.norm.ppf(0.975) * 0.01)
    exact = answer.with_miss(missed([0.1, -0.1], [0.1, -0.1], [0.0, 0.0]))
    assert exact.noiseless is not None
    assert exact.noiseless.high - 0.2 == pytest.approx(stats.t.ppf(0.975, 2) * 0.01)
