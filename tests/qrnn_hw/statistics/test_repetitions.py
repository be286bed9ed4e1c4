"""Scatter between repetitions: its error, its law under shots alone, and what drift does to it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from qrnn_hw.errors import UsageError
from qrnn_hw.statistics.repetitions import batches_disagree, repeated, repeated_scores

WEIGHTS = np.array([1.0, -1.0])


@given(counts=st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), min_size=2, max_size=8))
@settings(max_examples=60, deadline=None)
def test_value_and_both_errors_are_those_of_the_textbook(counts):
    table = np.add(counts, 1)
    found = repeated_scores(table, WEIGHTS)
    shots = np.repeat(np.tile(WEIGHTS, len(table)), table.ravel())  # every shot's number
    assert found.value == pytest.approx(shots.mean())
    assert found.shot_error == pytest.approx(shots.std(ddof=1) / np.sqrt(len(shots)))
    means = [np.repeat(WEIGHTS, row).mean() for row in table]
    assert found.scatter_error == pytest.approx(stats.sem(means))
    assert found.standard_error == max(found.shot_error, found.scatter_error)
    wide = stats.t.ppf(0.975, len(table) - 1) * found.scatter_error
    assert found.half_width() == pytest.approx(max(stats.norm.ppf(0.975) * found.shot_error, wide))


def test_shots_alone_seldom_disagree_and_drift_does_and_is_covered_all_the_same():
    generator = np.random.default_rng(3)
    n_trials, shots, n = 400, 500, 20
    for drifts, covers in ((0.0, 0.93), (0.1, 0.93)):
        truth = 0.3 + drifts * generator.normal(size=(n_trials, n))
        ones = generator.binomial(shots, (1 - truth) / 2)
        found = repeated_scores(np.stack([shots - ones, ones], -1).swapaxes(0, 1), WEIGHTS)
        error = np.abs(found.value - 0.3)
        assert np.mean(error <= found.half_width()) >= covers
        by_shots = np.mean(error <= stats.norm.ppf(0.975) * found.shot_error)
        assert by_shots >= covers if drifts == 0 else by_shots < 0.7
        one = [repeated_scores(np.stack([shots - row, row], -1), WEIGHTS) for row in ones[:100]]
        told = np.mean([each.disagree for each in one])
        assert told <= 0.03 if drifts == 0 else told >= 0.97
        if drifts:  # by its shots alone the error of the mean would be taken for too small
            assert found.ratio > 2
            assert np.all(found.scatter_error > found.shot_error)


def test_one_repetition_tells_no_scatter():
    with pytest.raises(UsageError, match=r"two or more.*Got shapes \(1,\) and \(\)"):
        repeated([0.1], 0.01)
    with pytest.raises(UsageError, match="shots of every input"):
        repeated_scores([[3, 1], [0, 0]], WEIGHTS)


def test_batches_of_any_size_disagree_where_their_score_moves_and_seldom_else():
    generator = np.random.default_rng(5)
    sizes = np.array([8, 9, 10, 40, 200, 1000])[:, None]
    for moves, low, high in ((0.0, 0.0, 0.012), (0.3, 0.9, 1.0)):
        mean = 0.2 + moves * np.array([0, 0, 0, 1, -1, 1])[:, None]
        ones = generator.binomial(sizes, (1 - mean) / 2, (6, 4000))
        told = batches_disagree(np.stack([sizes - ones, ones], -1), WEIGHTS)
        assert told.shape == (4000,)
        assert low <= told.mean() <= high
    assert not batches_disagree([[5, 3], [0, 0]], WEIGHTS)  # one batch
    assert not batches_disagree([[5, 0], [7, 0]], WEIGHTS)  # no shot moves it
