"""Training for few shots and for several calibrations."""

import jax.numpy as jnp
import numpy as np
import pytest

from circuits.exact.logical import logical_model
from circuits.registry import architecture
from qrnn_hw.errors import ConfigurationError, UsageError
from qrnn_hw.networks.classifier import Examples, initial_weights
from qrnn_hw.train.exact import shot_robustness, start, train
from qrnn_hw.train.options import TrainingOptions

LINE = architecture("dynamic-line")
ROWS = np.random.default_rng(0).normal(size=(24, 2, 3))
EXAMPLES = Examples(ROWS, np.full(24, 2), (ROWS[:, 0, 0] > 0).astype(int))


class Readout:
    """Readout errors of one morning, and nothing else."""

    dt_seconds = None

    def __init__(self, p01: float) -> None:
        self.p01 = p01

    def channel(self, name, qubits):
        return None

    def idle(self, qubit, seconds):
        return None

    def readout(self, name, qubit):
        return np.array([[1 - self.p01, self.p01], [0.02, 0.98]])


def trained(model, **options):
    settings = TrainingOptions(epochs=1, batch_size=8, **options)
    first = initial_weights(LINE, np.ones((3, 2)), seed=1)
    return train(model, EXAMPLES, EXAMPLES, settings, start(first, settings))


def test_robustness_is_shortfall_and_single_shot_variance():
    distributions = jnp.array([[0.75, 0.25], [0.5, 0.5]])
    options = TrainingOptions(margin=0.6, variance_penalty=2.0)
    found = shot_robustness(distributions, jnp.array([1.0, -1.0]), jnp.array([1.0, 0.0]), options)
    # scores 0.5 and 0: shortfalls 0.1 and 0.6; variances 1 - 0.25 and 1
    assert found == pytest.approx((0.1**2 + 0.6**2) / 2 + 2.0 * (0.75 + 1.0) / 2)


@pytest.mark.slow
def test_calibrations_take_turns():
    mornings = [logical_model(LINE, Readout(p01)) for p01 in (0.01, 0.3)]
    first, both = trained(mornings[0]), trained(mornings)
    twice = trained([mornings[0], mornings[0]], margin=0.0)
    # turns between equal models change nothing, between different ones they do
    np.testing.assert_allclose(twice.weights.quantum, first.weights.quantum, atol=1e-12)
    assert np.abs(both.weights.quantum - first.weights.quantum).max() > 1e-4
    with pytest.raises(ConfigurationError, match="at least one model"):
        trained([])


def test_options_that_are_off_leave_no_trace_and_wrong_ones_are_refused():
    assert not {"margin", "variance_penalty"} & set(TrainingOptions().to_json())
    assert TrainingOptions(margin=0.2).to_json()["margin"] == 0.2
    with pytest.raises(UsageError, match="variance_penalty should be finite and at least 0"):
        TrainingOptions(variance_penalty=-1.0)
