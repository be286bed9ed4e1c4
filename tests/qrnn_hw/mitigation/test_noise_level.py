"""A common factor on all rates is found from few shots, and the choice that it leads to is good."""

import math
from functools import cache

import numpy as np
import pytest
from mitigation_reference import Noise, distribution
from mitigation_reference_circuits import instances, isa, qrnn

from qrnn_hw.errors import UsageError
from qrnn_hw.mitigation.folding import fold
from qrnn_hw.mitigation.noise_level import REPORTED, NoiseLevel, fit_noise_level

N_STEPS = 2


@pytest.fixture(scope="module")
def probabilities():
    circuits = [fold(isa(qrnn(*one)), 3) for one in instances(6, n_steps=N_STEPS, seed=5)]

    @cache
    def answer(factor):
        noise = Noise().scaled(factor, factor)
        return np.array([distribution(circuit, noise, [N_STEPS]) for circuit in circuits])

    return answer


def drawn(probabilities, factor, shots, seed=3):
    generator = np.random.default_rng(seed)
    return np.array([generator.multinomial(shots, row) for row in probabilities(factor)])


@pytest.mark.parametrize("truth", [0.5, 1.0, 2.0])
def test_the_factor_is_found_within_its_deviation(probabilities, truth):
    found = fit_noise_level(drawn(probabilities, truth, 20_000), probabilities)
    assert 0 < found.log_deviation < 0.1
    assert abs(found.log_mean - math.log(truth)) < 3.5 * found.log_deviation


def test_deviations_are_those_of_repeated_fits(probabilities):
    found = [
        fit_noise_level(drawn(probabilities, 1.3, 2000, seed), probabilities) for seed in range(40)
    ]
    z = [(one.log_mean - math.log(1.3)) / one.log_deviation for one in found]
    # The prior pulls a little, so that the scatter is at most the deviation claimed.
    assert 0.6 < np.std(z) < 1.3
    assert abs(np.mean(z)) < 0.7


def test_few_shots_leave_the_prior(probabilities):
    found = fit_noise_level(drawn(probabilities, 2.0, 1), probabilities)
    assert 0.8 < found.log_deviation / REPORTED.log_deviation < 1.05
    sure = NoiseLevel(0.3, 0.0)
    assert fit_noise_level(drawn(probabilities, 2.0, 100), probabilities, sure) == sure


def test_nodes_have_the_moments_of_the_belief():
    nodes = NoiseLevel(0.2, 0.5).nodes()
    logs = np.log([factor for factor, _ in nodes]) - 0.2
    chances = np.array([chance for _, chance in nodes])
    moments = [float(chances @ logs**power) for power in range(6)]
    np.testing.assert_allclose(moments, [1, 0, 0.25, 0, 3 * 0.5**4, 0], atol=1e-12)
    assert NoiseLevel(0.2, 0.0).nodes() == ((math.exp(0.2), 1.0),)


def test_a_reading_that_should_be_impossible_is_no_proof_by_itself(probabilities):
    counts = np.array([[999, 1]])
    found = fit_noise_level(counts, lambda factor: np.array([[1.0, 0.0]]))
    assert found.log_mean == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("counts", [[1, 2], [[0, 0]], [[3, -1]]])
def test_counts_that_say_nothing_are_refused(counts):
    with pytest.raises(UsageError, match="shots of each item and outcome"):
        fit_noise_level(counts, lambda factor: np.ones((1, 2)))


def test_shapes_and_numbers_that_do_not_fit_are_refused():
    with pytest.raises(UsageError, match=r"shape \(1, 2\). Got \(1, 4\)"):
        fit_noise_level([[1, 2]], lambda factor: np.full((1, 4), 0.25))
    for wrong in ((math.nan, 1.0), (0.0, -1.0), (0.0, math.inf)):
        with pytest.raises(UsageError, match="finite mean"):
            NoiseLevel(*wrong)
