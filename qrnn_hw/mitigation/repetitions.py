"""How the circuits of a job are repeated through it, and an estimate from the repetitions.

A job's rows all have the same number of shots (the service's Sampler takes no other), so a circuit
that wants more of them has more rows. All rows are dealt out evenly over the repetitions, so that
what drifts during a job meets every scale factor, mask and calibration alike.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qrnn_hw.errors import UsageError
from qrnn_hw.mitigation.answer import Answer
from qrnn_hw.mitigation.combining import combine_moments
from qrnn_hw.mitigation.moments import Moments, stacked
from qrnn_hw.mitigation.stack import Term
from qrnn_hw.statistics.repetitions import Repeated

MOST_COST = 1.2
"""Repetitions may cost so many times what one pass through all circuits does."""

MOST_ROWS = 8
"""Of the circuit and input that costs most, for each run of those that are run least."""


@dataclass(frozen=True)
class Want:
    """Rows that are alike in what they want."""

    shots: int
    """Of each row."""

    rows: int = 1
    load: float = 0.0
    """Share of a job that one row of any number of shots takes, such as of its broadcasts."""

    is_main: bool = True
    """Whether every repetition has to hold it; what weighs little may stand in some of them."""


@dataclass(frozen=True)
class Layout:
    """In how many repetitions a job runs its circuits, and with how many shots of a row.

    What wants many shots is in every repetition, what wants few in some of them, at even distances:
    to run it in all would cost rows that nobody wants.
    """

    repetitions: int
    shots: int
    """Of each row, each time it is run."""

    runs: int = 1
    """How often what weighs much is run at least; twice shows whether it scatters."""

    def times(self, want: Want) -> int:
        """Return how often a row is run in all."""
        needed = math.ceil(want.shots / self.shots)
        return max(needed, self.runs) if want.is_main else needed

    def in_repetition(self, times: int, number: int) -> int:
        """Return how often a row that is run so many times is run in one of the repetitions.

        The numbers of two repetitions differ by one at most, and the middle of those that hold it
        is the middle of the job, to within half a repetition.
        """
        b = 2 * self.repetitions
        return (2 * times * (number + 1) + self.repetitions) // b - (
            2 * times * number + self.repetitions
        ) // b

    def seconds(
        self, wants: Sequence[Want], seconds_per_shot: float, seconds_per_job: float
    ) -> float:
        """Return what a job of these wants takes, the fixed seconds of all its parts in it."""
        rows = [self.times(one) * one.rows for one in wants]
        filled = sum(n * one.load for n, one in zip(rows, wants, strict=True))
        return seconds_per_shot * self.shots * sum(rows) + seconds_per_job * max(1.0, filled)


def lay_out(
    wants: Sequence[Want],
    most: int = 20,
    *,
    seconds_per_shot: float,
    seconds_per_job: float,
) -> Layout:
    """Choose the shots of a row, how often rows are run, and the number of repetitions.

    Of all numbers of shots the one of least seconds is taken: few shots make many rows, which fill
    jobs; many are more than some circuits want. Main rows are run as often as asked, or as costs at
    most `MOST_COST` times what each row once and in full would. There are as many repetitions as
    what costs most is run.

    Args:
        wants: what is to be run.
        most: repetitions, 1 or more.
        seconds_per_shot: of one execution.
        seconds_per_job: fixed, of each job that the load fills.

    Raises:
        UsageError: for no circuit, no shots or no repetition.
    """
    if not wants or most < 1 or min(one.shots for one in wants) < 1:
        raise UsageError(
            "what is repeated should be one circuit or more, each with shots, once or more. "
            f"Got {len(wants)} circuits and {most} repetitions."
        )
    price = (seconds_per_shot, seconds_per_job)
    once = seconds_per_shot * sum(one.shots * one.rows for one in wants)
    once += seconds_per_job * max(1.0, sum(one.load * one.rows for one in wants))
    heaviest = max(wants, key=lambda one: (one.is_main, one.shots * one.rows))

    def best(runs: int) -> Layout:
        least = math.ceil(heaviest.shots / (runs * MOST_ROWS))
        tried = (Layout(1, n, runs) for n in _unit_shots(wants, runs) if n >= least)
        cheapest = min(tried, key=lambda layout: layout.seconds(wants, *price))
        return replace(cheapest, repetitions=min(most, cheapest.times(heaviest)))

    for runs in range(min(most, max(one.shots for one in wants)), 1, -1):
        layout = best(runs)
        if layout.seconds(wants, *price) <= MOST_COST * once:
            return layout
    return best(1)


def _unit_shots(wants: Sequence[Want], runs: int) -> list[int]:
    """Return numbers of shots worth trying: some main circuit has its own in whole rows."""
    main = {one.shots for one in wants if one.is_main} or {one.shots for one in wants}
    return sorted({math.ceil(n / (runs * k)) for n in main for k in range(1, MOST_ROWS + 1)})


def combine_repetitions(
    counts: Sequence[NDArray[np.int64]],
    listed: Sequence[Term],
    numbers: ArrayLike,
    confidence: float = 0.95,
) -> Answer:
    """Combine what all terms of a stack read in each repetition into one score with its errors.

    Args:
        counts: of each term, shots that read each outcome, shape (B, ..., 2**m); 0 where it did not
            run in a repetition.
        listed: the terms, in the same order.
        numbers: `combining.outcome_numbers`, shape (2**m,).
        confidence: of the intervals.

    Raises:
        UsageError: a term without shots.
    """
    return combine_repeated([Moments.of_counts(one, numbers) for one in counts], listed, confidence)


def combine_repeated(
    moments: Sequence[Moments], listed: Sequence[Term], confidence: float = 0.95
) -> Answer:
    """Combine the sums over the shots of all terms of a stack into values with their errors.

    The value is that of all shots together. Terms that ran in the same repetitions scatter
    together, an estimate for each of these; those that ran in others by themselves, and their
    variances add (Welch and Satterthwaite give the degrees of freedom, by the shares of the shots'
    variances). What ran in a single one brings its shots' variance.

    Args:
        moments: of each term, shape (B, ...); without shots where it did not run in a repetition.
        listed: the terms, in the same order.
        confidence: of the intervals.

    Raises:
        UsageError: a term without shots.
    """
    table = stacked(list(moments))  # (terms, B, ...)
    together = table.over(1)
    whole = combine_moments(together, listed, confidence)
    ran = table.shots.reshape(*table.shots.shape[:2], -1).min(axis=-1) >= 1  # (terms, B)
    alike: dict[bytes, list[int]] = {}
    for term, where in enumerate(ran):
        alike.setdefault(where.tobytes() if where.sum() > 1 else b"once", []).append(term)
    if set(alike) == {b"once"}:
        return Answer(whole.value, whole.standard_error, confidence=confidence)
    scatter, by_shots, spent = np.zeros((3, *whole.value.shape))
    for key, members in alike.items():
        some = [listed[term] for term in members]
        variance = combine_moments(together.at(members), some, confidence).standard_error ** 2
        by_shots += variance
        if key == b"once":
            scatter += variance
            continue
        means = table.at((members, ran[members[0]].nonzero()[0][:, None])).mean.swapaxes(0, 1)
        values = np.tensordot([term.weight for term in some], means, axes=1)  # (B, ...)
        scatter += values.var(axis=0, ddof=1) / len(values)
        spent += variance**2 / (len(values) - 1)
    most = np.full(spent.shape, float(ran.sum(axis=1).max() - 1))
    freedom = np.divide(by_shots**2, spent, out=most, where=spent > 0)
    found = Repeated(whole.value, whole.standard_error, np.sqrt(scatter), ran.shape[1], freedom)
    return Answer(whole.value, whole.standard_error, found, confidence=confidence)
