"""An exact referee: branching density matrices of small noisy dynamic circuits, in plain numpy.

It shares no code with the package: every record of classical bits has its own (unnormalised)
density matrix, a condition sends each record into its branch, a readout error splits records.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import Clbit, Gate, IfElseOp
from qiskit.circuit.classical import expr

SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9, "dt": 1e-9}
VIRTUAL = {"rz", "p", "z", "s", "t", "global_phase"}


@dataclass(frozen=True)
class Noise:
    """Depolarising gates, relaxation in gates and delays, and readout errors; 1 dt is 1 ns."""

    p1: float = 3e-4
    p2: float = 8e-3
    t1: float = 150e-6
    t2: float = 100e-6
    seconds_1q: float = 35e-9
    seconds_2q: float = 500e-9
    p01: float = 0.015
    p10: float = 0.030
    folds: int = 0  # every gate G is G (G^dagger G)^folds, each factor with its error; delays too

    def folded(self, scale_factor: int) -> "Noise":
        """Return what an odd folding factor makes of gates and delays."""
        return replace(self, folds=(scale_factor - 1) // 2)

    def scaled(self, gates: float = 1.0, readout: float = 1.0) -> "Noise":
        return Noise(
            self.p1 * gates,
            self.p2 * gates,
            self.t1 / gates if gates else math.inf,
            self.t2 / gates if gates else math.inf,
            self.seconds_1q,
            self.seconds_2q,
            self.p01 * readout,
            self.p10 * readout,
            self.folds,
        )


IDEAL = Noise().scaled(0.0, 0.0)
NO_READOUT_ERROR = Noise().scaled(1.0, 0.0)
READOUT_ERROR_ONLY = Noise().scaled(0.0, 1.0)


def distribution(
    circuit: QuantumCircuit, noise: Noise, kept: Iterable[int] | None = None
) -> np.ndarray:
    """Return the exact probabilities of the kept clbits, the first of them the lowest bit."""
    bits = list(range(circuit.num_clbits) if kept is None else kept)
    index = {bit: i for i, bit in enumerate(circuit.clbits)}
    last_use = {bit: -1 for bit in range(circuit.num_clbits) if bit not in bits}
    for position, instruction in enumerate(circuit.data):
        if isinstance(instruction.operation, IfElseOp):
            for bit in _bits_of(instruction.operation.condition):
                if index[bit] in last_use:
                    last_use[index[bit]] = position
    start = np.zeros(4**circuit.num_qubits, complex)
    start[0] = 1
    state = {0: start}
    qubit_map = {qubit: i for i, qubit in enumerate(circuit.qubits)}
    for position, instruction in enumerate(circuit.data):
        state = _step(instruction, state, qubit_map, index, circuit.num_qubits, noise)
        drop = sum(1 << bit for bit, last in last_use.items() if last <= position)
        state = _merged((record & ~drop, rho) for record, rho in state.items())
    table = np.zeros(2 ** len(bits))
    trace = np.eye(2**circuit.num_qubits).ravel()
    for record, rho in state.items():
        outcome = sum(((record >> bit) & 1) << place for place, bit in enumerate(bits))
        table[outcome] += (trace @ rho).real
    return table


def expectation(circuit: QuantumCircuit, noise: Noise, bit: int | None = None) -> float:
    """Return the mean of 1 - 2 bit; the last clbit if none is named."""
    chosen = circuit.num_clbits - 1 if bit is None else bit
    table = distribution(circuit, noise, [chosen])
    return float(table[0] - table[1])


def _merged(items):
    state = {}
    for record, rho in items:
        state[record] = state[record] + rho if record in state else rho
    return state


def _step(instruction, state, qubit_map, clbit_map, n, noise):
    operation = instruction.operation
    qubits = tuple(qubit_map[qubit] for qubit in instruction.qubits)
    if operation.name == "barrier":
        return state
    if isinstance(operation, IfElseOp):
        return _merged(
            item
            for record, rho in state.items()
            for item in _branch(
                operation, instruction, record, rho, qubit_map, clbit_map, n, noise
            ).items()
        )
    if operation.name.startswith("measure"):
        place = 1 << clbit_map[instruction.clbits[0]]
        parts = []
        for true, wrong in ((0, noise.p01), (1, noise.p10)):
            projector = _embedded(_projector(true), qubits, n)
            for record, rho in state.items():
                part = _applied(projector, rho)
                for read, weight in ((true, 1 - wrong), (1 - true, wrong)):
                    if weight:
                        parts.append(((record & ~place) | place * read, weight * part))
        return _merged(parts)
    matrix = _matrix(operation, qubits, n, noise)
    return {record: _applied(matrix, rho) for record, rho in state.items()}


def _applied(matrix, rho):
    """Multiply without BLAS, whose threads cost more than they bring at this size."""
    return np.einsum("ij,j->i", matrix, rho)


def _branch(operation, instruction, record, rho, qubit_map, clbit_map, n, noise):
    def value_of(variable):
        bits = [variable] if isinstance(variable, Clbit) else list(variable)
        return sum(((record >> clbit_map[bit]) & 1) << place for place, bit in enumerate(bits))

    taken = 0 if _evaluate(operation.condition, value_of) else 1
    state = {record: rho}
    if taken < len(operation.blocks):
        block = operation.blocks[taken]
        inner_qubits = {
            inner: qubit_map[outer]
            for inner, outer in zip(block.qubits, instruction.qubits, strict=True)
        }
        inner_clbits = dict(clbit_map) | {
            inner: clbit_map[outer]
            for inner, outer in zip(block.clbits, instruction.clbits, strict=True)
        }
        for inner in block.data:
            state = _step(inner, state, inner_qubits, inner_clbits, n, noise)
    return state


def _bits_of(condition):
    if isinstance(condition, expr.Expr):
        variables = [node.var for node in expr.iter_vars(condition)]
    else:
        variables = [condition[0]]
    for variable in variables:
        yield from [variable] if isinstance(variable, Clbit) else variable


def _evaluate(condition, value_of):
    if not isinstance(condition, expr.Expr):
        return value_of(condition[0]) == int(condition[1])
    if isinstance(condition, expr.Var):
        return value_of(condition.var)
    if isinstance(condition, expr.Value):
        return int(condition.value)
    if isinstance(condition, expr.Cast):
        return _evaluate(condition.operand, value_of)
    if isinstance(condition, expr.Unary):
        operand = _evaluate(condition.operand, value_of)
        if condition.op.name == "BIT_NOT" and condition.type.width is not None:
            return operand ^ (2**condition.type.width - 1)
        return int(not operand)
    if isinstance(condition, expr.Index):
        return (_evaluate(condition.target, value_of) >> condition.index.value) & 1
    left, right = (_evaluate(side, value_of) for side in (condition.left, condition.right))
    return {
        "BIT_AND": left & right,
        "BIT_OR": left | right,
        "BIT_XOR": left ^ right,
        "LOGIC_AND": int(bool(left and right)),
        "LOGIC_OR": int(bool(left or right)),
        "EQUAL": int(left == right),
        "NOT_EQUAL": int(left != right),
    }[condition.op.name]


@lru_cache(maxsize=4096)
def _projector(value):
    matrix = np.zeros((4, 4), complex)
    matrix[3 * value, 3 * value] = 1
    return _Local(matrix)


class _Local:
    """A superoperator on a few qubits, row-major over (ket, bra), hashable by identity."""

    def __init__(self, matrix):
        self.matrix = matrix


@lru_cache(maxsize=4096)
def _embedded(local, qubits, n):
    """Extend to all qubits; qubit 0 is the lowest bit of the kets and of the bras."""
    k = len(qubits)
    tensor = local.matrix.reshape((2,) * (4 * k))
    kets = [n - 1 - qubit for qubit in reversed(qubits)]
    axes = kets + [n + axis for axis in kets]
    columns = np.eye(4**n).reshape((2,) * (2 * n) + (4**n,))
    out = np.tensordot(tensor, columns, axes=(range(2 * k, 4 * k), axes))
    return np.moveaxis(out, range(2 * k), axes).reshape(4**n, 4**n)


def _matrix(operation, qubits, n, noise):
    if operation.name == "delay":
        key = ("delay", operation.duration * SECONDS[operation.unit])
    else:
        key = (operation.name, *(float(value) for value in operation.params))
    if key not in _unitaries and isinstance(operation, Gate):
        _unitaries[key] = operation.to_matrix()
    return _embedded(_local(key, len(qubits), noise), qubits, n)


_unitaries: dict[tuple, np.ndarray] = {}


@lru_cache(maxsize=4096)
def _local(key, k, noise):
    name = key[0]
    if name == "delay":
        return _Local(_relaxation(key[1] * (2 * noise.folds + 1), noise))
    if name.startswith("reset"):
        matrix = np.zeros((4, 4), complex)
        matrix[0, 0] = matrix[0, 3] = 1
        return _Local(matrix)
    unitary = _unitaries[key]
    matrix = np.kron(unitary, unitary.conj())
    if name in VIRTUAL:
        return _Local(matrix)
    rate, seconds = ((noise.p1, noise.seconds_1q), (noise.p2, noise.seconds_2q))[k - 1]
    mixed = np.eye(2**k).ravel()
    depolarising = (1 - rate) * np.eye(4**k) + rate / 2**k * np.outer(mixed, mixed)
    relaxation = _relaxation(seconds, noise)
    if k == 2:
        pair = np.kron(relaxation, relaxation).reshape((2,) * 8)
        relaxation = pair.transpose(0, 2, 1, 3, 4, 6, 5, 7).reshape(16, 16)
    error = relaxation @ depolarising
    there_and_back = error @ matrix @ error @ matrix.conj().T
    again = np.linalg.matrix_power(there_and_back, noise.folds)
    return _Local(again @ error @ matrix)


def _relaxation(seconds, noise):
    matrix = np.eye(4, dtype=complex)
    matrix[3, 3] = math.exp(-seconds / noise.t1)
    matrix[0, 3] = 1 - matrix[3, 3]
    matrix[1, 1] = matrix[2, 2] = math.exp(-seconds / noise.t2)
    return matrix
