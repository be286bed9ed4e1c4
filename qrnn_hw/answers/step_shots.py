"""Answers from drawn shots of a head that reads the bits of every step.

A shot adds up a number for the bits of each step and for its outcome, from a range that R gives.
Labels are proved from these sums: of two classes by their sign, of K classes by that of each
difference between the leading class and a rival, at every step for itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from circuits.exact.record_paths import any_sampler
from circuits.exact.sequence import SequenceModel
from qrnn_hw.data.sequences import Sequences
from qrnn_hw.data.target import Classes, Target, answer
from qrnn_hw.networks.shot_head import ShotHead
from qrnn_hw.statistics.decisions import UNDECIDED
from qrnn_hw.statistics.half_widths import half_widths, mean_errors
from qrnn_hw.statistics.values import ValueBetting, sign_of_mean
from qrnn_hw.studies.adaptive import growing_looks

if TYPE_CHECKING:
    from qrnn_hw.answers.model_file import Model

Array = NDArray[np.float64]

MOST_AUTO = 100_000
"""Shots at which labels that are not certain yet are left undecided."""

SHOTS_AT_ONCE = 50_000


@dataclass(frozen=True, eq=False)
class StepAnswer:
    """What shots answer to one row."""

    label: Any
    """Of classes its place, or `UNDECIDED`; of numbers None. Per step of shape (T,)."""

    outputs: Array  # shape (k,), per step (T, k)
    half: Array  # half of a 95 % interval of each
    is_certain: bool
    shots: int


def step_answers(
    model: Model,
    sequences: Sequences,
    engine: SequenceModel,
    shots: int | Literal["auto"] | None,
    delta: float,
    seeds: Sequence[Sequence[int]],
) -> list[StepAnswer]:
    """Draw shots of rows and answer from them.

    Args:
        model: trained, its head on every step.
        sequences: the rows, scaled.
        engine: the circuits, with noise or without.
        shots: of each row; `auto` draws until all labels of a row are certain.
        delta: probability of a wrong label that is accepted.
        seeds: of each row's draws.

    Raises:
        CircuitsError: circuits too large to follow exactly.
    """
    encoded, head = model.trained.encoded(sequences), model.trained.head
    sampler, found = any_sampler(engine, encoded.circuit), []
    looks = (0, *growing_looks(MOST_AUTO)) if shots == "auto" else _parts(int(shots or 1))
    for row, seed in enumerate(seeds):
        generator = np.random.default_rng(list(seed))
        features = encoded.features[row, : encoded.lengths[row]]
        labels = _Labels(model.target, head, len(features), delta)
        for before, look in pairwise(looks):
            records = sampler.sample(features, look - before, generator)
            labels.add(records.outcomes, records.bits @ (1 << np.arange(records.bits.shape[-1])))
            if shots == "auto" and UNDECIDED not in labels.proved():
                break
        found.append(labels.answer(is_sequential=shots == "auto"))
    return found


def _parts(shots: int) -> tuple[int, ...]:
    """Return the shots after each of several draws that are held at once."""
    return (*range(0, shots, SHOTS_AT_ONCE), shots)


class _Labels:
    """What the shots of one row say so far."""

    def __init__(self, target: Target, head: ShotHead, length: int, delta: float) -> None:
        self._target, self._head, self._length = target, head, length
        self._numbers = head.numbers(length)
        self._pairs = list(combinations(range(head.n_outputs), 2)) if head.n_outputs > 1 else []
        rules = head
        if self._pairs:
            first, second = np.array(self._pairs).T
            r = head.coefficients
            rules = head.with_columns(r[:, first] - r[:, second])
        # Each rival of the leading class is passed with its share of the error.
        self._delta = delta / max(1, head.n_outputs - 1)
        self._rules = rules.numbers(length)
        self._low, self._high = self._rules.range
        self._betting = ValueBetting(self._low, self._high, self._delta)
        self._shots, self._ruled = 0, np.zeros(self._rules.outcome.shape[1])
        self._sums = np.zeros((2, self._numbers.outcome.shape[1]))

    def add(self, outcomes: NDArray[np.int64], records: NDArray[np.int64]) -> None:
        """Take in shots, by outcome, shape (shots,), and bits of each step, (shots, T)."""
        values = self._numbers.of_shots(outcomes, records)
        ruled = self._rules.of_shots(outcomes, records) if self._pairs else values
        self._shots += len(outcomes)
        self._sums += values.sum(axis=0), (values**2).sum(axis=0)
        self._ruled += ruled.sum(axis=0)
        self._betting.add(ruled)

    def proved(self, *, is_sequential: bool = True) -> NDArray[np.int64]:
        """Return the classes that the shots prove, else `UNDECIDED`; shape (1,), per step (T,)."""
        signs = self._betting.signs
        if not is_sequential:
            mean = self._ruled / self._shots
            signs = sign_of_mean(mean, self._shots, self._low, self._high, self._delta)
        signs = signs.reshape(-1, max(1, len(self._pairs)))
        if not self._pairs:
            return signs[:, 0]
        found = np.full(len(signs), UNDECIDED, dtype=np.int64)
        for own in range(self._head.n_outputs):
            wins = [
                signs[:, place] == (1 if pair[0] == own else 0)
                for place, pair in enumerate(self._pairs)
                if own in pair
            ]
            found[np.all(wins, axis=0)] = own
        return found

    def answer(self, *, is_sequential: bool) -> StepAnswer:
        """Return the answer of all shots: with a fixed number the likeliest label, certain or not,
        with a number that they chose the one that is proved, or none.
        """
        n, shape = self._shots, self._head.shape(self._length)
        outputs = (self._sums[0] / n).reshape(shape)
        low, high = self._numbers.range
        errors = mean_errors(n, self._sums[0], self._sums[1], low, high)
        half = (half_widths(errors**2, 1) if n > 1 else high - low).reshape(shape)
        if not isinstance(self._target, Classes):
            return StepAnswer(None, outputs, half, is_certain=False, shots=n)
        proved = self.proved(is_sequential=is_sequential)
        label: Any = proved if is_sequential else answer(self._target, outputs)
        if not self._head.per_step and is_sequential:
            label = int(proved[0])
        return StepAnswer(label, outputs, half, bool((proved != UNDECIDED).all()), n)
