"""The outputs of sequences in each of their visits, and their means with both errors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qrnn_hw.mitigation.answer import Answer
from qrnn_hw.statistics.repetitions import Repeated
from qrnn_hw.statistics.tile_spread import Cells

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class VisitParts:
    """Outputs of sequences on tiles, each with the variance of its shots and of its scatter."""

    cells: Cells
    """Their variances are the larger of both."""

    shots: Array  # shape (n,), variance of the value as its shots give it
    scatter: Array  # shape (n,), from the repetitions of a visit; 0 where it was made once
    freedom: Array  # shape (n,), degrees of freedom of the scatter; 0 where it was made once

    @classmethod
    def of(
        cls, answer: Answer, numbers: NDArray[np.int64], tile: int, counts: NDArray[np.bool_]
    ) -> VisitParts:
        """Return those of one visit.

        Args:
            answer: the outputs of its sequences.
            numbers: of the outputs that count, shape (n,).
            tile: that was visited.
            counts: which of a sequence's outputs do, shape (sequences, outputs).
        """

        def flat(values: Array) -> Array:
            return np.asarray(values.reshape(counts.shape)[counts])

        shots = flat(answer.shot_error) ** 2
        scatter, freedom = np.zeros_like(shots), np.zeros_like(shots)
        repeated = answer.repeated
        if repeated is not None:
            scatter = flat(repeated.scatter_error) ** 2
            whole = np.full(answer.value.shape, repeated.n_repetitions - 1.0)
            freedom = flat(whole if repeated.freedom is None else repeated.freedom)
        cells = Cells(
            numbers,
            np.full(len(numbers), tile),
            flat(answer.value),
            np.maximum(shots, scatter),
        )
        return cls(cells, shots, scatter, freedom)

    @classmethod
    def together(cls, parts: Sequence[VisitParts]) -> VisitParts:
        """Return all of them as one; of none, nothing."""
        whole = np.zeros(0, dtype=np.int64)
        none = cls(Cells(whole, whole, np.zeros(0), np.zeros(0)), *np.zeros((3, 0)))
        every = [none, *parts]
        cells = Cells(
            *(
                np.concatenate([getattr(one.cells, name) for one in every])
                for name in ("sequence", "tile", "value", "variance")
            )
        )
        return cls(
            cells,
            *(
                np.concatenate([getattr(one, name) for one in every])
                for name in ("shots", "scatter", "freedom")
            ),
        )

    def at(self, kept: NDArray[np.bool_]) -> VisitParts:
        """Return some of them."""
        return VisitParts(
            self.cells.of(kept), self.shots[kept], self.scatter[kept], self.freedom[kept]
        )

    def mean(self, n: int, n_repetitions: int) -> Answer:
        """Return the mean of each output over its visits, shape (n,); 0 where it has none.

        Visits that are repeated by themselves scatter by themselves, and the variances add (Welch
        and Satterthwaite give the degrees of freedom, by the shares of the shots' variances).
        Visits that are made once are the repetitions: what tiles differ by is in their scatter.

        Args:
            n: outputs of all sequences.
            n_repetitions: of each, over all its visits; 1 tells nothing of scatter.
        """

        def summed(values: Array) -> Array:
            return np.asarray(np.bincount(self.cells.sequence, values, minlength=n))

        visits = np.maximum(summed(np.ones(len(self.shots))), 1)
        value = summed(self.cells.value) / visits
        shots = summed(self.shots) / visits**2
        found = Answer(value, np.sqrt(shots))
        if n_repetitions < 2:
            return found
        once = np.maximum(visits - 1, 1)
        between = summed((self.cells.value - value[self.cells.sequence]) ** 2) / once / visits
        by_itself = self.freedom > 0
        spent = summed(np.divide(self.shots**2, self.freedom, where=by_itself,
                                 out=np.zeros_like(self.shots))) / visits**4  # fmt: skip
        repeated = spent > 0
        scatter = np.where(repeated, summed(self.scatter) / visits**2, between)
        freedom = np.where(repeated, np.divide(shots**2, spent, where=repeated,
                                               out=np.ones_like(spent)), once)  # fmt: skip
        scattered = Repeated(value, np.sqrt(shots), np.sqrt(scatter), n_repetitions, freedom)
        return Answer(value, np.sqrt(shots), scattered)
