"""Parts of a circuit that nothing joins: each is simulated by itself, whatever the whole has.

A chip full of tiles has more qubits than any simulator holds; its tiles have few. Branches join
only what decides them: a whole register may be read, and all but a few of its bits masked away.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import rustworkx
from numpy.typing import NDArray
from qiskit import QuantumCircuit
from qiskit.circuit import Barrier, ClassicalRegister, Clbit, IfElseOp, Parameter

from circuits.exact.conditions import deciding_bits
from jobs.bits import registers_of
from jobs.preflight.broadcasts import condition_bits
from jobs.spec import Pub, PubResult
from jobs.tiling.conditions import over_bits

WHOLE = "all"
"""Name of the one register of a part."""


@dataclass(frozen=True, eq=False)
class CircuitPart:
    """A part of a circuit, on as many qubits and bits as it has itself."""

    pub: Pub
    """With some row: what is made of the part is made of this one."""

    physical: tuple[int, ...]
    """Qubits of the whole circuit."""

    bits: tuple[int, ...]
    """Place in the whole circuit of each bit of the part."""

    columns: tuple[int, ...]
    """Of the whole's parameters, those of the part in their order."""


@dataclass(frozen=True, eq=False)
class Component:
    """A part of a pub's circuit with its rows."""

    pub: Pub
    physical: tuple[int, ...]
    bits: tuple[int, ...]
    n_rows: int
    """Of the whole."""


def components(pub: Pub) -> tuple[Component, ...]:
    """Return the parts of a pub's circuit with their rows, as `parts_of` finds them."""
    return tuple(
        Component(
            # Rows of a part without parameters are so many more shots of it.
            one.pub.with_rows(pub.parameters[:, list(one.columns)]) if one.columns else one.pub,
            one.physical,
            one.bits,
            pub.n_rows,
        )
        for one in pub.fact(parts_of)
    )


def parts_of(circuit: QuantumCircuit) -> tuple[CircuitPart, ...]:
    """Return the parts of a circuit that neither gates, branches nor bits join.

    None where it is one part, or where its control flow is not by `if` alone.
    """
    if any(one.is_control_flow() and one.name != "if_else" for one in circuit.data):
        return ()
    if circuit.num_vars or any(one.name == "store" for one in circuit.data):
        return ()
    n_qubits = circuit.num_qubits
    qubits = {qubit: n for n, qubit in enumerate(circuit.qubits)}
    bits = {bit: n_qubits + n for n, bit in enumerate(circuit.clbits)}
    graph = rustworkx.PyGraph()
    graph.add_nodes_from(range(n_qubits + circuit.num_clbits))
    touched: list[list[int]] = []
    for one in circuit.data:
        deciding = one.clbits
        if isinstance(one.operation, IfElseOp):
            deciding = deciding_bits(one.operation.condition)
        nodes = [qubits[q] for q in one.qubits] + [bits[b] for b in deciding]
        touched.append(nodes)
        if one.name != "barrier":
            graph.add_edges_from_no_data([(nodes[0], other) for other in nodes[1:]])
    used = {
        n
        for nodes, one in zip(touched, circuit.data, strict=True)
        for n in nodes
        if one.name != "barrier"
    }
    groups = [sorted(group) for group in rustworkx.connected_components(graph) if group & used]
    if len(groups) < 2:
        return ()
    columns = {parameter: n for n, parameter in enumerate(circuit.parameters)}
    part_of = {node: number for number, group in enumerate(groups) for node in group}
    places: list[list[int]] = [[] for _ in groups]
    for place, nodes in enumerate(touched):
        for number in dict.fromkeys(part_of[node] for node in nodes if node in part_of):
            places[number].append(place)
    return tuple(
        _part(circuit, group, here, columns)
        for group, here in zip(
            sorted(groups), [places[part_of[g[0]]] for g in sorted(groups)], strict=True
        )
    )


def _part(
    whole: QuantumCircuit,
    nodes: Sequence[int],
    places: Sequence[int],
    columns: Mapping[Parameter, int],
) -> CircuitPart:
    """Return the part of a circuit that these instructions make."""
    physical = [node for node in nodes if node < whole.num_qubits]
    bits = [node - whole.num_qubits for node in nodes if node >= whole.num_qubits]
    part = QuantumCircuit(len(physical), name=whole.name)
    register = ClassicalRegister(len(bits), WHOLE)
    part.add_register(register)
    qubit_of = {whole.qubits[qubit]: n for n, qubit in enumerate(physical)}
    bit_of = {whole.clbits[bit]: register[n] for n, bit in enumerate(bits)}
    for place in places:
        one = whole.data[place]
        operation, clbits = one.operation, [bit_of[bit] for bit in one.clbits if bit in bit_of]
        here = [qubit_of[qubit] for qubit in one.qubits if qubit in qubit_of]
        if one.name == "barrier":
            operation = Barrier(len(here))
        elif isinstance(operation, IfElseOp):
            condition = over_bits(operation.condition, bit_of)
            clbits = sorted(condition_bits(condition), key=lambda bit: part.find_bit(bit).index)
            blocks = [_block(block, clbits) for block in operation.blocks]
            operation = IfElseOp(condition, *blocks)
        part.append(operation, here, clbits, copy=False)
    own = tuple(columns[parameter] for parameter in part.parameters)
    return CircuitPart(Pub(part, np.zeros((1, len(own)))), tuple(physical), tuple(bits), own)


def _block(block: QuantumCircuit, bits: Sequence[Clbit]) -> QuantumCircuit:
    own = QuantumCircuit(list(block.qubits), list(bits))
    for one in block.data:
        own.append(one.operation, one.qubits, copy=False)
    return own


def rejoined(
    circuit: QuantumCircuit,
    parts: Sequence[Component],
    read: Sequence[NDArray[np.uint8]],
    n_rows: int,
    shots: int,
) -> PubResult:
    """Return the registers of a circuit from the bits of its parts.

    Args:
        circuit: that the parts are of.
        parts: of `components`.
        read: bits of each, shape (rows, shots, bits).
        n_rows: of the pub.
        shots: of each row.
    """
    bits = np.zeros((n_rows, shots, circuit.num_clbits), dtype=np.uint8)
    for part, found in zip(parts, read, strict=True):
        bits[:, :, list(part.bits)] = found
    return registers_of(circuit, bits)
