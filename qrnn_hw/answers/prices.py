"""What answers of a machine would cost: the next batch, a likely course, and the most."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from jobs.assess import Assessment, total
from jobs.cost import Estimate
from jobs.preflight import require
from jobs.store.store import Store
from qrnn_hw.answers.certain import machine_label
from qrnn_hw.answers.question import Numbered
from qrnn_hw.answers.votes import Rows, Votes
from qrnn_hw.experiment.exact import exact_distributions
from qrnn_hw.experiment.measure import Priced
from qrnn_hw.statistics.decisions import UNDECIDED
from qrnn_hw.submission.assessment import estimate_json


@dataclass(frozen=True, eq=False)
class Price:
    """What is left to be sent, in how many jobs; an estimate of each."""

    first: Estimate | None
    """Of the next batch; None where nothing is left."""

    expected: Estimate | None
    """Of one course of all batches, by the machine's calibration."""

    most: Estimate | None
    """Of all batches, were every row that is open now open to the last."""

    spent_seconds: float
    """Of the batches that are in the store."""

    n_jobs: int
    """That the service is sent at most: a batch too large for one goes in parts."""

    def to_json(self) -> dict[str, Any]:
        """Return seconds of QPU time as a JSON object; null where nothing is left to send."""
        return {
            **{
                name: None if one is None else estimate_json(one)
                for name, one in (
                    ("first", self.first),
                    ("expected", self.expected),
                    ("most", self.most),
                )
            },
            "spent_seconds": self.spent_seconds,
            "n_jobs": self.n_jobs,
        }


def price(votes: Votes, store: Store) -> Price:
    """Return what asking would cost; batches that are stored are read, nothing is sent.

    Raises:
        PreflightError: a circuit cannot be timed, or the machine would refuse a job.
        UsageError: as `Question.on`.
    """
    question, machine, before = votes.question, votes.question.execution.machine, 0
    for number, look in enumerate(votes.looks):
        rows = votes.open_rows()
        if not len(rows):
            return Price(None, None, None, votes.seconds, 0)
        evaluation = question.batch(rows, look - before)
        priced = Priced(machine, store=store)
        measured = evaluation.measure(Numbered(priced, number, question.seed))
        if any(store.raw(spec.key) is None for spec in priced.specs):
            for one in priced.jobs:
                require(one.findings)
            worst = following(votes, number, [rows] * len(votes.looks), store)
            likely = following(votes, number, _course(votes, number, rows), store)
            first, expected, most = (_cost(jobs) for jobs in (priced.jobs, likely, worst))
            return Price(first, expected, most, votes.seconds, sum(len(one.parts) for one in worst))
        votes.add(rows, measured)
        votes.assessed += priced.jobs
        before = look
    return Price(None, None, None, votes.seconds, 0)


def _cost(jobs: Sequence[Assessment]) -> Estimate | None:
    return total([one.estimate for one in jobs if one.estimate is not None])


def following(votes: Votes, number: int, open_rows: list[Rows], store: Store) -> list[Assessment]:
    """Price the batches from one on, each with the rows that are open then."""
    question, found = votes.question, Priced(votes.question.execution.machine, store=store)
    looks = (0, *votes.looks)
    for later in range(number, len(votes.looks)):
        if len(open_rows[later]):
            evaluation = question.batch(open_rows[later], looks[later + 1] - looks[later])
            evaluation.measure(Numbered(found, later, question.seed))
    return found.jobs


def _course(votes: Votes, number: int, rows: Rows) -> list[Rows]:
    """Return the rows that are open before each batch in one course drawn from the calibration."""
    question, generator = votes.question, np.random.default_rng(votes.question.seed)
    law = np.clip(exact_distributions(question.execution.noisy, question.encoded), 0, None)
    law /= law.sum(axis=1, keepdims=True)
    counts = {row: votes.rows[row].sum(axis=0) for row in rows.tolist()}
    before, found = ([0, *votes.looks][number]), [rows] * len(votes.looks)
    for later in range(number, len(votes.looks)):
        found[later] = np.array(sorted(counts), dtype=np.int64)
        for row in list(counts):
            counts[row] = counts[row] + generator.multinomial(votes.looks[later] - before, law[row])
            table = counts[row][None]
            if machine_label(table, votes.columns, votes.delta, is_sequential=True) != UNDECIDED:
                del counts[row]
        before = votes.looks[later]
    return found
