"""Pauli twirling of two-qubit gates on a finished circuit, branches included."""

import math
from collections.abc import Sequence
from functools import cache

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import ControlFlowOp, Instruction, Qubit
from qiskit.circuit.library import CXGate, CZGate, ECRGate
from qiskit.quantum_info import Pauli

TWIRLED = {"cz": CZGate, "cx": CXGate, "ecr": ECRGate}
"""Clifford gates of machines; any other two-qubit gate stays as it is."""

LABELS = "IXYZ"
# Phase that a Pauli lacks when it is written as x and rz(pi).
_PHASE = {"I": 0.0, "X": 0.0, "Y": math.pi, "Z": math.pi / 2}


def twirl(circuit: QuantumCircuit, seed: int) -> QuantumCircuit:
    """Put a random Pauli before each two-qubit Clifford gate and what undoes it after.

    The unitary stays; over many seeds the error of each gate becomes a Pauli channel, which is what
    folding amplifies evenly. Paulis are written as x and rz(pi), gates of the machine, with
    barriers that keep the transpiler from merging them, inside branches too. Measurements stay:
    their bits are fed forward, and a flipped record would run the other branch (relabelling does
    that on purpose). It is not free: three quarters of the gates get up to four x more, which err
    and take time, so that a scheduled circuit becomes longer than its delays were made for.

    Args:
        circuit: Scheduled ISA circuit; parameters may be unbound.
        seed: Of the draws; each seed is one member of the average.

    Returns:
        A new circuit with the layout and the metadata of the original.

    Source: Wallman, Emerson, Phys. Rev. A 94 (2016) 052325.
    """
    generator = np.random.default_rng(seed)

    def walk(block: QuantumCircuit) -> QuantumCircuit:
        twirled = block.copy_empty_like()
        for instruction in block.data:
            operation, qubits = instruction.operation, instruction.qubits
            if isinstance(operation, ControlFlowOp):
                operation = operation.replace_blocks(walk(inner) for inner in operation.blocks)
            if operation.name not in TWIRLED:
                twirled.append(operation, qubits, instruction.clbits)
                continue
            labels = "".join(generator.choice(list(LABELS), 2))
            _around(twirled, operation, qubits, labels)
        return twirled

    return walk(circuit)


def count_twirled(circuit: QuantumCircuit) -> int:
    """Count the gates that `twirl` puts Paulis around, those in every branch included."""
    return sum(
        sum(map(count_twirled, operation.blocks))
        if isinstance(operation, ControlFlowOp)
        else int(operation.name in TWIRLED)
        for operation in (instruction.operation for instruction in circuit.data)
    )


def _around(
    circuit: QuantumCircuit, gate: Instruction, qubits: Sequence[Qubit], labels: str
) -> None:
    after, is_negative = _moved(gate.name, labels)
    _append(circuit, qubits, labels)
    circuit.barrier(*qubits)
    circuit.append(gate, qubits)
    circuit.barrier(*qubits)
    _append(circuit, qubits, after)
    circuit.global_phase += math.pi * is_negative


def _append(circuit: QuantumCircuit, qubits: Sequence[Qubit], labels: str) -> None:
    for label, qubit in zip(labels, qubits, strict=True):
        if label in "YZ":
            circuit.rz(math.pi, qubit)
        if label in "XY":
            circuit.x(qubit)
        circuit.global_phase += _PHASE[label]


@cache
def _moved(name: str, labels: str) -> tuple[str, bool]:
    """Return G P G^-1 as labels, first qubit first, and whether its sign is negative."""
    # Qiskit writes the last qubit first.
    pauli = Pauli(labels[::-1]).evolve(TWIRLED[name](), frame="s")
    return (pauli[::1].to_label().lstrip("-")[::-1], pauli.phase == 2)
