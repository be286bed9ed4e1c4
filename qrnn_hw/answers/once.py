"""Answers of a machine to rows that are asked once: any head, under mitigation stacks.

Batches that stop when a label is certain look at the outcomes of bare circuits (`Votes`). A fixed
number of shots needs no look in between: every stack combines what its circuits read, with the same
total of shots, and a label is certain where its interval leaves every rival out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jobs.counted import counted
from jobs.preflight import require
from jobs.store.store import Store
from qrnn_hw.answers.in_words import in_words, outputs_of
from qrnn_hw.answers.prediction import Prediction
from qrnn_hw.answers.prices import Price
from qrnn_hw.answers.question import Numbered, Question
from qrnn_hw.data.target import Classes, answer
from qrnn_hw.experiment.evaluation import Evaluation
from qrnn_hw.experiment.measure import Priced, running
from qrnn_hw.experiment.measured import Measured
from qrnn_hw.experiment.progress import Progress
from qrnn_hw.mitigation.answer import Answer
from qrnn_hw.mitigation.stack import Stack
from qrnn_hw.networks.shot_head import ShotHead
from qrnn_hw.statistics.certificates import MACHINE, NOISELESS
from qrnn_hw.studies.round_sums import differences, pairs_of
from qrnn_hw.submission.consent import Consent

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Once:
    """Rows on a machine, with so many shots each under every stack."""

    question: Question
    stacks: tuple[Stack, ...]
    shots: int
    delta: float

    @cached_property
    def evaluation(self) -> Evaluation:
        """What is asked.

        Raises:
            UsageError: a stack that the model has no circuits for, or too few shots.
        """
        rows = np.arange(len(self.question.encoded))
        found = replace(self.question.batch(rows, self.shots), stacks=self.stacks)
        found.check()
        return found

    def priced(self, store: Store) -> Priced:
        """Return what is asked, checked and priced; what is stored answers with its bits."""
        found = Priced(self.question.execution.machine, store=store)
        self.evaluation.measure(self._numbered(found))
        return found

    def price(self, store: Store) -> Price:
        """Return what asking would cost.

        Raises:
            PreflightError: a circuit cannot be timed, or the machine would refuse a job.
        """
        found = self.priced(store)
        new = [store.raw(spec.key) is None for spec in found.specs]
        jobs = [one for one, is_new in zip(found.jobs, new, strict=True) if is_new]
        spent = sum(
            one.estimate.best_seconds
            for one, is_new in zip(found.jobs, new, strict=True)
            if not is_new and one.estimate is not None
        )
        if not jobs:
            return Price(None, None, None, spent, 0)
        for one in jobs:
            require(one.findings)
        left = replace(found, jobs=jobs)
        return Price(left.estimate, left.estimate, left.estimate, spent, left.n_parts)

    def ask(self, consent: Consent, store: Store, progress: Progress) -> Asked:
        """Send what is not stored, or read it.

        Raises:
            BudgetError, PreflightError: as `Consent.ask`.
            JobsError: a job failed, or the service is away; asking again goes on.
        """
        priced = self.priced(store)
        stored = running(priced, consent, store, progress.advance)
        measured = self.evaluation.measure(self._numbered(stored))
        return Asked(self, measured, stored.keys, priced)

    def _numbered(self, measure: Any) -> Numbered:
        return Numbered(measure, 0, self.question.seed)


@dataclass(frozen=True, eq=False)
class Asked:
    """What came back."""

    once: Once
    measured: Measured
    keys: dict[str, str]
    """Of the jobs, by role."""

    priced: Priced

    def predictions(
        self, stack: Stack, names: Sequence[str], notes: Sequence[str]
    ) -> list[Prediction]:
        """Return what is answered to each row under a stack.

        Args:
            stack: one of those that were asked.
            names: of the rows.
            notes: on how each was read.
        """
        model, question = self.once.question.model, self.once.question
        found = self._shaped(self.measured, stack)
        labels = self._certain(stack, found) if isinstance(model.target, Classes) else None
        said = []
        for row, (name, note) in enumerate(zip(names, notes, strict=True)):
            own = _row(found, row, self._length(row))
            noiseless = own.noiseless
            spans = [own.value, own.machine.low, own.machine.high]
            spans += [] if noiseless is None else [noiseless.low, noiseless.high]
            answered = answer(model.target, own.value)
            words, parts = in_words(model, answered, spans, question.direct[row])
            disagree = own.repeated is not None and own.repeated.disagree
            facts: dict[str, Any] = {
                "backend": question.execution.machine.name,
                "plan": stack.name,
                "noiseless": None if noiseless is None else {"low": parts[3], "high": parts[4]},
                "repetitions": None if own.repeated is None else own.repeated.to_json(),
                "repetitions_disagree": disagree,
                "canaries": None if found.miss is None else found.miss.to_json(),
                "jobs": list(self.keys.values()),
            }
            is_certain = False
            if labels is not None:
                sure = [one[row][: self._length(row)] for one in labels]
                sure = [one & (not disagree) for one in sure]
                facts["certificates"] = {
                    kind: _named(model.target.names, answered, one)
                    for kind, one in zip((MACHINE, NOISELESS), sure, strict=True)
                }
                is_certain = bool(sure[0].all())
            lines = [note, "its repetitions disagree: the machine changed" if disagree else ""]
            said.append(
                Prediction(
                    name,
                    words,
                    parts[0],
                    parts[1],
                    parts[2],
                    is_certain,
                    self.once.shots,
                    "; ".join(filter(None, lines)),
                    outputs_of(model),
                    facts,
                )
            )
        return said

    def said_of_canaries(self, stack: Stack) -> str:
        """Say in a line what canaries are worth here."""
        miss = self.measured.answers[stack.name].miss
        if miss is None:
            return "No canaries were sent: intervals and labels are this machine's own."
        n = counted(miss.n_canaries, "canary", "canaries")
        return (
            f"{n} missed known answers by {miss.beyond_shots:.3f} beyond their shots; the wider "
            "intervals hold it, if they are representative."
        )

    def _certain(self, stack: Stack, found: Answer) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Tell which labels are proved, of this machine and the noiseless, shape (n, [T]) each."""
        head = self.measured.evaluation.head
        n_rivals = max(1, head.n_outputs - 1)
        confidence = 1 - 2 * self.once.delta / n_rivals
        ruled = found if head.n_outputs == 1 else self._of_differences(stack)
        ruled = replace(ruled, confidence=confidence)
        lead = found.value.argmax(axis=-1)
        proved = []
        for one in (ruled.machine, ruled.noiseless):
            if one is None:
                proved.append(np.zeros(lead.shape, dtype=bool))
            elif head.n_outputs == 1:
                proved.append(((one.low > 0) | (one.high < 0))[..., 0])
            else:
                sure = np.ones(lead.shape, dtype=bool)
                for place, (a, b) in enumerate(pairs_of(head)):
                    sure &= (lead != a) | (one.low[..., place] > 0)
                    sure &= (lead != b) | (one.high[..., place] < 0)
                proved.append(sure)
        machine, noiseless = (np.atleast_2d(one.T).T for one in proved)
        return machine, noiseless

    def _of_differences(self, stack: Stack) -> Answer:
        """Return the differences of the outputs of each pair of classes."""
        evaluation, columns = self.measured.evaluation, differences(self.measured.evaluation.head)
        canaries = evaluation.canaries
        if canaries is not None:
            known = [canaries.known[..., a] - canaries.known[..., b]
                     for a, b in pairs_of(evaluation.head)]  # fmt: skip
            canaries = replace(canaries, known=np.stack(known, axis=-1))
        head = evaluation.head.with_columns(columns)
        measured = replace(
            self.measured, evaluation=replace(evaluation, head=head, canaries=canaries)
        )
        return self._shaped(measured, stack)

    def _shaped(self, measured: Measured, stack: Stack) -> Answer:
        """Return an answer in arrays (n, [T,] k)."""
        head: ShotHead = measured.evaluation.head
        found = measured.answer(stack, measured.evaluation.shots)
        shape = (*found.value.shape[: 2 if head.per_step else 1], head.n_outputs)
        return found.shaped(shape).with_miss(found.miss)

    def _length(self, row: int) -> int | None:
        lengths = self.once.question.encoded.lengths
        return int(lengths[row]) if self.measured.evaluation.head.per_step else None


def _row(found: Answer, row: int, length: int | None) -> Answer:
    """Return the answer of one row, of its steps before its end."""
    place = (row, slice(None, length)) if length is not None else row
    repeated = found.repeated
    if repeated is not None:
        freedom = repeated.freedom
        repeated = replace(
            repeated,
            value=repeated.value[place],
            shot_error=repeated.shot_error[place],
            scatter_error=repeated.scatter_error[place],
            freedom=None if freedom is None else freedom[place],
        )
    return replace(
        found, value=found.value[place], shot_error=found.shot_error[place], repeated=repeated
    )


def _named(names: Sequence[str], labels: Any, sure: NDArray[np.bool_]) -> Any:
    """Return the names of what is certain, None of the rest; of every step a list."""
    if np.ndim(labels) == 0:
        return names[int(labels)] if sure.all() else None
    return [names[int(one)] if is_sure else None for one, is_sure in zip(labels, sure, strict=True)]
