"""Half-widths of numbers cover the number of infinitely many shots."""

import numpy as np
import pytest

from qrnn_hw.errors import UsageError
from qrnn_hw.statistics.half_widths import (
    half_widths,
    output_variances,
    shot_errors,
    shots_for,
)

RNG = np.random.default_rng(7)
P, R = RNG.dirichlet(np.ones(4), 5), RNG.normal(size=(4, 2))


def test_intervals_of_drawn_shots_cover_as_often_as_they_say():
    shots, variances = 400, output_variances(P, R)
    for row, p in enumerate(P):
        single = R[RNG.choice(4, 20_000, p=p)]
        np.testing.assert_allclose(variances[row], single.var(axis=0), rtol=0.05)
        outputs = RNG.multinomial(shots, p, 4000) @ R / shots
        missed = np.abs(outputs - p @ R) > half_widths(variances[row], shots, 0.9)
        np.testing.assert_allclose(missed.mean(axis=0), 0.1, atol=0.02)


def test_as_many_shots_as_asked_for_reach_the_half_width():
    variances = output_variances(P, R)
    shots = shots_for(variances, 0.05)
    for place in np.ndindex(variances.shape):
        assert half_widths(variances[place], int(shots[place])) <= 0.05
        assert half_widths(variances[place], int(shots[place]) - 1) > 0.05


def test_what_has_no_half_width_is_refused():
    with pytest.raises(UsageError, match="a shot or more. Got 0"):
        half_widths(1.0, 0)
    with pytest.raises(UsageError, match="above 0. Got 0"):
        shots_for(1.0, 0.0)
    with pytest.raises(UsageError, match="between 0 and 1. Got 1"):
        half_widths(1.0, 10, 1.0)


@pytest.mark.parametrize("shots", [2, 5, 20, 200])
def test_few_shots_cover_too(shots):
    """The usual error misses up to half of the time: shots that are all alike scatter by nothing.

    The referee draws from known laws, rare outcomes with large weights among them.
    """
    missed = []
    for _ in range(40):
        p, r = RNG.dirichlet(np.full(4, 0.5)), RNG.normal(size=(4, 2))
        counts = RNG.multinomial(shots, p, 400)
        half = half_widths(shot_errors(counts, r) ** 2, 1)
        missed.append(np.abs(counts @ r / shots - p @ r) > half)
    assert np.mean(missed) < 0.05
    assert np.mean(missed, axis=1).max() < 0.12


def test_the_interval_of_two_outcomes_is_agresti_and_coulls_around_the_value():
    n, z, r = 12, 1.959963984540054, np.array([[0.0], [1.0]])
    middle = (12 + z**2 / 2) / (n + z**2)
    low = middle - z * np.sqrt(middle * (1 - middle) / (n + z**2))
    (error,) = shot_errors([0, 12], r)
    assert 1 - z * error == pytest.approx(low)
    many = shot_errors([30_000, 70_000], r)
    assert many == pytest.approx(np.sqrt(0.3 * 0.7 / 100_000), rel=0.01)
