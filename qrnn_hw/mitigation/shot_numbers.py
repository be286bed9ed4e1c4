"""What each bit string of a shot adds to the outputs, of the outcome and of the steps before it.

A shot's output is the sum over its steps t of F_t[r_t], with r_t the bits that step t recorded, and
of F[o] of its outcome o. Every output that is linear in the laws of single steps is such a sum, so
that its mean over shots is unbiased, and A^-1 of each bit's confusion matrix, applied to the F,
undoes readout as it does for the outcome alone (`readout.correct_weights`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qrnn_hw.errors import UsageError
from qrnn_hw.mitigation.moments import Moments
from qrnn_hw.mitigation.readout import ReadoutCalibration, correct_weights
from qrnn_hw.mitigation.stack import Stack

Array = NDArray[np.float64]

PART_NUMBERS = 2**22
"""Numbers of shots that are held at once."""


@dataclass(frozen=True)
class Readout:
    """The readout errors that a stack corrects with."""

    final: ReadoutCalibration
    recorded: ReadoutCalibration | None = None
    """Of the bits that steps record, where they are read."""


@dataclass(frozen=True, eq=False)
class ShotNumbers:
    """The c numbers that a shot adds up, by its outcome and by the bits of each of its L steps."""

    outcome: Array  # shape (2**m, c)
    steps: Array  # shape (L, 2**b, c); L is 0 where the outcome alone is read

    def corrected(self, stack: Stack, readout: Readout | None) -> ShotNumbers:
        """Return the numbers of what is read, where a stack corrects readout.

        Raises:
            UsageError: it does, and there is no calibration.
        """
        if not stack.terminal:
            return self
        if readout is None:
            raise UsageError(f"{stack.name} should have a calibration of the final bits. Got none.")
        outcome = correct_weights(self.outcome.T, readout.final).T
        if not len(self.steps):
            return ShotNumbers(outcome, self.steps)
        if readout.recorded is None:
            raise UsageError(
                f"{stack.name} should have a calibration of the bits of the steps. Got none."
            )
        steps = correct_weights(np.moveaxis(self.steps, 1, 2), readout.recorded)
        return ShotNumbers(outcome, np.moveaxis(steps, 1, 2))

    @property
    def range(self) -> tuple[Array, Array]:
        """The least and the most that a shot can add up to, shape (c,) each."""
        least = self.outcome.min(axis=0) + self.steps.min(axis=1).sum(axis=0)
        most = self.outcome.max(axis=0) + self.steps.max(axis=1).sum(axis=0)
        return least, most

    @property
    def largest(self) -> float:
        """The largest size that a shot can add up to."""
        return float(np.abs(self.range).max())

    def of_shots(self, outcomes: NDArray[np.integer], records: NDArray[np.integer]) -> Array:
        """Return what shots add up, shape (..., c).

        Args:
            outcomes: shape (...).
            records: bits of each step as an integer, shape (..., L).
        """
        found = self.outcome[outcomes]
        for step, table in enumerate(self.steps):
            found = found + table[records[..., step]]
        return np.asarray(found)

    def moments(
        self,
        outcomes: NDArray[np.integer],
        records: NDArray[np.integer],
        when: NDArray[np.int64],
        n_repetitions: int,
    ) -> Moments:
        """Return the sums over the shots of each repetition, shape (B, rows, c).

        Args:
            outcomes: shape (rows, shots).
            records: shape (rows, shots, L).
            when: the repetition of each shot, shape (shots,).
            n_repetitions: B.
        """
        n_rows, n_shots = outcomes.shape
        is_in = (np.arange(n_repetitions)[:, None] == when).astype(np.float64)  # (B, shots)
        total = np.zeros((n_repetitions, n_rows, self.outcome.shape[1]))
        squares = np.zeros_like(total)
        at_once = max(1, PART_NUMBERS // max(1, n_shots * self.outcome.shape[1]))
        for start in range(0, n_rows, at_once):
            rows = slice(start, start + at_once)
            values = self.of_shots(outcomes[rows], records[rows])
            total[:, rows] = np.einsum("bs,rsc->brc", is_in, values)
            squares[:, rows] = np.einsum("bs,rsc->brc", is_in, values**2)
        return Moments(is_in.sum(axis=1)[:, None, None], total, squares, *self.range)
