"""Write blocks of gates with one common structure, so that they differ in their angles only."""

import math
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit
from qiskit.circuit import CircuitInstruction, Gate
from qiskit.circuit.library import CXGate, CZGate, ECRGate
from qiskit.quantum_info import Operator
from qiskit.synthesis import OneQubitEulerDecomposer, TwoQubitBasisDecomposer

from qrnn_hw.errors import UsageError

ENTANGLERS = {"cz": CZGate(), "cx": CXGate(), "ecr": ECRGate()}


def unify(
    table: Sequence[QuantumCircuit],
) -> tuple[QuantumCircuit, NDArray[np.float64]]:
    """Write the blocks of a table with the same gates in the same order.

    Blocks that already agree stay as they are. Others are synthesised: on one or two qubits, with
    as many entanglers as the greediest needs, two at least if some need none.

    Args:
        table: Blocks on the same qubits.

    Returns:
        One of the blocks, and all of its gates' angles in order. Shape: (n_blocks, n_angles).

    Raises:
        UsageError: If differing blocks act on more than two qubits, hold other things than gates
            and barriers, or any block holds free parameters.
    """
    if any(block.parameters for block in table):
        raise UsageError(
            "branches to share should have numbers as angles. "
            f"Got {sorted(p.name for block in table for p in block.parameters)}. Bind them first."
        )
    if len({tuple(_signature(block)) for block in table}) > 1:
        table = _synthesised(table)
    angles = [
        [
            float(angle)
            for item in block.data
            if _has_angles(item)
            for angle in item.operation.params
        ]
        for block in table
    ]
    return table[0], np.array(angles, dtype=float).reshape(len(table), -1)


def _has_angles(item: CircuitInstruction) -> bool:
    return isinstance(item.operation, Gate)


def _signature(block: QuantumCircuit) -> Iterator[tuple[object, ...]]:
    for item in block.data:
        fixed = () if _has_angles(item) else tuple(item.operation.params)
        yield (item.operation.name, *(block.find_bit(qubit).index for qubit in item.qubits), *fixed)


def _synthesised(table: Sequence[QuantumCircuit]) -> list[QuantumCircuit]:
    """Write each block as locals, entangler, locals, ... with equally many entanglers."""
    operations = [item.operation for block in table for item in block.data]
    foreign = [
        operation.name
        for operation in operations
        if operation.name != "barrier"
        and (
            not isinstance(operation, Gate)
            or (operation.num_qubits > 1 and operation.name not in ENTANGLERS)
        )
    ]
    pairs = [
        (item.operation.name, [block.find_bit(qubit).index for qubit in item.qubits])
        for block in table
        for item in block.data
        if item.operation.name in ENTANGLERS
    ]
    n_qubits = table[0].num_qubits
    if foreign or (pairs and n_qubits > 2):
        raise UsageError(
            "branches of different gates should act on at most two qubits, with "
            f"{', '.join(sorted(ENTANGLERS))}. Got {foreign[0] if foreign else n_qubits}. "
            "Use one circuit for each mask (relabel)."
        )
    if not pairs:
        return [_from_layers(_layers(block), None, range(n_qubits)) for block in table]
    name, order = pairs[0]
    unitaries = [Operator(block) for block in table]
    if order == [1, 0]:
        unitaries = [unitary.reverse_qargs() for unitary in unitaries]
    decomposer = TwoQubitBasisDecomposer(ENTANGLERS[name])
    unitaries = [
        Operator(block).reverse_qargs() if order == [1, 0] else Operator(block) for block in table
    ]
    needed = [decomposer.num_basis_gates(unitary.data) for unitary in unitaries]
    n_uses = needed[0] if len(set(needed)) == 1 else max(2, *needed)
    return [
        _from_layers(_layers(decomposer(u.data, _num_basis_uses=n_uses)), ENTANGLERS[name], order)
        for u in unitaries
    ]


def _layers(block: QuantumCircuit) -> list[list[NDArray[np.complex128]]]:
    """Return the products of the one-qubit gates between the entanglers, for each qubit."""
    layers = [[np.eye(2, dtype=complex) for _ in block.qubits]]
    for item in block.data:
        if item.operation.num_qubits == 2:
            layers.append([np.eye(2, dtype=complex) for _ in block.qubits])
            continue
        qubit = block.find_bit(item.qubits[0]).index
        layers[-1][qubit] = item.operation.to_matrix() @ layers[-1][qubit]
    return layers


def _from_layers(
    layers: Sequence[Sequence[NDArray[np.complex128]]], entangler: Gate | None, order: Sequence[int]
) -> QuantumCircuit:
    block = QuantumCircuit(len(layers[0]))
    for index, layer in enumerate(layers):
        if index:
            block.append(entangler, order)
        for place, unitary in zip(order, layer, strict=True):
            theta, phi, lam = OneQubitEulerDecomposer("U3").angles(unitary)
            block.rz(lam, place)
            block.sx(place)
            block.rz(theta + math.pi, place)
            block.sx(place)
            block.rz(phi + math.pi, place)
    return block
