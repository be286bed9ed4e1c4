"""Gates as Aer takes them: by their matrix where a name would mislead it."""

from __future__ import annotations

from typing import Any

from qiskit.circuit import AnnotatedOperation, Gate
from qiskit.circuit.library import UnitaryGate

from circuits.known_operations import is_standard


def gate_for_aer(operation: Any) -> Any:
    """Return an operation that Aer runs as it is meant, with the noise of the device if it has any.

    Aer takes gates by their names alone: one of the user's own that is called `x` runs as the
    machine's, and a gate with a label is looked up by its label and stays without noise. Gates with
    free parameters are left to `jobs.bindable`.
    """
    if is_standard(operation):
        if operation.label is None:
            return operation
        plain = operation.to_mutable()
        plain.label = None
        return plain
    if not isinstance(operation, Gate | AnnotatedOperation) or isinstance(operation, UnitaryGate):
        return operation
    if any(getattr(value, "parameters", ()) for value in operation.params):
        return operation
    from qiskit.quantum_info import Operator

    return UnitaryGate(Operator(operation))
