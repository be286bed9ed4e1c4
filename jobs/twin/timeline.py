"""When each instruction of a scheduled circuit runs, and where neighbours idle beside it.

An instruction starts when its qubits are free; a branch also after the bits that it reads. Delays
are what the schedule wrote, so that idling which is in no delay is not seen here either.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from qiskit.circuit import CircuitInstruction, Clbit, ControlFlowOp, QuantumCircuit, Qubit

from calibration.noise import delay_seconds
from calibration.snapshot import Snapshot
from jobs.preflight.broadcasts import condition_bits
from jobs.twin.physics.static_zz import Couplings

LEAST_SECONDS = 1e-13
"""Shorter idling comes from rounding."""

Wires = Mapping[Qubit, int]


@dataclass(frozen=True, eq=False)
class Coupled:
    """Two neighbours at rest beside each other."""

    pair: tuple[int, int]
    hertz: float
    seconds: float


@dataclass(frozen=True, eq=False)
class _Placed:
    start: float
    end: float
    instruction: CircuitInstruction
    wires: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Timeline:
    """The clock of circuits on a site."""

    snapshot: Snapshot
    wait_seconds: float
    """At each branch, beside the schedule."""

    couplings: Couplings

    def events(self, block: QuantumCircuit, wires: Wires) -> Iterator[CircuitInstruction | Coupled]:
        """Yield the instructions of a circuit or of an alternative, idling pairs between them.

        Without couplings the order is the circuit's; with them that of their starts, in which
        those of one qubit or bit keep theirs.
        """
        if not self.couplings:
            yield from block.data
            return
        placed = self._placed(block, wires)
        # At one time: what takes none, pairs at rest, then what lasts.
        events: list[tuple[float, int, int, CircuitInstruction | Coupled]] = [
            (round(one.start, 13), 1 if one.end > one.start else -1, place, one.instruction)
            for place, one in enumerate(placed)
        ]
        for pair, hertz in self.couplings.items():
            for start, end in _resting(placed, pair):
                events.append((round(start, 13), 0, 0, Coupled(pair, hertz, end - start)))
        yield from (event[3] for event in sorted(events, key=lambda event: event[:3]))

    def seconds(self, instruction: CircuitInstruction, wires: Wires) -> float:
        """Return how long an instruction takes; 0 where the device does not say."""
        operation = instruction.operation
        if operation.name == "delay":
            return delay_seconds(operation, self.snapshot.dt_seconds)
        if isinstance(operation, ControlFlowOp):
            longest = 0.0
            for block in operation.blocks:
                inner = {
                    q: wires[outer]
                    for q, outer in zip(block.qubits, instruction.qubits, strict=True)
                }
                ends = (one.end for one in self._placed(block, inner))
                longest = max(longest, max(ends, default=0.0))
            return longest + self.wait_seconds
        record = self.snapshot.record(
            operation.name, tuple(wires[qubit] for qubit in instruction.qubits)
        )
        return (record.seconds or 0.0) if record is not None else 0.0

    def _placed(self, block: QuantumCircuit, wires: Wires) -> list[_Placed]:
        free: dict[Qubit, float] = {}
        written: dict[Clbit, float] = {}
        read: dict[Clbit, float] = {}
        placed = []
        for one in block.data:
            start = max((free.get(qubit, 0.0) for qubit in one.qubits), default=0.0)
            conditions = _condition_of(one)
            start = max([start, *(written.get(bit, 0.0) for bit in {*conditions, *one.clbits})])
            if not conditions:
                start = max([start, *(read.get(bit, 0.0) for bit in one.clbits)])
            end = start + self.seconds(one, wires)
            free.update(dict.fromkeys(one.qubits, end))
            for bit in conditions:
                read[bit] = max(read.get(bit, 0.0), end)
            if not conditions:
                written.update(dict.fromkeys(one.clbits, end))
            placed.append(_Placed(start, end, one, tuple(wires[q] for q in one.qubits)))
        return placed


def _condition_of(one: CircuitInstruction) -> frozenset[Clbit]:
    condition = getattr(one.operation, "condition", None)
    return frozenset() if condition is None else condition_bits(condition)


def _resting(placed: Sequence[_Placed], pair: tuple[int, int]) -> list[tuple[float, float]]:
    """Return when one of a pair is in a delay and no gate or branch is on the other."""
    found: list[tuple[float, float]] = []
    delays, busy = (
        [[(o.start, o.end) for o in placed if wire in o.wires and kind(o)] for wire in pair]
        for kind in (_is_delay, _is_pulse)
    )
    for own, other in ((0, 1), (1, 0)):
        # Where both idle, the time counts once.
        blocked = busy[other] + (delays[0] if own == 1 else [])
        for start, end in delays[own]:
            found += _without(start, end, blocked)
    return found


def _is_delay(one: _Placed) -> bool:
    return bool(one.instruction.operation.name == "delay")


def _is_pulse(one: _Placed) -> bool:
    name: str = one.instruction.operation.name
    return not name.startswith(("measure", "reset", "barrier", "delay")) and one.end > one.start


def _without(
    start: float, end: float, blocked: Sequence[tuple[float, float]]
) -> list[tuple[float, float]]:
    pieces, low = [], start
    for a, b in sorted(blocked):
        if b <= low or a >= end:
            continue
        pieces.append((low, a))
        low = b
    pieces.append((low, end))
    return [(a, b) for a, b in pieces if b - a > LEAST_SECONDS]
