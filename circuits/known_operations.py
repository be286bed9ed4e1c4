"""What an operation is, told by its kind: a name may be anybody's."""

from __future__ import annotations

from functools import cache
from typing import Any

from qiskit.circuit.library import get_standard_gate_name_mapping

REMEDIES = {
    "for_loop": "; repeat its instructions by a loop of Python",
    "switch_case": "; write one if_test for each value",
    "while_loop": "; repeat a fixed number of times, each behind an if_test",
}
"""What to write in place of what neither machines nor the exact engine take."""


@cache
def _standard() -> dict[str, Any]:
    return dict(get_standard_gate_name_mapping())


def is_standard(operation: Any) -> bool:
    """Return whether this is Qiskit's own operation of its name, so that the name tells its effect.

    A file may define a gate `x` of its own, and two sub-circuits may bear one name.
    """
    known = _standard().get(operation.name)
    return known is not None and getattr(operation, "base_class", None) is known.base_class


def is_measurement(operation: Any) -> bool:
    """Return whether this reads one qubit into one bit: `measure`, or a variant as `measure_2`."""
    return _is_variant(operation, "measure") and operation.num_clbits == 1


def is_reset(operation: Any) -> bool:
    """Return whether this resets a qubit: `reset`, or a variant as `reset_2`."""
    return _is_variant(operation, "reset") and operation.num_clbits == 0


def _is_variant(operation: Any, name: str) -> bool:
    if operation.name == name:
        return is_standard(operation)
    primitive = operation.num_qubits == 1 and getattr(operation, "definition", None) is None
    return primitive and bool(operation.name.startswith(f"{name}_"))
