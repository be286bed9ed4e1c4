"""The compiled recurrent engine against the evolution of the whole unrolled circuit."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import circuits
from circuits.definition import Architecture
from circuits.errors import CircuitsError
from circuits.exact.evolve import distribution
from circuits.exact.lift import lift
from circuits.exact.logical import logical_model
from circuits.layers.cells import Entangle, Rotations
from circuits.layers.controllers import ControlledByBits
from circuits.layers.encoders import NormalisedAngleEncoding, RotationEncoding
from circuits.layers.feedback import Measure, Reset
from circuits.parametrised import normalised

# Encodes the direction of its features, and turns wire 2 by the two bits of the step before.
READS_PREVIOUS = Architecture(
    name="reads-previous",
    n_qubits=3,
    n_features=2,
    encoder=(Reset((0, 1)), NormalisedAngleEncoding((0, 1)), ControlledByBits(2, 2)),
    cell=(Entangle(((0, 2), (2, 1))), Rotations((0, 1, 2), "y")),
    after_cell=(Measure((0, 1)),),
    readout=(2, 1),
    n_bits=2,
    modes=("sampled",),
    mode="sampled",
)


def model(name):
    """Return a model as one circuit: sampled where it has that mode."""
    if name == READS_PREVIOUS.name:
        return READS_PREVIOUS
    has_modes = len(circuits.architecture(name).modes) > 1
    return circuits.architecture(name, **({"mode": "sampled"} if has_modes else {}))


@pytest.mark.parametrize(
    "name",
    [
        "dynamic-line",
        "stacked-3-minimal",
        "reads-previous",
        "adapted",
        pytest.param("hybrid", marks=pytest.mark.slow),
        pytest.param("v3a", marks=pytest.mark.slow),
        pytest.param("v4", marks=pytest.mark.slow),
    ],
)
def test_scanning_the_step_equals_evolving_the_unrolled_circuit(name):
    architecture = model(name)
    rng = np.random.default_rng(11)
    lengths = np.array([1, 3, 2])
    features = rng.uniform(-2, 2, (3, 3, architecture.n_features))
    features = normalised(features, architecture.vectors)
    weights = rng.uniform(-2, 2, architecture.n_weights)
    scanned = jax.jit(logical_model(architecture).distributions)(
        jnp.asarray(weights), jnp.asarray(features), jnp.asarray(lengths)
    )
    for row, length in enumerate(lengths):
        unrolled = circuits.unroll(architecture, int(length))
        bound = unrolled.bind(features[row, :length], weights)
        (out,) = (r for r in bound.cregs if r.name == "out")
        keep = [bound.find_bit(bit).index for bit in out]
        whole = distribution(lift(bound), jnp.zeros(0), keep)
        np.testing.assert_allclose(scanned[row], whole, atol=1e-12)


def test_a_model_in_rounds_is_refused():
    with pytest.raises(CircuitsError, match="Got v1 in expectation mode"):
        logical_model(circuits.architecture("v1"))


def test_padding_that_cannot_be_encoded_spoils_no_gradient():
    # The direction of a zero vector has no angle, and NaN times zero is NaN.
    scanned = logical_model(READS_PREVIOUS)
    rng = np.random.default_rng(5)
    features = jnp.asarray(rng.uniform(0.1, 2, (1, 3, 2))).at[:, 2].set(0.0)
    weights = jnp.asarray(rng.uniform(-2, 2, scanned.n_weights))

    def first(w, x):
        return scanned.distributions(w, x, jnp.array([2]))[0, 0]

    slopes = jax.jit(jax.grad(first, (0, 1)))
    of_weights, of_features = slopes(weights, features)
    wanted = slopes(weights, features.at[:, 2].set(1.0))  # encodable, and of no effect
    np.testing.assert_allclose(of_weights, wanted[0], atol=1e-14)
    np.testing.assert_allclose(of_features[:, :2], wanted[1][:, :2], atol=1e-14)
    assert not of_features[:, 2].any()
    assert abs(of_weights).max() > 1e-2


def test_a_step_with_fresh_data_qubits_is_compiled():
    assert logical_model(circuits.architecture("dynamic-line")).split is not None
    assert logical_model(circuits.architecture("stacked-3-minimal")).split is None


@pytest.mark.parametrize(
    "name",
    [
        "dynamic-line",
        pytest.param("stacked-3-minimal", marks=pytest.mark.slow),
        "reads-previous",
    ],
)
def test_gradients_equal_finite_differences(name):
    architecture = model(name)
    scanned = logical_model(architecture)
    rng = np.random.default_rng(2)
    features = jnp.asarray(rng.uniform(-2, 2, (2, 3, architecture.n_features)))
    weights = jnp.asarray(rng.uniform(-2, 2, architecture.n_weights))
    lengths = jnp.array([3, 2])

    def loss(w, x):
        return jnp.sum(scanned.distributions(w, x, lengths)[:, 0] ** 2)

    both = jax.jit(jax.value_and_grad(loss, (0, 1)))
    _, (by_weight, by_feature) = both(weights, features)

    def value(w, x):
        return both(w, x)[0]

    direction = rng.normal(size=weights.shape)
    slope = (
        value(weights + 1e-6 * direction, features) - value(weights - 1e-6 * direction, features)
    ) / 2e-6
    assert float(by_weight @ direction) == pytest.approx(float(slope), abs=1e-7)
    moved = rng.normal(size=features.shape)
    slope = (
        value(weights, features + 1e-6 * moved) - value(weights, features - 1e-6 * moved)
    ) / 2e-6
    assert float((by_feature * moved).sum()) == pytest.approx(float(slope), abs=1e-7)
    # the second sequence ends after two steps: its third has no influence
    assert jnp.abs(by_feature[1, 2]).max() == 0


def test_batches_in_parts_give_the_same_values_and_gradients(monkeypatch):
    encoder = RotationEncoding(((0, "y", 0, 1.0), (1, "x", 1, 1.0)))
    cell = (Entangle(((0, 1),)), Rotations((0, 1), "y"))
    engine = logical_model(Architecture("tiny", 2, 2, (encoder,), cell, readout=(0, 1)))
    rng = np.random.default_rng(8)
    weights = rng.normal(size=engine.n_weights)
    features, lengths = rng.normal(size=(5, 2, engine.n_features)), np.array([2, 1, 2, 2, 1])
    chosen = rng.normal(size=(5, engine.n_outcomes))

    def value(weights, features):
        return jnp.sum(engine.distributions(weights, features, lengths) * chosen)

    assert engine._at_once(2) > 1000
    whole = jax.jit(jax.value_and_grad(value, (0, 1)))(weights, features)
    monkeypatch.setattr("circuits.exact.sequence.PART_BYTES", 2 * 8 * 4**2 * 18)
    assert engine._at_once(2) == 2
    parts = jax.jit(jax.value_and_grad(value, (0, 1)))(weights, features)
    for one, other in zip(jax.tree.leaves(whole), jax.tree.leaves(parts), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-13)


def test_shapes_that_do_not_fit_and_states_that_are_too_large_are_refused():
    model = logical_model(circuits.architecture("dynamic-line"))
    weights, features, lengths = np.zeros(18), np.zeros((3, 2, 4)), np.full(3, 2)
    for wrong, said in (
        ((weights[:5], features, lengths), r"weights should have shape \(18,\)\. Got \(5,\)"),
        ((weights, features[..., :3], lengths), r"shape \(batch, T, 4\).* Got \(3, 2, 3\)"),
        ((weights, features[:, :0], lengths), r"T at least 1\. Got \(3, 0, 4\)"),
        ((weights, features, lengths[:1]), r"lengths should have shape \(3,\)\. Got \(1,\)"),
    ):
        with pytest.raises(CircuitsError, match=said):
            model.distributions(*wrong)
    for bits in ([5], [1, 1]):
        with pytest.raises(CircuitsError, match=r"distinct and among the program's 2\. Got \[\d"):
            distribution(model.step, np.zeros(22), bits)
    for wrong in (np.zeros(21), np.zeros((1, 22)), 0.5):
        with pytest.raises(CircuitsError, match=r"parameters should have shape \(22,\)\. Got"):
            distribution(model.step, wrong, [0])
    wide = circuits.architecture("hybrid", n_qubits=14, n_bits=2, mode="sampled")
    large = logical_model(wide)
    with pytest.raises(CircuitsError, match=r"at most 4 GiB\. Got 14 qubits"):
        large.distributions(np.zeros(0), np.zeros((1, 2, wide.n_features)), np.full(1, 2))
