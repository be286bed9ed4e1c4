"""The compiled recurrent engine against the evolution of the whole unrolled circuit."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import circuits
from circuits.errors import CircuitsError
from circuits.exact.evolve import distribution
from circuits.exact.lift import lift
from circuits.exact.logical import logical_model


@pytest.mark.parametrize("name", ["dynamic-line", "stacked-3-minimal"])
def test_scanning_the_step_equals_evolving_the_unrolled_circuit(name):
    architecture = circuits.architecture(name)
    rng = np.random.default_rng(11)
    lengths = np.array([1, 3, 2])
    features = rng.uniform(-2, 2, (3, 3, architecture.n_features))
    weights = rng.uniform(-2, 2, architecture.n_weights)
    scanned = logical_model(architecture).distributions(
        jnp.asarray(weights), jnp.asarray(features), jnp.asarray(lengths)
    )
    for row, length in enumerate(lengths):
        unrolled = circuits.unroll(architecture, int(length))
        bound = unrolled.bind(features[row, :length], weights)
        (out,) = (r for r in bound.cregs if r.name == "out")
        keep = [bound.find_bit(bit).index for bit in out]
        whole = distribution(lift(bound), jnp.zeros(0), keep)
        np.testing.assert_allclose(scanned[row], whole, atol=1e-12)


def test_a_model_that_is_not_one_step_repeated_is_refused():
    for mode in ("expectation", "sampled"):
        with pytest.raises(CircuitsError, match=f"Got v1 in {mode} mode"):
            logical_model(circuits.architecture("v1", mode=mode))


def test_a_step_with_fresh_data_qubits_is_compiled():
    assert logical_model(circuits.architecture("dynamic-line")).split is not None
    assert logical_model(circuits.architecture("stacked-3-minimal")).split is None


@pytest.mark.parametrize("name", ["dynamic-line", "stacked-3-minimal"])
def test_gradients_equal_finite_differences(name):
    architecture = circuits.architecture(name)
    model = logical_model(architecture)
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
