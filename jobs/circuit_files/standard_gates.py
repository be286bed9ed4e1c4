"""Gates that a file defines under the name of one of Qiskit's."""

from typing import Any

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import ControlFlowOp, Gate
from qiskit.circuit.library import get_standard_gate_name_mapping
from qiskit.quantum_info import Operator

from circuits.known_operations import is_standard
from jobs.errors import SpecError

STANDARD = {
    name: gate for name, gate in get_standard_gate_name_mapping().items() if isinstance(gate, Gate)
}
_TOLERANCE = 1e-9


def with_standard_gates(circuit: QuantumCircuit) -> QuantumCircuit:
    """Return the circuit with Qiskit's own gate for each that a file defines as the same unitary.

    OpenQASM defines what its include lacks, `ecr` and `rzz` among them; read as they stand, such
    gates have no inverse of the machine's kind. A gate that is declared without content is taken
    for Qiskit's. Phases of whole gates are left out of the comparison, as nothing observes them.

    Raises:
        SpecError: a gate has the name of one of Qiskit's and does something else. A machine would
            take it for the one it knows.
    """
    return _standard(circuit, {})


def _standard(circuit: QuantumCircuit, known: dict[Any, Gate]) -> QuantumCircuit:
    changed = {}
    for place, one in enumerate(circuit.data):
        operation = one.operation
        if isinstance(operation, ControlFlowOp):
            blocks = [_standard(block, known) for block in operation.blocks]
            if any(new is not old for new, old in zip(blocks, operation.blocks, strict=True)):
                changed[place] = one.replace(operation=operation.replace_blocks(blocks))
        elif (
            isinstance(operation, Gate)
            and operation.name in STANDARD
            and not is_standard(operation)
        ):
            key = operation.name, tuple(map(str, operation.params))
            if key not in known:
                known[key] = _same(operation)
            changed[place] = one.replace(operation=known[key])
    if not changed:
        return circuit
    read = circuit.copy_empty_like()
    read.data = [changed.get(place, one) for place, one in enumerate(circuit.data)]
    return read


def _same(gate: Gate) -> Gate:
    standard = STANDARD[gate.name]
    if (gate.num_qubits, len(gate.params)) == (standard.num_qubits, len(standard.params)):
        made: Gate = standard.base_class(*gate.params)
        if gate.definition is None or _is_equal(gate.definition, made):
            return made
    raise SpecError(
        "A gate that a file defines should not have the name of another one of Qiskit's. Got "
        f"{gate.name} with {len(gate.params)} parameters on {gate.num_qubits} qubits and other "
        "content; give it another name"
    )


def _is_equal(definition: QuantumCircuit, gate: Gate) -> bool:
    """Compare unitaries up to a phase, at random values of their free parameters."""
    own = QuantumCircuit(gate.num_qubits)
    own.append(gate, range(gate.num_qubits))
    free = set(own.parameters) | set(definition.parameters)
    generator = np.random.default_rng(0)
    for _ in range(3 if free else 1):
        values = {parameter: float(generator.uniform(-3, 3)) for parameter in free}
        first, second = (
            Operator(one.assign_parameters(values, strict=False)).data for one in (definition, own)
        )
        if abs(abs(np.vdot(second, first)) / len(first) - 1) > _TOLERANCE:
            return False
    return True
