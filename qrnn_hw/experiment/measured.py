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
from qrnn_hw.experiment.readout_circuits import READOUT
from qrnn_hw.experiment.shot_plan import ShotPlan
from qrnn_hw.mitigation.answer import Answer, joined
from qrnn_hw.mitigation.canaries import missed
from qrnn_hw.mitigation.readout_calibration import ReadoutCalibration
from qrnn_hw.mitigation.repetitions import combine_repeated
from qrnn_hw.mitigation.shot_numbers import Readout
from qrnn_hw.mitigation.stack import Stack, Term
from qrnn_hw.predict import Batch, counts_of

if TYPE_CHECKING:
    from qrnn_hw.experiment.evaluation import Evaluation


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
        evaluation, steps = self.evaluation, self.evaluation.head.steps is not None
        if evaluation.is_interleaved:
            parts = evaluation.interleaving.parts
            of_steps = {part.key for part in parts if steps and not _is_readout(part.key)}
            found = evaluation.interleaving.read(self.results[INTERLEAVED], of_steps)
            b = evaluation.interleaving.layout.repetitions
            for role, (rare, _) in evaluation.rare.items():
                for part, result in zip(rare, self.results[role], strict=True):
                    own = steps and not _is_readout(part.key)
                    found[part.key] = Read.once(result, b, steps=own)
            return found | self._calibrated
        found = self._calibrated
        for role, (members, _) in evaluation.jobs.items():
            for (batch, stack, term), result in zip(members, self.results[role], strict=True):
                key = (ITEM, batch.length, stack.circuit_of(term))
                found[key] = Read.once(result, steps=steps)
        return found

    @property
    def _calibrated(self) -> dict[Hashable, Read]:
        """What a calibration of the readout by itself gave; nothing where there was none."""
        results = self.results.get(READOUT, ())
        return {(READOUT, number): Read.once(one) for number, one in enumerate(results)}

    @property
    def repetitions(self) -> int:
        """In how many repetitions the main circuits were run."""
        evaluation = self.evaluation
        return evaluation.interleaving.layout.repetitions if evaluation.is_interleaved else 1

    def readout(self, shots: int) -> Readout | None:
        """Return the readout errors by so many shots of each circuit, None without any.

        Raises:
            CalibrationError: so few shots tell nothing of a bit.
        """
        if (READOUT, 1) not in self.reads or self.calibrated_at is None:
            return None
        circuits = self.evaluation.readout
        reads = {n: self.reads[READOUT, n] for n in range(len(circuits.circuits))}
        bits = {n: one.bits[0][one.first(shots)] for n, one in reads.items()}
        return circuits.readout(bits, self.calibrated_at)

    def calibration(self, shots: int) -> ReadoutCalibration | None:
        """Return the readout errors of the final bits; arguments and errors as `readout`."""
        found = self.readout(shots)
        return None if found is None else found.final

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
        """Estimate the outputs of each row with the shots of a plan, as `by_stack` has them."""
        return self._columns(self.answer(stack, plan))

    def answer(self, stack: Stack, plan: ShotPlan) -> Answer:
        """Estimate the outputs of each row with the shots of a plan, with all their errors.

        Arrays have the shape (n,) of a single output, (n, k) of several, with an axis of T steps
        after the first where there are outputs for every step; 0 after a sequence's end.

        An output is sum_i w_i sum_s c_s / N_i over the terms i of `stack.terms` and the N_i shots s
        of each, with c_s what a shot adds up (`ShotNumbers`), its readout undone or not.

        Raises:
            UsageError: fewer shots than circuits.
            CalibrationError: so few shots tell nothing of a bit.
        """
        evaluation = self.evaluation
        found = self.items(stack, plan)
        if evaluation.canaries is None:
            return found
        sent = self.sent(stack, plan)
        each = sent.value, evaluation.canaries.known, sent.standard_error
        miss = missed(*(one.ravel() for one in each))
        return found.with_miss(replace(miss, n_canaries=len(evaluation.canaries)))

    def items(self, stack: Stack, plan: ShotPlan) -> Answer:
        """Estimate the outputs as `answer`, without what canaries missed."""
        batches = {one.length: one for one in self.evaluation.batches}
        return self._combined(stack, plan, ITEM, batches)

    def sent(self, stack: Stack, plan: ShotPlan) -> Answer:
        """Estimate the outputs of the canaries, arrays as `answer` has them."""
        return self._combined(stack, plan, CANARY, self.evaluation.canary_batches)

    def _combined(
        self, stack: Stack, plan: ShotPlan, kind: str, batches: Mapping[int, Batch]
    ) -> Answer:
        evaluation = self.evaluation
        readout = self.readout(plan.calibration) if stack.terminal else None
        n_steps = max(batches)
        answers = []
        for length in batches:
            numbers = evaluation.head.numbers(length).corrected(stack, readout)
            listed, moments = [], []
            for term, shots in evaluation.shares(stack, length, plan):
                read = self.reads[kind, length, stack.circuit_of(term)]
                own = shots if kind == ITEM else evaluation.canary_shots(shots)
                listed.append(term)
                moments.append(read.moments(min(own, read.bits.shape[1]), numbers))
            found = combine_repeated(moments, listed)
            answers.append(found.arranged(evaluation.head.shape(length), n_steps))
        return joined(answers, [batch.rows for batch in batches.values()])

    @cached_property
    def answers(self) -> dict[str, Answer]:
        """The answer of each planned stack by its name, all at the same total of shots."""
        plan = self.evaluation.shots
        return {one.name: self.answer(one, plan) for one in self.evaluation.stacks}

    def by_stack(self) -> dict[str, NDArray[np.float64]]:
        """Return the outputs of each planned stack by name, shape (n, k), per step (n, T, k)."""
        return {name: self._columns(one) for name, one in self.answers.items()}

    def _columns(self, answer: Answer) -> NDArray[np.float64]:
        head, value = self.evaluation.head, answer.value
        axes = value.shape[: 2 if head.per_step else 1]
        return value.reshape(*axes, head.n_outputs)

    def bare_counts(self) -> dict[float, NDArray[np.int64]]:
        """Return what circuits that are only folded have read, shape (n, 2**m), by scale factor."""
        evaluation = self.evaluation
        found: dict[float, NDArray[np.int64]] = {}
        factors = {factor for stack in evaluation.stacks for factor, _ in stack.scales()}
        for factor in sorted(factors):
            key = Stack().circuit_of(Term(factor, None, 1.0))
            if all((ITEM, batch.length, key) in self.reads for batch in evaluation.batches):
                n_outcomes = 2 ** len(evaluation.transpiled.architecture.readout)
                table: NDArray[np.int64] = np.empty(
                    (len(evaluation.encoded), n_outcomes), dtype=np.int64
                )
                for batch in evaluation.batches:
                    outcomes = self.reads[ITEM, batch.length, key].outcomes
                    table[batch.rows] = counts_of(outcomes, n_outcomes)
                found[factor] = np.asarray(table)
        return found


def _is_readout(key: Hashable) -> bool:
    return isinstance(key, tuple) and key[0] == READOUT
