"""Registers that share bits, lie between each other or run backwards, wherever a job runs."""

import numpy as np
from emulator.execution import SamplerProgram
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit.circuit import ClassicalRegister, Clbit, QuantumCircuit, Qubit
from qiskit.circuit.classical import expr

from calibration.library import snapshot
from calibration.noise import NoiseScale
from jobs.aer.executor import AerExecutor
from jobs.aer.recorded_device import RecordedDeviceExecutor
from jobs.runner import run
from jobs.service.runtime import ServiceExecutor
from jobs.spec import JobSpec, Pub
from jobs.store.store import Store
from jobs.transpile.lifted_step import ExactExecutor

QUIET = RecordedDeviceExecutor(snapshot("fake_boston"), NoiseScale(0, 0, 0, 0))
N_BITS = 5
# Each register as places of bits, in any order, shared or not; some bits may be in none.
LAYOUTS = st.lists(
    st.lists(st.integers(0, N_BITS - 1), min_size=1, unique=True), min_size=1, max_size=3
)


def written(layout, pattern, n_qubits=2, condition="value"):
    """Write a pattern into the bits and branch on the first register; what each should read."""
    # QPY puts a register with bits of its own before these, which preflight calls another circuit.
    bits = [Clbit() for _ in range(N_BITS + 1)]
    circuit = QuantumCircuit([Qubit() for _ in range(n_qubits)], bits)
    for number, places in enumerate(layout):
        circuit.add_register(ClassicalRegister(bits=[bits[k] for k in places], name=f"r{number}"))
    told = ClassicalRegister(bits=bits[-1:], name="told")
    circuit.add_register(told)
    circuit.x(0)
    for place in range(N_BITS):
        if pattern >> place & 1:
            circuit.measure(0, place)
    expected = {
        f"r{number}": [pattern >> k & 1 for k in places] for number, places in enumerate(layout)
    }
    register = circuit.cregs[0]
    value = sum(bit << k for k, bit in enumerate(expected["r0"]))
    holds = (register, value) if condition == "value" else expr.equal(register, value)
    with circuit.if_test(holds):
        circuit.x(1)
    circuit.measure(1, told[0])
    return circuit, {**expected, "told": [1]}


def read(executor, circuit):
    (result,) = executor.run(JobSpec((Pub.bound(circuit),), 3, "aer", "fake_boston", seed=1))
    assert all((bits == bits[0, :1]).all() for bits in result.registers.values())
    return {name: bits[0, 0].tolist() for name, bits in result.registers.items()}


@settings(max_examples=25, deadline=None)
@given(LAYOUTS, st.integers(0, 2**N_BITS - 1), st.sampled_from(["value", "expression"]))
def test_every_place_reads_the_bits_that_a_register_has(layout, pattern, condition):
    circuit, expected = written(layout, pattern, condition=condition)
    for executor in (ExactExecutor(None), AerExecutor(None), QUIET):
        assert read(executor, circuit) == expected


@settings(max_examples=15, deadline=None)
@given(LAYOUTS, st.integers(0, 2**N_BITS - 1))
def test_the_older_program_of_the_loopback_service_reads_them_too(layout, pattern):
    circuit, expected = written(layout, pattern)
    program = SamplerProgram({"pubs": []})
    program.circuits, program.shots = [(circuit, np.empty((1, 0)))], 3
    (answer,) = program.answers()
    for name, bits in expected.items():
        assert answer.data[name].to_bool_array(order="little")[0].astype(int).tolist() == bits


def test_they_come_back_from_the_service(emulator, tmp_path):
    circuit, expected = written([[3, 0, 1], [1, 2], [4, 3, 2, 1, 0]], 0b01011, n_qubits=12)
    with Store(tmp_path / "jobs.db") as store:
        spec = JobSpec((Pub.bound(circuit),), 5, "ibm", "ibm_boston")
        (result,) = run(spec, ServiceExecutor("ibm_boston"), store)
    for name, bits in expected.items():
        assert (result.registers[name] == np.array(bits)).all()


def test_rows_of_parameters_keep_their_order():
    from qiskit.circuit import Parameter

    angle, bits = Parameter("angle"), [Clbit() for _ in range(3)]
    circuit = QuantumCircuit([Qubit()], bits, ClassicalRegister(bits=bits[::-2], name="ends"))
    circuit.rx(angle, 0)
    circuit.measure(0, bits[0])
    pub = Pub(circuit, np.array([[0.0], [np.pi], [0.0], [np.pi]]))
    for executor in (ExactExecutor(None), AerExecutor(None), QUIET):
        (result,) = executor.run(JobSpec((pub,), 2, "aer", "fake_boston", seed=1))
        assert result.registers["ends"].tolist() == [[[0, k % 2]] * 2 for k in range(4)]
