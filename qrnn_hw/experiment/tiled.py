"""Sequences side by side on one chip: an evaluation for each tile, sent as one.

Each tile has an evaluation of its own, with its own noise, mitigation weights and readout
calibration, for the sequences that it is given; their circuits are written side by side, and what
comes back is decoded tile by tile. Every sequence visits several tiles with a part of its shots, so
that none depends on one tile, and a bad one is told by its answers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import QuantumCircuit

from calibration.noise import DeviceNoise
from jobs.limits import DEFAULT_LIMITS
from jobs.preflight.broadcasts import broadcast_slots
from jobs.tiling.merge import TileCircuit, merge
from jobs.tiling.tiled_pubs import TiledPubs, TilePub, Tiler
from jobs.tiling.tiling import Tiling
from qrnn_hw.experiment.evaluation import Evaluation
from qrnn_hw.experiment.measure import Bits, Measure, Request
from qrnn_hw.experiment.measured import Measured
from qrnn_hw.experiment.readout_circuits import READOUT
from qrnn_hw.experiment.shot_plan import ShotPlan
from qrnn_hw.experiment.tiled_measured import TiledMeasured
from qrnn_hw.mitigation.stack import Stack
from qrnn_hw.networks.encoded import Encoded
from qrnn_hw.networks.shot_head import ShotHead
from qrnn_hw.statistics.tile_spread import rotated

Owner = tuple[int, str, int]
"""Tile, role of its job, and place of a pub in it."""

MOST_VISITS = 3
"""Tiles that a sequence runs on; more would tell no more of a bad one."""


@dataclass(frozen=True, eq=False)
class TiledEvaluation:
    """The test sequences of a trained model on the tiles of a chip."""

    tiling: Tiling
    encoded: Encoded
    head: ShotHead
    stacks: tuple[Stack, ...]
    total: int
    """Shots per prediction, over all tiles that it visits."""

    seeds: Mapping[str, int]
    width: int
    """Qubits of the machine."""

    tiler: Tiler = field(repr=False)
    """Of the same tiling: circuits that were merged once are kept."""

    made: dict[int, dict[tuple[object, ...], QuantumCircuit]] = field(
        default_factory=dict, repr=False
    )
    """Circuits of each tile; they do not depend on the weights."""

    @cached_property
    def visits(self) -> int:
        """Tiles that each sequence runs on: as many as cost no job more than two do."""
        most = min(MOST_VISITS, len(self.tiling), self.total)
        slots = self._slots_of_a_row

        def n_jobs(visits: int) -> int:
            rows = -(-len(self.encoded) * visits // len(self.tiling))
            return int(-(-rows * slots // DEFAULT_LIMITS.broadcast_slots))

        fewest = min(2, most)
        return max(
            (n for n in range(fewest, most + 1) if n_jobs(n) == n_jobs(fewest)), default=fewest
        )

    @cached_property
    def _slots_of_a_row(self) -> float:
        """Broadcast slots of the longest sequences on all tiles."""
        steps = int(self.encoded.lengths.max())
        circuits = [
            TileCircuit(one.unroll(steps).circuit, one.snapshot.physical)
            for one in self.tiling.tiles
        ]
        return broadcast_slots(merge(circuits, self.width).circuit)

    @cached_property
    def rows(self) -> tuple[NDArray[np.int64], ...]:
        """The sequences of each tile: in turn, the longest first, each on several tiles."""
        order = np.argsort(-self.encoded.lengths, kind="stable")
        tiles = rotated(len(order), len(self.tiling), self.visits)
        return tuple(
            np.sort(order[(tiles == number).any(axis=1)]) for number in range(len(self.tiling))
        )

    @cached_property
    def evaluations(self) -> tuple[Evaluation | None, ...]:
        """What each tile is asked; None of a tile without sequences."""
        shots = max(1, self.total // self.visits)
        made: list[Evaluation | None] = []
        pattern: Evaluation | None = None
        for number, (tile, rows) in enumerate(zip(self.tiling.tiles, self.rows, strict=True)):
            if not len(rows):
                made.append(None)
                continue
            one = Evaluation(
                tile,
                DeviceNoise(tile.snapshot),
                self.encoded.take(rows),
                self.head,
                self.stacks,
                shots,
                self.seeds,
                self.width,
                made=self.made.setdefault(number, {}),
                like=pattern,
            )
            pattern = pattern or one
            made.append(one)
        return tuple(made)

    @property
    def used(self) -> tuple[tuple[int, Evaluation], ...]:
        """The tiles that are asked, with what they are."""
        return tuple((n, one) for n, one in enumerate(self.evaluations) if one is not None)

    @property
    def shots(self) -> ShotPlan:
        """How each stack spends the shots of one visit."""
        return self.used[0][1].shots

    def check(self) -> None:
        """Refuse a stack that the model has no circuits for, too few shots, or none for its head.

        Raises:
            UsageError: one is found.
        """
        for _, one in self.used:
            one.check()

    def measure(self, measure: Measure) -> TiledMeasured:
        """Ask for all circuits of all tiles at once."""
        asked = list(self._asked())
        results = measure([request for request, _, _ in asked])
        read: dict[int, dict[str, Bits]] = {n: {} for n, _ in self.used}
        for (_, tiled, owners), bits in zip(asked, results, strict=True):
            answers = dict(zip(owners, tiled.split(bits), strict=True))
            for n, role, place in sorted(answers):
                read[n][role] = (*read[n].get(role, ()), answers[n, role, place])
        at = measure.ran_at(READOUT)
        return TiledMeasured(self, {n: Measured(one, read[n], at) for n, one in self.used})

    def _asked(self) -> Iterator[tuple[Request, TiledPubs, list[Owner]]]:
        """Yield each request, how it was put together, and whose each of its pubs is."""
        if self.shots.calibration:
            # One circuit reads all tiles in |0>, one all of them in |1>.
            kinds: dict[object, list[tuple[Owner, TilePub]]] = {}
            for n, one in self.used:
                for kind, pub in enumerate(one.readout_pubs):
                    kinds.setdefault(kind, []).append(((n, READOUT, kind), TilePub(n, pub)))
            seed = self.seeds["readout_calibration"]
            yield self._request(kinds, self.shots.calibration, READOUT, seed)
        places = dict.fromkeys(place for _, one in self.used for place in one.groups)
        for number, place in enumerate(places):
            recipes: dict[object, list[tuple[Owner, TilePub]]] = {}
            most = 0
            for n, one in self.used:
                if place not in one.groups:
                    continue
                role = one.role(place)
                members, shots = one.jobs[role]
                most = max(most, shots)
                for member, (batch, stack, term) in enumerate(members):
                    circuit = one.circuit(batch, stack, term)
                    own = TilePub(n, batch.pub(circuit), batch.length)
                    # Like circuits come side by side; which masks there are depends on the tile.
                    recipe = stack.circuit_of(term) if term.mask is None else "masks"
                    recipes.setdefault(recipe, []).append(((n, role, member), own))
            seed = self.seeds["shots_scale_1"] + 1000 * number
            yield self._request(recipes, most, f"scale {place[0]:g}, {most} shots", seed)

    def _request(
        self,
        kinds: Mapping[object, Sequence[tuple[Owner, TilePub]]],
        shots: int,
        role: str,
        seed: int,
    ) -> tuple[Request, TiledPubs, list[Owner]]:
        tiled = self.tiler.together([[pub for _, pub in one] for one in kinds.values()])
        owners = [owner for one in kinds.values() for owner, _ in one]
        return Request(tiled.pubs, shots, role, seed), tiled, owners
