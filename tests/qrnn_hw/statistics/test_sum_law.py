import numpy as np
import pytest

from qrnn_hw.statistics.lattice_law import lattice_span, sign_on_a_lattice
from qrnn_hw.statistics.sum_law import _enumerated, sum_law


@pytest.mark.parametrize("steps", [[-2, 0, 2], [-3, -1, 1, 3], [-1.6, -0.7, 1.1, 1.8], [-2, 1, 5]])
@pytest.mark.parametrize("shots", [1, 2, 17, 60])
def test_lattice_sum_is_exact(steps: list[float], shots: int) -> None:
    steps = np.array(steps, dtype=float)
    p = np.random.default_rng(1).dirichlet(np.full(steps.size, 0.4), 30)
    assert lattice_span(steps) > 0
    np.testing.assert_allclose(
        sign_on_a_lattice(p, steps, shots), _enumerated(p, steps, shots), atol=1e-11
    )


def test_lattice_and_binomial_agree_at_a_hundred_thousand_shots() -> None:
    p_high = np.linspace(0.49, 0.51, 9)
    p = np.stack([1 - p_high, p_high], axis=1)
    shots = np.full(9, 100_000)
    binomial = sum_law(p, np.array([-1.0, 1.0]), shots)
    above, tie, below = sign_on_a_lattice(p, np.array([-1.0, 1.0]), 100_000)
    np.testing.assert_allclose(above, binomial.above, atol=1e-9)
    np.testing.assert_allclose(tie, binomial.tie, atol=1e-9)
    np.testing.assert_allclose(below, binomial.below, atol=1e-9)


@pytest.mark.parametrize("concentration", [0.3, 2.0])
def test_grid_error_is_within_what_the_docstring_states(concentration: float) -> None:
    rng = np.random.default_rng(2)
    for _ in range(3):
        steps = rng.normal(size=4)
        p = rng.dirichlet(np.full(4, concentration), 30)
        error = np.abs(sign_on_a_lattice(p, steps, 52)[0] - _enumerated(p, steps, 52)[0])
        assert error.max() < 0.005
        assert error.mean() < 5e-4


def test_the_law_adds_up_to_one_and_does_not_mind_impossible_outcomes() -> None:
    steps = np.array([0.3, -1.0, 0.77, -0.21])
    p = np.array([[1.0, 0, 0, 0], [0, 0.4, 0.6, 0], [0.25, 0.25, 0.25, 0.25]])
    for shots in (1, 5, 500):
        law = sum_law(p, steps, np.full(3, shots))
        np.testing.assert_allclose(law.above + law.tie + law.below, 1, atol=1e-9)
        assert law.above[0] == pytest.approx(1.0)
