"""Aer's silent parameter-bind bug (qiskit-aer #2323, #2391, #2403) cannot reach a user."""

import numpy as np
import pytest
from qiskit.circuit import ClassicalRegister, Parameter, QuantumCircuit
from qiskit.circuit.library import get_standard_gate_name_mapping
from scipy.stats import chi2

from calibration.library import snapshot
from jobs.aer.executor import AerExecutor, simulator
from jobs.aer.recorded_device import RecordedDeviceExecutor
from jobs.bindable import BINDABLE
from jobs.errors import SpecError
from jobs.service.runtime import LocalRuntimeExecutor
from jobs.spec import JobSpec, Pub
from jobs.transpile.lifted_step import circuit_distribution

SHOTS = 4000
WRONGLY_BOUND = ("cp", "crx", "cry", "crz", "cu", "cu1", "cu3")
ROWS = np.array([0.7, 1.9])


def executors():
    yield AerExecutor(None)
    yield LocalRuntimeExecutor(simulator(None))


def parametrised(name: str, *, in_branch: bool) -> QuantumCircuit:
    gate = get_standard_gate_name_mapping()[name]
    shared = Parameter("a")
    # several parameters of one gate differ, so that a swapped pair would show
    gate = gate.base_class(*(shared * (1 + 0.5 * k) for k in range(len(gate.params))))
    circuit = QuantumCircuit(2)
    circuit.add_register(ClassicalRegister(1, "m"), ClassicalRegister(2, "out"))
    circuit.ry(0.9, 0)
    circuit.ry(1.7, 1)
    circuit.rz(0.4, 0)
    qubits = list(range(2 - gate.num_qubits, 2))
    if in_branch:
        circuit.measure(0, circuit.clbits[0])
        circuit.ry(1.2, 0)
        with circuit.if_test((circuit.clbits[0], 1)):
            circuit.append(gate, qubits)
    else:
        circuit.append(gate, qubits)
    circuit.rx(0.8, 0)
    circuit.rx(0.5, 1)
    circuit.measure([0, 1], circuit.clbits[1:])
    return circuit


@pytest.mark.parametrize("in_branch", [False, True])
@pytest.mark.parametrize("name", WRONGLY_BOUND)
def test_a_controlled_rotation_with_a_free_parameter_reaches_no_simulator(name, in_branch):
    circuit = parametrised(name, in_branch=in_branch)
    spec = JobSpec((Pub(circuit, ROWS[:, None]),), SHOTS, "aer", "test", seed=1)
    for executor in (*executors(), RecordedDeviceExecutor(snapshot("fake_boston"))):
        with pytest.raises(SpecError, match=f"Got one in {name}. Transpile"):
            executor.run(spec)


@pytest.mark.parametrize("in_branch", [False, True])
@pytest.mark.parametrize("name", sorted(BINDABLE))
def test_what_is_let_through_is_bound_rightly(name, in_branch):
    circuit = parametrised(name, in_branch=in_branch)
    spec = JobSpec((Pub(circuit, ROWS[:, None]),), SHOTS, "aer", "test", seed=1)
    for executor in executors():
        (result,) = executor.run(spec)
        for row, value in enumerate(ROWS):
            bound = circuit.assign_parameters([value])
            expected = SHOTS * circuit_distribution(bound, None, [1, 2])
            counts = np.array([result.counts("out", row).get(k, 0) for k in range(4)])
            statistic = ((counts - expected) ** 2 / expected).sum()
            assert chi2.sf(statistic, 3) > 1e-5
