"""What the tiles of a chip read, and one score for each sequence from all that it visited."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from calibration.errors import CalibrationError
from qrnn_hw.experiment.measured import Measured
from qrnn_hw.experiment.shot_plan import ShotPlan
from qrnn_hw.mitigation.estimate import Estimate
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
    """What came back of a tiled evaluation's requests, tile by tile."""

    evaluation: TiledEvaluation
    tiles: Mapping[int, Measured]
    """By number of the tile, those that were asked."""

    @cached_property
    def unreadable(self) -> tuple[int, ...]:
        """Tiles whose readout calibration tells nothing of a bit.

        Raises:
            CalibrationError: a sequence visited no others.
        """
        shots, found = self.evaluation.shots.calibration, []
        seen, trouble = np.zeros(len(self.evaluation.encoded), dtype=bool), None
        for n, one in self.tiles.items():
            try:
                one.calibration(shots)
            except CalibrationError as error:
                found.append(n)
                trouble = error
            else:
                seen[self.evaluation.rows[n]] = True
        if trouble is not None and not seen.all():
            raise trouble
        return tuple(found)

    @property
    def _readable(self) -> dict[int, Measured]:
        return {n: one for n, one in self.tiles.items() if n not in self.unreadable}

    @cached_property
    def bad(self) -> tuple[int, ...]:
        """Tiles whose answers do not belong, the worst first; nothing of them is used."""
        longest = int(self.evaluation.encoded.lengths.max())
        scale = self.evaluation.head.numbers(longest).largest
        cells = self._cells(self.evaluation.stacks[0], self.evaluation.shots)
        return (*self.unreadable, *bad_tiles(cells, scale))

    @property
    def spread(self) -> tuple[TileSpread, ...]:
        """How the scores of each tile that is used differ from those of the others."""
        cells = self._cells(self.evaluation.stacks[0], self.evaluation.shots)
        return spread(cells.of(~np.isin(cells.tile, self.bad)))

    @property
    def _axes(self) -> tuple[int, ...]:
        """Shape of the outputs of a row, those after its end among them: (k,), per step (T, k)."""
        return self.evaluation.head.shape(int(self.evaluation.encoded.lengths.max()))

    def _cells(self, stack: Stack, plan: ShotPlan) -> Cells:
        """Return the outputs on each readable tile; number i * c + j is output j of c of row i."""
        c, k = math.prod(self._axes), self.evaluation.head.n_outputs
        sequences, tiles, values, variances = [], [], [], []
        for n, one in self._readable.items():
            rows, answer = self.evaluation.rows[n], one.answer(stack, plan)
            own = answer.value.reshape(len(rows), -1)
            counts = np.arange(own.shape[1]) < k * one.evaluation.encoded.lengths[:, None]
            counts = counts if self.evaluation.head.per_step else np.ones(own.shape, dtype=bool)
            sequences.append((rows[:, None] * c + np.arange(own.shape[1]))[counts])
            tiles.append(np.full(int(counts.sum()), n))
            values.append(own[counts])
            variances.append(answer.standard_error.reshape(own.shape)[counts] ** 2)
        return Cells(
            np.concatenate(sequences),
            np.concatenate(tiles),
            np.concatenate(values),
            np.concatenate(variances),
        )

    def records(self, stack: Stack) -> tuple[Record, ...]:
        """Return the outputs of each sequence on each readable tile it visited, bad ones too."""
        k = math.prod(self._axes)
        cells = self._cells(stack, self.evaluation.shots)
        physical = [one.snapshot.physical for one in self.evaluation.tiling.tiles]
        return tuple(
            Record(int(i) // k, int(i) % k, int(n), physical[n], float(v), float(np.sqrt(w)))
            for i, n, v, w in zip(
                cells.sequence, cells.tile, cells.value, cells.variance, strict=True
            )
        )

    def outputs(self, stack: Stack, plan: ShotPlan) -> Estimate:
        """Return the mean outputs of each sequence over the tiles that it visited.

        Shape (n, k), per step (n, T, k), 0 after a sequence's end. A sequence all of whose tiles
        are bad keeps them.

        Args:
            stack: that is scored.
            plan: of one visit.
        """
        cells, shape = self._cells(stack, plan), (len(self.evaluation.encoded), *self._axes)
        n = math.prod(shape)
        good = ~np.isin(cells.tile, self.bad)
        has_good = np.bincount(cells.sequence, good, minlength=n) > 0
        used = cells.of(good | ~has_good[cells.sequence])
        visits = np.maximum(np.bincount(used.sequence, minlength=n), 1)
        value = np.bincount(used.sequence, used.value, minlength=n) / visits
        variance = np.bincount(used.sequence, used.variance, minlength=n) / visits**2
        return Estimate.from_variance(value.reshape(shape), variance.reshape(shape))

    def by_stack(self) -> dict[str, NDArray[np.float64]]:
        """Return the outputs of each planned stack by name, shape (n, k), per step (n, T, k)."""
        plan = self.evaluation.shots
        return {one.name: self.outputs(one, plan).value for one in self.evaluation.stacks}

    def readout(self) -> dict[str, list[float]] | None:
        """Return the readout errors of the tiles' final bits, one tile behind the other."""
        shots = self.evaluation.shots.calibration
        found = [one.calibration(shots) for one in self._readable.values()]
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
