"""How good the answers to a task's test rows are, with intervals: accuracy, or NRMSE and R2."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qrnn_hw.classical.baseline import Baseline
from qrnn_hw.data.scaling import Scaling
from qrnn_hw.data.sequences import Sequences
from qrnn_hw.data.target import Classes, Numbers, Target, answer
from qrnn_hw.experiment.task import Task
from qrnn_hw.statistics.forecasts import block_interval, nrmse_difference, nrmse_interval
from qrnn_hw.statistics.intervals import Interval, wilson

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Judge:
    """The first test rows of a task, in the targets' own units, and what is right for them."""

    target: Target
    wanted: NDArray[Any]  # shape (n,) or (n, k)
    scaling: Scaling | None
    block: int
    """Rows of a block of the bootstrap: as many as share steps of a series, else 1."""

    @classmethod
    def of(cls, task: Task, n_rows: int) -> Judge:
        """Return the judge of the first test rows."""
        rows = task.rows.test[:n_rows]
        series, block = task.data.series, 1
        if series is not None and task.data.order == "time":
            block = 1 if task.target.per_step else series.window + series.horizon
        return cls(task.target, _of(task.data.sequences, rows), task.parts.scaling, block)

    @property
    def measures(self) -> tuple[str, ...]:
        """The names of what is measured."""
        return ("accuracy",) if isinstance(self.target, Classes) else ("nrmse", "r2")

    def numbers(self, outputs: ArrayLike) -> Array:
        """Return outputs (n, k) in the targets' own units; scores of classes as they are."""
        found = np.asarray(outputs, dtype=np.float64)
        is_scaled = isinstance(self.target, Numbers) and self.scaling is not None
        return self.scaling.unscaled(found) if is_scaled and self.scaling else found

    def answers(self, outputs: ArrayLike) -> NDArray[Any]:
        """Return places of classes, shape (n,), or numbers in their own units, (n, k)."""
        return answer(self.target, self.numbers(outputs))

    def intervals(self, answers: NDArray[Any]) -> dict[str, Interval]:
        """Return each measure of some answers with its 95 % interval.

        Accuracy by Wilson; numbers by a moving-block bootstrap.
        """
        if isinstance(self.target, Classes):
            right = answers == self.wanted
            return {"accuracy": wilson(int(right.sum()), len(right))}
        if len(self.wanted) < 2 or not (self._spread > 0).all():
            return {}
        error = nrmse_interval(answers, self.wanted, block=self._block, seed=0)
        squares = (answers - self.wanted) ** 2 / self._spread**2
        explained = block_interval(
            lambda rows: 1 - squares[rows].mean(axis=(1, 2)),
            float(1 - squares.mean()),
            len(squares),
            block=self._block,
            seed=0,
        )
        return {"nrmse": error, "r2": explained}

    def of_baseline(self, baseline: Baseline) -> dict[str, Interval]:
        """Return each measure of a classical model's answers to the same rows."""
        return self.intervals(baseline.predictions[: len(self.wanted)])

    def difference(self, answers: NDArray[Any], others: NDArray[Any]) -> Interval | None:
        """Return the NRMSE of numbers less that of others with its interval; None for too few."""
        if len(self.wanted) < 2 or not (self._spread > 0).all():
            return None
        return nrmse_difference(answers, others, self.wanted, block=self._block, seed=0)

    def unlike(self, answers: NDArray[Any], others: NDArray[Any]) -> float:
        """Return the share of labels that differ, or of numbers the mean distance in deviations."""
        if isinstance(self.target, Classes):
            return float(np.mean(answers != others))
        spread = np.where(self._spread > 0, self._spread, 1.0)
        return float(np.mean(np.abs(answers - others) / spread))

    @property
    def _block(self) -> int:
        """Rows of a block; two of them have to fit in."""
        return max(1, min(self.block, len(self.wanted) // 2))

    @cached_property
    def _spread(self) -> Array:
        return np.asarray(self.wanted.std(axis=0))


def to_json(found: Mapping[str, Interval]) -> dict[str, Any]:
    """Return intervals by name as a JSON object."""
    return {name: one.to_json() for name, one in found.items()}


def _of(sequences: Sequences, rows: NDArray[np.int64]) -> NDArray[Any]:
    return np.asarray(sequences.known_targets[rows])
