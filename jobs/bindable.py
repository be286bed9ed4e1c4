"""What Aer can be trusted to run and to bind."""

from qiskit.circuit import ControlFlowOp, ParameterExpression, QuantumCircuit

from circuits.known_operations import is_standard
from jobs.errors import SpecError

BINDABLE = frozenset({"p", "r", "rx", "ry", "rz", "rzz", "u"})
"""Gates whose free parameters Aer binds rightly, by test. Controlled rotations are not among them:
Aer binds them wrongly without a word (qiskit-aer #2323, #2391, #2403)."""


def check_for_aer(circuit: QuantumCircuit) -> None:
    """Refuse what Aer does not know, and free parameters in gates that it may bind wrongly.

    Raises:
        SpecError: If there is either, in a branch too.
    """
    for instruction in circuit.data:
        operation = instruction.operation
        if isinstance(operation, ControlFlowOp):
            for block in operation.blocks:
                check_for_aer(block)
            continue
        if operation.name in ("measure_2", "reset_2"):
            raise SpecError(
                "Circuits for Aer should use measure and reset. "
                f"Got {operation.name}. Lower the circuit for Aer first."
            )
        free = any(isinstance(p, ParameterExpression) and p.parameters for p in operation.params)
        if free and not (operation.name in BINDABLE and is_standard(operation)):
            raise SpecError(
                f"Parameters should be in one of {', '.join(sorted(BINDABLE))} when Aer binds them."
                f" Got one in {operation.name}. Transpile to the machine's basis, or bind it first."
            )
