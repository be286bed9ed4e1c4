"""The exact engine under qiskit-machine-learning's interface."""

import numpy as np
import pytest
from qiskit_machine_learning.algorithms import NeuralNetworkClassifier
from qiskit_machine_learning.optimizers import L_BFGS_B

from circuits.errors import CircuitsError
from circuits.exact.logical import logical_model
from circuits.zoo.registry import architecture
from qrnn_hw.errors import UsageError
from qrnn_hw.neural_network import ExactNeuralNetwork

STEPS = (1e-6, -1e-6)
PARITY = np.array([1.0, -1.0, -1.0, 1.0])


@pytest.fixture(scope="module")
def model():
    return logical_model(architecture("dynamic-line"))


@pytest.fixture(scope="module")
def network(model):
    return ExactNeuralNetwork(model, 2, input_gradients=True)


def test_forward_gives_distributions_of_any_batch_shape(network):
    rng = np.random.default_rng(0)
    weights, rows = rng.normal(size=18), rng.normal(size=(2, 2, 8))
    outputs = network.forward(rows, weights)
    assert outputs.shape == (2, 2, 4)
    np.testing.assert_allclose(outputs.sum(-1), 1, atol=1e-12)
    again = network.forward(rows[::-1, 1], weights)
    np.testing.assert_allclose(again, outputs[::-1, 1], atol=1e-14)


def test_backward_gives_each_rows_own_jacobians(network):
    rng = np.random.default_rng(1)
    weights, rows = rng.normal(size=18), rng.normal(size=(4, 8))
    by_input, by_weight = network.backward(rows, weights)
    assert by_input.shape == (4, 4, 8)
    assert by_weight.shape == (4, 4, 18)
    moved, turned = rng.normal(size=rows.shape), rng.normal(size=18)
    for jacobian, ends in (
        (np.einsum("bki,bi->bk", by_input, moved), [(rows + s * moved, weights) for s in STEPS]),
        (by_weight @ turned, [(rows, weights + s * turned) for s in STEPS]),
    ):
        high, low = (network.forward(*end) for end in ends)
        np.testing.assert_allclose(jacobian, (high - low) / 2e-6, atol=1e-8)


def test_the_librarys_classifier_trains_it(model):
    rng = np.random.default_rng(2)
    rows = rng.normal(size=(40, 4))
    labels = np.sign(rows[:, 0])
    classifier = NeuralNetworkClassifier(
        ExactNeuralNetwork(model, 1, scores=PARITY),
        optimizer=L_BFGS_B(maxiter=25),
        initial_point=rng.normal(0, 0.3, 18),
    )
    classifier.fit(rows, labels)
    assert classifier.score(rows, labels) > 0.85


def test_torchs_connector_takes_it(model):
    torch = pytest.importorskip("torch")
    from qiskit_machine_learning.connectors import TorchConnector

    network = ExactNeuralNetwork(model, 1, input_gradients=True)
    layer = TorchConnector(network, initial_weights=np.full(18, 0.2))
    rows = torch.full((2, 4), 0.3, dtype=torch.float64, requires_grad=True)
    layer(rows).pow(2).sum().backward()
    point, weights = np.full((2, 4), 0.3), np.full(18, 0.2)
    outputs = 2 * network.forward(point, weights)
    for found, jacobian in zip(
        (rows.grad, layer.weight.grad), network.backward(point, weights), strict=True
    ):
        expected = np.einsum("bk,bk...->b...", outputs, jacobian)
        expected = expected if found.ndim == 2 else expected.sum(0)
        assert np.abs(expected).max() > 1e-3
        np.testing.assert_allclose(found.numpy(), expected, atol=1e-5)  # torch's single precision


def test_wrong_scores_or_missing_inputs_are_refused(model):
    with pytest.raises(UsageError, match=r"shape \(4,\), one for each outcome. Got \(3,\)"):
        ExactNeuralNetwork(model, 1, scores=np.zeros(3))
    for steps in (0, 1.5, True):
        with pytest.raises(CircuitsError, match=f"at least 1. Got {steps}"):
            ExactNeuralNetwork(model, steps)
    with pytest.raises(UsageError, match="should be finite"):
        ExactNeuralNetwork(model, 1).forward(np.full(4, np.nan), np.zeros(18))
    with pytest.raises(UsageError, match="both inputs and weights"):
        ExactNeuralNetwork(model, 1).forward(None, np.zeros(18))
