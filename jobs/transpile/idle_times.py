"""How long each qubit of a scheduled circuit waits, and where: durations apart from the circuit.

Placements of one circuit differ in their durations, so in its idling. What is left without it is
the same circuit, and it is lifted once, with delays that have names in place of lengths.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence

from qiskit.circuit import IfElseOp, Parameter, QuantumCircuit

from jobs.transpile.schedule import midcircuit_measure, midcircuit_reset

Slot = tuple[Hashable, int, int]
"""A circuit or a block of one, a qubit, and how many of its instructions come before."""


def idle_times(
    circuit: QuantumCircuit, path: Hashable, places: Sequence[int] | None = None
) -> dict[Slot, int]:
    """Return how long qubits wait in each slot, in dt.

    Args:
        circuit: scheduled, its delays in dt.
        path: what the slots of this circuit are called.
        places: qubit of the whole circuit that each of its qubits is; None for the whole one.
    """
    found: dict[Slot, int] = defaultdict(int)
    before: dict[int, int] = defaultdict(int)
    n_branches = 0
    for instruction in circuit.data:
        operation = instruction.operation
        qubits = _qubits(circuit, instruction.qubits, places)
        if operation.name == "barrier":
            continue
        if operation.name == "delay":
            found[path, qubits[0], before[qubits[0]]] += int(operation.duration)
            continue
        if isinstance(operation, IfElseOp):
            for number, block in enumerate(operation.blocks):
                found.update(idle_times(block, (path, n_branches, number), qubits))
            n_branches += 1
        for qubit in qubits:
            before[qubit] += 1
    return {slot: time for slot, time in found.items() if time}


def skeleton(circuit: QuantumCircuit, places: Sequence[int] | None = None) -> Hashable:
    """Return what a scheduled circuit is without its delays, equal however it is listed.

    Mid-circuit variants of measurement and reset count as the plain ones.
    """
    wires: dict[Hashable, list[Hashable]] = defaultdict(list)
    for instruction in circuit.data:
        operation = instruction.operation
        if operation.name in ("delay", "barrier"):
            continue
        qubits = _qubits(circuit, instruction.qubits, places)
        bits = tuple(circuit.find_bit(bit).index for bit in instruction.clbits)
        inner: Hashable = tuple(map(str, operation.params))
        if isinstance(operation, IfElseOp):
            blocks = tuple(skeleton(block, qubits) for block in operation.blocks)
            inner = (str(operation.condition), blocks)
        tag = (operation.name.removesuffix("_2"), qubits, bits, inner)
        for wire in (*qubits, *(("bit", bit) for bit in bits)):
            wires[wire].append(tag)
    return tuple(sorted((str(wire), tuple(tags)) for wire, tags in wires.items()))


def with_named_idling(
    circuit: QuantumCircuit,
    path: Hashable,
    names: Mapping[Slot, Parameter],
    *,
    midcircuit: bool,
    places: Sequence[int] | None = None,
) -> QuantumCircuit:
    """Return a scheduled circuit with delays of named lengths in some slots, and no others.

    Args:
        circuit: scheduled.
        path: as for `idle_times`.
        names: of the slots.
        midcircuit: whether measurements and resets are named `measure_2` and `reset_2`.
        places: as for `idle_times`.
    """
    made = circuit.copy_empty_like()
    before: dict[int, int] = defaultdict(int)
    n_branches = 0

    def wait(inner: int, qubit: int) -> None:
        name = names.get((path, qubit, before[qubit]))
        if name is not None:
            made.delay(name, inner, unit="dt")

    for instruction in circuit.data:
        operation = instruction.operation
        if operation.name in ("delay", "barrier"):
            continue
        qubits = _qubits(circuit, instruction.qubits, places)
        for qubit, inner in zip(qubits, instruction.qubits, strict=True):
            wait(circuit.find_bit(inner).index, qubit)
            before[qubit] += 1
        if isinstance(operation, IfElseOp):
            blocks = [
                with_named_idling(
                    block, (path, n_branches, number), names, midcircuit=midcircuit, places=qubits
                )
                for number, block in enumerate(operation.blocks)
            ]
            operation = operation.replace_blocks(blocks)
            n_branches += 1
        elif midcircuit and operation.name.startswith("measure"):
            operation = midcircuit_measure()
        elif midcircuit and operation.name.startswith("reset"):
            operation = midcircuit_reset()
        made.append(operation, instruction.qubits, instruction.clbits)
    for inner in range(circuit.num_qubits):
        wait(inner, inner if places is None else places[inner])
    return made


def _qubits(
    circuit: QuantumCircuit, qubits: Sequence[object], places: Sequence[int] | None
) -> tuple[int, ...]:
    own = (circuit.find_bit(qubit).index for qubit in qubits)
    return tuple(own) if places is None else tuple(places[index] for index in own)
