"""Two certificates of a label, named apart: this machine's own, and the noiseless one.

A sequential test on a machine's shots certifies the sign of the machine's own mean score. Whether
the noiseless score has that sign is another question, which no number of shots answers: canaries,
circuits of the same structure with known answers, say how far and how unevenly the machine's scores
lie from the noiseless ones. If they are like the circuits in question, a test that also rejects
every threshold within the guard around their line certifies the noiseless label.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from qrnn_hw.errors import UsageError
from qrnn_hw.statistics.decisions import UNDECIDED, DecisionRule, Labels
from qrnn_hw.statistics.sequential import SequentialTest, verdict

MACHINE = "this machine's label"
NOISELESS = "the noiseless label, if canaries are representative"

LEAST_CANARIES = 4
"""A line takes two; its scatter wants two more."""


@dataclass(frozen=True)
class CanaryLine:
    """measured = offset + slope * ideal, and how far single circuits lie off it beyond shots.

    Raises:
        UsageError: for a scatter below 0, too few canaries, or numbers that are not finite.
    """

    offset: float
    slope: float
    scatter: float
    """Standard deviation around the line, the canaries' shots taken out."""

    offset_error: float
    """Standard error of the offset, shots and scatter in it."""

    n_canaries: int

    def __post_init__(self) -> None:
        numbers = (self.offset, self.slope, self.scatter, self.offset_error)
        if not np.isfinite(numbers).all() or min(self.scatter, self.offset_error) < 0:
            raise UsageError(f"a line of canaries should have finite numbers. Got {numbers}.")
        if self.n_canaries < LEAST_CANARIES:
            raise UsageError(
                f"a line should have {LEAST_CANARIES} canaries or more. Got {self.n_canaries}."
            )

    def guard(self, delta: float) -> float:
        """Return t s: how far a circuit's mean lies off the line with a chance of `delta` at most.

        The quantile is Student's one, with as many degrees of freedom as the line leaves; s holds
        the scatter and the error of the offset.
        """
        quantile = float(special.stdtrit(self.n_canaries - 2, 1 - delta))
        return quantile * float(np.hypot(self.scatter, self.offset_error))

    def thresholds(self, threshold: float, delta: float) -> tuple[float, float]:
        """Return the measured scores below which 0 is certain, and above which 1 is.

        Args:
            threshold: of the noiseless score.
            delta: chance of a circuit beyond the guard.
        """
        middle, guard = self.offset + self.slope * threshold, self.guard(delta)
        return middle - guard, middle + guard


def canary_line(measured: ArrayLike, ideal: ArrayLike, errors: ArrayLike) -> CanaryLine:
    """Fit measured = a + b ideal to canaries by least squares.

    The residual variance has the shots' share taken out, down to none: a scatter that shots explain
    is no scatter of the circuits.

    Args:
        measured: raw scores of the canaries, shape (n,).
        ideal: their exact scores without noise, shape (n,).
        errors: standard errors of the measured scores, shape (n,).

    Raises:
        UsageError: fewer than `LEAST_CANARIES`, unlike shapes, or answers that are all alike.
    """
    y, x, noise = (np.asarray(one, float) for one in (measured, ideal, errors))
    if x.ndim != 1 or not x.shape == y.shape == noise.shape or len(x) < LEAST_CANARIES:
        raise UsageError(
            f"a line should be fitted to {LEAST_CANARIES} canaries or more, each with a known "
            f"answer and an error. Got shapes {y.shape}, {x.shape} and {noise.shape}."
        )
    if np.ptp(x) < 1e-9:
        raise UsageError(f"canaries should have unlike answers. Got {x[0]:.3g} for all.")
    design = np.stack([np.ones_like(x), x], axis=1)
    inverse = np.linalg.inv(design.T @ design)
    offset, slope = inverse @ design.T @ y
    rest = y - offset - slope * x
    shots = float(np.mean(noise**2))
    beyond = max(0.0, float(rest @ rest) / (len(x) - 2) - shots)
    error = float(np.sqrt(inverse[0, 0] * (beyond + shots)))
    return CanaryLine(float(offset), float(slope), float(np.sqrt(beyond)), error, len(x))


Make = Callable[[DecisionRule], SequentialTest]
"""Makes the sequential test of a rule, such as `lambda rule: Betting(rule, 0.01)`."""


def guarded_verdict(
    make: Make, rule: DecisionRule, line: CanaryLine, delta: float, counts: ArrayLike
) -> Labels:
    """Return the noiseless labels that the shots prove if canaries are representative.

    Label 1 is certain where the test rejects every threshold up to the upper end of the guard, 0
    where it rejects every one down to its lower end; `UNDECIDED` between them, and everywhere where
    the line does not rise: then the machine's scores say nothing of the noiseless ones.

    Args:
        make: the test of the machine's own label, which is asked twice.
        rule: of the noiseless score.
        line: of the canaries.
        delta: chance of a circuit beyond the guard; that of the test stands beside it.
        counts: shots that gave each outcome, shape (..., 2**m).
    """
    table = np.asarray(counts, float)
    if line.slope <= 0:
        return np.full(table.shape[:-1], UNDECIDED, dtype=np.int8)
    low, high = line.thresholds(rule.threshold, delta)
    one = _side(make, replace(rule, threshold=high), table, 1)
    zero = _side(make, replace(rule, threshold=low), table, 0)
    return np.where(one, 1, np.where(zero, 0, UNDECIDED)).astype(np.int8)


def _side(
    make: Make, rule: DecisionRule, counts: NDArray[np.float64], label: int
) -> NDArray[np.bool_]:
    # Beyond all weights no score can lie, and no test can be made.
    if rule.steps.max() <= 0 or rule.steps.min() >= 0:
        return np.zeros(counts.shape[:-1], dtype=bool)
    return np.asarray(verdict(make(rule), counts) == label)
