"""What the machine's controllers can do between a measurement and a gate."""

from collections.abc import Iterator, Sequence
from typing import Any

from qiskit import QuantumCircuit
from qiskit.circuit import ClassicalRegister, Clbit, ControlFlowOp, IfElseOp, Store
from qiskit.circuit.classical import expr
from qiskit.transpiler import Target

from jobs.limits import Limits
from jobs.preflight.broadcasts import condition_bits
from jobs.preflight.rules import Finding, finding
from jobs.preflight.walk import Place

_REFUSED = {
    "for_loop": "for-loop",
    "while_loop": "while-loop",
    "switch_case": "switch",
    "break_loop": "loop-exit",
    "continue_loop": "loop-exit",
    "box": "box",
}
_ARITHMETIC = {"ADD", "SUB", "MUL", "DIV"}


def control_flow_findings(
    circuit: QuantumCircuit, places: Sequence[Place], target: Target, limits: Limits
) -> Iterator[Finding]:
    """Yield what in the control flow of `circuit`, at its `places`, the machine would refuse."""
    measured: set[Clbit] = set()
    has_store = "store" in target.operation_names
    for place in places:
        name = place.operation.name
        if name in _REFUSED:
            yield finding(_REFUSED[name], place.where, name)
        elif isinstance(place.operation, Store):
            measured.update(condition_bits(place.operation.lvalue))
            if not has_store:
                yield finding("classical-variable", place.where, name)
        elif isinstance(place.operation, IfElseOp):
            if "if_else" not in target.operation_names:
                yield finding("no-dynamic-circuits", place.where, "if_else")
            if place.depth:
                yield finding("nested-if", place.where, f"{place.depth + 1} levels")
            yield from _condition_findings(place, limits)
            bits = condition_bits(place.operation.condition)
            if place.depth == 0 and not bits & measured and not _reads_variables(place.operation):
                yield finding("unmeasured-condition", place.where, f"{len(bits)} unmeasured bits")
        elif name.startswith("measure"):
            measured.update(place.clbits)
            if place.depth:
                yield finding("measure-in-branch", place.where, name)
        elif name.startswith("reset") and place.depth:
            yield finding("reset-in-branch", place.where, name)
    declared = [*circuit.iter_vars(), *circuit.iter_stretches()]
    if declared and not has_store:
        names = ", ".join(one.name for one in declared)
        yield finding("classical-variable", "", f"variables or stretches {names}")


def _reads_variables(operation: IfElseOp) -> bool:
    condition = operation.condition
    return isinstance(condition, expr.Expr) and any(map(_is_variable, expr.iter_vars(condition)))


def _is_variable(node: expr.Var) -> bool:
    return not isinstance(node.var, Clbit | ClassicalRegister)


def _condition_findings(place: Place, limits: Limits) -> Iterator[Finding]:
    condition = place.operation.condition
    width = _width(condition)
    if width > limits.condition_bits:
        yield finding("wide-condition", place.where, f"an operand of {width} bits")
    for operation in _operations(condition):
        if operation in _ARITHMETIC:
            yield finding("arithmetic", place.where, operation.lower())


def _width(condition: Any) -> int:
    if isinstance(condition, tuple):
        operand = condition[0]
        return len(operand) if isinstance(operand, ClassicalRegister) else 1
    return max((_type_width(node) for node in _nodes(condition)), default=1)


def _type_width(node: expr.Expr) -> int:
    return getattr(node.type, "width", 1)


def _operations(condition: Any) -> Iterator[str]:
    if isinstance(condition, expr.Expr):
        for node in _nodes(condition):
            if isinstance(node, expr.Unary | expr.Binary):
                yield node.op.name


def _nodes(node: expr.Expr) -> Iterator[expr.Expr]:
    yield node
    for name in ("operand", "left", "right", "target", "index"):
        child = getattr(node, name, None)
        if isinstance(child, expr.Expr):
            yield from _nodes(child)


def is_dynamic(circuit: QuantumCircuit) -> bool:
    """Return whether `circuit` holds any control flow."""
    return any(isinstance(instruction.operation, ControlFlowOp) for instruction in circuit.data)
