"""The identity of a circuit: what it does to its qubits and bits, and nothing else."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from qiskit.circuit import (
    BoxOp,
    CircuitInstruction,
    ClassicalRegister,
    Clbit,
    ControlFlowOp,
    ForLoopOp,
    IfElseOp,
    QuantumCircuit,
    Qubit,
    SwitchCaseOp,
    WhileLoopOp,
)
from qiskit.circuit.classical import expr
from qiskit.circuit.library import get_standard_gate_name_mapping

Walk = list[Any]
_STANDARD_NAMES = frozenset(get_standard_gate_name_mapping())


def circuit_digest(circuit: QuantumCircuit) -> str:
    """Return the SHA-256, in hex, of what `circuit` does.

    QPY bytes would not do: they carry the random identifiers of parameters, so the same circuit
    built in two processes differs. Hashed are: the number of qubits and bits, the classical
    registers by name, and each instruction with its name, parameters, qubits, bits, condition and
    blocks. Not hashed are: the circuit's name, metadata, layout and global phase, the names of
    quantum registers, labels and the identifiers of parameters.

    Args:
        circuit: Any circuit, bound or parametrised.
    """
    qubits = {qubit: index for index, qubit in enumerate(circuit.qubits)}
    clbits = {clbit: index for index, clbit in enumerate(circuit.clbits)}
    registers = [[register.name, [clbits[bit] for bit in register]] for register in circuit.cregs]
    walk = [len(qubits), len(clbits), registers, _instructions(circuit, qubits, clbits)]
    text = json.dumps(walk, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _instructions(
    circuit: QuantumCircuit, qubits: Mapping[Qubit, int], clbits: Mapping[Clbit, int]
) -> Walk:
    return [_instruction(instruction, qubits, clbits) for instruction in circuit.data]


def _instruction(
    instruction: CircuitInstruction, qubits: Mapping[Qubit, int], clbits: Mapping[Clbit, int]
) -> Walk:
    operation = instruction.operation
    where = [
        operation.name,
        [qubits[qubit] for qubit in instruction.qubits],
        [clbits[clbit] for clbit in instruction.clbits],
    ]
    if isinstance(operation, ControlFlowOp):
        blocks = [
            _instructions(
                block,
                dict(zip(block.qubits, (qubits[q] for q in instruction.qubits), strict=True)),
                dict(zip(block.clbits, (clbits[c] for c in instruction.clbits), strict=True)),
            )
            for block in operation.blocks
        ]
        return [*where, _control(operation, clbits), blocks]
    parameters = [_parameter(value, clbits) for value in operation.params]
    if operation.name == "delay":
        parameters.append(operation.unit)
    if operation.name in _STANDARD_NAMES or operation.definition is None:
        return [*where, parameters]
    return [*where, parameters, circuit_digest(operation.definition)]


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


def _parameter(value: Any, clbits: Mapping[Clbit, int]) -> Any:
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
        return circuit_digest(value)
    if isinstance(value, Sequence):
        return [_parameter(element, clbits) for element in value]
    return str(value)
