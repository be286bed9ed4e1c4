"""Give the branches of a circuit one structure, so that a mask of labels is a row of angles."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit
from qiskit.circuit import (
    CircuitInstruction,
    ClassicalRegister,
    Clbit,
    Gate,
    IfElseOp,
    Parameter,
    ParameterVector,
    Qubit,
)
from qiskit.circuit.classical import expr

from qrnn_hw.errors import UsageError
from qrnn_hw.mitigation.branch_synthesis import unify
from qrnn_hw.mitigation.labels import Label
from qrnn_hw.mitigation.relabel import fed_forward_slots

MOST_ENUMERATED_BITS = 5


@dataclass(frozen=True, eq=False)
class SharedBranches:
    """One circuit for all masks: compiled once and sent as one PUB with one row for each mask."""

    circuit: QuantumCircuit
    parameters: tuple[Parameter, ...]
    n_masked_bits: int
    _groups: tuple["_Group", ...]

    def rows(self, masks: Sequence[Sequence[Label]]) -> NDArray[np.float64]:
        """Return the angles of each mask, in the order of `parameters`.

        Args:
            masks: One label for each of `relabel.fed_forward_bits` of the original circuit.

        Returns:
            Shape: (n_masks, n_parameters). Without other parameters in the circuit they are the
            parameter values of the PUB `(circuit, rows)`.

        Raises:
            UsageError: If a mask has the wrong length.
        """
        wrong = next((mask for mask in masks if len(mask) != self.n_masked_bits), None)
        if wrong is not None:
            raise UsageError(
                f"a mask should have {self.n_masked_bits} labels. Got {len(wrong)}: {wrong}."
            )
        rows = [
            np.concatenate([group.angles[group.seen(mask)].ravel() for group in self._groups])
            for mask in masks
        ]
        return np.array(rows).reshape(len(masks), len(self.parameters))


@dataclass(frozen=True, eq=False)
class _Group:
    """Neighbouring ifs on the same bits, as a table of what runs for each value read."""

    slots: tuple[int | None, ...]  # of each bit, the lowest first; None where never measured
    angles: NDArray[np.float64]  # shape: (2**n_bits, n_angles), by the value that is seen

    def seen(self, mask: Sequence[Label]) -> NDArray[np.int64]:
        """Return what the branch sees for each value read."""
        values = np.arange(2 ** len(self.slots))
        for place, slot in enumerate(self.slots):
            label = "keep" if slot is None else mask[slot]
            if label not in ("keep", "swap"):
                values &= ~(1 << place)
            if label in ("swap", "one"):
                values ^= 1 << place
        return values


def share_branches(circuit: QuantumCircuit) -> SharedBranches:
    """Rewrite the ifs so that all their branches hold the same gates with parameters as angles.

    Conditions compare one bit, or a register of at most five bits, with a value; neighbouring ifs
    on one register are a look-up table. A register is enumerated: one if for each of its values.
    Branches that hold the same gates keep them. Others, on one or two qubits, are synthesised anew
    with equally many entanglers: where one branch has none and the other has one, both get two,
    which costs gate errors that separate circuits (`relabel.relabel`) do not have.

    Args:
        circuit: ISA circuit (entangler cz, cx or ecr), branches without free parameters. Fold the
            result, not the argument.

    Raises:
        UsageError: If a condition is an expression, a register is longer, or branches of different
            gates act on more than two qubits, hold delays or hold free parameters.
    """
    slots = fed_forward_slots(circuit)
    current: dict[Clbit, int] = {}
    shared = circuit.copy_empty_like()
    groups: list[_Group] = []
    parameters: list[Parameter] = []
    for position, items in _grouped(circuit):
        if not isinstance(items[0].operation, IfElseOp):
            shared.append(items[0])
            if position in slots:
                current[items[0].clbits[0]] = slots.index(position)
            continue
        target = items[0].operation.condition[0]
        bits = [target] if isinstance(target, Clbit) else list(target)
        qubits = list(dict.fromkeys(qubit for item in items for qubit in item.qubits))
        table = [_block_for(value, items, qubits) for value in range(2 ** len(bits))]
        structure, angles = unify(table)
        vector = ParameterVector(f"branch_{len(groups):03d}", angles.size)
        blocks = [
            _filled(structure, list(vector[value * len(row) : (value + 1) * len(row)]))
            for value, row in enumerate(angles)
        ]
        _append_branches(shared, target, blocks, qubits)
        parameters += list(vector)
        groups.append(_Group(tuple(current.get(bit) for bit in bits), angles))
    return SharedBranches(shared, tuple(parameters), len(slots), tuple(groups))


def _grouped(circuit: QuantumCircuit) -> Iterator[tuple[int, list[CircuitInstruction]]]:
    """Yield (position, instructions): neighbouring ifs on the same bits come together."""
    pending: list[CircuitInstruction] = []
    for position, item in enumerate(circuit.data):
        is_if = isinstance(item.operation, IfElseOp)
        if is_if:
            _check_condition(item.operation.condition)
        if pending and not (is_if and _target(item) == _target(pending[0])):
            yield position, pending
            pending = []
        if is_if:
            pending.append(item)
        else:
            yield position, [item]
    if pending:
        yield len(circuit.data), pending


def _target(item: CircuitInstruction) -> Clbit | ClassicalRegister:
    return item.operation.condition[0]


def _check_condition(condition: object) -> None:
    if isinstance(condition, expr.Expr):
        raise UsageError(
            "a condition with shared branches should compare a bit or a register with a value. "
            "Got an expression. Use one circuit for each mask (relabel)."
        )
    target = condition[0]  # type: ignore[index]
    if isinstance(target, ClassicalRegister) and len(target) > MOST_ENUMERATED_BITS:
        raise UsageError(
            f"a register to enumerate should have at most {MOST_ENUMERATED_BITS} bits. "
            f"Got {len(target)}. Use one circuit for each mask (relabel)."
        )


def _block_for(
    value: int, items: Sequence[CircuitInstruction], qubits: Sequence[Qubit]
) -> QuantumCircuit:
    """Join what the ifs run when `value` is seen."""
    joined = QuantumCircuit(len(qubits))
    for item in items:
        taken = 0 if value == int(item.operation.condition[1]) else 1
        for block in item.operation.blocks[taken : taken + 1]:
            place = {
                inner: qubits.index(outer)
                for inner, outer in zip(block.qubits, item.qubits, strict=True)
            }
            for inner in block.data:
                joined.append(inner.operation, [place[qubit] for qubit in inner.qubits])
    return joined


def _filled(structure: QuantumCircuit, angles: list[Parameter]) -> QuantumCircuit:
    filled = structure.copy_empty_like()
    left = iter(angles)
    for item in structure.data:
        operation = item.operation
        if isinstance(operation, Gate) and operation.params:
            operation = operation.to_mutable()
            operation.params = [next(left) for _ in operation.params]
        filled.append(operation, item.qubits)
    return filled


def _append_branches(
    circuit: QuantumCircuit,
    target: Clbit | ClassicalRegister,
    blocks: Sequence[QuantumCircuit],
    qubits: Sequence[Qubit],
) -> None:
    if isinstance(target, Clbit):
        circuit.if_else((target, 1), blocks[1], blocks[0], qubits, [])
        return
    for value, block in enumerate(blocks):
        circuit.if_test((target, value), block, qubits, [])
