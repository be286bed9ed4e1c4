"""What of a machine that is not operational a circuit acts on."""

from collections.abc import Collection, Iterator, Sequence

from qiskit import QuantumCircuit
from qiskit.circuit import ControlFlowOp

from jobs.preflight.rules import Finding, finding
from jobs.preflight.walk import walk


def broken_findings(
    circuits: Sequence[QuantumCircuit],
    qubits: Collection[int],
    gates: Collection[tuple[str, tuple[int, ...]]],
) -> Iterator[Finding]:
    """Yield where circuits act on what is not operational; each fault of a circuit once.

    Args:
        circuits: On the machine's qubits.
        qubits: Those that the backend reports as not operational.
        gates: (name, qubits) of such gates.
    """
    if not (qubits or gates):
        return
    for number, circuit in enumerate(circuits):
        seen: set[str] = set()
        for place in walk(circuit):
            name = place.operation.name
            if isinstance(place.operation, ControlFlowOp) or name == "barrier":
                continue
            found = {f"qubit {qubit}" for qubit in set(place.qubits) & set(qubits)}
            if (name, place.qubits) in gates:
                found.add(f"{name} on {', '.join(map(str, place.qubits))}")
            for one in sorted(found - seen):
                yield finding("faulty-qubit", f"circuit {number}{place.where}", one)
            seen |= found
