"""Whether each operation exists on the machine, on these qubits, with this angle."""

import math
from collections.abc import Collection, Iterator

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit
from qiskit.circuit import ControlFlowOp, Operation, ParameterExpression
from qiskit.transpiler import Target

from circuits.known_operations import is_measurement, is_reset, is_standard
from jobs.limits import Limits
from jobs.preflight.rules import Finding, finding
from jobs.preflight.walk import Place, walk
from jobs.spec import Pub

# Judged by `jobs.preflight.control_flow`, or no operation of the machine at all.
_ELSEWHERE = {"barrier", "store", "break_loop", "continue_loop"}
# Angles at the edge may be off by the last bit after folding.
_ANGLE_TOLERANCE = 1e-12


def machine_findings(
    circuit: QuantumCircuit,
    pub: Pub | None,
    target: Target,
    limits: Limits,
    faulty_qubits: Collection[int],
    where: str,
) -> Iterator[Finding]:
    """Yield what in `circuit` the machine does not have.

    Args:
        circuit: What is checked.
        pub: The circuit's rows of parameters; None when it comes without.
        target: The machine, whole or reduced to the active qubits.
        limits: The range of rzz.
        faulty_qubits: Indices that the backend reports as not operational.
        where: How `circuit` is called.
    """
    n_qubits = target.num_qubits
    if n_qubits is not None and circuit.num_qubits > n_qubits:
        found = f"{circuit.num_qubits} qubits for the {n_qubits} of the machine"
        yield finding("too-many-qubits", where, found)
        return
    if circuit.num_parameters and pub is None:
        names = ", ".join(parameter.name for parameter in circuit.parameters)
        yield finding("unbound-parameter", where, names)
    for place in walk(circuit, where):
        operation = place.operation
        if isinstance(operation, ControlFlowOp) or operation.name in _ELSEWHERE:
            continue
        yield from _support_findings(place, target)
        faulty = sorted(set(place.qubits) & set(faulty_qubits))
        if faulty:
            yield finding("faulty-qubit", place.where, f"qubit {faulty[0]}")
        yield from _angle_findings(place, circuit, pub, limits)


def _support_findings(place: Place, target: Target) -> Iterator[Finding]:
    name = place.operation.name
    if name not in target.operation_names:
        known = ", ".join(sorted(target.operation_names))
        yield finding("basis", place.where, f"{name}, not one of {known}")
        return
    if not _is_the_machines(place.operation, target.operation_from_name(name)):
        yield finding("own-gate", place.where, f"a {name} of the circuit's own")
    qubits = target[name]
    if None not in qubits and place.qubits not in qubits:
        yield finding("coupling", place.where, f"{name} on qubits {list(place.qubits)}")


def _is_the_machines(operation: Operation, its_own: Operation) -> bool:
    """Return whether an operation is what the machine runs under its name."""
    if is_standard(operation) or is_measurement(operation) or is_reset(operation):
        return True
    undefined = getattr(operation, "definition", None) is None
    return undefined and not is_standard(its_own) and operation.name == its_own.name


def _angle_findings(
    place: Place, circuit: QuantumCircuit, pub: Pub | None, limits: Limits
) -> Iterator[Finding]:
    for angle in getattr(place.operation, "params", ()):
        values = _values(angle, circuit, pub, only_if=place.operation.name == "rzz")
        if not np.isfinite(values).all():
            bad = values[~np.isfinite(values)][0]
            yield finding("non-finite-angle", place.where, str(bad))
        elif place.operation.name == "rzz" and values.size:
            low, high = limits.rzz_radians
            outside = (values < low - _ANGLE_TOLERANCE) | (values > high + _ANGLE_TOLERANCE)
            if outside.any():
                row = int(np.argmax(outside))
                yield finding("rzz-range", place.where, f"{values[row]:.6g} rad in row {row}")


def _values(
    angle: object, circuit: QuantumCircuit, pub: Pub | None, *, only_if: bool
) -> NDArray[np.float64]:
    """Return what `angle` is in each row, or nothing when that is not known or not asked."""
    if isinstance(angle, ParameterExpression) and angle.parameters:
        if pub is None or not only_if:
            return np.empty(0)
        columns = {parameter: index for index, parameter in enumerate(circuit.parameters)}
        return np.array(
            [
                float(angle.bind({p: row[columns[p]] for p in angle.parameters}, True))
                for row in pub.parameters
            ]
        )
    try:
        return np.array([float(angle)])  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return np.array([math.nan]) if isinstance(angle, ParameterExpression) else np.empty(0)
