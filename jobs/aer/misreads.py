"""Readout errors written into a circuit, for qubits that use two measurement instructions."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import Clbit, QuantumCircuit, QuantumRegister, Qubit

from calibration.noise import DeviceNoise
from circuits.known_operations import is_measurement


def with_misreads(
    circuit: QuantumCircuit, noise: DeviceNoise | None, qubits: Collection[int]
) -> QuantumCircuit:
    """Return the circuit with the misreads of some qubits made by a qubit of their own.

    After each of their measurements an added qubit without noise is turned so far that it shows 1
    with the probability with which the instruction reports 1 after this outcome, and is measured
    into the same bit. What the measurement does to the state stays as it was.

    Args:
        circuit: of the device's active qubits.
        noise: of these qubits; None leaves the circuit as it is.
        qubits: whose measurements are misread here, at the top level of the circuit.
    """
    if noise is None or not qubits:
        return circuit
    reader = QuantumRegister(1, "reader")
    changed = circuit.copy_empty_like()
    changed.add_register(reader)
    for instruction in circuit.data:
        changed.append(instruction)
        name = instruction.operation.name
        if is_measurement(instruction.operation):
            qubit = circuit.find_bit(instruction.qubits[0]).index
            if qubit in qubits:
                _misread(changed, reader[0], instruction.clbits[0], noise.readout(name, qubit))
    return changed


def _misread(
    circuit: QuantumCircuit, reader: Qubit, bit: Clbit, confusion: NDArray[np.float64]
) -> None:
    """Append the misread of one bit; `confusion[i, j]` is the probability to report j after i."""
    if np.array_equal(confusion, np.eye(2)):
        return
    angles = 2 * np.arcsin(np.sqrt(confusion[:, 1]))
    circuit.reset(reader)
    with circuit.if_test((bit, 1)) as otherwise:
        circuit.ry(float(angles[1]), reader)
    with otherwise:
        circuit.ry(float(angles[0]), reader)
    circuit.measure(reader, bit)
