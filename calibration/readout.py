"""Circuits that measure readout errors, and what a reset leaves in |1>."""

from __future__ import annotations

from collections.abc import Sequence

from qiskit.circuit import ClassicalRegister, Instruction, Measure, QuantumCircuit, Reset

from calibration.errors import CalibrationError


def readout_circuits(
    n_qubits: int, qubits: Sequence[int], read: Instruction | None = None
) -> tuple[QuantumCircuit, QuantumCircuit]:
    """Return the two circuits that show P(read 1 | 0) and P(read 0 | 1) of each qubit.

    All qubits are prepared in |0>, then all in |1>; errors are taken as independent between
    qubits. The gates are `x` and `measure`, in the basis of every device here.

    Args:
        n_qubits: width of the circuits.
        qubits: measured ones, in order: bit j of the register `out` is qubits[j].
        read: what measures a qubit, such as `jobs.transpile.isa.midcircuit_measure()`; by default
            `measure`.

    Raises:
        CalibrationError: a qubit is repeated or out of range.
    """
    _check(n_qubits, qubits)
    zeros, ones = (
        _prepared(n_qubits, qubits, excited, read or Measure()) for excited in (False, True)
    )
    return zeros, ones


def reset_circuits(
    n_qubits: int,
    qubits: Sequence[int],
    read: Instruction | None = None,
    reset: Instruction | None = None,
) -> tuple[QuantumCircuit, QuantumCircuit]:
    """Return the two circuits that show how often a reset ends in |1>.

    All qubits are prepared in |0>, then all in |1>; each is measured, reset and measured again, as
    within a recurrent step.

    Args:
        n_qubits: width of the circuits.
        qubits: measured ones, in order: bit j of the registers `before` and `out` is qubits[j].
        read: as for `readout_circuits`.
        reset: what resets a qubit, such as `jobs.transpile.isa.midcircuit_reset()`; by default
            `reset`.

    Raises:
        CalibrationError: a qubit is repeated or out of range.
    """
    _check(n_qubits, qubits)
    circuits = []
    for excited in (False, True):
        name = "reset-ones" if excited else "reset-zeros"
        circuit = QuantumCircuit(n_qubits, name=name)
        before, out = (ClassicalRegister(len(qubits), one) for one in ("before", "out"))
        circuit.add_register(before, out)
        if excited:
            circuit.x(list(qubits))
            circuit.barrier(list(qubits))
        for place, qubit in enumerate(qubits):
            circuit.append(read or Measure(), [qubit], [before[place]])
            circuit.append(reset or Reset(), [qubit])
        circuit.barrier(list(qubits))
        for place, qubit in enumerate(qubits):
            circuit.append(read or Measure(), [qubit], [out[place]])
        circuits.append(circuit)
    return circuits[0], circuits[1]


def _check(n_qubits: int, qubits: Sequence[int]) -> None:
    if len(set(qubits)) != len(qubits) or not set(qubits) <= set(range(n_qubits)):
        raise CalibrationError(
            f"calibrated qubits should be distinct and below {n_qubits}. Got {list(qubits)}."
        )


def _prepared(
    n_qubits: int, qubits: Sequence[int], excited: bool, read: Instruction
) -> QuantumCircuit:
    circuit = QuantumCircuit(n_qubits, name="readout-ones" if excited else "readout-zeros")
    out = ClassicalRegister(len(qubits), "out")
    circuit.add_register(out)
    if excited:
        for qubit in qubits:
            circuit.x(qubit)
        circuit.barrier(list(qubits))
    for position, qubit in enumerate(qubits):
        circuit.append(read, [qubit], [out[position]])
    return circuit
