"""Pubs of single tiles -> pubs of the whole chip, one row of every tile in each, and back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit

from jobs.preflight.broadcasts import broadcast_slots
from jobs.spec import Pub, PubResult
from jobs.tiling.layout import TileRows
from jobs.tiling.merge import Merged, TileCircuit, merge
from jobs.tiling.tiling import Tiling
from jobs.timing import instruction_seconds


@dataclass(frozen=True, eq=False)
class TilePub:
    """Rows of a circuit on the active qubits of one tile."""

    tile: int
    pub: Pub
    steps: int = 0
    """Time steps of the circuit: those with fewer start later, so that all end together."""


@dataclass(frozen=True, eq=False)
class TiledPubs:
    """What is sent for the pubs of all tiles, and where each of their rows is found in it."""

    pubs: tuple[Pub, ...]
    layout: TileRows

    def split(self, results: Sequence[PubResult]) -> tuple[PubResult, ...]:
        """Return the bits of each tile's pub, as `TileRows.split`."""
        return self.layout.split(results)


@dataclass(frozen=True, eq=False)
class _Whole:
    """A merged circuit, looked at once for all pubs that hold it."""

    merged: Merged
    first: Pub
    columns: tuple[list[int], ...]
    """For each tile, the column of each of its circuit's parameters."""

    @classmethod
    def of(cls, merged: Merged) -> _Whole:
        """Look at a merged circuit."""
        place = {parameter: n for n, parameter in enumerate(merged.circuit.parameters)}
        columns = tuple([place[name] for name in names] for names in merged.parameters)
        return cls(merged, Pub(merged.circuit, np.zeros((1, len(place)))), columns)

    def pub(self, rows: NDArray[np.float64]) -> Pub:
        """Return the circuit with rows."""
        return self.first.with_rows(rows)


@dataclass
class Tiler:
    """Writes rows of single tiles side by side; circuits that were merged once are kept."""

    tiling: Tiling
    _merged: dict[tuple[object, ...], _Whole] = field(default_factory=dict)
    _lengths: dict[int, tuple[QuantumCircuit, float]] = field(default_factory=dict)
    _slots: dict[int, float] = field(default_factory=dict)

    def slots_of_a_row(self, n_steps: int) -> float:
        """Return the broadcast slots of one row of all tiles, each with so many steps."""
        if n_steps not in self._slots:
            circuits = [
                TileCircuit(one.unroll(n_steps).circuit, one.snapshot.physical)
                for one in self.tiling.tiles
            ]
            self._slots[n_steps] = broadcast_slots(merge(circuits, self.tiling.n_qubits).circuit)
        return self._slots[n_steps]

    def together(self, groups: Sequence[Sequence[TilePub]]) -> TiledPubs:
        """Return the fewest rows of the whole chip that hold every row of every tile.

        Rows are put side by side within a group, the longest circuits first, so that few different
        circuits are made; a group is what was made by one recipe, such as one scale factor.

        Args:
            groups: pubs of tiles, in the order in which `TiledPubs.split` answers.

        Raises:
            SpecError: as `merge`.
        """
        flat = [one for group in groups for one in group]
        found: list[list[tuple[int, int]]] = [[(-1, -1)] * one.pub.n_rows for one in flat]
        sent: dict[tuple[int, ...], list[list[int]]] = {}  # pubs of a row -> row of each of them
        numbered = iter(enumerate(flat))
        for group in groups:
            entries = [next(numbered) for _ in group]
            for members, rows in _side_by_side(entries, self._has_one_length):
                sent.setdefault(members, []).append(rows)
        pubs, merged = [], []
        for number, (members, table) in enumerate(sent.items()):
            whole = self._together([flat[member] for member in members])
            merged.append(whole.merged)
            pubs.append(whole.pub(self._values(whole, [flat[m] for m in members], table)))
            for row, rows in enumerate(table):
                for member, own in zip(members, rows, strict=True):
                    found[member][own] = (number, row)
        bits = tuple(one.bits for one in merged)
        return TiledPubs(
            tuple(pubs), TileRows(tuple(tuple(rows) for rows in found), tuple(sent), bits)
        )

    @property
    def _has_one_length(self) -> bool:
        """Whether first steps take another time than those that run beside them."""
        return any(one.first is not None for one in self.tiling.tiles)

    def _together(self, members: Sequence[TilePub]) -> _Whole:
        key = tuple((one.tile, id(one.pub.circuit)) for one in members)
        if key not in self._merged:
            seconds = [self._seconds(one) for one in members]
            steps = max(one.steps for one in members)
            dt = self.tiling.tiles[0].snapshot.dt_seconds or 1.0
            circuits = [
                TileCircuit(
                    one.pub.circuit,
                    self.tiling.tiles[one.tile].snapshot.physical,
                    round((max(seconds) - own) / dt),
                    steps - one.steps if one.steps else 0,
                )
                for one, own in zip(members, seconds, strict=True)
            ]
            self._merged[key] = _Whole.of(merge(circuits, self.tiling.n_qubits))
        return self._merged[key]

    def _seconds(self, one: TilePub) -> float:
        circuit = one.pub.circuit
        if id(circuit) not in self._lengths:  # the circuit is kept, so that its id stays its own
            target = self.tiling.tiles[one.tile].snapshot.target()
            times = instruction_seconds(circuit, target, feed_forward_seconds=0.0)
            self._lengths[id(circuit)] = circuit, max((end for _, end in times), default=0.0)
        return self._lengths[id(circuit)][1]

    @staticmethod
    def _values(
        whole: _Whole, members: Sequence[TilePub], table: Sequence[Sequence[int]]
    ) -> NDArray[np.float64]:
        values = np.empty((len(table), whole.first.circuit.num_parameters))
        for place, (one, columns) in enumerate(zip(members, whole.columns, strict=True)):
            rows = [rows[place] for rows in table]
            if columns:
                values[:, columns] = one.pub.parameters[rows]
        return values


def _side_by_side(
    pubs: Sequence[tuple[int, TilePub]], one_length: bool
) -> Iterator[tuple[tuple[int, ...], list[int]]]:
    """Yield for each row of the chip the numbers of its tiles' pubs and the row of each.

    Args:
        pubs: with their numbers.
        one_length: whether circuits of unlike length may not run side by side.
    """
    if one_length:
        for steps in sorted({one.steps for _, one in pubs}, reverse=True):
            yield from _side_by_side([entry for entry in pubs if entry[1].steps == steps], False)
        return
    queues: dict[int, list[tuple[int, int, int]]] = {}
    for number, one in pubs:
        entries = [(one.steps, number, row) for row in range(one.pub.n_rows)]
        queues.setdefault(one.tile, []).extend(entries)
    for entries in queues.values():
        entries.sort(key=lambda entry: (-entry[0], entry[1], entry[2]))
    for place in range(max((len(entries) for entries in queues.values()), default=0)):
        there = [queues[tile][place] for tile in sorted(queues) if place < len(queues[tile])]
        yield tuple(number for _, number, _ in there), [row for *_, row in there]
