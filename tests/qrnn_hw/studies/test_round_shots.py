"""Shots of a model in rounds: what is drawn, and what is said of it."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy.stats import binom

from qrnn_hw.data.sequences import Sequences
from qrnn_hw.studies import round_shots
from qrnn_hw.studies.round_shots import study_round_shots
from qrnn_hw.studies.shots import ShotStudyPlan

ONES = np.array([0.6, 0.4, 0.9])  # probability that a shot votes for class 1


@pytest.fixture
def study(monkeypatch):
    """Return a study of three inputs whose scores are the votes of independent shots."""

    def drawn(network, sequences, *, shots, generator):
        return 2 * generator.binomial(shots, sequences.values[:, :1, 0]) / shots - 1

    monkeypatch.setattr(round_shots, "sampled_outputs", drawn)
    network = SimpleNamespace(scores=lambda values, lengths: 2 * values[:, 0, 0] - 1)
    test = Sequences(ONES[:, None, None], np.array([1, 1, 1]), np.array([1, 1, 1]))
    return study_round_shots(network, test, ShotStudyPlan((1, 9, 99), n_repeats=4000, delta=0.05))


def test_flips_are_those_of_the_vote(study):
    for place, shots in enumerate((1, 9, 99)):
        expected = binom.cdf(shots // 2, shots, np.maximum(ONES, 1 - ONES))
        np.testing.assert_allclose(study.flips[:, place], expected, atol=0.03)
        one = np.where(ONES > 0.5, 1 - expected, expected)
        assert study.points[place].disagreement == pytest.approx(
            (2 * one * (1 - one)).mean(), abs=0.02
        )
        assert study.points[place].accuracy_mean == pytest.approx(one.mean(), abs=0.02)
    assert study.infinite_shot_accuracy == pytest.approx(2 / 3)


def test_labels_are_steady_from_the_count_after_which_few_flip(study):
    assert [point.flip_rate <= 0.05 for point in study.points] == [False, False, True]
    assert study.steady_shots() == 99
