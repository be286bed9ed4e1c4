"""Change what the branches of a dynamic circuit see of the bits that were read."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from qiskit import QuantumCircuit
from qiskit.circuit import (
    CircuitInstruction,
    ClassicalRegister,
    Clbit,
    ControlFlowOp,
    IfElseOp,
    Store,
)
from qiskit.circuit.classical import expr

from circuits.known_operations import is_measurement
from qrnn_hw.errors import UsageError
from qrnn_hw.mitigation.labels import LABELS, Label

Condition: TypeAlias = Any  # (Clbit, value), (ClassicalRegister, value) or an expr.Expr


def fed_forward_bits(circuit: QuantumCircuit) -> tuple[int, ...]:
    """List the measurements that a later condition reads, in the order of measurement.

    What is stored over a measured bit is no measurement, and carries no label.

    Returns:
        The index of the clbit that each writes; a clbit that is written again counts again.

    Raises:
        UsageError: If the control flow is not an `if` over measured bits, or is nested; if a
            measured bit is read by a store, or stored over in a branch.
    """
    slots = fed_forward_slots(circuit)
    index = {bit: place for place, bit in enumerate(circuit.clbits)}
    return tuple(index[circuit.data[position].clbits[0]] for position in slots)


def relabel(circuit: QuantumCircuit, mask: Sequence[Label]) -> QuantumCircuit:
    """Let each branch see the relabelled bit: keep it, swap it, or take it for 0 or 1.

    Done on the conditions alone, before the circuit runs: no gate is added, the measurements and
    their records stay. A condition on one bit or on a whole register, equality or expression, is
    rewritten; one that can no longer fail or hold is replaced by its block.

    Args:
        circuit: Dynamic circuit with `if` as its only control flow, not nested.
        mask: One label for each of `fed_forward_bits(circuit)`.

    Raises:
        UsageError: If the mask does not fit, or see `fed_forward_bits`.
    """
    slots = fed_forward_slots(circuit)
    if len(mask) != len(slots) or any(label not in LABELS for label in mask):
        raise UsageError(
            f"a mask should have one of {', '.join(LABELS)} for each of {len(slots)} fed-forward "
            f"bits. Got {tuple(mask)}."
        )
    label_of = dict(zip(slots, mask, strict=True))
    seen: dict[Clbit, Label] = {}
    relabelled = circuit.copy_empty_like()
    for position, instruction in enumerate(circuit.data):
        operation = instruction.operation
        if isinstance(operation, IfElseOp):
            condition = _rewritten(operation.condition, seen)
            if isinstance(condition, bool):
                for block in operation.blocks[0 if condition else 1 :][:1]:
                    _inline(relabelled, block, instruction)
                continue
            operation = IfElseOp(condition, *operation.blocks, label=operation.label)
        elif isinstance(operation, Store):
            for bit in _stored_bits(operation):
                seen.pop(bit, None)
        elif is_measurement(operation):
            seen[instruction.clbits[0]] = label_of.get(position, "keep")
        relabelled.append(operation, instruction.qubits, instruction.clbits)
    return relabelled


def _inline(circuit: QuantumCircuit, block: QuantumCircuit, at: CircuitInstruction) -> None:
    """Append a branch's instructions.

    Not by `compose`: where a transpiled block names its circuit's own qubits, that panics (2.6).
    """
    qubits = dict(zip(block.qubits, at.qubits, strict=True))
    clbits = dict(zip(block.clbits, at.clbits, strict=True))
    for inner in block.data:
        circuit.append(
            inner.operation, [qubits[q] for q in inner.qubits], [clbits[c] for c in inner.clbits]
        )


def condition_bits(condition: Condition) -> tuple[Clbit, ...]:
    """Return the bits that a condition reads, the lowest first."""
    if isinstance(condition, expr.Expr):
        variables = [variable.var for variable in expr.iter_vars(condition)]
    else:
        variables = [condition[0]]
    if not all(isinstance(variable, Clbit | ClassicalRegister) for variable in variables):
        raise UsageError(
            "a condition should read bits or registers that were measured. Got a variable."
        )
    bits = (
        bit
        for variable in variables
        for bit in ([variable] if isinstance(variable, Clbit) else variable)
    )
    return tuple(dict.fromkeys(bits))


def fed_forward_slots(circuit: QuantumCircuit) -> list[int]:
    """Return the positions of the measurements that some condition reads."""
    written: dict[Clbit, int] = {}
    read: set[int] = set()
    for position, instruction in enumerate(circuit.data):
        operation = instruction.operation
        if isinstance(operation, ControlFlowOp):
            _check_supported(operation)
            read.update(
                written[bit] for bit in condition_bits(operation.condition) if bit in written
            )
        elif isinstance(operation, Store):
            _check_store(operation, written)
            for bit in _stored_bits(operation):
                written.pop(bit, None)
        elif is_measurement(operation):
            written[instruction.clbits[0]] = position
    return sorted(read)


def _stored_bits(operation: Store) -> tuple[Clbit, ...]:
    """Return the bits that a store sets, none if it sets a variable.

    Raises:
        UsageError: If it sets a bit of a register at a place that is computed.
    """
    target = operation.lvalue
    if isinstance(target, expr.Index):
        register, place = target.target, target.index
        if not isinstance(place, expr.Value) or not isinstance(register, expr.Var):
            raise UsageError(
                "a circuit to relabel should store to bits that are named. Got a computed place."
            )
        return (register.var[int(place.value)],)
    if isinstance(target.var, Clbit):
        return (target.var,)
    return tuple(target.var) if isinstance(target.var, ClassicalRegister) else ()


def _check_store(operation: Store, written: Mapping[Clbit, int]) -> None:
    if not _stored_bits(operation):
        return  # a condition on a variable is refused where it stands
    if any(bit in written for bit in condition_bits(operation.rvalue)):
        raise UsageError(
            "a circuit to relabel should feed measured bits into conditions. Got a store of one; "
            "write the condition with the bit itself."
        )


def _check_supported(operation: ControlFlowOp) -> None:
    inner = {item.operation.name for block in operation.blocks for item in block.data}
    nested = [
        item.operation.name
        for block in operation.blocks
        for item in block.data
        if isinstance(item.operation, ControlFlowOp)
    ]
    if not isinstance(operation, IfElseOp) or nested:
        raise UsageError(
            "control flow to relabel should be an if without another inside. "
            f"Got {' > '.join([operation.name, *nested[:1]])}."
        )
    for name in sorted(inner):
        if name == "store" or name.startswith("measure"):
            raise UsageError(f"a branch to relabel should set no bit. Got {name} in an if_else.")


def _rewritten(condition: Condition, seen: dict[Clbit, Label]) -> Condition | bool:
    if isinstance(condition, expr.Expr):
        return condition if not _changed(condition, seen) else _substituted(condition, seen)
    target, value = condition[0], int(condition[1])
    if isinstance(target, Clbit):
        label = seen.get(target, "keep")
        if label in ("zero", "one"):
            return value == (label == "one")
        return (target, value ^ (label == "swap"))
    kept, flipped = _register_masks(target, seen)
    wanted = value ^ flipped
    if wanted & ~kept:
        return False
    if kept == 0:
        return True
    if kept == 2 ** len(target) - 1:
        return (target, wanted)
    return expr.equal(expr.bit_and(target, kept), wanted)


def _changed(condition: expr.Expr, seen: dict[Clbit, Label]) -> bool:
    return any(seen.get(bit, "keep") != "keep" for bit in condition_bits(condition))


def _register_masks(register: ClassicalRegister, seen: dict[Clbit, Label]) -> tuple[int, int]:
    """Return (kept, flipped): the branch sees (register & kept) ^ flipped."""
    labels = [seen.get(bit, "keep") for bit in register]
    kept = sum(1 << place for place, label in enumerate(labels) if label in ("keep", "swap"))
    flipped = sum(1 << place for place, label in enumerate(labels) if label in ("swap", "one"))
    return kept, flipped


def _substituted(node: expr.Expr, seen: dict[Clbit, Label]) -> expr.Expr:
    if isinstance(node, expr.Var):
        if isinstance(node.var, Clbit):
            label = seen.get(node.var, "keep")
            if label in ("zero", "one"):
                return expr.lift(label == "one")
            return expr.logic_not(node) if label == "swap" else node
        kept, flipped = _register_masks(node.var, seen)
        if kept != 2 ** len(node.var) - 1:
            node = expr.bit_and(node, kept)
        return expr.bit_xor(node, flipped) if flipped else node
    if isinstance(node, expr.Cast):
        return expr.Cast(_substituted(node.operand, seen), node.type, node.implicit)
    if isinstance(node, expr.Unary):
        return expr.Unary(node.op, _substituted(node.operand, seen), node.type)
    if isinstance(node, expr.Binary):
        left, right = _substituted(node.left, seen), _substituted(node.right, seen)
        return expr.Binary(node.op, left, right, node.type)
    if isinstance(node, expr.Index):
        place = _substituted(node.index, seen)
        return expr.Index(_substituted(node.target, seen), place, node.type)
    if isinstance(node, expr.Value):
        return node
    raise UsageError(
        "a condition to relabel should be built of bits, registers and logic. "
        f"Got {type(node).__name__}."
    )
