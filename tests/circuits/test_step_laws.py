"""The law of every step's bits: against whole circuits, differences, and Aer's counts."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from qiskit_aer import AerSimulator

import circuits
from calibration.library import snapshot
from calibration.noise import DeviceNoise
from circuits.definition import Architecture
from circuits.errors import CircuitsError
from circuits.exact.logical import logical_model
from circuits.exact.step_laws import step_laws
from circuits.layers.cells import Entangle, Rotations
from circuits.layers.encoders import RotationEncoding
from circuits.layers.feedback import ConditionalRotation, Measure
from jobs.transpile.isa import transpile_step
from jobs.transpile.lifted_step import circuit_distribution, sequence_model

KEPT = Architecture(  # nothing is reset: the step does not compile
    name="kept",
    n_qubits=2,
    n_features=1,
    encoder=(RotationEncoding(((0, "y", 0, 1.0),)),),
    cell=(
        Entangle(((0, 1),)),
        Rotations((0, 1), "y"),
        Measure((1,)),
        ConditionalRotation(bit=0, wire=0, axes="y"),
    ),
    readout=(0, 1),
    n_bits=1,
    modes=("sampled",),
    mode="sampled",
)
HYBRID = {"mode": "sampled", "n_qubits": 2, "n_layers": 1, "n_bits": 1}


def numbers(model, lengths, seed=0):
    rng = np.random.default_rng(seed)
    weights = rng.uniform(-1, 1, model.n_weights)
    features = rng.uniform(0.1, 1.5, (len(lengths), max(lengths), model.n_features))
    return jnp.asarray(weights), jnp.asarray(features), jnp.asarray(lengths)


def test_under_a_machines_noise_they_are_the_marginals_of_the_whole_circuit():
    transpiled = transpile_step(
        circuits.architecture("dynamic-line"), snapshot("fake_boston"), seed=7
    )
    noise = DeviceNoise(transpiled.snapshot)
    model = sequence_model(transpiled, noise)
    weights, features, lengths = numbers(model, [3, 1])
    laws, outcome = step_laws(model, weights, features, lengths)
    unrolled = transpiled.unroll(3)
    values = dict(zip(unrolled.inputs.ravel(), np.ravel(features[0]), strict=True))
    values |= dict(zip(unrolled.weights, np.asarray(weights), strict=True))
    circuit = unrolled.circuit.assign_parameters(values)
    for step in range(3):
        own = next(r for r in circuit.cregs if r.name == f"m{step}")
        keep = [circuit.find_bit(bit).index for bit in own]
        whole = circuit_distribution(circuit, noise, keep)
        np.testing.assert_allclose(laws[0, step], whole, atol=1e-12)
    np.testing.assert_array_equal(laws[1, 1:], 0)  # it has ended
    expected = model.distributions(weights, features, lengths)
    np.testing.assert_allclose(outcome, expected, atol=1e-14)


@pytest.mark.parametrize(
    "architecture",
    [
        pytest.param(circuits.architecture("dynamic-line"), marks=pytest.mark.slow),
        KEPT,
        circuits.architecture("hybrid", **HYBRID),
    ],
    ids=lambda one: one.name,
)
def test_each_way_through_time_gives_what_a_simulator_counts(architecture):
    model, shots = logical_model(architecture), 20_000
    weights, features, lengths = numbers(model, [3, 2], seed=4)
    laws, outcome = step_laws(model, weights, features, lengths)
    np.testing.assert_allclose(laws.sum(-1), [[1, 1, 1], [1, 1, 0]], atol=1e-12)
    for row, length in enumerate((3, 2)):
        unrolled = circuits.unroll(architecture, length)
        bound = unrolled.bind(np.asarray(features[row, :length]), np.asarray(weights))
        counts = AerSimulator(seed_simulator=2).run(bound, shots=shots).result().get_counts()
        found = {"out": np.zeros(outcome.shape[1])}
        found |= {f"m{step}": np.zeros(laws.shape[2]) for step in range(length)}
        names = [register.name for register in reversed(bound.cregs)]
        for key, count in counts.items():
            for name, value in zip(names, key.split(" "), strict=True):
                found[name][int(value, 2)] += count / shots
        np.testing.assert_allclose(outcome[row], found.pop("out"), atol=0.02)
        for step in range(length):
            np.testing.assert_allclose(laws[row, step], found[f"m{step}"], atol=0.02)


@pytest.mark.parametrize(
    "architecture",
    [circuits.architecture("dynamic-line"), pytest.param(KEPT, marks=pytest.mark.slow)],
    ids=lambda one: one.name,
)
def test_their_gradients_are_those_of_differences(architecture):
    model = logical_model(architecture)
    weights, features, lengths = numbers(model, [3, 2], seed=1)
    rng = np.random.default_rng(3)
    chosen = rng.normal(size=(2, 3, 2**architecture.n_bits))

    @jax.jit
    def value(weights, features):
        laws, outcome = step_laws(model, weights, features, lengths)
        return jnp.sum(laws * chosen) + jnp.sum(outcome[:, 0])

    slopes = jax.grad(value, (0, 1))(weights, features)
    moves = rng.normal(size=weights.shape), rng.normal(size=features.shape)
    ends = [
        value(*(one + h * move for one, move in zip((weights, features), moves, strict=True)))
        for h in (1e-6, -1e-6)
    ]
    expected = sum(float((slope * move).sum()) for slope, move in zip(slopes, moves, strict=True))
    assert float(ends[0] - ends[1]) / 2e-6 == pytest.approx(expected, abs=1e-7)


def test_a_model_without_bits_in_its_steps_has_none():
    model = logical_model(replace(KEPT, cell=KEPT.cell[:2], n_bits=0))
    with pytest.raises(CircuitsError, match="measures within its steps"):
        step_laws(model, *numbers(model, [2]))
