"""All places on a device where a routed circuit fits: subgraphs that hold its gates.

Found by VF2 (Cordella et al., IEEE TPAMI 26 (2004) 1367) among working, calibrated qubits.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import rustworkx
from qiskit.circuit import IfElseOp, QuantumCircuit

from calibration.snapshot import Snapshot
from calibration.working import working_pairs, working_qubits
from jobs.transpile.routed import RoutedStep

Qubits = tuple[int, ...]
Instructions = set[tuple[str, Qubits]]

MOST = 20_000
"""Placements looked at: those of unconnected parts together may be more, and are found in turn."""


def placements_of(
    routed: RoutedStep,
    snapshot: Snapshot,
    broken: Sequence[int] = (),
    held: Mapping[int, int] | None = None,
) -> tuple[Qubits, ...]:
    """Return all placements of a routed step on the working qubits of a device, sorted.

    Args:
        routed: step in the device's gates.
        snapshot: of the whole device.
        broken: qubits that the device says are not operational.
        held: qubits of the step that stay on the device's qubits given, while the others move.

    Returns:
        Qubits of the device, one for each of the step's; the first `MOST` that are found.
    """
    held = held or {}
    free = [qubit for qubit in range(len(routed.qubits)) if qubit not in held]
    node = {qubit: number for number, qubit in enumerate(free)}
    single, double = _names(used_by(routed))
    wanted = rustworkx.PyDiGraph()
    wanted.add_nodes_from([single[qubit] for qubit in free])
    wanted.add_edges_from(
        [(node[a], node[b], names) for (a, b), names in double.items() if {a, b} <= set(free)]
    )
    device = rustworkx.PyDiGraph()
    ready = sorted(working_qubits(snapshot, broken) - set(held.values()))
    there: Instructions = {(r.name, r.qubits) for r in snapshot.instructions if len(r.qubits) == 1}
    on_device, _ = _names(there)
    device.add_nodes_from([on_device[qubit] for qubit in ready])
    place = {qubit: number for number, qubit in enumerate(ready)}
    device.add_edges_from(
        [
            (place[a], place[b], names)
            for (a, b), names in working_pairs(snapshot, broken).items()
            if a in place and b in place
        ]
    )
    found = []
    for mapping in rustworkx.vf2_mapping(
        device, wanted, _holds, _holds, subgraph=True, induced=False
    ):
        at = {**held, **{free[number]: ready[there] for there, number in mapping.items()}}
        found.append(tuple(at[qubit] for qubit in range(len(routed.qubits))))
        if len(found) == MOST:
            break
    return tuple(sorted(found))


def parts_of(routed: RoutedStep) -> tuple[frozenset[int], ...]:
    """Return the groups of a step's qubits that gates join, the largest first."""
    graph = rustworkx.PyGraph()
    graph.add_nodes_from(range(len(routed.qubits)))
    graph.add_edges_from_no_data([on for _, on in used_by(routed) if len(on) == 2])
    found = (frozenset(part) for part in rustworkx.connected_components(graph))
    return tuple(sorted(found, key=lambda part: (-len(part), min(part))))


def fits(routed: RoutedStep, snapshot: Snapshot, qubits: Sequence[int]) -> bool:
    """Say whether every instruction of a routed step works on some qubits, as they are given."""
    if len(qubits) != len(routed.qubits):
        return False
    pairs = working_pairs(snapshot)
    return set(qubits) <= working_qubits(snapshot) and all(
        name in pairs.get((qubits[on[0]], qubits[on[1]]), ())
        for name, on in used_by(routed)
        if len(on) == 2
    )


def used_by(routed: RoutedStep) -> Instructions:
    """Return the instructions of a routed step, by name and qubits."""
    return set().union(*(instructions_of(circuit) for circuit in routed.circuits))


def _holds(there: frozenset[str] | set[str], wanted: set[str]) -> bool:
    return wanted <= there


def _names(used: Instructions) -> tuple[dict[int, set[str]], dict[Qubits, set[str]]]:
    """Return the instructions by qubit and by pair."""
    single: dict[int, set[str]] = defaultdict(set)
    double: dict[Qubits, set[str]] = defaultdict(set)
    for name, qubits in used:
        if len(qubits) == 2:
            double[qubits].add(name)
        else:
            single[qubits[0]].add(name)
    return single, double


def instructions_of(circuit: QuantumCircuit, places: Sequence[int] | None = None) -> Instructions:
    """Return the instructions of a circuit, in branches too, by name and qubits."""
    found: Instructions = set()
    for instruction in circuit.data:
        own = [circuit.find_bit(qubit).index for qubit in instruction.qubits]
        qubits = tuple(own if places is None else (places[index] for index in own))
        if isinstance(instruction.operation, IfElseOp):
            for block in instruction.operation.blocks:
                found |= instructions_of(block, qubits)
        elif instruction.operation.name not in ("barrier", "delay"):
            found.add((instruction.operation.name, qubits))
    return found
