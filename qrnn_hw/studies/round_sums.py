"""What is kept of the bits of a study's jobs: sums over shots, and answers from several jobs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from jobs.spec import PubResult
from qrnn_hw.experiment.interleaved import Read
from qrnn_hw.mitigation.answer import Answer, joined
from qrnn_hw.mitigation.moments import Moments, concatenated
from qrnn_hw.mitigation.repetitions import combine_repeated
from qrnn_hw.mitigation.stack import Stack, terms
from qrnn_hw.networks.shot_head import ShotHead
from qrnn_hw.predict import SentencePubs

Sums = tuple[Moments, ...]
"""Of the rows of each length, shape (1, rows, c)."""


@dataclass(frozen=True, eq=False)
class RoundSums:
    """Sums over the shots of each row of what a shot adds to a head's outputs."""

    sentences: SentencePubs
    head: ShotHead
    outputs: Sums
    differences: Sums
    """Of the outputs of each pair of classes a < b, of a less that of b; none for one output."""

    means: Sums
    """Over the steps of a row, where there are outputs for every step."""

    @classmethod
    def of(cls, results: Sequence[PubResult], sentences: SentencePubs, head: ShotHead) -> RoundSums:
        """Return those of one job's results, one for each length."""
        reads = [Read.once(one, steps=head.steps is not None) for one in results]

        def summed(by: ShotHead) -> Sums:
            return tuple(
                read.moments(read.bits.shape[1], by.numbers(length))
                for read, length in zip(reads, sentences.lengths, strict=True)
            )

        outputs, pairs = summed(head), pairs_of(head)
        return cls(
            sentences,
            head,
            outputs,
            summed(head.with_columns(differences(head))) if pairs else (),
            outputs if not head.per_step else summed(head.averaged()),
        )


def answered(rounds: Sequence[RoundSums]) -> Answer:
    """Return the outputs by all shots of some rounds, which are repetitions of one another.

    Returns:
        Arrays of shape (n, k), per step (n, T, k); 0 after a sequence's end.
    """
    return _together([one.outputs for one in rounds], rounds[0], rounds[0].head.n_outputs)


def differing(rounds: Sequence[RoundSums]) -> Answer:
    """Return the same of the differences of the outputs of each pair, (n, [T,] k (k - 1) / 2)."""
    found = [one.differences for one in rounds]
    return _together(found, rounds[0], len(pairs_of(rounds[0].head)))


def means_of(rounds: Sequence[RoundSums]) -> Moments:
    """Return the sums over the shots of each round of a row's mean outputs, shape (B, n, k)."""
    parts = zip(*(one.means for one in rounds), strict=True)
    order = np.argsort(np.concatenate(rounds[0].sentences.rows))
    every = concatenated([concatenated(list(one)) for one in parts], axis=1)
    return every.at((slice(None), order))


def pairs_of(head: ShotHead) -> list[tuple[int, int]]:
    """Return the pairs of outputs, the first before the second."""
    return list(combinations(range(head.n_outputs), 2))


def differences(head: ShotHead) -> NDArray[np.float64]:
    """Return R of the differences of each pair of outputs, shape (n_readings, k (k - 1) / 2)."""
    columns = [head.coefficients[:, a] - head.coefficients[:, b] for a, b in pairs_of(head)]
    return np.stack(columns, axis=1)


def _together(sums: Sequence[Sums], like: RoundSums, width: int) -> Answer:
    sentences, head = like.sentences, like.head
    longest, n = max(sentences.lengths), sentences.n_sentences
    answers = []
    for length, parts in zip(sentences.lengths, zip(*sums, strict=True), strict=True):
        found = combine_repeated([concatenated(list(parts))], terms(Stack()))
        shape = (length, width) if head.per_step else (width,)
        answers.append(found.arranged(shape, longest))
    whole = joined(answers, sentences.rows)
    return whole.shaped((n, longest, width) if head.per_step else (n, width))
