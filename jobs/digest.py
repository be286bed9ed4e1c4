"""The identity of a circuit: what it does to its qubits and bits, and nothing else."""

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from qiskit.circuit import (
    AnnotatedOperation,
    BoxOp,
    CircuitInstruction,
    ClassicalRegister,
    Clbit,
    ControlFlowOp,
    Delay,
    ForLoopOp,
    IfElseOp,
    Instruction,
    Operation,
    ParameterExpression,
    QuantumCircuit,
    Qubit,
    SwitchCaseOp,
    WhileLoopOp,
)
from qiskit.circuit.classical import expr
from qiskit.circuit.library import UnitaryGate, get_standard_gate_name_mapping

from circuits.known_operations import is_standard

Walk = list[Any]
_STANDARD_NAMES = frozenset(get_standard_gate_name_mapping())


def circuit_digest(circuit: QuantumCircuit) -> str:
    """Return the SHA-256, in hex, of what `circuit` does.

    QPY bytes would not do: they carry the random identifiers of parameters, so the same circuit
    built in two processes differs. Hashed are: the number of qubits and bits, the classical
    registers by name, and each instruction with its name, parameters, qubits, bits, condition and
    blocks; of a gate that is not Qiskit's own of its name its definition too. Not hashed are: the
    circuit's name, metadata, layout and global phase, the names of quantum registers, labels, the
    identifiers of parameters, and the order in which a branch lists its qubits and bits, which may
    be that of a set.

    Angles are hashed to their last bit, so that they have to come from a computation that is the
    same on every machine.

    Args:
        circuit: Any circuit, bound or parametrised.
    """
    return _Digest(former=False).of(circuit)


def former_digest(circuit: QuantumCircuit) -> str:
    """Return the digest of older versions, under which their stores hold the circuit.

    It tells branches apart by the order in which they list their qubits, and takes every gate with
    the name of a standard one for that one.
    """
    return _Digest(former=True).of(circuit)


@dataclass(frozen=True)
class _Digest:
    former: bool

    def of(self, circuit: QuantumCircuit) -> str:
        qubits = {qubit: index for index, qubit in enumerate(circuit.qubits)}
        clbits = {clbit: index for index, clbit in enumerate(circuit.clbits)}
        registers = [[one.name, [clbits[bit] for bit in one]] for one in circuit.cregs]
        walk = [len(qubits), len(clbits), registers, self.block(circuit, qubits, clbits)]
        return _hash(walk)

    def block(
        self, circuit: QuantumCircuit, qubits: Mapping[Qubit, int], clbits: Mapping[Clbit, int]
    ) -> Walk:
        return [self.instruction(instruction, qubits, clbits) for instruction in circuit.data]

    def instruction(
        self,
        instruction: CircuitInstruction,
        qubits: Mapping[Qubit, int],
        clbits: Mapping[Clbit, int],
    ) -> Walk:
        operation = instruction.operation
        on_qubits = [qubits[qubit] for qubit in instruction.qubits]
        on_clbits = [clbits[clbit] for clbit in instruction.clbits]
        if instruction.is_control_flow():
            blocks = [
                self.block(
                    block,
                    dict(zip(block.qubits, on_qubits, strict=True)),
                    # A condition inside may read a bit of the circuit that the block does not list.
                    {**clbits, **dict(zip(block.clbits, on_clbits, strict=True))},
                )
                for block in operation.blocks
            ]
            if not self.former:
                on_qubits = _in_order_of_use(on_qubits, blocks, 1)
                read = [bit for bit in _read_first(operation, clbits) if bit in on_clbits]
                on_clbits = [*read, *_in_order_of_use(set(on_clbits) - set(read), blocks, 2)]
            return [operation.name, on_qubits, on_clbits, _control(operation, clbits), blocks]
        where = [operation.name, on_qubits, on_clbits]
        if not isinstance(operation, Instruction):
            return [*where, *self.content(operation)]
        parameters = [self.parameter(value, clbits) for value in operation.params]
        if operation.name == "delay" and isinstance(operation, Delay):
            parameters.append(operation.unit)
        if self.is_told_by_name(operation):
            return [*where, parameters]
        # A control may make a phase of the whole visible.
        phase = [] if self.former else self.phase(operation.definition)
        return [*where, parameters, self.of(operation.definition), *phase]

    def content(self, operation: Operation) -> Walk:
        """Return what an operation is that is no instruction, such as an annotated one."""
        if not isinstance(operation, AnnotatedOperation):
            return [repr(operation)]
        base = QuantumCircuit(operation.base_op.num_qubits)
        base.append(operation.base_op, base.qubits)
        return [list(map(repr, operation.modifiers)), self.of(base)]

    def is_told_by_name(self, operation: Instruction) -> bool:
        """Return whether name and parameters are all that there is to know."""
        if self.former:
            return operation.name in _STANDARD_NAMES or operation.definition is None
        if is_standard(operation) or isinstance(operation, UnitaryGate):
            return True  # of the latter the definition is computed from its matrix
        return operation.definition is None

    def phase(self, definition: QuantumCircuit) -> Walk:
        phase = self.parameter(definition.global_phase, {})
        return [] if phase in (0, (0.0).hex()) else [phase]

    def parameter(self, value: Any, clbits: Mapping[Clbit, int]) -> Any:
        if isinstance(value, ParameterExpression):  # the most frequent kind
            return str(value)
        if isinstance(value, bool | int | str):
            return value
        if isinstance(value, float | np.floating):
            # Negative zero is the same angle, and `hex` keeps every bit of the others.
            return (float(value) + 0.0).hex()
        if isinstance(value, np.ndarray):
            return [list(value.shape), np.ascontiguousarray(value).tobytes().hex()]
        if isinstance(value, expr.Expr):
            return _operand(value, clbits)
        if isinstance(value, QuantumCircuit):
            return self.of(value)
        if isinstance(value, Sequence):
            return [self.parameter(element, clbits) for element in value]
        return str(value)


def _hash(walk: Walk) -> str:
    text = json.dumps(walk, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _in_order_of_use(listed: Collection[int], blocks: Sequence[Walk], place: int) -> list[int]:
    """Return what a branch lists, in the order in which its instructions name it first.

    Args:
        listed: Indices of qubits or bits.
        blocks: Instructions of each block.
        place: Where an instruction has indices of that kind.
    """
    named = (index for block in blocks for instruction in block for index in instruction[place])
    used = [index for index in dict.fromkeys(named) if index in listed]
    return [*used, *sorted(set(listed) - set(used))]


def _read_first(operation: ControlFlowOp, listed: Mapping[Clbit, int]) -> list[int]:
    """Return the bits that decide a branch, in the order in which its condition names them."""
    condition = getattr(operation, "condition", None) or getattr(operation, "target", None)
    return list(dict.fromkeys(listed[bit] for bit in _bits(condition)))


def _bits(node: Any) -> Iterator[Clbit]:
    match node:
        case Clbit():
            yield node
        case ClassicalRegister():
            yield from node
        case tuple():
            yield from _bits(node[0])
        case expr.Expr():
            for variable in expr.iter_vars(node):
                yield from _bits(variable.var)


def _control(operation: ControlFlowOp, clbits: Mapping[Clbit, int]) -> Walk:
    if isinstance(operation, IfElseOp | WhileLoopOp):
        return _condition(operation.condition, clbits)
    if isinstance(operation, ForLoopOp):
        indices, parameter, _ = operation.params
        return [list(indices), None if parameter is None else parameter.name]
    if isinstance(operation, SwitchCaseOp):
        cases = [[str(label) for label in labels] for labels, _ in operation.cases_specifier()]
        return [_operand(operation.target, clbits), cases]
    if isinstance(operation, BoxOp):
        return [str(operation.duration), operation.unit]
    return []


def _condition(condition: Any, clbits: Mapping[Clbit, int]) -> Walk:
    if isinstance(condition, tuple):
        operand, value = condition
        return [_operand(operand, clbits), int(value)]
    return _operand(condition, clbits)


def _operand(node: Any, clbits: Mapping[Clbit, int]) -> Walk:
    """Return a condition's operand with bits as indices and registers as names."""
    match node:
        case Clbit():
            return ["bit", clbits[node]]
        case ClassicalRegister():
            return ["register", node.name]
        case expr.Var():
            # A variable that is no bit and no register carries a random identifier and a name.
            if isinstance(node.var, Clbit | ClassicalRegister):
                return _operand(node.var, clbits)
            return ["variable", node.name, str(node.type)]
        case expr.Value():
            return ["value", str(node.value), str(node.type)]
        case expr.Cast():
            return ["cast", _operand(node.operand, clbits), str(node.type)]
        case expr.Unary():
            return [node.op.name, _operand(node.operand, clbits)]
        case expr.Binary():
            return [node.op.name, _operand(node.left, clbits), _operand(node.right, clbits)]
        case expr.Index():
            return ["index", _operand(node.target, clbits), _operand(node.index, clbits)]
        case _:
            return ["other", getattr(node, "name", repr(node))]
