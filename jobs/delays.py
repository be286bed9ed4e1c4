"""Delays as whole numbers of dt, the one form that reaches store and machine unchanged.

QPY, in which circuits are stored and sent, keeps no unit of a delay and no parameter in one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

from qiskit import QuantumCircuit
from qiskit.circuit import CircuitInstruction, Delay, Duration
from qiskit.circuit.classical import expr
from qiskit.exceptions import QiskitError

from jobs.errors import SpecError

LONGEST_DT = 1 << 53
"""A year of 4 ns; Qiskit itself ends at 2^63, and lengths go through double precision."""
UNIT_SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9, "ps": 1e-12}


def in_dt(circuit: QuantumCircuit, dt_seconds: float | None) -> QuantumCircuit:
    """Return the circuit with every delay of fixed length as the nearest whole number of dt.

    Seconds and their parts, sums and multiples of durations are converted, in branches too. What
    has no fixed length (a stretch, a free parameter) or none in dt stays for preflight to name.

    Args:
        circuit: As it was made or read; itself where nothing is to be done.
        dt_seconds: Of the machine; None where it has no clock.

    Raises:
        SpecError: If a delay in dt is bound to a fraction, or one is too long to be counted.
    """
    check_delays(circuit)
    changed: dict[int, CircuitInstruction] = {}
    for place, one in enumerate(circuit.data):
        if one.name == "delay" and isinstance(one.operation, Delay):
            length = whole_dt(one.operation, dt_seconds)
            if length is not None and length > LONGEST_DT:
                raise SpecError(
                    "A delay should be at most 2^53 dt, what a machine's clock counts exactly. Got "
                    f"{length:.3e} dt; write a shorter one."
                )
            if length is not None and (one.operation.unit != "dt" or one.params != [length]):
                changed[place] = one.replace(operation=Delay(length, "dt"))
        elif one.is_control_flow():
            blocks = [in_dt(block, dt_seconds) for block in one.operation.blocks]
            if any(new is not old for new, old in zip(blocks, one.operation.blocks, strict=True)):
                changed[place] = one.replace(operation=one.operation.replace_blocks(blocks))
    if not changed:
        return circuit
    converted = circuit.copy_empty_like()
    converted.data = [changed.get(place, one) for place, one in enumerate(circuit.data)]
    return converted


def whole_dt(delay: Delay, dt_seconds: float | None) -> int | None:
    """Return the length of a delay as the nearest whole number of dt, None where it has none."""
    duration = delay.duration
    if isinstance(duration, expr.Expr):
        length = _value(duration, dt_seconds)
    elif getattr(duration, "parameters", None):
        return None
    else:
        length = _of_unit(float(duration), delay.unit, dt_seconds)
    return round(length) if math.isfinite(length) and length >= 0 else None


def _of_unit(length: float, unit: str, dt_seconds: float | None) -> float:
    if unit == "dt":
        return length
    return length * UNIT_SECONDS[unit] / dt_seconds if dt_seconds else math.nan


def _value(node: expr.Expr, dt_seconds: float | None) -> float:
    """Return the number that an expression is, durations in dt; nan where it is not fixed."""
    if isinstance(node, expr.Value):
        value = node.value
        if isinstance(value, Duration):
            return _of_unit(float(value.value()), value.unit(), dt_seconds)
        return float(value)
    if isinstance(node, expr.Cast):
        return _value(node.operand, dt_seconds)
    if isinstance(node, expr.Unary) and node.op is expr.Unary.Op.NEGATE:
        return -_value(node.operand, dt_seconds)
    if not isinstance(node, expr.Binary):
        return math.nan
    left, right = _value(node.left, dt_seconds), _value(node.right, dt_seconds)
    match node.op:
        case expr.Binary.Op.ADD:
            return left + right
        case expr.Binary.Op.SUB:
            return left - right
        case expr.Binary.Op.MUL:
            return left * right
        case expr.Binary.Op.DIV:
            return left / right if right else math.nan
        case _:
            return math.nan


def check_delays(circuit: QuantumCircuit) -> None:
    """Refuse a delay that Qiskit itself cannot read back, such as a bound fraction of dt.

    Raises:
        SpecError: If there is one, in a branch too.
    """
    for one in _delays(circuit):
        try:
            one.operation  # noqa: B018  # Qiskit checks the length only here
        except QiskitError:
            raise _not_whole(one.params[0]) from None


def check_units(circuit: QuantumCircuit) -> None:
    """Refuse a delay whose unit QPY has lost, which it reads as so many dt.

    Args:
        circuit: As it comes out of QPY.

    Raises:
        SpecError: If there is one, in a branch too.
    """
    for one in _delays(circuit):
        # Only lengths in dt are written as whole numbers.
        if not isinstance(one.params[0], int | expr.Expr):
            raise _not_whole(one.params[0])


def with_lost_unit(
    circuit: QuantumCircuit, is_right: Callable[[QuantumCircuit], bool]
) -> QuantumCircuit:
    """Return a circuit from QPY with the unit of its delays that makes it right; itself if none.

    Args:
        circuit: As it comes out of QPY.
        is_right: Whether this is the circuit that was written.
    """
    if all(isinstance(one.params[0], int | expr.Expr) for one in _delays(circuit)):
        return circuit
    candidates = (_with_unit(circuit, unit) for unit in UNIT_SECONDS)
    return next(filter(is_right, candidates), circuit)


def _with_unit(circuit: QuantumCircuit, unit: str) -> QuantumCircuit:
    changed = circuit.copy_empty_like()
    for one in circuit.data:
        if one.name == "delay" and isinstance(one.params[0], float):
            changed.append(one.replace(operation=Delay(one.params[0], unit)))
        elif one.is_control_flow():
            blocks = [_with_unit(block, unit) for block in one.operation.blocks]
            changed.append(one.replace(operation=one.operation.replace_blocks(blocks)))
        else:
            changed.append(one)
    return changed


def _not_whole(length: Any) -> SpecError:
    return SpecError(
        "A delay in QPY should be a whole number of dt, since neither another unit nor a parameter "
        f"of it is kept there; write OpenQASM 3, or dt. Got {length}"
    )


def _delays(circuit: QuantumCircuit) -> Iterator[CircuitInstruction]:
    for one in circuit.data:
        if one.name == "delay":
            yield one
        elif one.is_control_flow():
            for block in one.operation.blocks:
                yield from _delays(block)
