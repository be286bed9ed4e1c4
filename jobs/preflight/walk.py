"""All operations of a circuit, inside branches too, each with its place in words."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from qiskit import QuantumCircuit
from qiskit.circuit import Clbit, ControlFlowOp, Operation, Qubit


@dataclass(frozen=True)
class Place:
    """An operation and where it stands."""

    operation: Operation
    qubits: tuple[int, ...]
    """Indices in the outermost circuit."""
    clbits: tuple[Clbit, ...]
    depth: int
    """Number of blocks around it."""
    where: str
    """After the circuit's own name, such as ", instruction 3 (measure)"."""


def walk(circuit: QuantumCircuit) -> Iterator[Place]:
    """Yield each operation in order, a control-flow operation before its blocks."""
    qubits = {qubit: index for index, qubit in enumerate(circuit.qubits)}
    clbits = {clbit: clbit for clbit in circuit.clbits}
    yield from _walk(circuit, qubits, clbits, 0, "")


def _walk(
    circuit: QuantumCircuit,
    qubits: Mapping[Qubit, int],
    clbits: Mapping[Clbit, Clbit],
    depth: int,
    where: str,
) -> Iterator[Place]:
    for number, instruction in enumerate(circuit.data):
        operation = instruction.operation
        here = f"{where}, instruction {number} ({operation.name})"
        outer_qubits = tuple(qubits[qubit] for qubit in instruction.qubits)
        outer_clbits = tuple(clbits[clbit] for clbit in instruction.clbits)
        yield Place(operation, outer_qubits, outer_clbits, depth, here)
        if isinstance(operation, ControlFlowOp):
            for branch, block in enumerate(operation.blocks):
                yield from _walk(
                    block,
                    dict(zip(block.qubits, outer_qubits, strict=True)),
                    dict(zip(block.clbits, outer_clbits, strict=True)),
                    depth + 1,
                    f"{here}, branch {branch}",
                )
