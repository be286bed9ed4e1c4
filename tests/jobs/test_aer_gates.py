"""What Aer runs is what a circuit says: gates by their content, noise whatever the label."""

import numpy as np
import pytest
from qiskit.circuit import Parameter, QuantumCircuit
from qiskit.circuit.library import CXGate, HGate, PauliGate, RYGate, XGate

from calibration.library import snapshot
from calibration.noise import DeviceNoise, NoiseScale
from circuits.exact.evolve import distribution
from circuits.exact.lift import lift
from jobs.aer.executor import AerExecutor
from jobs.aer.recorded_device import RecordedDeviceExecutor
from jobs.aer.static_rows import exact_distribution
from jobs.errors import SpecError
from jobs.spec import JobSpec, Pub

SHOTS = 4000
NOISE = DeviceNoise(snapshot("fake_boston").restrict([35, 19]), NoiseScale(gate=50, readout=0))


def called(name, gate):
    inner = QuantumCircuit(1, name=name)
    inner.append(gate, [0])
    return inner.to_gate()


def ones(executor, circuit):
    (result,) = executor.run(JobSpec((Pub.bound(circuit),), SHOTS, "aer", "aer", seed=5))
    return result.registers["c"][0].mean(axis=0)


OWN = {
    "x": [(called("x", RYGate(0.9)), [0])],
    "unitary": [(called("unitary", RYGate(0.9)), [0])],
    "pauli": [(called("pauli", RYGate(0.9)), [0]), (PauliGate("XX"), [0, 1])],
    "layer": [(called("layer", HGate()), [0]), (called("layer", RYGate(0.3)), [0])],
    "control": [(HGate(), [0]), (CXGate(ctrl_state=0), [0, 1])],
}


@pytest.mark.parametrize("kind", OWN)
def test_gates_of_ones_own_run_as_they_are_made(kind):
    circuit = QuantumCircuit(2, 2)
    for operation, qubits in OWN[kind]:
        circuit.append(operation, qubits)
    circuit.measure([0, 1], [0, 1])
    exact = np.asarray(distribution(lift(circuit), np.zeros(0), [0, 1])).reshape(2, 2)
    expected = [exact[:, 1].sum(), exact[1].sum()]
    np.testing.assert_allclose(ones(AerExecutor(None), circuit), expected, atol=0.03)
    static = exact_distribution(circuit, None, [0, 1])
    np.testing.assert_allclose(static, exact.ravel(), atol=1e-12)


@pytest.mark.parametrize("where", ["top", "branch"])
def test_a_label_takes_no_noise_away(where):
    def circuit(label):
        drawn = QuantumCircuit(2, 2)
        drawn.x(0)
        drawn.measure(0, 0)
        for _ in range(6):
            if where == "top":
                drawn.append(XGate(label=label), [1])
            else:
                with drawn.if_test((drawn.clbits[0], 1)):
                    drawn.append(XGate(label=label), [1])
        drawn.measure(1, 1)
        return drawn

    exact = np.asarray(distribution(lift(circuit("mine"), (), NOISE), np.zeros(0), [1]))
    assert exact[1] > 0.02  # without noise it is 0
    assert ones(AerExecutor(NOISE), circuit("mine"))[1] == pytest.approx(exact[1], abs=0.02)
    for label in (None, "mine"):
        static = exact_distribution(circuit(label), NOISE, [1])
        np.testing.assert_allclose(static, exact, atol=1e-12)


def test_a_recorded_device_gives_labelled_gates_its_noise():
    device = RecordedDeviceExecutor(NOISE.snapshot, NOISE.scale)
    circuit = QuantumCircuit(1, 1)
    for _ in range(6):
        circuit.append(XGate(label="mine"), [0])
    circuit.measure(0, 0)
    exact = np.asarray(distribution(lift(circuit, (), NOISE), np.zeros(0), [0]))
    assert ones(device, circuit)[0] == pytest.approx(exact[1], abs=0.02)


def test_free_parameters_of_gates_that_only_bear_the_name_are_refused():
    angle = Parameter("angle")
    circuit = QuantumCircuit(1, 1)
    circuit.append(called("rx", RYGate(angle)), [0])
    circuit.measure(0, 0)
    spec = JobSpec((Pub(circuit, np.array([[0.3]])),), 10, "aer", "aer")
    with pytest.raises(SpecError, match="Got one in rx"):
        AerExecutor(None).run(spec)
