"""What the tiles of a chip read, and one score for each sequence from all that it visited."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from calibration.errors import CalibrationError
from qrnn_hw.experiment.measured import CANARY, ITEM, Measured
from qrnn_hw.experiment.shot_plan import ShotPlan
from qrnn_hw.experiment.visit_parts import VisitParts
from qrnn_hw.experiment.visits import TileVisit
from qrnn_hw.mitigation.answer import Answer
from qrnn_hw.mitigation.canaries import missed
from qrnn_hw.mitigation.stack import Stack
from qrnn_hw.statistics.tile_spread import Cells, TileSpread, bad_tiles, spread

if TYPE_CHECKING:
    from qrnn_hw.experiment.tiled import TiledEvaluation


@dataclass(frozen=True, eq=False)
class Record:
    """One output of one sequence on one tile."""

    sequence: int
    output: int
    """Its number; per step those of all steps one after the other."""

    tile: int
    qubits: tuple[int, ...]
    value: float
    standard_error: float


@dataclass(frozen=True, eq=False)
class TiledMeasured:
    """What came back of a tiled evaluation's requests, site by site."""

    evaluation: TiledEvaluation
    sites: tuple[Measured, ...]
    """One for each of the evaluation's."""

    @cached_property
    def unreadable(self) -> tuple[int, ...]:
        """Tiles whose readout calibration tells nothing of a bit.

        Raises:
            CalibrationError: a sequence visited no others.
        """
        shots, found = self.evaluation.shots.calibration, set()
        seen, trouble = np.zeros(len(self.evaluation.encoded), dtype=bool), None
        for site, one in zip(self.evaluation.sites, self.sites, strict=True):
            try:
                one.calibration(shots)
            except CalibrationError as error:
                found.add(site.tile)
                trouble = error
            else:
                seen[site.items] = True
        if trouble is not None and not seen.all():
            raise trouble
        return tuple(sorted(found))

    @property
    def _readable(self) -> list[tuple[TileVisit, Measured]]:
        each = zip(self.evaluation.sites, self.sites, strict=True)
        return [(site, one) for site, one in each if site.tile not in self.unreadable]

    @cached_property
    def bad(self) -> tuple[int, ...]:
        """Tiles whose answers do not belong, the worst first; nothing of them is used."""
        longest = int(self.evaluation.encoded.lengths.max())
        scale = self.evaluation.head.numbers(longest).largest
        return (*self.unreadable, *bad_tiles(self._compared, scale))

    @property
    def spread(self) -> tuple[TileSpread, ...]:
        """How the scores of each tile that is used differ from those of the others."""
        return spread(self._compared.of(~np.isin(self._compared.tile, self.bad)))

    @cached_property
    def _compared(self) -> Cells:
        """The outputs of sentences and canaries by the first stack."""
        stack, plan = self.evaluation.stacks[0], self.evaluation.shots
        both = [self._parts(stack, plan, kind).cells for kind in (ITEM, CANARY)]
        n = len(self.evaluation.encoded) * math.prod(self._axes)
        every = Cells(
            np.concatenate([both[0].sequence, n + both[1].sequence]),
            *(np.concatenate([getattr(one, name) for one in both])
              for name in ("tile", "value", "variance")),
        )  # fmt: skip
        return every.by_tile()

    @property
    def _axes(self) -> tuple[int, ...]:
        """Shape of the outputs of a row, those after its end among them: (k,), per step (T, k)."""
        return self.evaluation.head.shape(int(self.evaluation.encoded.lengths.max()))

    def _parts(self, stack: Stack, plan: ShotPlan, kind: str) -> VisitParts:
        """Return what each visit of a readable tile gave; number i * c + j is output j of c of i.

        Args:
            stack: that is scored.
            plan: of one visit.
            kind: `ITEM` or `CANARY`.
        """
        c, head = math.prod(self._axes), self.evaluation.head
        found = []
        for site, one in self._readable:
            rows = site.items if kind == ITEM else site.canaries
            if not len(rows):
                continue
            answer = (one.items if kind == ITEM else one.sent)(stack, plan)
            size = answer.value.size // len(rows)
            lengths = self._lengths(kind)[rows]
            counts = np.arange(size) < head.n_outputs * lengths[:, None]
            counts = counts if head.per_step else np.ones((len(rows), size), dtype=bool)
            numbers = (rows[:, None] * c + np.arange(size))[counts]
            found.append(VisitParts.of(answer, numbers, site.tile, counts))
        return VisitParts.together(found)

    def _lengths(self, kind: str) -> NDArray[np.int64]:
        if kind == ITEM:
            return self.evaluation.encoded.lengths
        canaries = self.evaluation.canaries
        return np.zeros(0, dtype=np.int64) if canaries is None else canaries.encoded.lengths

    def records(self, stack: Stack) -> tuple[Record, ...]:
        """Return the outputs of each sequence on each readable tile it visited, bad ones too."""
        k = math.prod(self._axes)
        cells = self._parts(stack, self.evaluation.shots, ITEM).cells
        physical = [one.snapshot.physical for one in self.evaluation.tiling.tiles]
        return tuple(
            Record(int(i) // k, int(i) % k, int(n), physical[n], float(v), float(np.sqrt(w)))
            for i, n, v, w in zip(
                cells.sequence, cells.tile, cells.value, cells.variance, strict=True
            )
        )

    def answer(self, stack: Stack, plan: ShotPlan) -> Answer:
        """Return the mean outputs of each sequence over its visits, with all their errors.

        Arrays have the shape (n,) of a single output, (n, k) of several, with an axis of T steps
        after the first where there are outputs for every step; 0 after a sequence's end. A sequence
        all of whose tiles are bad keeps them.

        Args:
            stack: that is scored.
            plan: of one visit.
        """
        found = self._mean(stack, plan, ITEM)
        canaries = self.evaluation.canaries
        if canaries is None or not len(canaries):
            return found
        sent = self.sent(stack, plan)
        # What ran on unreadable tiles alone is no evidence of the others.
        known = canaries.known
        seen = sent.shot_error > 0
        if not seen.any():
            return found
        each = (sent.value, known, sent.standard_error)
        miss = missed(*(one[seen] for one in each))
        return found.with_miss(replace(miss, n_canaries=len(canaries)))

    def sent(self, stack: Stack, plan: ShotPlan) -> Answer:
        """Return the mean outputs of the canaries, arrays as `answer` has them."""
        return self._mean(stack, plan, CANARY)

    def _mean(self, stack: Stack, plan: ShotPlan, kind: str) -> Answer:
        shape = (len(self._lengths(kind)), *self._axes)
        parts = self._parts(stack, plan, kind)
        n = math.prod(shape)
        good = ~np.isin(parts.cells.tile, self.bad)
        has_good = np.bincount(parts.cells.sequence, good, minlength=n) > 0
        used = parts.at(good | ~has_good[parts.cells.sequence])
        found = used.mean(n, self.evaluation.n_repetitions)
        return found.shaped(shape[:-1] if shape[-1] == 1 else shape)

    @cached_property
    def answers(self) -> dict[str, Answer]:
        """The answer of each planned stack by its name, all at the same total of shots."""
        plan = self.evaluation.shots
        return {one.name: self.answer(one, plan) for one in self.evaluation.stacks}

    def by_stack(self) -> dict[str, NDArray[np.float64]]:
        """Return the outputs of each planned stack by name, shape (n, k), per step (n, T, k)."""
        shape = (len(self.evaluation.encoded), *self._axes)
        return {name: one.value.reshape(shape) for name, one in self.answers.items()}

    def readout(self) -> dict[str, list[float]] | None:
        """Return the readout errors of the tiles' final bits, one tile behind the other."""
        shots = self.evaluation.shots.calibration
        by_tile = {site.tile: one for site, one in self._readable}
        found = [by_tile[tile].calibration(shots) for tile in sorted(by_tile)]
        kept = [one for one in found if one is not None]
        if not kept:
            return None
        return {
            "p01": [rate for one in kept for rate in one.p01],
            "p10": [rate for one in kept for rate in one.p10],
        }

    def to_json(self) -> dict[str, Any]:
        """Return the tiles with their loss, what they differ by, and which were left out."""
        tiling, spreads = self.evaluation.tiling, {one.tile: one for one in self.spread}
        return {
            "guard": tiling.guard,
            "visits": self.evaluation.visits,
            "repetitions": self.evaluation.n_repetitions,
            "left_out": list(self.bad),
            "tiles": [
                {
                    "qubits": list(one.snapshot.physical),
                    "error": tiling.placements[n].error,
                    "wait_dt": tiling.waits_dt[n],
                    "sequences": len(self.evaluation.rows[n]),
                    "excess": spreads[n].excess if n in spreads else None,
                    "mean_difference": spreads[n].mean if n in spreads else None,
                }
                for n, one in enumerate(tiling.tiles)
            ],
        }
