"""Forecast distributions are those of the circuits that a stack would run."""

from datetime import UTC, datetime

import numpy as np

import circuits
from calibration.library import snapshot
from calibration.noise import DeviceNoise, NoiseScale
from jobs.transpile.isa import transpile_step
from jobs.transpile.lifted_step import circuit_distribution
from qrnn_hw.experiment.forecast import (
    at_level,
    exact_outcomes,
    fed_forward_readout,
    measured_noise_level,
)
from qrnn_hw.mitigation.folding import fold
from qrnn_hw.mitigation.labels import all_masks
from qrnn_hw.mitigation.readout import correct_distribution, read_distribution
from qrnn_hw.mitigation.readout_calibration import ReadoutCalibration
from qrnn_hw.mitigation.relabel import relabel
from qrnn_hw.networks.encoded import Encoded

ARCHITECTURE = circuits.architecture("dynamic-line")
TRANSPILED = transpile_step(ARCHITECTURE, snapshot("fake_boston"), seed=7)
NOISE = DeviceNoise(TRANSPILED.snapshot)
N_OUT = len(ARCHITECTURE.readout)


def final(p01, p10):
    """Return a calibration of the final bits."""
    rates = ((p01,) * N_OUT, (p10,) * N_OUT)
    return ReadoutCalibration(*rates, (0.0,) * N_OUT, (0.0,) * N_OUT, datetime.now(UTC))


def reported():
    """Return the final readout errors that the machine reports."""
    slots = [one for one in TRANSPILED.closing.data if one.operation.name.startswith("measure")]
    matrices = [
        NOISE.readout(one.operation.name, TRANSPILED.closing.find_bit(one.qubits[0]).index)
        for one in slots
    ]
    return ReadoutCalibration(
        tuple(matrix[0, 1] for matrix in matrices),
        tuple(matrix[1, 0] for matrix in matrices),
        (0.0,) * N_OUT,
        (0.0,) * N_OUT,
        datetime.now(UTC),
    )


def problem():
    generator = np.random.default_rng(4)
    circuit = generator.uniform(-2, 2, ARCHITECTURE.n_weights)
    features = generator.uniform(-3, 3, (1, 1, ARCHITECTURE.n_features))
    encoded = Encoded(circuit, features, np.array([1]))
    return encoded, TRANSPILED.unroll(1).bind(features[0], circuit)


def out_distribution(circuit):
    (out,) = (register for register in circuit.cregs if register.name == "out")
    return circuit_distribution(circuit, NOISE, [circuit.find_bit(bit).index for bit in out])


def test_folding_the_step_is_folding_the_circuit():
    encoded, bound = problem()
    found = exact_outcomes(TRANSPILED, NOISE, encoded, reported())(3, 1)
    np.testing.assert_allclose(found[0], out_distribution(fold(bound, 3)), rtol=0, atol=1e-12)


def test_exponents_of_the_confusion_are_signed_relabellings():
    encoded, bound = problem()
    outcomes = exact_outcomes(TRANSPILED, NOISE, encoded, reported())
    fed_forward = fed_forward_readout(TRANSPILED, NOISE, 1)
    for exponent in (0, 3):
        mixture = all_masks(fed_forward, exponent - 1)
        expected = sum(
            weight * out_distribution(relabel(bound, mask))
            for mask, weight in zip(mixture.masks, mixture.weights, strict=True)
        )
        np.testing.assert_allclose(outcomes(1, exponent)[0], expected, rtol=0, atol=1e-12)
        assert np.abs(outcomes(1, exponent) - outcomes(1, 1)).max() > 1e-7


def test_final_bits_are_read_with_the_rates_of_the_calibration():
    encoded, bound = problem()
    found = exact_outcomes(TRANSPILED, NOISE, encoded, final(0.2, 0.1))(1, 1)[0]
    as_reported = correct_distribution(out_distribution(bound), reported())
    expected = read_distribution(as_reported, final(0.2, 0.1))
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)


def test_a_level_leaves_the_readout_of_every_measurement():
    worse = at_level(NOISE, 2)
    measured = [
        (one.operation.name, TRANSPILED.step.find_bit(one.qubits[0]).index)
        for one in TRANSPILED.step.data
        if one.operation.name.startswith("measure")
    ]
    assert measured
    for name, qubit in measured:
        np.testing.assert_array_equal(worse.readout(name, qubit), NOISE.readout(name, qubit))
    assert np.abs(worse.idle(0, 1e-6) - NOISE.idle(0, 1e-6)).max() > 1e-4


def test_the_level_of_gates_and_idling_is_found_under_the_measured_final_readout():
    encoded, _ = problem()
    worse = NOISE.scaled(NoiseScale(gate=2, idle=2, reset=2))
    read = exact_outcomes(TRANSPILED, worse, encoded, final(0.2, 0.1))(1, 1)
    level = measured_noise_level(
        TRANSPILED, NOISE, encoded, {1: np.round(read * 10**9)}, final(0.2, 0.1)
    )
    assert abs(level.factor - 2) < 0.01
