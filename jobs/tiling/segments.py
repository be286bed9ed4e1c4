"""Where a scheduled circuit stops to read measured bits, and how long it takes from stop to stop.

A segment ends where a branch reads a bit that was measured in it. All tiles of a chip broadcast
their bits together, so that their segments should be equally long.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qiskit import QuantumCircuit
from qiskit.circuit import CircuitInstruction, Clbit, IfElseOp
from qiskit.transpiler import Target

from jobs.timing import instruction_seconds


@dataclass(frozen=True, eq=False)
class Segment:
    """Neighbouring instructions of a circuit."""

    first: int
    """Place of its first instruction in the circuit."""

    length_dt: int
    """Until the branch that begins the next one, or until all qubits are free."""


def segments(circuit: QuantumCircuit, target: Target) -> tuple[Segment, ...]:
    """Cut a scheduled circuit before each branch that reads what was measured since the last cut.

    The way of a bit to the controller and back takes no time here, as in the schedule itself.

    Args:
        circuit: on the qubits of `target`, with its idling written out.
        target: with dt and durations.

    Raises:
        SpecError: an operation has no duration.
    """
    times = instruction_seconds(circuit, target, feed_forward_seconds=0.0)
    cuts, fresh = [(0, 0.0)], set[Clbit]()
    for place, one in enumerate(circuit.data):
        if isinstance(one.operation, IfElseOp) and fresh & set(one.clbits):
            cuts.append((place, times[place][0]))
            fresh = set()
        elif is_reading(one):
            fresh.update(one.clbits)
    ends = [start for _, start in cuts[1:]] + [max((end for _, end in times), default=0.0)]
    dt = float(target.dt)
    return tuple(
        Segment(place, round(end / dt) - round(start / dt))
        for (place, start), end in zip(cuts, ends, strict=True)
    )


def is_reading(instruction: CircuitInstruction) -> bool:
    """Tell whether an instruction writes what it reads of a qubit into a bit."""
    return bool(instruction.clbits) and instruction.operation.name.startswith("measure")


def lengthened(
    circuit: QuantumCircuit, found: Sequence[Segment], to: Sequence[int]
) -> QuantumCircuit:
    """Return the circuit with a delay on all its qubits, so that each segment has its length.

    The delay stands before the segment, the last one's after it: a step waits where its data qubits
    are in |0>, and where a relabelled branch may be gone.

    Args:
        circuit: that the segments are of.
        found: `segments` of it.
        to: length of each in dt, none shorter than it is.
    """
    waits = [length - one.length_dt for one, length in zip(found, to, strict=True)]
    before = {one.first: wait for one, wait in zip(found, waits, strict=True)}
    after = before.pop(found[-1].first) if len(found) > 1 else 0
    longer = circuit.copy_empty_like()
    for place, one in enumerate(circuit.data):
        _wait(longer, before.get(place, 0))
        longer.append(one)
    _wait(longer, after)
    return longer


def _wait(circuit: QuantumCircuit, length_dt: int) -> None:
    if length_dt:
        for qubit in circuit.qubits:
            circuit.delay(length_dt, qubit, unit="dt")
