"""Whether each operation exists on the machine, on these qubits, with this angle."""

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import ControlFlowOp, Operation, ParameterExpression
from qiskit.transpiler import Target

from circuits.known_operations import is_measurement, is_reset, is_standard
from jobs.limits import Limits
from jobs.preflight.rules import Finding, finding
from jobs.preflight.walk import Place
from jobs.spec import Pub

# Judged by `jobs.preflight.control_flow`, or no operation of the machine at all.
_ELSEWHERE = {"barrier", "store", "break_loop", "continue_loop"}
# Angles at the edge may be off by the last bit after folding.
_ANGLE_TOLERANCE = 1e-12


def machine_findings(
    n_qubits: int,
    places: Sequence[Place],
    target: Target,
    limits: Limits,
    faulty_qubits: Collection[int],
) -> Iterator[Finding]:
    """Yield what in a circuit the machine does not have, whatever its parameters are.

    Args:
        n_qubits: Number of qubits of the circuit.
        places: Its operations.
        target: The machine, whole or reduced to the active qubits.
        limits: The range of rzz.
        faulty_qubits: Indices that the backend reports as not operational.
    """
    if target.num_qubits is not None and n_qubits > target.num_qubits:
        found = f"{n_qubits} qubits for the {target.num_qubits} of the machine"
        yield finding("too-many-qubits", "", found)
        return
    for place in places:
        operation = place.operation
        if isinstance(operation, ControlFlowOp) or operation.name in _ELSEWHERE:
            continue
        yield from _support_findings(place, target)
        faulty = sorted(set(place.qubits) & set(faulty_qubits))
        if faulty:
            yield finding("faulty-qubit", place.where, f"qubit {faulty[0]}")
        for angle in getattr(operation, "params", ()):
            if not _is_free(angle):
                yield from _range_findings(place, _known(angle), limits)


def bounded_angles(places: Sequence[Place]) -> tuple[Place, ...]:
    """Return the operations whose angle depends on a row and may be out of the machine's range."""
    return tuple(
        place
        for place in places
        if place.operation.name == "rzz" and any(map(_is_free, place.operation.params))
    )


def angle_findings(
    places: Sequence[Place], pub: Pub, limits: Limits, where: str
) -> Iterator[Finding]:
    """Yield which rows of a pub ask for an angle that the machine does not have.

    Args:
        places: `bounded_angles` of the pub's circuit.
        pub: The circuit's rows of parameters.
        limits: The range of rzz.
        where: How the circuit is called.
    """
    columns = {parameter: index for index, parameter in enumerate(pub.circuit.parameters)}
    for place in places:
        there = replace(place, where=where + place.where)
        for angle in filter(_is_free, place.operation.params):
            read = {parameter: columns[parameter] for parameter in angle.parameters}
            values = [
                float(angle.bind({one: row[column] for one, column in read.items()}, True))
                for row in pub.parameters
            ]
            yield from _range_findings(there, np.array(values), limits)


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


def _range_findings(place: Place, values: NDArray[np.float64], limits: Limits) -> Iterator[Finding]:
    if not np.isfinite(values).all():
        bad = values[~np.isfinite(values)][0]
        yield finding("non-finite-angle", place.where, str(bad))
    elif place.operation.name == "rzz" and values.size:
        low, high = limits.rzz_radians
        outside = (values < low - _ANGLE_TOLERANCE) | (values > high + _ANGLE_TOLERANCE)
        if outside.any():
            row = int(np.argmax(outside))
            yield finding("rzz-range", place.where, f"{values[row]:.6g} rad in row {row}")


def _is_free(angle: object) -> bool:
    return isinstance(angle, ParameterExpression) and bool(angle.parameters)


def _known(angle: object) -> NDArray[np.float64]:
    """Return an angle as a number, or nothing when it is none."""
    try:
        return np.array([float(angle)])  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return np.array([math.nan]) if isinstance(angle, ParameterExpression) else np.empty(0)
