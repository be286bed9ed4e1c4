"""How good the answers to a task's test rows are, with intervals: accuracy, or NRMSE and R2.

Where every step has an answer, a measure is that of all steps that count. The steps of one sequence
are no sample of their own: intervals are bootstrapped over whole sequences.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from jobs.counted import counted
from qrnn_hw.classical.baseline import Baseline
from qrnn_hw.data.scaling import Scaling
from qrnn_hw.data.target import Classes, Numbers, Target, answer, step_weights
from qrnn_hw.experiment.task import ModelTask
from qrnn_hw.networks.trained import TrainedNetwork
from qrnn_hw.statistics.forecasts import block_interval
from qrnn_hw.statistics.intervals import Interval, mean_interval, share_over_levels, wider, wilson

Array = NDArray[np.float64]
Rows = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Judge:
    """The first test rows of a task, in the targets' own units, and what is right for them."""

    target: Target
    wanted: NDArray[Any]  # shape (n,) or (n, k), per step with an axis of T after the first
    scaling: Scaling | None
    block: int
    """Rows of a block of the bootstrap: as many as share steps of a series, else 1."""

    lengths: NDArray[np.int64] | None = None  # shape (n,)
    """Steps of each row that count, where every step has an answer; None is all of them."""

    direct: Array | float = 0.0
    """What reaches the outputs past the circuits, scaled, shape as the outputs: the answers are the
    circuits' outputs and this."""

    @classmethod
    def of(cls, task: ModelTask, n_rows: int, trained: TrainedNetwork) -> Judge:
        """Return the judge of the first test rows, and of a network's outputs for them."""
        rows = task.data.sequences.take(task.rows.test[:n_rows])
        series, block = task.data.series, 1
        if series is not None and task.data.order == "time":
            block = 1 if task.target.per_step else series.window + series.horizon
        wanted = np.asarray(rows.known_targets)
        if task.target.per_step:
            wanted = wanted[:, : int(rows.lengths.max())]
        given = task.test.take(np.arange(len(wanted)))
        direct = trained.direct_part(given.values[:, : given.lengths.max()], given.lengths)
        return cls(task.target, wanted, task.parts.scaling, block, rows.lengths, direct)

    @property
    def measures(self) -> tuple[str, ...]:
        """The names of what is measured."""
        return ("accuracy",) if isinstance(self.target, Classes) else ("nrmse", "r2")

    @property
    def is_measured(self) -> bool:
        """Whether there is something to hold the answers against: numbers that vary."""
        if isinstance(self.target, Classes):
            return True
        return len(self.wanted) >= 2 and bool((self._spread > 0).all())

    @property
    def unmeasured(self) -> tuple[str, ...]:
        """What is said where there is nothing of that kind."""
        if self.is_measured:
            return ()
        rows = counted(len(self.wanted), "test row")
        return (f"The target does not vary over the {rows}: no NRMSE or R2. Test on more rows.",)

    @property
    def is_one_score(self) -> bool:
        """Whether the sign of one score answers a row: of two classes, once for each sequence."""
        is_classes = isinstance(self.target, Classes) and self.target.n_outputs == 1
        return is_classes and not self.target.per_step

    def numbers(self, outputs: ArrayLike) -> Array:
        """Return the circuits' outputs (..., n, [T,] k), with what is direct, in the targets' own
        units; scores of classes as they are.
        """
        found = np.asarray(outputs, dtype=np.float64) + self.direct
        is_scaled = isinstance(self.target, Numbers) and self.scaling is not None
        return self.scaling.unscaled(found) if is_scaled and self.scaling else found

    def answers(self, outputs: ArrayLike) -> NDArray[Any]:
        """Return places of classes, shape (n,), or numbers in their own units, (n, k); per step."""
        return answer(self.target, self.numbers(outputs))

    def intervals(self, answers: NDArray[Any]) -> dict[str, Interval]:
        """Return each measure of some answers with its 95 % interval.

        Accuracy by Wilson; numbers, and answers at every step, by a bootstrap over rows, in blocks
        where they overlap in time; it has no ends where two whole blocks do not fit in.
        """
        if isinstance(self.target, Classes):
            right = self._per_row(answers == self.wanted)
            if not self.target.per_step:
                return {"accuracy": wilson(int(right.sum()), len(right))}
            return {"accuracy": self._share(right)}
        if not self.is_measured:
            return {}
        missed = self._per_row((answers - self.wanted) ** 2 / self._spread**2)

        def error(rows: Rows) -> Array:
            return np.asarray(np.sqrt(self._mean(missed, rows)).mean(axis=-1))

        def explained(rows: Rows) -> Array:
            return np.asarray(1 - self._mean(missed, rows).mean(axis=-1))

        return {"nrmse": self._interval(error), "r2": self._interval(explained)}

    def over_rounds(self, answers: NDArray[Any]) -> dict[str, Interval]:
        """Return each measure of the answers of some rounds to the same rows, its mean over them.

        The wider of two intervals: Student's over rounds, and that over rows, as of `intervals`.

        Args:
            answers: shape (B, n, ...), B >= 1.
        """
        if isinstance(self.target, Classes) and not self.target.per_step:
            return {"accuracy": share_over_levels(answers == self.wanted)}
        if isinstance(self.target, Classes):
            right = np.stack([self._per_row(one == self.wanted) for one in answers])
            by_rows = {"accuracy": self._share(right.mean(axis=0))}
        elif not self.is_measured:
            return {}
        else:
            missed = [self._per_row((one - self.wanted) ** 2 / self._spread**2) for one in answers]
            by_rows = {
                "nrmse": self._interval(
                    lambda rows: np.mean(
                        [np.sqrt(self._mean(one, rows)).mean(axis=-1) for one in missed], axis=0
                    )
                ),
                "r2": self._interval(
                    lambda rows: 1 - self._mean(np.mean(missed, axis=0), rows).mean(axis=-1)
                ),
            }
        if len(answers) == 1:
            return by_rows
        each = [self.measured(one) for one in answers]
        reach = {"accuracy": (0.0, 1.0), "nrmse": (0.0, math.inf), "r2": (-math.inf, 1.0)}
        return {
            name: wider(mean_interval([one[name] for one in each]), found).within(*reach[name])
            for name, found in by_rows.items()
        }

    def per_row(self, values: NDArray[Any]) -> Array:
        """Return the mean over the answers that count of each row, shape (n,) of (n, [T])."""
        return np.asarray(self._per_row(values) / self._answers_of)

    def measured(self, answers: NDArray[Any]) -> dict[str, float]:
        """Return each measure without its interval; numbers need a target that varies."""
        every = np.arange(len(self.wanted))[None]
        if isinstance(self.target, Classes):
            right = self._per_row(answers == self.wanted)
            return {"accuracy": float(self._mean(right, every)[0])}
        spread = np.where(self._spread > 0, self._spread, 1.0)
        missed = self._mean(self._per_row((answers - self.wanted) ** 2 / spread**2), every)[0]
        return {"nrmse": float(np.sqrt(missed).mean()), "r2": float(1 - missed.mean())}

    def of_baseline(self, baseline: Baseline) -> dict[str, Interval]:
        """Return each measure of a classical model's answers to the same rows."""
        return self.intervals(self.given(baseline.predictions))

    def given(self, predictions: NDArray[Any]) -> NDArray[Any]:
        """Return the predictions of the rows that are judged, of those of all test rows."""
        found = predictions[: len(self.wanted)]
        return found[:, : self.wanted.shape[1]] if self.target.per_step else found

    def difference(self, answers: NDArray[Any], others: NDArray[Any]) -> Interval | None:
        """Return the measure of answers less that of others with its interval; None for too few.

        Of numbers the NRMSE, of classes the accuracy.
        """
        if not self._has_blocks:
            return None
        if isinstance(self.target, Classes):
            gained = self._per_row((answers == self.wanted).astype(float) - (others == self.wanted))
            return self._interval(lambda rows: self._mean(gained, rows))
        if not (self._spread > 0).all():
            return None
        own, other = (
            self._per_row((one - self.wanted) ** 2 / self._spread**2) for one in (answers, others)
        )

        def less(rows: Rows) -> Array:
            roots = [np.sqrt(self._mean(one, rows)) for one in (own, other)]
            return np.asarray((roots[0] - roots[1]).mean(axis=-1))

        return self._interval(less)

    def unlike(self, answers: NDArray[Any], others: NDArray[Any]) -> float:
        """Return the share of labels that differ, or of numbers the mean distance in deviations."""
        if isinstance(self.target, Classes):
            return float(np.mean((answers != others)[self.counts]))
        spread = np.where(self._spread > 0, self._spread, 1.0)
        return float(np.mean((np.abs(answers - others) / spread)[self.counts]))

    @property
    def worth(self) -> Array:
        """Deviations of the targets that one of their own units is worth, shape (k,)."""
        return np.asarray(1.0 / np.where(self._spread > 0, self._spread, 1.0))

    @property
    def unit(self) -> Array:
        """Deviations of the targets that an output of 1 is worth, shape (k,); 1 of a constant."""
        scale = np.ones(1) if self.scaling is None else self.scaling.target_deviation
        return np.asarray(scale * self.worth)

    @cached_property
    def counts(self) -> NDArray[np.bool_]:
        """Which answers count: all, per step those before a row's end; shape (n,) or (n, T)."""
        if not self.target.per_step:
            return np.ones(len(self.wanted), dtype=bool)
        return step_weights(self.wanted.shape[1], self.lengths, len(self.wanted)) > 0

    def _per_row(self, values: NDArray[Any]) -> Array:
        """Return sums over the answers of each row, shape (n,) or (n, k)."""
        found = np.asarray(values, dtype=np.float64)
        if not self.target.per_step:
            return found
        kept = self.counts.reshape(*self.counts.shape, *(1,) * (found.ndim - 2))
        return np.asarray((found * kept).sum(axis=1))

    @cached_property
    def _answers_of(self) -> Array:
        """The number of answers of each row, shape (n,)."""
        each = self.counts.reshape(len(self.wanted), -1).sum(axis=1)
        return np.asarray(each, dtype=np.float64)

    def _mean(self, sums: Array, rows: Rows) -> Array:
        """Return the mean over all answers of each draw of rows (B, n), shape (B,) or (B, k)."""
        n_answers = self._answers_of[rows].sum(axis=1)
        total = sums[rows].sum(axis=1)
        return np.asarray(total / (n_answers if total.ndim == 1 else n_answers[:, None]))

    def _interval(self, statistic: Callable[[Rows], Array]) -> Interval:
        n = len(self.wanted)
        value = float(statistic(np.arange(n)[None])[0])
        if not self._has_blocks:
            return Interval(value, math.nan, math.nan, n)
        return block_interval(statistic, value, n, block=self.block, seed=0)

    def _share(self, right: Array) -> Interval:
        """Return a share over all steps; where all sequences agree, Wilson's for as many."""
        n, share = len(right), float(right.sum() / self._answers_of.sum())
        whole = wilson(round(share * n), n)
        if n < 2 or np.ptp(right / self._answers_of) == 0:
            return Interval(share, min(share, whole.low), max(share, whole.high), n)
        return self._interval(lambda rows: self._mean(right, rows))

    @property
    def _has_blocks(self) -> bool:
        """Whether two blocks fit in: shorter ones would take rows that share steps for unlike."""
        return len(self.wanted) >= 2 * self.block

    @cached_property
    def _spread(self) -> Array:
        return np.asarray(self.wanted[self.counts].std(axis=0))


def to_json(found: Mapping[str, Interval]) -> dict[str, Any]:
    """Return intervals by name as a JSON object."""
    return {name: one.to_json() for name, one in found.items()}
