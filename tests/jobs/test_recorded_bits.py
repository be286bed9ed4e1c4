"""Bits of recorded devices that no register, or not their own order, holds."""

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import ClassicalRegister, Clbit, Qubit

from calibration.library import snapshot
from jobs.aer.recorded_device import RecordedDeviceExecutor
from jobs.errors import JobFailedError
from jobs.spec import JobSpec, Pub


def bits_of(circuit):
    executor = RecordedDeviceExecutor(snapshot("fake_boston"))
    (found,) = executor.run(JobSpec((Pub.bound(circuit),), 50, "aer", "fake_boston", seed=1))
    return {name: np.round(bits[0].mean(axis=0)).tolist() for name, bits in found.registers.items()}


def test_a_bit_outside_all_registers_is_fed_forward():
    loose, out = Clbit(), ClassicalRegister(1, "out")
    made = QuantumCircuit([Qubit(), Qubit()], [loose], out)
    made.x(0)
    made.measure(0, 0)
    with made.if_test((loose, True)):
        made.x(1)
    made.measure(1, 1)
    assert bits_of(made) == {"out": [1]}


def test_bits_that_lie_between_others_are_those_of_their_registers():
    bits = [Clbit() for _ in range(4)]
    made = QuantumCircuit([Qubit() for _ in range(3)], bits)
    made.add_register(ClassicalRegister(bits=[bits[3], bits[0]], name="ends"))
    made.add_register(ClassicalRegister(bits=[bits[2]], name="inner"))
    made.x([0, 2])
    made.measure([0, 1, 2], [0, 2, 3])
    assert bits_of(made) == {"ends": [1, 1], "inner": [0]}


def test_more_joined_qubits_than_the_memory_holds_are_one_line(monkeypatch):
    monkeypatch.setattr("jobs.aer.recorded_device.method_for", lambda n_qubits: "statevector")
    chain = QuantumCircuit(156, 1)
    for qubit in range(40):
        chain.cx(qubit, qubit + 1)
    chain.measure(40, 0)
    spec = JobSpec((Pub.bound(chain),), 10, "aer", "fake_boston", seed=1)
    with pytest.raises(JobFailedError, match="take fewer qubits where memory is short"):
        RecordedDeviceExecutor(snapshot("fake_boston")).run(spec)
