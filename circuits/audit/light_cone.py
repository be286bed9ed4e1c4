"""Which inputs can reach the readout: read off the circuit, backwards from the measured wires."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import ClassicalRegister
from qiskit.circuit.classical import expr

from circuits.unrolled import unroll

if TYPE_CHECKING:
    from qiskit.circuit import Parameter, QuantumCircuit

    from circuits.definition import Architecture


def light_cone(architecture: Architecture, steps: int) -> NDArray[np.bool_]:
    """Return which features lie in the backward light cone of the readout, shape (T, d).

    Structural: a gate joins all its wires whatever its angle. A feature outside the cone cannot
    act on the output; one inside may still not. In rounds the cone of a step passes through `h`.
    """
    q = unroll(architecture, steps)
    if not architecture.in_rounds:
        return _inside(q.inputs, parameters_in_cone(q.circuit))
    reached = set().union(*(parameters_in_cone(circuit) for circuit in q.step_circuits))
    row = _inside(q.inputs[0], reached)
    result = np.zeros(q.inputs.shape, dtype=bool)
    result[-1] = row
    if q.fed_back in reached:
        result[:] = row
    return result


def parameters_in_cone(circuit: QuantumCircuit) -> set[Parameter]:
    """Return the Parameters of the gates in the backward light cone of the register `out`."""
    out = next(register for register in circuit.cregs if register.name == "out")
    cone: set[Any] = set(out)
    found: set[Parameter] = set()
    for item in reversed(circuit.data):
        operation = item.operation
        touched = {*item.qubits, *item.clbits, *_read(operation)}
        if operation.name == "barrier" or not cone & touched:
            continue
        if operation.name == "reset":
            cone -= touched
        elif operation.name == "measure":
            # The bit is written anew; a measured wire passes nothing from the bit's past.
            if item.clbits[0] in cone:
                cone.discard(item.clbits[0])
                cone |= set(item.qubits)
        else:
            cone |= touched
            found |= _parameters(operation)
    return found


def _parameters(operation: Any) -> set[Parameter]:
    if hasattr(operation, "blocks"):
        return set().union(*(set(block.parameters) for block in operation.blocks))
    return set().union(*(getattr(angle, "parameters", set()) for angle in operation.params))


def _read(operation: Any) -> set[Any]:
    """Return the classical bits that a branch reads."""
    condition = getattr(operation, "condition", None)
    if condition is None:
        return set()
    if isinstance(condition, expr.Expr):
        sources = [variable.var for variable in expr.iter_vars(condition)]
    else:
        sources = [condition[0]]
    return {
        bit
        for source in sources
        for bit in (source if isinstance(source, ClassicalRegister) else [source])
    }


def _inside(parameters: NDArray[np.object_], reached: set[Parameter]) -> NDArray[np.bool_]:
    flat = [parameter in reached for parameter in parameters.ravel()]
    return np.array(flat, dtype=bool).reshape(parameters.shape)
