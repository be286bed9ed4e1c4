"""One job that deals all its circuits out over repetitions, and what each repetition read."""

from __future__ import annotations

from collections.abc import Callable, Container, Hashable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import QuantumCircuit

from jobs.cost import DEFAULT_FORMULA
from jobs.each_circuit import while_it_lives
from jobs.limits import DEFAULT_LIMITS
from jobs.preflight.broadcasts import broadcast_slots
from jobs.preflight.load import instructions_per_qubit
from jobs.spec import Pub, PubResult
from qrnn_hw.mitigation.moments import Moments
from qrnn_hw.mitigation.repetitions import Layout, Want, lay_out
from qrnn_hw.mitigation.shot_numbers import ShotNumbers
from qrnn_hw.networks.recorded import step_records

INTERLEAVED = "interleaved"


@dataclass(frozen=True, eq=False)
class CircuitRows:
    """Rows of one circuit that all want the same."""

    key: Hashable
    """What its bits are found by."""

    circuit: QuantumCircuit
    """On active qubits; the same object for parts of one circuit."""

    parameters: NDArray[np.float64]  # shape (rows, n_parameters)
    shots: int
    """Wanted of each row."""

    is_main: bool
    """Whether every repetition has to hold it."""

    @cached_property
    def want(self) -> Want:
        """What is asked for the part, with the share of a job's limits that a row takes."""
        return Want(self.shots, len(self.parameters), _load(self.circuit), self.is_main)


@dataclass(frozen=True, eq=False)
class Read:
    """What the rows of a part gave, shot by shot in the order they were taken."""

    bits: NDArray[np.uint8]  # shape (rows, times * shots, n_bits)
    repetitions: NDArray[np.int64]  # shape (times,): the repetition of each time
    n_repetitions: int
    records: NDArray[Any] | None = None  # shape (rows, times * shots, L)
    """The bits of each step as an integer, where they are read: bit j of it is bit j."""

    @classmethod
    def once(cls, result: PubResult, n_repetitions: int = 1, *, steps: bool = False) -> Read:
        """Return what was run once, for itself, beside a job of some repetitions.

        Args:
            result: of the circuit.
            n_repetitions: of the job beside it.
            steps: whether the bits of every step are read too.
        """
        when = np.zeros(1, dtype=np.int64)
        records = step_records(result) if steps else None
        return cls(result.registers["out"], when, n_repetitions, records)

    def first(self, shots: int) -> NDArray[np.int64]:
        """Return places of so many shots, evenly from all the times, shape (shots,).

        Who wants fewer shots of a circuit than were run has them from the whole job all the same.
        """
        times = len(self.repetitions)
        each = self.bits.shape[1] // times
        taken = np.diff(shots * np.arange(times + 1) // times)
        return np.concatenate([each * k + np.arange(n) for k, n in enumerate(taken.tolist())])

    def counts(self, shots: int, n_outcomes: int) -> NDArray[np.int64]:
        """Count outcomes of so many shots of each row by repetition: (B, rows, n_outcomes)."""
        places = self.first(shots)
        each = self.bits.shape[1] // len(self.repetitions)
        found = np.zeros((self.n_repetitions, len(self.bits), n_outcomes), dtype=np.int64)
        outcomes = self.outcomes[:, places]
        when = np.broadcast_to(self.repetitions[places // each], outcomes.shape)
        rows = np.broadcast_to(np.arange(len(outcomes))[:, None], outcomes.shape)
        np.add.at(found, (when, rows, outcomes), 1)
        return found

    def moments(self, shots: int, numbers: ShotNumbers) -> Moments:
        """Return the sums over so many shots of each row by repetition, shape (B, rows, c)."""
        if self.records is None:  # many shots have few outcomes
            counts = self.counts(shots, len(numbers.outcome))
            return Moments.of_counts(counts, numbers.outcome)
        places = self.first(shots)
        each = self.bits.shape[1] // len(self.repetitions)
        when = self.repetitions[places // each]
        given = self.outcomes[:, places], self.records[:, places]
        return numbers.moments(*given, when, self.n_repetitions)

    @cached_property
    def outcomes(self) -> NDArray[np.int64]:
        """Outcome integers of all shots: bit j of an integer is bit j. Shape (rows, n_shots)."""
        weights = 1 << np.arange(self.bits.shape[-1])
        return np.asarray(self.bits.astype(np.int64) @ weights)


@dataclass(frozen=True, eq=False)
class Interleaving:
    """The parts of a job and how they are dealt out."""

    parts: tuple[CircuitRows, ...]
    layout: Layout
    left: tuple[CircuitRows, ...] = ()
    """What wants too few shots for a row of the job: it is run by itself."""

    @classmethod
    def of(cls, parts: Sequence[CircuitRows], most: int) -> Interleaving:
        """Deal parts out over at most so many repetitions; see `lay_out`.

        Jobs are priced as documented, whatever the machine: the same command asks for the same job.
        """
        wants = [one.want for one in parts]
        layout = lay_out(
            [want for want in wants if want.is_main],
            most,
            seconds_per_shot=DEFAULT_FORMULA.thumb_seconds_per_execution,
            seconds_per_job=DEFAULT_FORMULA.overhead_seconds,
        )
        return cls.under(parts, layout)

    @classmethod
    def under(cls, parts: Sequence[CircuitRows], layout: Layout) -> Interleaving:
        """Deal parts out as a layout says."""
        joins = [part.want.is_main or 2 * part.shots >= layout.shots for part in parts]
        inside = (part for part, joined in zip(parts, joins, strict=True) if joined)
        left = (part for part, joined in zip(parts, joins, strict=True) if not joined)
        return cls(tuple(inside), layout, tuple(left))

    @property
    def heads(self) -> tuple[tuple[int, CircuitRows], ...]:
        """The repetition of each of `pubs`, and a part of its circuit."""
        return tuple((number, self.parts[held[0][0]]) for number, held in self._dealt)

    @cached_property
    def _times(self) -> list[int]:
        return [self.layout.times(part.want) for part in self.parts]

    @cached_property
    def _dealt(self) -> list[tuple[int, list[tuple[int, int]]]]:
        """Return of each pub its repetition, and the (part, times) that it holds, in order."""
        by_circuit: dict[int, list[int]] = {}
        for place, part in enumerate(self.parts):
            by_circuit.setdefault(id(part.circuit), []).append(place)
        dealt: list[tuple[int, list[tuple[int, int]]]] = []
        for number in range(self.layout.repetitions):
            for places in by_circuit.values():
                held = [
                    (place, self.layout.in_repetition(self._times[place], number))
                    for place in places
                ]
                held = [(place, times) for place, times in held if times]
                if held and self.parts[held[0][0]].parameters.size:
                    dealt.append((number, held))
                else:  # a circuit without parameters has one row in a pub
                    dealt += [(number, [(place, 1)]) for place, times in held for _ in range(times)]
        return dealt

    def pubs(self, placed: Callable[[QuantumCircuit], QuantumCircuit]) -> tuple[Pub, ...]:
        """Return the circuits with their rows, in the order in which they are run.

        Args:
            placed: puts a circuit on the whole device; the same one for the same circuit.
        """
        found = []
        for _, held in self._dealt:
            rows = [np.tile(self.parts[place].parameters, (times, 1)) for place, times in held]
            found.append(Pub(placed(self.parts[held[0][0]].circuit), np.concatenate(rows)))
        return tuple(found)

    def read(
        self, results: Sequence[PubResult], with_steps: Container[Hashable] = ()
    ) -> dict[Hashable, Read]:
        """Return what each part gave, by its key.

        Args:
            results: one for each of `pubs`.
            with_steps: keys of the parts whose bits of every step are read too.
        """
        bits: list[list[NDArray[np.uint8]]] = [[] for _ in self.parts]
        records: list[list[NDArray[Any]]] = [[] for _ in self.parts]
        when: list[list[int]] = [[] for _ in self.parts]
        for (number, held), result in zip(self._dealt, results, strict=True):
            table, start = result.registers["out"], 0
            reads_steps = self.parts[held[0][0]].key in with_steps
            of_steps = step_records(result) if reads_steps else None
            for place, times in held:
                n_rows = len(self.parts[place].parameters)
                for _ in range(times):
                    rows = slice(start, start + n_rows)
                    bits[place].append(table[rows])
                    if of_steps is not None:
                        records[place].append(of_steps[rows])
                    when[place].append(number)
                    start += n_rows
        return {
            part.key: Read(
                np.concatenate(bits[place], axis=1),
                np.array(when[place]),
                self.layout.repetitions,
                np.concatenate(records[place], axis=1) if records[place] else None,
            )
            for place, part in enumerate(self.parts)
        }


@while_it_lives
def _load(circuit: QuantumCircuit) -> float:
    """Return the share of a job's limits that one row takes."""
    limits = DEFAULT_LIMITS
    return max(
        broadcast_slots(circuit) / limits.broadcast_slots,
        instructions_per_qubit(circuit) / limits.instructions_per_qubit,
    )
