"""The tiles of a chip: one step of one architecture, transpiled to several places, in one time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from qiskit import QuantumCircuit

from calibration.snapshot import Snapshot
from circuits.definition import Architecture
from jobs.errors import SpecError
from jobs.tiling.packing import Placed
from jobs.tiling.segments import lengthened, segments
from jobs.transpile.isa import TranspiledStep, transpile_step


@dataclass(frozen=True, eq=False)
class Tiling:
    """Copies of a transpiled step side by side, whose steps take the same time."""

    placements: tuple[Placed, ...]
    tiles: tuple[TranspiledStep, ...]
    """One for each placement, with the waits for the slowest of them as delays: what the noise of a
    tile acts on."""

    guard: int
    n_qubits: int
    """Of the device."""

    waits_dt: tuple[int, ...]
    """What each step of a tile takes longer than it would alone."""

    def __len__(self) -> int:
        """Return the number of tiles."""
        return len(self.tiles)

    def without(self, bad: Sequence[int]) -> Tiling:
        """Return the tiling without some tiles; the others keep their schedule.

        Raises:
            SpecError: none is left.
        """
        kept = [number for number in range(len(self)) if number not in set(bad)]
        if not kept:
            raise SpecError(f"a tiling should keep at least one tile. Got all {len(self)} as bad.")
        return replace(
            self,
            placements=tuple(self.placements[number] for number in kept),
            tiles=tuple(self.tiles[number] for number in kept),
            waits_dt=tuple(self.waits_dt[number] for number in kept),
        )


def tile_step(
    architecture: Architecture,
    snapshot: Snapshot,
    placements: Sequence[Placed],
    *,
    seed: int,
    guard: int,
    decoupling: str | None = None,
) -> Tiling:
    """Transpile a step to every placement and give all of them one schedule.

    Args:
        architecture: whose step it is.
        snapshot: of the whole device.
        placements: of `choose_tiles`.
        seed: of the transpiler.
        guard: couplings that were kept between tiles.
        decoupling: as for `transpile_step`.

    Raises:
        SpecError: the model does not fit the device or runs in rounds; two placements overlap.
    """
    used = [qubit for one in placements for qubit in one.qubits]
    if len(set(used)) != len(used):
        raise SpecError(f"tiles should share no qubit. Got {[one.qubits for one in placements]}.")
    alone = [
        transpile_step(
            architecture,
            snapshot,
            seed=seed,
            decoupling=decoupling,
            qubits=one.qubits,
            alike=True,
        )
        for one in placements
    ]
    together = in_step(alone)
    waits = [_step_dt(new) - _step_dt(old) for new, old in zip(together, alone, strict=True)]
    return Tiling(tuple(placements), together, guard, snapshot.n_qubits, tuple(waits))


def in_step(steps: Sequence[TranspiledStep]) -> tuple[TranspiledStep, ...]:
    """Lengthen steps of one architecture so that they read, branch and end at the same times.

    Raises:
        SpecError: their circuits stop at different numbers of branches.
    """
    targets = [one.snapshot.target() for one in steps]

    def equal(circuits: Sequence[QuantumCircuit]) -> list[QuantumCircuit]:
        found = [segments(one, target) for one, target in zip(circuits, targets, strict=True)]
        if len({len(one) for one in found}) > 1:
            raise SpecError(
                "tiles should stop at the same branches. Got steps with "
                f"{sorted({len(one) - 1 for one in found})} of them; choose placements alike."
            )
        longest = [max(one[k].length_dt for one in found) for k in range(len(found[0]))]
        return [lengthened(c, own, longest) for c, own in zip(circuits, found, strict=True)]

    firsts: list[QuantumCircuit | None] = [None] * len(steps)
    if all(one.first is not None for one in steps):
        firsts = list(equal([one.first for one in steps if one.first is not None]))
    return tuple(
        replace(one, step=step, closing=closing, first=first)
        for one, step, closing, first in zip(
            steps,
            equal([one.step for one in steps]),
            equal([one.closing for one in steps]),
            firsts,
            strict=True,
        )
    )


def _step_dt(transpiled: TranspiledStep) -> int:
    found = segments(transpiled.step, transpiled.snapshot.target())
    return sum(one.length_dt for one in found)
