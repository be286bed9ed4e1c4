"""Tests that look at the votes while they arrive and stop as soon as the label is certain.

Each test turns the counts of outcomes so far into two log evidences, for label 1 and for label 0,
and stops when one reaches its bound. They all depend on counts alone, so that live batches, stored
bits and simulations share one code. Shots at the threshold move no evidence.
"""

from dataclasses import dataclass
from functools import cache
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from qrnn_hw.errors import UsageError
from qrnn_hw.statistics.decisions import UNDECIDED, DecisionRule, Labels, check_delta
from qrnn_hw.statistics.repetitions import sums_disagree

Array = NDArray[np.float64]

_CELLS_AT_ONCE = 4_000_000


class SequentialTest(Protocol):
    """What a stopping rule must offer."""

    @property
    def rule(self) -> DecisionRule:
        """The decision that is tested."""

    @property
    def log_bound(self) -> float:
        """The log evidence at which the test stops."""

    def log_evidence(self, counts: Array) -> tuple[Array, Array]:
        """Return the log evidence for label 1 and for label 0 from counts of shape (..., 2**m)."""


@dataclass(frozen=True)
class Sprt:
    """Wald's sequential probability ratio test of two votes of unlike sign.

    Wrong with probability at most `delta` where the margin of the votes that are not at the
    threshold, |n1 - n0| / (n1 + n0) in the mean, is at least `margin`; below that it may be wrong
    more often. Source: A. Wald, Ann. Math. Stat. 16, 117 (1945).
    """

    rule: DecisionRule
    margin: float
    delta: float

    def __post_init__(self) -> None:
        check_delta(self.delta)
        _check_votes(self.rule)
        if not 0 < self.margin < 1:
            raise UsageError(f"the SPRT's margin lies between 0 and 1. Got {self.margin}.")

    @property
    def log_bound(self) -> float:
        """Return ln((1 - delta) / delta)."""
        return float(special.logit(1 - self.delta))

    def log_evidence(self, counts: Array) -> tuple[Array, Array]:
        """Return the log likelihood ratio of +margin against -margin, and its negative."""
        n_up, n_down = _votes(counts, self.rule)
        ratio = (n_up - n_down) * _log_odds(self.margin)
        return ratio, -ratio


@dataclass(frozen=True)
class BetaMixture:
    """Anytime-valid test of two votes of unlike sign, for any margin.

    The evidence for a sign is the likelihood, averaged over Beta(prior, prior) cut to that sign's
    half, over that of a fair coin: a supermartingale under the other sign, so that it ever reaches
    1/delta with probability at most delta however often one looks (Ville 1939). The mixture is
    Robbins', Ann. Math. Stat. 41, 1397 (1970). A large prior expects small margins.
    """

    rule: DecisionRule
    delta: float
    prior: float = 1.0

    def __post_init__(self) -> None:
        check_delta(self.delta)
        _check_votes(self.rule)
        if not self.prior > 0:
            raise UsageError(f"the prior of a Beta mixture is positive. Got {self.prior}.")

    @property
    def log_bound(self) -> float:
        """Return ln(1 / delta)."""
        return float(-np.log(self.delta))

    def log_evidence(self, counts: Array) -> tuple[Array, Array]:
        """Return the log e-values against a margin of at most, and of at least, zero."""
        n_up, n_down = _votes(counts, self.rule)
        a, b = self.prior + n_up, self.prior + n_down
        whole = (n_up + n_down + 1) * np.log(2) + special.betaln(a, b)
        whole = whole - special.betaln(self.prior, self.prior)
        with np.errstate(divide="ignore"):
            up = whole + np.log(special.betainc(b, a, 0.5))
            down = whole + np.log(special.betainc(a, b, 0.5))
        return up, down


@dataclass(frozen=True)
class Betting:
    """Anytime-valid test for any weights: the capital of bets against the other label.

    Each bettor stakes a fixed share of its capital on every shot; the evidence is the mean capital
    of bettors from bold to timid (the diversified Kelly bet of Waudby-Smith and Ramdas, J. R.
    Stat. Soc. B 86, 1, 2024). Capital is a supermartingale while the bet is wrong, so that Ville's
    inequality holds as for `BetaMixture`.
    """

    rule: DecisionRule
    delta: float
    n_bettors: int = 12

    def __post_init__(self) -> None:
        check_delta(self.delta)
        if self.n_bettors < 1:
            raise UsageError(f"betting needs at least one bettor. Got {self.n_bettors}.")
        if self.rule.steps.min() >= 0 or self.rule.steps.max() <= 0:
            raise UsageError(
                "a sequential test needs weights on both sides of the threshold. "
                f"Got {self.rule.weights} and threshold {self.rule.threshold}."
            )

    @property
    def log_bound(self) -> float:
        """Return ln(1 / delta)."""
        return float(-np.log(self.delta))

    def log_evidence(self, counts: Array) -> tuple[Array, Array]:
        """Return the log of the mean capital of the bets on label 1 and on label 0."""
        return self._log_capital(counts, self.rule.steps), self._log_capital(
            counts, -self.rule.steps
        )

    def _log_capital(self, counts: Array, steps: Array) -> Array:
        # A stake of 1 / largest loss would be ruined by one shot; 0.95 of that is the boldest.
        stakes = _shares(self.n_bettors) / -steps.min()
        growth = np.log1p(stakes * steps[:, None])
        capitals = np.asarray(counts, dtype=np.float64) @ growth
        total: Array = np.logaddexp.reduce(capitals, axis=-1) - np.log(self.n_bettors)
        return total


@cache
def _shares(n_bettors: int) -> Array:
    """Return what each bettor stakes of the most that one shot leaves, bold to timid."""
    return np.asarray(np.geomspace(0.01, 0.95, n_bettors), dtype=np.float64)


@dataclass(frozen=True)
class Stopped:
    """Where each repetition stopped: label 1, 0 or `UNDECIDED`, and the shots it took."""

    labels: Labels  # shape (repetitions,)
    shots: NDArray[np.int64]  # shape (repetitions,)


def verdict(test: SequentialTest, counts: ArrayLike) -> Labels:
    """Return the label that the counts so far prove, or `UNDECIDED`.

    For live batches: add each batch to the counts, ask, and stop at the first label.

    Args:
        test: the stopping rule.
        counts: shape (..., 2**m), shots that gave each outcome.
    """
    for_one, for_zero = test.log_evidence(np.asarray(counts, dtype=np.float64))
    bound = test.log_bound - 1e-9  # a sum of equal terms may end a rounding error below
    label = np.where(for_one >= bound, 1, np.where(for_zero >= bound, 0, UNDECIDED))
    return label.astype(np.int8)


def run_on_outcomes(test: SequentialTest, outcomes: ArrayLike, every: int = 1) -> Stopped:
    """Run the test on many stored sequences, looking after every `every` shots and at the end.

    A sequence stays undecided while its batches between two looks disagree beyond what shots
    explain: the test is one of shots that are alike. Batches of single shots cannot.

    Args:
        test: the stopping rule.
        outcomes: shape (repetitions, max_shots), integers below 2**m in the order they arrived.
        every: shots between two looks, at least 1.
    """
    sequences = np.asarray(outcomes)
    n_outcomes = len(test.rule.weights)
    if sequences.ndim != 2 or sequences.shape[1] == 0 or every < 1:
        raise UsageError(
            "stored outcomes have shape (repetitions, shots) and are looked at every 1 or more. "
            f"Got shape {sequences.shape} and every {every}."
        )
    max_shots = sequences.shape[1]
    looks = np.unique(np.append(np.arange(every, max_shots + 1, every), max_shots))
    labels, shots = [], []
    rows = max(1, _CELLS_AT_ONCE // (max_shots * n_outcomes))
    for start in range(0, sequences.shape[0], rows):
        block = sequences[start : start + rows, :, None] == np.arange(n_outcomes)
        counts = np.cumsum(block, axis=1, dtype=np.int32)[:, looks - 1]
        seen = np.where(_disagree(counts, looks, test.rule), UNDECIDED, verdict(test, counts))
        decided = seen != UNDECIDED
        first = np.where(decided.any(axis=1), decided.argmax(axis=1), looks.size - 1)
        labels.append(np.take_along_axis(seen, first[:, None], axis=1)[:, 0])
        shots.append(looks[first])
    return Stopped(np.concatenate(labels), np.concatenate(shots))


def _disagree(
    counts: NDArray[np.int32], looks: NDArray[np.int64], rule: DecisionRule
) -> NDArray[np.bool_]:
    """Tell at each look whether the batches so far disagree, shape (sequences, looks)."""
    sums = np.diff(counts @ rule.steps, axis=1, prepend=0.0)
    squares = np.cumsum(sums**2 / np.diff(looks, prepend=0), axis=1)
    return sums_disagree(squares, np.arange(1, len(looks) + 1), counts, rule.steps)


def sprt_boundary(margin: float, delta: float) -> int:
    """Return the lead |n1 - n0| of one vote over the other at which the SPRT stops."""
    return int(np.ceil(special.logit(1 - delta) / _log_odds(margin) - 1e-12))


def sprt_mean_shots(margin: float, delta: float) -> float:
    """Return Wald's mean number of shots at the design margin, overshoot neglected.

    (1 - 2 delta) ln((1 - delta) / delta) / (m L) with L = ln((1 + m) / (1 - m)).
    """
    return float((1 - 2 * delta) * special.logit(1 - delta) / (margin * _log_odds(margin)))


def _log_odds(margin: float) -> float:
    return float(2 * np.arctanh(margin))


def has_equal_votes(rule: DecisionRule) -> bool:
    """Say whether the weights lie at equal distances on both sides of the threshold.

    `Sprt` and `BetaMixture` ask for it; `Betting` takes any weights.
    """
    steps = rule.steps[np.abs(rule.steps) > 1e-12 * np.abs(rule.steps).max()]
    sizes = np.abs(steps)
    return bool(steps.size and np.ptp(np.sign(steps)) > 0 and np.ptp(sizes) <= 1e-9 * sizes.max())


def _check_votes(rule: DecisionRule) -> None:
    if not has_equal_votes(rule):
        raise UsageError(
            "this test needs weights at equal distances on both sides of the threshold. "
            f"Got {rule.weights} and threshold {rule.threshold}. Use Betting."
        )


def _votes(counts: Array, rule: DecisionRule) -> tuple[Array, Array]:
    negligible = 1e-12 * np.abs(rule.steps).max()
    up, down = rule.steps > negligible, rule.steps < -negligible
    return counts[..., up].sum(axis=-1), counts[..., down].sum(axis=-1)
