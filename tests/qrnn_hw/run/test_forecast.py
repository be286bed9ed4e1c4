"""Forecast distributions are those of the circuits that a stack would run."""

import jax.numpy as jnp
import numpy as np

import circuits
from calibration.library import snapshot
from calibration.noise import DeviceNoise
from jobs.exact import circuit_distribution
from jobs.isa import transpile_step
from qrnn_hw.mitigation.folding import fold
from qrnn_hw.mitigation.labels import all_masks
from qrnn_hw.mitigation.relabel import relabel
from qrnn_hw.networks.classifier import Examples, Weights
from qrnn_hw.run.forecast import exact_outcomes, fed_forward_readout

ARCHITECTURE = circuits.architecture("dynamic-line")
TRANSPILED = transpile_step(ARCHITECTURE, snapshot("fake_boston"), seed=7)
NOISE = DeviceNoise(TRANSPILED.snapshot)
N_OUT = len(ARCHITECTURE.readout)


def problem():
    generator = np.random.default_rng(4)
    weights = Weights(
        projection=jnp.asarray(generator.normal(size=(3, ARCHITECTURE.n_features))),
        offset=jnp.zeros(ARCHITECTURE.n_features),
        quantum=jnp.asarray(generator.uniform(-2, 2, ARCHITECTURE.n_weights)),
        decision=jnp.ones(2**N_OUT),
    )
    vectors = generator.normal(size=(1, 1, 3))
    examples = Examples(vectors, np.array([1]), np.array([1]))
    features = np.pi * np.tanh(vectors[0] @ np.asarray(weights.projection))
    return weights, examples, TRANSPILED.unroll(1).bind(features, np.asarray(weights.quantum))


def out_distribution(circuit):
    (out,) = (register for register in circuit.cregs if register.name == "out")
    return circuit_distribution(circuit, NOISE, [circuit.find_bit(bit).index for bit in out])


def test_folding_the_step_is_folding_the_circuit():
    weights, examples, bound = problem()
    found = exact_outcomes(TRANSPILED, NOISE, weights, examples)(3, 1)
    np.testing.assert_allclose(found[0], out_distribution(fold(bound, 3)), rtol=0, atol=1e-12)


def test_exponents_of_the_confusion_are_signed_relabellings():
    weights, examples, bound = problem()
    outcomes = exact_outcomes(TRANSPILED, NOISE, weights, examples)
    fed_forward = fed_forward_readout(TRANSPILED, NOISE, 1)
    for exponent in (0, 3):
        mixture = all_masks(fed_forward, exponent - 1)
        expected = sum(
            weight * out_distribution(relabel(bound, mask))
            for mask, weight in zip(mixture.masks, mixture.weights, strict=True)
        )
        np.testing.assert_allclose(outcomes(1, exponent)[0], expected, rtol=0, atol=1e-12)
        assert np.abs(outcomes(1, exponent) - outcomes(1, 1)).max() > 1e-7
