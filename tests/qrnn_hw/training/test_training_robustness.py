"""Training for few shots and for several calibrations."""

import jax.numpy as jnp
import numpy as np
import pytest

from circuits.exact.logical import logical_model
from circuits.zoo.registry import architecture
from qrnn_hw.data.sequences import Sequences
from qrnn_hw.data.target import TWO_CLASSES, Classes, Numbers
from qrnn_hw.errors import ConfigurationError, UsageError
from qrnn_hw.networks.network import network_of
from qrnn_hw.training import losses
from qrnn_hw.training.adam import Adam
from qrnn_hw.training.losses import shot_robustness
from qrnn_hw.training.options import TrainingOptions
from qrnn_hw.training.trainer import start, train

LINE = architecture("dynamic-line")
ROWS = np.random.default_rng(0).normal(size=(24, 2, 3))
EXAMPLES = Sequences(ROWS, np.full(24, 2), (ROWS[:, 0, 0] > 0).astype(int))


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


def trained(models, **options):
    settings = TrainingOptions(epochs=1, batch_size=8, **options)
    network, readers = network_of(LINE, 3), [model.distributions for model in models]
    stepper = Adam(network, [EXAMPLES], [EXAMPLES], settings, [0], readers=readers)
    state = start(stepper, [network.initial(1, np.ones((3, 2)))])
    return train(stepper, settings, state).parameters["circuit"]


def test_robustness_is_shortfall_and_single_shot_variance_in_units_of_a_sure_score():
    distributions = jnp.array([[0.75, 0.25], [0.5, 0.5]])
    options = TrainingOptions(margin=0.6, variance_penalty=2.0)
    labels = jnp.array([1.0, 0.0])
    # scores 0.5 and 0: shortfalls 0.1 and 0.6; variances 1 - 0.25 and 1
    expected = (0.1**2 + 0.6**2) / 2 + 2.0 * (0.75 + 1.0) / 2
    for scale in (1.0, 1.9, 0.02):  # a trained decision has any scale
        decision = scale * jnp.array([1.0, -1.0])
        found = shot_robustness(TWO_CLASSES, distributions, decision[:, None], labels, options)
        assert found == pytest.approx(expected)


def test_of_more_classes_every_other_class_is_a_rule_of_its_own():
    target, options = Classes(("a", "b", "c")), TrainingOptions(margin=0.5, variance_penalty=3.0)
    rng = np.random.default_rng(2)
    p, r, labels = rng.dirichlet(np.ones(4), 5), rng.normal(size=(4, 3)), np.array([0, 2, 1, 1, 0])
    shortfalls, variances = [], []
    for row, label in zip(p, labels, strict=True):
        for other in {0, 1, 2} - {label}:
            rule = (r[:, label] - r[:, other]) / np.abs(r[:, label] - r[:, other]).max()
            shortfalls.append(max(0.0, 0.5 - row @ rule) ** 2)
            variances.append(row @ (rule - row @ rule) ** 2)
    expected = np.mean(shortfalls) + 3.0 * np.mean(variances)
    assert shot_robustness(target, p, jnp.asarray(r), labels, options) == pytest.approx(expected)


def test_of_numbers_the_variance_of_a_shot_counts_and_no_margin():
    target, p = Numbers(("x",)), jnp.array([[0.75, 0.25], [0.5, 0.5]])
    options = TrainingOptions(variance_penalty=2.0)
    for low, high in ((0.0, 1.0), (-3.0, 40.0)):  # an outcome at either end of the range
        r = jnp.array([[low], [high]])
        found = shot_robustness(target, p, r, jnp.zeros((2, 1)), options)
        assert found == pytest.approx(2.0 * (0.75 + 1.0) / 2)
    with pytest.raises(UsageError, match="kept by the scores of classes. Got 0.1 for numbers"):
        losses.check_robustness(network_of(LINE, 2, target=target), TrainingOptions(margin=0.1))


@pytest.mark.slow
def test_calibrations_take_turns():
    mornings = [logical_model(LINE, Readout(p01)) for p01 in (0.01, 0.3)]
    first, both = trained(mornings[:1]), trained(mornings)
    twice = trained([mornings[0], mornings[0]], margin=0.0)
    # turns between equal models change nothing, between different ones they do
    np.testing.assert_allclose(twice, first, atol=1e-12)
    assert np.abs(both - first).max() > 1e-4
    with pytest.raises(ConfigurationError, match="at least one model"):
        trained([])


def test_options_that_are_off_leave_no_trace_and_wrong_ones_are_refused():
    assert not {"margin", "variance_penalty"} & set(TrainingOptions().to_json())
    assert TrainingOptions(margin=0.2).to_json()["margin"] == 0.2
    with pytest.raises(UsageError, match="variance_penalty should be finite and at least 0"):
        TrainingOptions(variance_penalty=-1.0)
