"""The compiled recurrent engine against the evolution of the whole unrolled circuit."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from qiskit.circuit import ClassicalRegister, ParameterVector, QuantumCircuit

import circuits
from circuits.exact.evolve import distribution
from circuits.exact.lift import lift
from circuits.exact.sequence import SequenceModel
from circuits.unrolled import append_closing, append_step


def model_of(architecture) -> SequenceModel:
    features = ParameterVector("x", architecture.n_features)
    weights = ParameterVector("w", architecture.n_weights)
    step = QuantumCircuit(architecture.n_qubits)
    bits = ()
    if architecture.n_bits:
        step.add_register(ClassicalRegister(architecture.n_bits, "m"))
        bits = step.clbits
    append_step(step, architecture, list(features), list(weights), bits)
    closing = QuantumCircuit(architecture.n_qubits)
    append_closing(closing, architecture, list(weights))
    return SequenceModel(
        lift(step, [*features, *weights]),
        lift(closing, list(weights)),
        architecture.n_features,
        architecture.n_weights,
        architecture.data_qubits,
        tuple(range(len(architecture.readout))),
    )


@pytest.mark.parametrize("name", ["dynamic-line", "stacked-3-minimal"])
def test_scanning_the_step_equals_evolving_the_unrolled_circuit(name):
    architecture = circuits.architecture(name)
    rng = np.random.default_rng(11)
    lengths = np.array([1, 3, 2])
    features = rng.uniform(-2, 2, (3, 3, architecture.n_features))
    weights = rng.uniform(-2, 2, architecture.n_weights)
    scanned = model_of(architecture).distributions(
        jnp.asarray(weights), jnp.asarray(features), jnp.asarray(lengths)
    )
    for row, length in enumerate(lengths):
        unrolled = circuits.unroll(architecture, int(length))
        bound = unrolled.bind(features[row, :length], weights)
        (out,) = (r for r in bound.cregs if r.name == "out")
        keep = [bound.find_bit(bit).index for bit in out]
        whole = distribution(lift(bound), jnp.zeros(0), keep)
        np.testing.assert_allclose(scanned[row], whole, atol=1e-12)


def test_a_step_with_fresh_data_qubits_is_compiled():
    assert model_of(circuits.architecture("dynamic-line")).split is not None
    assert model_of(circuits.architecture("stacked-3-minimal")).split is None


@pytest.mark.parametrize("name", ["dynamic-line", "stacked-3-minimal"])
def test_gradients_equal_finite_differences(name):
    architecture = circuits.architecture(name)
    model = model_of(architecture)
    rng = np.random.default_rng(2)
    features = jnp.asarray(rng.uniform(-2, 2, (2, 3, architecture.n_features)))
    weights = jnp.asarray(rng.uniform(-2, 2, architecture.n_weights))
    lengths = jnp.array([3, 2])

    def loss(w, x):
        return jnp.sum(model.distributions(w, x, lengths)[:, 0] ** 2)

    by_weight, by_feature = jax.jit(jax.grad(loss, (0, 1)))(weights, features)
    direction = rng.normal(size=weights.shape)
    slope = (
        loss(weights + 1e-6 * direction, features) - loss(weights - 1e-6 * direction, features)
    ) / 2e-6
    assert float(by_weight @ direction) == pytest.approx(float(slope), abs=1e-7)
    moved = rng.normal(size=features.shape)
    slope = (loss(weights, features + 1e-6 * moved) - loss(weights, features - 1e-6 * moved)) / 2e-6
    assert float((by_feature * moved).sum()) == pytest.approx(float(slope), abs=1e-7)
    # the second sequence ends after two steps: its third has no influence
    assert jnp.abs(by_feature[1, 2]).max() == 0
