"""The bits of a run's circuits, and each stack's outputs from them."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from qrnn_hw.experiment.interleaved import INTERLEAVED, Read
from qrnn_hw.experiment.measure import Bits
from qrnn_hw.experiment.shot_plan import ShotPlan
from qrnn_hw.mitigation.answer import Answer, joined, side_by_side
from qrnn_hw.mitigation.canaries import missed
from qrnn_hw.mitigation.readout_calibration import ReadoutCalibration, from_shots
from qrnn_hw.mitigation.repetitions import combine_repetitions
from qrnn_hw.mitigation.stack import Stack, Term, outcome_numbers
from qrnn_hw.predict import Batch, counts_of

if TYPE_CHECKING:
    from qrnn_hw.experiment.evaluation import Evaluation


READOUT = "readout"
"""Role of the job that measures the readout errors, and of its circuits in an interleaved one."""

ITEM, CANARY = "item", "canary"


@dataclass(frozen=True, eq=False)
class Measured:
    """What came back of an evaluation's requests, decoded when it is asked for."""

    evaluation: Evaluation
    results: Mapping[str, Bits]
    """By the role of the job."""

    calibrated_at: datetime | None
    """When the readout job ran, where there is one."""

    @cached_property
    def reads(self) -> dict[Hashable, Read]:
        """What each part gave: (`READOUT`, number), or kind, length and circuit of the others."""
        evaluation = self.evaluation
        if evaluation.is_interleaved:
            found = evaluation.interleaving.read(self.results[INTERLEAVED])
            b = evaluation.interleaving.layout.repetitions
            for role, (parts, _) in evaluation.rare.items():
                for part, result in zip(parts, self.results[role], strict=True):
                    found[part.key] = Read.once(result.registers["out"], b)
            return found
        found = {
            (READOUT, number): Read.once(one.registers["out"])
            for number, one in enumerate(self.results.get(READOUT, ()))
        }
        for role, (members, _) in evaluation.jobs.items():
            for (batch, stack, term), result in zip(members, self.results[role], strict=True):
                key = (ITEM, batch.length, stack.circuit_of(term))
                found[key] = Read.once(result.registers["out"])
        return found

    @property
    def repetitions(self) -> int:
        """In how many repetitions the main circuits were run."""
        evaluation = self.evaluation
        return evaluation.interleaving.layout.repetitions if evaluation.is_interleaved else 1

    def calibration(self, shots: int) -> ReadoutCalibration | None:
        """Return the readout errors by so many shots of the two circuits, None without any.

        Raises:
            CalibrationError: so few shots tell nothing of a bit.
        """
        if (READOUT, 1) not in self.reads or self.calibrated_at is None:
            return None
        zeros, ones = (self.reads[READOUT, number] for number in (0, 1))
        return from_shots(
            zeros.bits[0][zeros.first(shots)], ones.bits[0][ones.first(shots)], self.calibrated_at
        )

    def lacks(self, stack: Stack, plan: ShotPlan) -> bool:
        """Tell whether a circuit of the stack, or some of its shots, were not measured."""
        if stack.terminal and (READOUT, 1) not in self.reads:
            return True
        return any(
            self._stored(batch, stack, term) < shots
            for batch in self.evaluation.batches
            for term, shots in self.evaluation.shares(stack, batch.length, plan)
        )

    def _stored(self, batch: Batch, stack: Stack, term: Term) -> int:
        read = self.reads.get((ITEM, batch.length, stack.circuit_of(term)))
        return 0 if read is None else read.bits.shape[1]

    def outputs(self, stack: Stack, plan: ShotPlan) -> NDArray[np.float64]:
        """Estimate the outputs of each row with the shots of a plan, shape (n, k)."""
        return self._columns(self.answer(stack, plan))

    def answer(self, stack: Stack, plan: ShotPlan) -> Answer:
        """Estimate the outputs of each row with the shots of a plan, with all their errors.

        Arrays have the shape (n,) of a single output, (n, k) of several.


        An output is sum_i w_i sum_o c_o n_io / N_i over the terms i of `stack.terms`, with n_io the
        shots of N_i that read the outcome o and c the `stack.outcome_numbers` of a column of R.

        Raises:
            UsageError: fewer shots than circuits.
            CalibrationError: so few shots tell nothing of a bit.
        """
        evaluation = self.evaluation
        found = self._combined(stack, plan, ITEM, {one.length: one for one in evaluation.batches})
        if evaluation.canaries is None:
            return found
        sent = self.sent(stack, plan)
        each = sent.value, evaluation.canaries.known, sent.standard_error
        miss = missed(*(one.ravel() for one in each))
        return found.with_miss(replace(miss, n_canaries=len(evaluation.canaries)))

    def sent(self, stack: Stack, plan: ShotPlan) -> Answer:
        """Estimate the scores of the canaries, arrays of shape (n_canaries,)."""
        return self._combined(stack, plan, CANARY, self.evaluation.canary_batches)

    def _combined(
        self, stack: Stack, plan: ShotPlan, kind: str, batches: Mapping[int, Batch]
    ) -> Answer:
        terminal = self.calibration(plan.calibration) if stack.terminal else None
        columns = [
            outcome_numbers(column, stack, terminal) for column in self.evaluation.coefficients.T
        ]
        answers = []
        for length in batches:
            shares = self.evaluation.shares(stack, length, plan)
            counts = []
            for term, shots in shares:
                read = self.reads[kind, length, stack.circuit_of(term)]
                own = shots if kind == ITEM else self.evaluation.canary_shots(shots)
                counts.append(read.counts(min(own, read.bits.shape[1]), len(columns[0])))
            listed = [term for term, _ in shares]
            answers.append(
                side_by_side([combine_repetitions(counts, listed, one) for one in columns])
            )
        return joined(answers, [batch.rows for batch in batches.values()])

    @cached_property
    def answers(self) -> dict[str, Answer]:
        """The answer of each planned stack by its name, all at the same total of shots."""
        plan = self.evaluation.shots
        return {one.name: self.answer(one, plan) for one in self.evaluation.stacks}

    def by_stack(self) -> dict[str, NDArray[np.float64]]:
        """Return the outputs of each planned stack by its name, shape (n, k)."""
        return {name: self._columns(one) for name, one in self.answers.items()}

    def _columns(self, answer: Answer) -> NDArray[np.float64]:
        return answer.value.reshape(len(answer.value), -1)

    def bare_counts(self) -> dict[float, NDArray[np.int64]]:
        """Return what circuits that are only folded have read, shape (n, 2**m), by scale factor."""
        evaluation = self.evaluation
        found: dict[float, NDArray[np.int64]] = {}
        factors = {factor for stack in evaluation.stacks for factor, _ in stack.scales()}
        for factor in sorted(factors):
            key = Stack().circuit_of(Term(factor, None, 1.0))
            if all((ITEM, batch.length, key) in self.reads for batch in evaluation.batches):
                n_outcomes = len(evaluation.coefficients)
                table: NDArray[np.int64] = np.empty(
                    (len(evaluation.encoded), n_outcomes), dtype=np.int64
                )
                for batch in evaluation.batches:
                    outcomes = self.reads[ITEM, batch.length, key].outcomes
                    table[batch.rows] = counts_of(outcomes, n_outcomes)
                found[factor] = np.asarray(table)
        return found
