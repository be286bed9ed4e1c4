"""Qubits that have to be evolved together: those that gates or feed-forward connect."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import rustworkx
from qiskit.circuit import CircuitInstruction, Clbit, IfElseOp, QuantumCircuit

from circuits.exact.conditions import deciding_bits
from circuits.exact.operations import (
    Branch,
    Channel,
    Instrument,
    Measurement,
    Operation,
    Program,
    Rotation,
    touched,
    used_bits,
)


def groups_of(circuit: QuantumCircuit) -> tuple[tuple[int, ...], ...]:
    """Return the qubits of each group of a circuit, ascending.

    A classical bit connects the qubits that are measured into it and those of branches that it
    decides: tiles that share a register, each branch under a mask, are apart. Barriers connect
    nothing.
    """
    n_qubits = circuit.num_qubits
    graph = rustworkx.PyGraph()
    graph.add_nodes_from(range(n_qubits + circuit.num_clbits))
    for members in _members(circuit, n_qubits):
        graph.add_edges_from_no_data(list(pairwise(members)))
    connected = rustworkx.connected_components(graph)
    found = (sorted(node for node in part if node < n_qubits) for part in connected)
    return tuple(sorted(tuple(part) for part in found if part))


def _members(circuit: QuantumCircuit, first_bit: int) -> Iterator[list[int]]:
    places = {bit: first_bit + index for index, bit in enumerate(circuit.clbits)}
    for one in circuit.data:
        if one.operation.name == "barrier":
            continue
        qubits = [circuit.find_bit(qubit).index for qubit in one.qubits]
        yield qubits + [places[bit] for bit in _bits(one) if bit in places]


def _bits(one: CircuitInstruction) -> Iterator[Clbit]:
    """Return the bits that an instruction writes or is decided by, those of a mask alone."""
    operation = one.operation
    if not isinstance(operation, IfElseOp):
        yield from one.clbits
        return
    yield from deciding_bits(operation.condition)
    for block in operation.blocks:
        outer = dict(zip(block.clbits, one.clbits, strict=True))
        for inner in block.data:
            yield from (outer.get(bit, bit) for bit in _bits(inner))


def part_of(program: Program, wires: tuple[int, ...]) -> tuple[Program, tuple[int, ...]]:
    """Return the program of one group alone, and which bits of the whole its bits are.

    Args:
        program: of the whole circuit.
        wires: of the group; each operation of the program lies in it or outside.
    """
    own = [one for one in program.operations if touched(one) & set(wires)]
    assert all(touched(one) <= set(wires) for one in own)
    bits = tuple(sorted(set().union(*map(used_bits, own))))
    wire = {old: new for new, old in enumerate(wires)}
    bit = {old: new for new, old in enumerate(bits)}
    moved = tuple(_moved(one, wire, bit) for one in own)
    return Program(len(wires), len(bits), moved, program.angles), bits


def _moved(one: Operation, wire: dict[int, int], bit: dict[int, int]) -> Operation:
    if isinstance(one, Channel):
        return Channel(tuple(wire[q] for q in one.qubits), one.matrix)
    if isinstance(one, Rotation):
        return Rotation(wire[one.qubit], one.axis, one.angle)
    if isinstance(one, Measurement):
        return Measurement(wire[one.qubit], bit[one.bit], one.confusion)
    if isinstance(one, Instrument):
        return Instrument(wire[one.qubit], tuple(bit[b] for b in one.bits), one.instrument)
    old = {new: before for before, new in bit.items()}
    return Branch(
        tuple(bit[b] for b in one.bits),
        lambda values: one.holds({old[b]: value for b, value in values.items()}),
        tuple(_moved(inner, wire, bit) for inner in one.taken),
        tuple(_moved(inner, wire, bit) for inner in one.otherwise),
    )
