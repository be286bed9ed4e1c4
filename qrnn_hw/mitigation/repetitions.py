"""How the circuits of a job are repeated through it, and an estimate from the repetitions.

A job's rows all have the same number of shots (the service's Sampler takes no other), so a circuit
that wants more of them has more rows. All rows are dealt out evenly over the repetitions, so that
what drifts during a job meets every scale factor, mask and calibration alike.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qrnn_hw.errors import UsageError
from qrnn_hw.mitigation.answer import Answer
from qrnn_hw.mitigation.moments import Moments, stacked
from qrnn_hw.mitigation.stack import Term, combine_moments
from qrnn_hw.statistics.repetitions import repeated

MOST_COST = 1.5
"""Repetitions may cost so many times what one pass through all circuits does."""

MOST_ROWS = 8
"""Of one circuit and input in a repetition."""


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
    """In how many repetitions a job runs its circuits, and with how many shots of a row."""

    repetitions: int
    shots: int
    """Of each row, each time it is run."""

    def times(self, want: Want) -> int:
        """Return how often a row is run in all."""
        needed = math.ceil(want.shots / self.shots)
        return max(needed, self.repetitions) if want.is_main else needed

    def in_repetition(self, times: int, number: int) -> int:
        """Return how often a row that is run so many times is run in one of the repetitions.

        The numbers of two repetitions differ by one at most.
        """
        b = self.repetitions
        return times * (number + 1) // b - times * number // b

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
    """Choose the shots of a row and the number of repetitions.

    Of all numbers of shots the one of least seconds is taken: few shots make many rows, which fill
    jobs; many are more than some circuits want. Repetitions are as many as asked, or as cost at
    most `MOST_COST` times what each row once and in full would.

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

    def best(repetitions: int) -> Layout:
        tried = (Layout(repetitions, shots) for shots in _unit_shots(wants, repetitions))
        return min(tried, key=lambda layout: layout.seconds(wants, *price))

    for repetitions in range(min(most, max(one.shots for one in wants)), 1, -1):
        layout = best(repetitions)
        if layout.seconds(wants, *price) <= MOST_COST * once:
            return layout
    return best(1)


def _unit_shots(wants: Sequence[Want], repetitions: int) -> list[int]:
    """Return numbers of shots worth trying: some main circuit has its own in whole rows.

    None makes more than `MOST_ROWS` rows a repetition of what has most shots.
    """
    main = {one.shots for one in wants if one.is_main} or {one.shots for one in wants}
    tried = {math.ceil(n / (repetitions * k)) for n in main for k in range(1, MOST_ROWS + 1)}
    least = math.ceil(max(main) / (repetitions * MOST_ROWS))
    return sorted(shots for shots in tried if shots >= least)


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
        numbers: `stack.outcome_numbers`, shape (2**m,).
        confidence: of the intervals.

    Raises:
        UsageError: a term without shots.
    """
    return combine_repeated([Moments.of_counts(one, numbers) for one in counts], listed, confidence)


def combine_repeated(
    moments: Sequence[Moments], listed: Sequence[Term], confidence: float = 0.95
) -> Answer:
    """Combine the sums over the shots of all terms of a stack into values with their errors.

    The value is that of all shots together. For the scatter each repetition gives an estimate of
    its own, from the terms that ran in every one; those that did not hold their overall value, and
    their shots' variance is added.

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
    n_repetitions = table.shots.shape[1]
    in_all = table.shots.reshape(*table.shots.shape[:2], -1).min(axis=(1, 2)) >= 1
    if n_repetitions < 2 or not in_all.any():
        return Answer(whole.value, whole.standard_error, confidence=confidence)
    weights = np.array([term.weight for term in listed])
    values = np.tensordot(weights[in_all], table.at(in_all).mean, axes=1)  # (B, ...)
    found = repeated(values, whole.standard_error**2, whole.value)
    if not in_all.all():
        others = [one for one, all_ in zip(listed, in_all, strict=True) if not all_]
        rest = combine_moments(together.at(~in_all), others, confidence)
        scatter = np.hypot(found.scatter_error, rest.standard_error)
        found = type(found)(found.value, found.shot_error, scatter, n_repetitions)
    return Answer(whole.value, whole.standard_error, found, confidence=confidence)
