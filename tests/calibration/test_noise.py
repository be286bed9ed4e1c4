"""One noise for two engines: channels against Aer's own device model."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit.quantum_info import SuperOp, average_gate_fidelity, random_quantum_channel
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel, thermal_relaxation_error

from calibration.errors import CalibrationError
from calibration.library import fake_backend, snapshot
from calibration.noise import DeviceNoise, NoiseScale, kraus_of
from calibration.readout import readout_circuits

QUBITS = [35, 19, 15, 14]


@pytest.fixture(scope="module")
def noise() -> DeviceNoise:
    return DeviceNoise(snapshot("fake_boston").restrict(QUBITS))


def test_gate_channels_equal_aers_device_model(noise):
    device = NoiseModel.from_backend(fake_backend("fake_boston"), readout_error=False)
    for name, qubits in (("cz", (0, 1)), ("cz", (2, 1)), ("sx", (3,)), ("x", (0,))):
        physical = tuple(QUBITS[q] for q in qubits)
        reference = SuperOp(device._local_quantum_errors[name][physical]).data
        np.testing.assert_allclose(noise.channel(name, qubits), reference, atol=1e-12)
    assert noise.channel("rz", (0,)) is None


def test_gate_channels_have_the_reported_fidelity(noise):
    for name, qubits in (("cz", (0, 1)), ("sx", (2,))):
        fidelity = average_gate_fidelity(SuperOp(noise.channel(name, qubits)))
        assert 1 - fidelity == pytest.approx(noise.snapshot.record(name, qubits).error, rel=1e-6)


def test_idling_is_thermal_relaxation_and_composes(noise):
    qubit = noise.snapshot.qubits[1]
    t1, t2 = qubit.t1_seconds, min(qubit.t2_seconds, 2 * qubit.t1_seconds)
    expected = SuperOp(thermal_relaxation_error(t1, t2, 2e-6)).data
    np.testing.assert_allclose(noise.idle(1, 2e-6), expected, atol=1e-14)
    twice = noise.idle(1, 1e-6) @ noise.idle(1, 1e-6)
    np.testing.assert_allclose(twice, expected, atol=1e-12)
    assert noise.idle(1, 0.0) is None


def test_readout_errors_are_the_two_reported_ones(noise):
    record = noise.snapshot.record("measure", (0,))
    confusion = noise.readout("measure", 0)
    assert confusion[0, 1] == record.p01
    assert confusion[1, 0] == record.p10
    np.testing.assert_allclose(confusion.sum(axis=1), 1)
    with pytest.raises(CalibrationError, match="measure_9"):
        noise.readout("measure_9", 0)


# Qubits that the recorded device reads worse than a coin: P(read 1 | 0) and P(read 0 | 1).
WORSE_THAN_A_COIN = {
    6: (0.50439453125, 0.01025390625),
    84: (1.0, 0.0),
    92: (0.0126953125, 0.66845703125),
}


def test_readout_errors_above_one_half_reach_the_model_as_reported():
    device = DeviceNoise(snapshot("fake_sherbrooke"))
    for qubit, (p01, p10) in WORSE_THAN_A_COIN.items():
        by_hand = [[1 - p01, p01], [p10, 1 - p10]]
        np.testing.assert_array_equal(device.readout("measure", qubit), by_hand)


@settings(max_examples=50)
@given(scale=st.floats(0, 100))
def test_scaled_readout_errors_stop_at_a_coin_or_at_what_was_reported(scale):
    device = DeviceNoise(snapshot("fake_sherbrooke").restrict([92, 0]), NoiseScale(readout=scale))
    for qubit in (0, 1):
        record = device.snapshot.record("measure", (qubit,))
        confusion = device.readout("measure", qubit)
        for found, reported in ((confusion[0, 1], record.p01), (confusion[1, 0], record.p10)):
            assert found == pytest.approx(min(scale * reported, max(0.5, reported)))


def test_shots_of_a_qubit_that_reads_worse_than_a_coin_follow_the_matrix():
    device = DeviceNoise(snapshot("fake_sherbrooke").restrict([92, 6]), NoiseScale(gate=0, idle=0))
    for circuit, column in zip(readout_circuits(2, [0, 1]), (0, 1), strict=True):
        counts = AerSimulator(noise_model=device.aer_model(), seed_simulator=1).run(
            circuit, shots=20_000
        )
        counts = counts.result().get_counts()
        for bit, qubit in enumerate((92, 6)):
            ones = sum(n for text, n in counts.items() if text[::-1][bit] == "1") / 20_000
            p01, p10 = WORSE_THAN_A_COIN[qubit]
            assert ones == pytest.approx((p01, 1 - p10)[column], abs=0.015)


def test_aer_gets_the_very_same_channels(noise):
    model = noise.aer_model()
    for name, qubits in (("cz", (0, 1)), ("sx", (3,))):
        error = SuperOp(model._local_quantum_errors[name][qubits]).data
        np.testing.assert_allclose(error, noise.channel(name, qubits), atol=1e-13)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000), strength=st.floats(1e-9, 1.0))
def test_kraus_operators_keep_the_smallest_terms(seed, strength):
    random = SuperOp(random_quantum_channel((4,), (4,), seed=seed)).data
    channel = (1 - strength) * np.eye(16) + strength * random
    operators = kraus_of(channel)
    rebuilt = sum(np.kron(k.conj(), k) for k in operators)
    np.testing.assert_allclose(rebuilt, channel, atol=1e-13)


def test_scales_act_on_their_own_source_only(noise):
    ideal_gates = noise.scaled(NoiseScale(gate=0))
    assert ideal_gates.channel("cz", (0, 1)) is None
    assert ideal_gates.idle(0, 1e-6) is not None
    assert noise.scaled(NoiseScale(idle=0)).idle(0, 1e-6) is None
    np.testing.assert_array_equal(
        noise.scaled(NoiseScale(readout=0)).readout("measure", 0), np.eye(2)
    )
    doubled = noise.scaled(NoiseScale(readout=2)).readout("measure", 0)
    assert doubled[1, 0] == 2 * noise.readout("measure", 0)[1, 0]
    worse = noise.scaled(NoiseScale(gate=2)).channel("cz", (0, 1))
    infidelity = 1 - average_gate_fidelity(SuperOp(worse))
    assert infidelity == pytest.approx(2 * noise.snapshot.record("cz", (0, 1)).error, rel=1e-6)
    with pytest.raises(CalibrationError, match="at least 0"):
        NoiseScale(gate=-1)


def test_readout_circuits_show_the_readout_errors(noise):
    zeros, ones = readout_circuits(4, (0, 3))
    simulator = AerSimulator(noise_model=noise.aer_model(), seed_simulator=5)
    shots = 40_000
    for circuit, name in ((zeros, "p01"), (ones, "p10")):
        counts = simulator.run(circuit, shots=shots).result().get_counts()
        for bit, qubit in enumerate((0, 3)):
            wrong = sum(n for key, n in counts.items() if (key[1 - bit] == "1") == (name == "p01"))
            expected = getattr(noise.snapshot.record("measure", (qubit,)), name)
            assert abs(wrong / shots - expected) < 5 * np.sqrt(expected / shots) + 4e-4
    with pytest.raises(CalibrationError, match="distinct and below 2"):
        readout_circuits(2, (0, 0))


@pytest.mark.parametrize("factor", [0.5, 30.0])
@pytest.mark.parametrize("backend", ["fake_boston", "fake_sherbrooke"])
def test_channels_are_those_of_aers_device_model(backend, factor):
    from qiskit.circuit import Gate
    from qiskit_aer.noise.device import basic_device_gate_errors

    part = snapshot(backend).restrict((0, 1, 2, 3))
    device = DeviceNoise(part).scaled(NoiseScale(gate=factor, idle=factor))
    records = tuple(
        replace(r, error=r.error and r.error * factor, seconds=r.seconds and r.seconds * factor)
        for r in part.instructions
    )
    target = replace(part, instructions=records).target()
    expected = {
        (name, tuple(qubits)): SuperOp(error).data
        for name, qubits, error in basic_device_gate_errors(target=target)
        if isinstance(target.operation_from_name(name), Gate)
    }
    assert expected
    for record in part.instructions:
        key = record.name, record.qubits
        if not record.name.startswith(("measure", "reset", "delay")):
            found = device.channel(*key)
            assert (found is None) == (key not in expected)
            if found is not None:
                assert np.abs(found - expected[key]).max() < 1e-13
    t1, t2 = part.qubits[1].t1_seconds, part.qubits[1].t2_seconds
    error = thermal_relaxation_error(t1, min(t2, 2 * t1), 3e-6 * factor)
    assert np.abs(device.idle(1, 3e-6) - SuperOp(error).data).max() < 1e-13


def test_a_qubit_that_keeps_nothing_and_a_gate_beyond_all_measure_have_channels_still():
    part = snapshot("fake_boston").restrict((0, 1))
    records = (replace(part.qubits[0], t1_seconds=0.0), part.qubits[1])
    dead = DeviceNoise(replace(part, qubits=records)).idle(0, 1e-6)
    assert np.array_equal(dead @ [0, 0.5, 0.5, 1], [1, 0, 0, 0])  # whatever it was, it is |0>
    far = DeviceNoise(part).scaled(NoiseScale(gate=1e7))
    for name, qubits in (("sx", (0,)), ("cz", (0, 1))):
        channel = far.channel(name, qubits)
        dim = 2 ** len(qubits)
        assert np.isfinite(channel).all()
        trace = np.eye(dim).ravel()
        np.testing.assert_allclose(trace @ channel, trace, atol=1e-12)
