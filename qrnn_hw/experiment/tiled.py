"""Sequences side by side on one chip: an evaluation for each tile, sent as one.

Each tile has evaluations of its own, with its own noise, mitigation weights and readout
calibration, for the sequences that it is given in each visit; their circuits are written side by
side, and what comes back is decoded tile by tile. Every sequence visits several tiles with a part
of its shots, so that none depends on one tile, and a bad one is told by its answers. Canaries are
further sequences that ride along.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import QuantumCircuit

from calibration.noise import DeviceNoise
from jobs.counted import counted
from jobs.limits import DEFAULT_LIMITS
from jobs.preflight.broadcasts import broadcast_slots
from jobs.tiling.tiled_pubs import Tiler
from jobs.tiling.tiling import Tiling
from qrnn_hw.errors import TooFewShotsError
from qrnn_hw.experiment.canary_rows import Canaries, full_share
from qrnn_hw.experiment.evaluation import Evaluation
from qrnn_hw.experiment.interleaved import INTERLEAVED
from qrnn_hw.experiment.measure import Measurer
from qrnn_hw.experiment.measured import CANARY, ITEM, Measured
from qrnn_hw.experiment.readout_circuits import READOUT, ReadoutCircuits
from qrnn_hw.experiment.shot_plan import ShotPlan, plan_shots
from qrnn_hw.experiment.tiled_measured import TiledMeasured
from qrnn_hw.experiment.tiled_requests import Asked, by_factor, interleaved, place_of, read_back
from qrnn_hw.experiment.visits import (
    MOST_REPEATED,
    MOST_VISITS,
    TileVisit,
    chosen_visits,
    dealt,
    sites,
    tiles_of_items,
)
from qrnn_hw.mitigation.repetitions import Layout, Want
from qrnn_hw.mitigation.stack import Stack
from qrnn_hw.networks.encoded import Encoded
from qrnn_hw.networks.shot_head import ShotHead


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

    repetitions: int = 1
    """Of each sequence's estimate in one job, at most: visits of tiles, times what each is repeated
    by itself. 1 is one job for each scale factor, as there were before canaries."""

    canaries: Canaries | None = None

    @property
    def is_interleaved(self) -> bool:
        """Whether one job holds all main circuits, visit after visit."""
        return self.repetitions > 1 or self.canaries is not None

    @property
    def visits(self) -> int:
        """Tiles that each sequence runs on."""
        return self._chosen[0]

    @property
    def layout(self) -> Layout:
        """How often each visit is repeated in an interleaved job, and shots of each row."""
        return self._chosen[1]

    @property
    def n_repetitions(self) -> int:
        """In how many repetitions each sequence's main circuits are run."""
        return self.visits * self.layout.repetitions if self.is_interleaved else 1

    @cached_property
    def _chosen(self) -> tuple[int, Layout]:
        of_tiles = min(MOST_VISITS, len(self.tiling), self.total)
        fewest = min(2, of_tiles)
        if not self.is_interleaved:
            return self._of_no_more_jobs(fewest, of_tiles), Layout(1, self.total)
        repetitions, most = self.repetitions, of_tiles  # each visit runs all masks of its tile
        if all(stack.feed_forward == "none" for stack in self.stacks):
            repetitions = most = max(fewest, min(repetitions, self.total, MOST_REPEATED))
        with self._parted_over(fewest):
            return chosen_visits(
                self._wants,
                repetitions=repetitions,
                fewest=fewest,
                most=max(fewest, min(most, repetitions)),
                at_once=min(len(self.tiling), self._n_sequences),
            )

    @contextmanager
    def _parted_over(self, visits: int) -> Iterator[None]:
        """Say of too few shots whose part they are."""
        try:
            yield
        except TooFewShotsError as error:
            raise TooFewShotsError(
                f"{str(error).removesuffix('.')}, the part of one of {counted(visits, 'visit')} "
                f"of tiles in {counted(self.total, 'shot')} per prediction; take more --shots, or "
                "leave --tiles out."
            ) from None

    def _of_no_more_jobs(self, fewest: int, most: int) -> int:
        """Return as many visits as cost no job more than the fewest do."""
        slots = self._slots_of_a_row

        def n_jobs(visits: int) -> int:
            rows = -(-len(self.encoded) * visits // len(self.tiling))
            return int(-(-rows * slots // DEFAULT_LIMITS.broadcast_slots))

        return max(
            (n for n in range(fewest, most + 1) if n_jobs(n) == n_jobs(fewest)), default=fewest
        )

    @property
    def _n_sequences(self) -> int:
        return len(self.encoded) + len(self.canaries or ())

    def _wants(self, visits: int) -> list[Want]:
        """Return what the main circuits of all sequences want, as on the best tile."""
        best = self._evaluation(0, self.encoded, self.canaries, visits)
        slots = broadcast_slots(self.tiling.tiles[0].unroll(self._longest).circuit)
        wider = self._slots_of_a_row / slots if slots else 1.0
        found: dict[str, Want] = {}
        for part in best.parts():
            kind, *circuit = place_of(part)
            want, place = part.want, str(circuit)
            if kind == ITEM and want.is_main:
                shots, rows = want.shots, visits * want.rows
                found[place] = Want(shots, rows, wider * want.load)
            elif kind == CANARY and place in found:  # in the same rows of the chip
                rows = found[place].rows + visits * want.rows
                found[place] = replace(found[place], rows=rows)
        return list(found.values())

    @property
    def _longest(self) -> int:
        return int(self.encoded.lengths.max())

    @property
    def _slots_of_a_row(self) -> float:
        """Broadcast slots of the longest sequences on all tiles."""
        return self.tiler.slots_of_a_row(self._longest)

    @cached_property
    def _dealt(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The tile of each sentence and of each canary in each visit."""
        lengths, n, none = self.encoded.lengths, len(self.tiling), np.zeros(0, dtype=np.int64)
        if not self.is_interleaved:
            return tiles_of_items(lengths, n, self.visits), np.zeros((0, self.visits), np.int64)
        canaries = none if self.canaries is None else self.canaries.encoded.lengths
        return dealt(lengths, canaries, n, self.visits)

    @property
    def rows(self) -> tuple[NDArray[np.int64], ...]:
        """The sequences of each tile, in all visits."""
        return tuple(
            np.flatnonzero((self._dealt[0] == number).any(axis=1))
            for number in range(len(self.tiling))
        )

    @cached_property
    def sites(self) -> tuple[TileVisit, ...]:
        """What each tile is asked in each visit; where one job holds a scale factor, in all."""
        if self.is_interleaved:
            return sites(*self._dealt, len(self.tiling))
        none = np.zeros(0, dtype=np.int64)
        found = (TileVisit(tile, 0, rows, none) for tile, rows in enumerate(self.rows))
        return tuple(one for one in found if len(one.items))

    @cached_property
    def shots(self) -> ShotPlan:
        """How each stack spends the shots of one visit."""
        return self._plan(self.visits)

    def _plan(self, visits: int) -> ShotPlan:
        # Each tile is calibrated by itself, side by side with the others: as much as the best one,
        # for its sentences in all visits.
        on_best = -(-len(self.encoded) * visits // len(self.tiling))
        if not self.is_interleaved:  # the first ones of all turns, as ever
            on_best = len(self.rows[0])
        best = self.tiling.tiles[0]
        n_circuits = len(ReadoutCircuits.of(best, self.head, self.made.setdefault(0, {})).circuits)
        return plan_shots(max(1, self.total // visits), on_best, self.stacks, n_circuits=n_circuits)

    @cached_property
    def _noises(self) -> tuple[DeviceNoise, ...]:
        return tuple(DeviceNoise(tile.snapshot) for tile in self.tiling.tiles)

    @cached_property
    def _plans(self) -> dict[int, ShotPlan]:
        return {}

    def _evaluation(
        self,
        tile: int,
        encoded: Encoded,
        canaries: Canaries | None,
        visits: int,
        layout: Layout | None = None,
    ) -> Evaluation:
        if visits not in self._plans:
            self._plans[visits] = self._plan(visits)
        share = None
        if self.canaries is not None:
            # A row of the chip costs the same whether all tiles run something or not.
            n = max(len(self.encoded), len(self.tiling) - len(self.canaries))
            share = full_share(n, len(self.canaries))
        return Evaluation(
            self.tiling.tiles[tile],
            self._noises[tile],
            encoded,
            self.head,
            self.stacks,
            max(1, self.total // visits),
            self.seeds,
            self.width,
            self.repetitions,
            canaries,
            self.made.setdefault(tile, {}),
            self._plans[visits],
            layout,
            share,
        )

    @cached_property
    def evaluations(self) -> tuple[Evaluation, ...]:
        """What each site is asked."""
        layout = self.layout if self.is_interleaved else None
        return tuple(
            self._evaluation(
                one.tile,
                self.encoded.take(one.items),
                None if self.canaries is None else self.canaries.take(one.canaries),
                self.visits,
                layout,
            )
            for one in self.sites
        )

    @property
    def assumptions(self) -> tuple[str, ...]:
        """What the stacks take for granted of the machine, as on the best tile."""
        return self._evaluation(0, self.encoded, None, self.visits).assumptions

    def check(self) -> None:
        """Refuse a stack that the model has no circuits for, too few shots, or none for its head.

        Raises:
            UsageError: one is found.
        """
        if not self.stacks:  # they are yet to be chosen
            return
        evaluations = self.evaluations
        with self._parted_over(self.visits):
            for one in evaluations:
                one.check()

    @cached_property
    def _asked(self) -> list[Asked]:
        """What is asked, written once: it is priced, and then it is sent."""
        return list((interleaved if self.is_interleaved else by_factor)(self))

    def measure(self, measure: Measurer) -> TiledMeasured:
        """Ask for all circuits of all tiles at once."""
        results = measure([request for request, _, _ in self._asked])
        read = read_back(self, self._asked, results)
        at = measure.ran_at(INTERLEAVED if self.is_interleaved else READOUT)
        at = at if self.shots.calibration else None
        return TiledMeasured(
            self, tuple(Measured(one, read[n], at) for n, one in enumerate(self.evaluations))
        )
