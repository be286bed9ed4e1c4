"""The bits of a run's circuits, and each stack's scores from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from qrnn_hw.experiment.measure import Bits
from qrnn_hw.experiment.shot_plan import ShotPlan
from qrnn_hw.mitigation.estimate import Estimate
from qrnn_hw.mitigation.readout_calibration import ReadoutCalibration, from_shots
from qrnn_hw.mitigation.stack import Stack, Term, combine_counts, outcome_numbers
from qrnn_hw.predict import Batch, counts_of
from qrnn_hw.statistics.intervals import Interval, wilson

if TYPE_CHECKING:
    from qrnn_hw.experiment.evaluation import Evaluation


READOUT = "readout"
"""Role of the job that measures the readout errors."""


@dataclass(frozen=True, eq=False)
class Measured:
    """What came back of an evaluation's requests, decoded when it is asked for."""

    evaluation: Evaluation
    results: Mapping[str, Bits]
    """By the role of the job."""

    calibrated_at: datetime | None
    """When the readout job ran, where there is one."""

    @cached_property
    def outcomes(self) -> dict[tuple[int, tuple[object, ...]], NDArray[np.int64]]:
        """Outcome integers of every shot, shape (rows, shots), by sentence length and circuit."""
        found: dict[tuple[int, tuple[object, ...]], NDArray[np.int64]] = {}
        for role, (members, _) in self.evaluation.jobs.items():
            for (batch, stack, term), result in zip(members, self.results[role], strict=True):
                bits = result.registers["out"].astype(np.int64)
                key = batch.length, stack.circuit_of(term)
                found[key] = bits @ (1 << np.arange(bits.shape[-1]))
        return found

    @property
    def readout(self) -> tuple[NDArray[np.uint8], ...]:
        """The bits of the readout circuits."""
        return tuple(one.registers["out"][0] for one in self.results.get(READOUT, ()))

    def calibration(self, shots: int) -> ReadoutCalibration | None:
        """Return the readout errors by the first shots of the two circuits, None without any.

        Raises:
            CalibrationError: so few shots tell nothing of a bit.
        """
        if not self.readout or self.calibrated_at is None:
            return None
        zeros, ones = (bits[:shots] for bits in self.readout)
        return from_shots(zeros, ones, self.calibrated_at)

    def lacks(self, stack: Stack, plan: ShotPlan) -> bool:
        """Tell whether a circuit of the stack, or some of its shots, were not measured."""
        if stack.terminal and len(self.readout) < 2:
            return True
        return any(
            self._stored(batch, stack, term) < shots
            for batch in self.evaluation.batches
            for term, shots in self.evaluation.shares(stack, batch.length, plan)
        )

    def _stored(self, batch: Batch, stack: Stack, term: Term) -> int:
        read = self.outcomes.get((batch.length, stack.circuit_of(term)))
        return 0 if read is None else read.shape[1]

    def scores(self, stack: Stack, plan: ShotPlan) -> Estimate:
        """Estimate the score of each sentence with the shots of a plan, arrays of shape (n,).

        The score is sum_i w_i sum_k c_k n_ik / N_i over the terms i of `stack.terms`, with n_ik the
        shots of N_i that read the outcome k and c the `stack.outcome_numbers`.

        Raises:
            UsageError: fewer shots than circuits.
            CalibrationError: so few shots tell nothing of a bit.
        """
        terminal = self.calibration(plan.calibration) if stack.terminal else None
        numbers = outcome_numbers(self.evaluation.decision, stack, terminal)
        found = np.empty((4, len(self.evaluation.encoded)))
        confidence = 0.95
        for batch in self.evaluation.batches:
            shares = self.evaluation.shares(stack, batch.length, plan)
            counts = [
                counts_of(
                    self.outcomes[batch.length, stack.circuit_of(term)][:, :shots], numbers.size
                )
                for term, shots in shares
            ]
            listed = [term for term, _ in shares]
            one = combine_counts(np.stack(counts), listed, numbers, confidence)
            found[:, batch.rows] = one.value, one.standard_error, one.low, one.high
        value, error, low, high = found
        return Estimate(value, error, low, high, confidence)

    def by_stack(self) -> dict[str, NDArray[np.float64]]:
        """Return the scores of each planned stack by its name, all at the same total of shots."""
        plan = self.evaluation.shots
        return {one.name: self.scores(one, plan).value for one in self.evaluation.stacks}

    def bare_counts(self) -> dict[float, NDArray[np.int64]]:
        """Return what circuits that are only folded have read, shape (n, 2**m), by scale factor."""
        evaluation = self.evaluation
        found: dict[float, NDArray[np.int64]] = {}
        factors = {factor for stack in evaluation.stacks for factor, _ in stack.scales()}
        for factor in sorted(factors):
            key = Stack().circuit_of(Term(factor, None, 1.0))
            if all((batch.length, key) in self.outcomes for batch in evaluation.batches):
                n_outcomes = evaluation.decision.size
                table: NDArray[np.int64] = np.empty(
                    (len(evaluation.encoded), n_outcomes), dtype=np.int64
                )
                for batch in evaluation.batches:
                    table[batch.rows] = counts_of(self.outcomes[batch.length, key], n_outcomes)
                found[factor] = np.asarray(table)
        return found


def accuracy_interval(
    scores: NDArray[np.float64], labels: NDArray[np.int64], level: float = 0.95
) -> Interval:
    """Return the accuracy of the signs of scores with its Wilson interval."""
    correct = int(np.sum((scores > 0) == (labels == 1)))
    return wilson(correct, len(labels), level)
