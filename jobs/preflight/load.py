"""How many control instructions the busiest qubit of a circuit takes."""

from collections import Counter

from qiskit import QuantumCircuit
from qiskit.circuit import ControlFlowOp

from jobs.limits import CONTROL_INSTRUCTIONS, INITIALISATION_INSTRUCTIONS


def instructions_per_qubit(circuit: QuantumCircuit) -> int:
    """Return the control instructions of one row of `circuit` on its busiest qubit.

    Both branches count, since the controller holds both; operations without a documented weight
    count as a two-qubit gate does.
    """
    return INITIALISATION_INSTRUCTIONS + max(_loads(circuit).values(), default=0)


def _loads(circuit: QuantumCircuit) -> Counter[int]:
    loads: Counter[int] = Counter()
    places = {qubit: index for index, qubit in enumerate(circuit.qubits)}
    for instruction in circuit.data:
        operation = instruction.operation
        where = [places[qubit] for qubit in instruction.qubits]
        if isinstance(operation, ControlFlowOp):
            for block in operation.blocks:
                for inner, load in _loads(block).items():
                    loads[where[inner]] += load
        elif operation.name != "barrier":
            for place in where:
                loads[place] += CONTROL_INSTRUCTIONS.get(operation.name, 5)
    return loads
