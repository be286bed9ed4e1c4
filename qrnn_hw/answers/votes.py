"""What the shots of every row gave so far, of canaries too, and which rows are open."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast

import numpy as np
from numpy.typing import NDArray

from jobs.assess import Assessment
from jobs.errors import BudgetError
from qrnn_hw.answers.certain import CanaryCounts, Counts, machine_label, noiseless_label
from qrnn_hw.answers.question import Question
from qrnn_hw.experiment.measured import CANARY, ITEM, Measured
from qrnn_hw.statistics.certificates import LEAST_CANARIES
from qrnn_hw.statistics.decisions import UNDECIDED

Rows = NDArray[np.int64]


@dataclass(eq=False)
class Votes:
    """What the shots of every row gave so far, and of the canaries."""

    question: Question
    delta: float
    looks: tuple[int, ...]
    until_noiseless: bool = False
    """Whether a row stays open until its noiseless label is certain."""

    rows: list[Counts] = field(init=False)  # each of shape (B, 2**m)
    canaries: Counts = field(init=False)  # shape (B, n, 2**m)
    jobs: list[dict[str, str]] = field(default_factory=list)
    """Keys by role, of each batch."""

    asked: list[Rows] = field(default_factory=list)
    """Rows of each batch."""

    assessed: list[Assessment] = field(default_factory=list)
    stopped: BudgetError | None = None
    """Why there are not all batches, where the budget ended them."""

    def __post_init__(self) -> None:
        n, columns = len(self.question.encoded), self.columns
        known = self.question.canaries
        self.rows = [np.zeros((0, len(columns)), dtype=np.int64)] * n
        self.canaries = np.zeros((0, 0 if known is None else len(known), len(columns)), np.int64)

    @property
    def columns(self) -> NDArray[np.float64]:
        """R, shape (2**m, k)."""
        return self.question.model.trained.coefficients

    @property
    def is_sequential(self) -> bool:
        """Whether labels are looked at while shots arrive."""
        return len(self.looks) > 1

    @property
    def canary_counts(self) -> CanaryCounts | None:
        """The canaries; None where too few were sent for a line, or none have shots yet."""
        known = self.question.canaries
        if known is None or not len(self.canaries):
            return None
        return CanaryCounts(self.canaries, known.known.reshape(len(known), -1))

    @property
    def seconds(self) -> float:
        """QPU seconds of the batches that there are, by their estimates."""
        found = [one.estimate for one in self.assessed if one.estimate is not None]
        return sum(one.best_seconds for one in found)

    def machine_label(self, row: int) -> int:
        """Return this machine's label of a row, or `UNDECIDED`."""
        own = self.rows[row]
        return machine_label(own, self.columns, self.delta, is_sequential=self.is_sequential)

    def noiseless_label(self, row: int) -> int:
        """Return the noiseless label of a row, or `UNDECIDED`."""
        canaries = self.canary_counts
        if canaries is None or len(canaries.known) < LEAST_CANARIES:
            return UNDECIDED
        return noiseless_label(self.rows[row], self.columns, self.delta, canaries)

    def open_rows(self) -> Rows:
        """Return the rows whose label is not certain."""
        is_open = [
            not len(own)
            or self.machine_label(row) == UNDECIDED
            or (self.until_noiseless and self.noiseless_label(row) == UNDECIDED)
            for row, own in enumerate(self.rows)
        ]
        return np.flatnonzero(is_open)

    def add(self, rows: Rows, measured: Measured) -> None:
        """Add what a batch gave."""
        n_outcomes, evaluation = len(self.columns), measured.evaluation
        for key, read in measured.reads.items():
            kind, length, *_ = cast("tuple[str, int]", key)
            # Of a row, just the shots that were asked for; repetitions round them up.
            most = read.bits.shape[1]
            taken = min(most, evaluation.total) if kind == ITEM else most
            counts = read.counts(taken, n_outcomes)
            if kind == ITEM:
                (batch,) = (one for one in evaluation.batches if one.length == length)
                for place, row in enumerate(rows[batch.rows]):
                    own = counts[:, place]
                    self.rows[row] = np.concatenate([self.rows[row], own[own.sum(axis=1) > 0]])
            elif kind == CANARY:
                self.canaries = np.concatenate([self.canaries, counts])
