"""What measurements leave behind, whom they reach, and the wait at branches, in Aer's circuits.

Aer's noise model knows readout errors and channels of an instruction's own qubits. What was
measured beyond (`calibration.beyond`) is written into the circuit: the state that a measurement
leaves, as Kraus operators on condition of the bit; its crosstalk, as Kraus operators on the
neighbours; the wait, as a delay of every qubit before a branch.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import Clbit, IfElseOp, QuantumCircuit, Qubit
from qiskit.quantum_info import Kraus

from calibration.noise import DeviceNoise, kraus_of
from circuits.exact.noise import beyond_of
from circuits.known_operations import is_measurement


def with_instruments(circuit: QuantumCircuit, noise: DeviceNoise | None) -> QuantumCircuit:
    """Return the circuit with what is known of its measurements and branches beyond errors.

    Args:
        circuit: of the device's active qubits, measured at the top level.
        noise: of these qubits; where it knows nothing beyond errors, the circuit is as it was.
    """
    if noise is None or beyond_of(noise) is None:
        return circuit
    changed = circuit.copy_empty_like()
    for instruction in circuit.data:
        operation = instruction.operation
        wait = noise.beyond.branch_wait_seconds
        if isinstance(operation, IfElseOp) and wait:
            changed.delay(wait, list(circuit.qubits), unit="s")
        changed.append(instruction)
        if is_measurement(operation):
            qubit = circuit.find_bit(instruction.qubits[0]).index
            joint = noise.instrument(operation.name, qubit)
            if joint is not None:
                _leave(changed, instruction.qubits[0], instruction.clbits[0], joint)
            for other in noise.beyond.reached(operation.name, qubit):
                found = noise.crosstalk(operation.name, qubit, other)
                if found is not None:
                    changed.append(Kraus(kraus_of(found)).to_instruction(), [other])
    return changed


def _leave(circuit: QuantumCircuit, qubit: Qubit, bit: Clbit, joint: NDArray[np.float64]) -> None:
    """Move the state that was found as P(leave s' | record r, state s) says, where a bit is r."""
    for recorded in (0, 1):
        both = joint[:, recorded]  # [s, s']
        chances = both.sum(axis=1, keepdims=True)
        stay = np.divide(both, chances, out=np.eye(2), where=chances > 0)
        if np.array_equal(stay, np.eye(2)):
            continue
        operators = []
        for before, after in np.ndindex(2, 2):
            if stay[before, after]:
                one = np.zeros((2, 2))
                one[after, before] = np.sqrt(stay[before, after])
                operators.append(one)
        with circuit.if_test((bit, recorded)):
            circuit.append(Kraus(operators).to_instruction(), [qubit])
