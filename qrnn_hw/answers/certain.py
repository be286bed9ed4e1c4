"""What the shots of one row prove of its label: this machine's own, and the noiseless one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qrnn_hw.statistics.certificates import CanaryLine, canary_line, guarded_verdict
from qrnn_hw.statistics.decisions import UNDECIDED, DecisionRule, decide
from qrnn_hw.statistics.repetitions import batches_disagree
from qrnn_hw.statistics.sequential import Betting, verdict

Array = NDArray[np.float64]
Counts = NDArray[np.int64]


def certain_label(counts: Counts, columns: Array, delta: float, *, is_sequential: bool) -> int:
    """Return the class that counts prove with an error of at most delta, else `UNDECIDED`.

    Of K classes the leader has to pass each rival with delta / (K - 1): another class than that of
    infinitely many shots is then named with probability at most delta (Boole).

    Args:
        counts: of the outcomes, shape (2**m,).
        columns: R, shape (2**m, k).
        delta: the probability of a wrong label that is accepted.
        is_sequential: whether they are looked at while shots arrive.
    """
    lead, share = int((counts @ columns).argmax()), _share(columns, delta)
    if columns.shape[1] == 1:
        return _proved(counts, columns[:, 0], share, is_sequential)
    rules = _against_rivals(columns, lead)
    return lead if all(_proved(counts, r, share, is_sequential) == 1 for r in rules) else UNDECIDED


def machine_label(repeats: Counts, columns: Array, delta: float, *, is_sequential: bool) -> int:
    """Return the class of this machine that repetitions prove; `UNDECIDED` while they disagree.

    Args:
        repeats: of the outcomes in each repetition, shape (B, 2**m).
        columns: R, shape (2**m, k).
        delta: the probability of a wrong label that is accepted.
        is_sequential: whether they are looked at while shots arrive.
    """
    counts = repeats.sum(axis=0)
    if any(batches_disagree(repeats, rule) for rule in _rules(counts, columns)):
        return UNDECIDED
    return certain_label(counts, columns, delta, is_sequential=is_sequential)


@dataclass(frozen=True, eq=False)
class CanaryCounts:
    """What canaries gave on the machine, beside what they are known to give without noise."""

    repeats: Counts  # shape (B, n, 2**m)
    known: Array  # shape (n, k)
    """Their exact outputs."""

    @property
    def counts(self) -> Counts:
        """Of all repetitions, shape (n, 2**m)."""
        return np.asarray(self.repeats.sum(axis=0))

    def measured(self, columns: Array) -> tuple[Array, Array]:
        """Return the canaries' outputs and their standard errors, shapes (n, k)."""
        counts = self.counts
        shots = np.maximum(counts.sum(axis=1, keepdims=True), 1)
        value = counts @ columns / shots
        variance = np.maximum(counts @ columns**2 / shots - value**2, 0.0)
        return value, np.sqrt(variance / np.maximum(shots - 1, 1))

    def disagree(self, columns: Array) -> bool:
        """Tell whether the repetitions of two canaries or more scatter beyond their shots.

        One of eight does by chance in eight predictions of a hundred, two in one of 300; what
        drifts meets all of them.
        """
        found = [batches_disagree(self.repeats, column) for column in columns.T]
        return bool(np.any(found, axis=0).sum() > 1)

    def line(self, rule: Array, known: Array) -> CanaryLine:
        """Return the line of the canaries for a rule.

        Raises:
            UsageError: too few canaries, or answers that are all alike.
        """
        value, error = self.measured(rule[:, None])
        return canary_line(value[:, 0], known, error[:, 0])


def noiseless_label(repeats: Counts, columns: Array, delta: float, canaries: CanaryCounts) -> int:
    """Return the noiseless class that counts prove if canaries are representative.

    Arguments: as `machine_label`.

    Raises:
        UsageError: too few canaries for a line, or answers that are all alike.
    """
    counts = repeats.sum(axis=0)
    rules, known = _rules(counts, columns), canaries.known
    if canaries.disagree(columns) or any(batches_disagree(repeats, rule) for rule in rules):
        return UNDECIDED
    share, lead = _share(columns, delta), int((counts @ columns).argmax())
    if columns.shape[1] == 1:
        return _guarded(counts, rules[0], share, canaries.line(rules[0], known[:, 0]))
    margins = _against_rivals(known, lead)
    proved = [
        _guarded(counts, rule, share, canaries.line(rule, margin)) == 1
        for rule, margin in zip(rules, margins, strict=True)
    ]
    return lead if all(proved) else UNDECIDED


def _share(columns: Array, delta: float) -> float:
    return delta / max(1, columns.shape[1] - 1)


def _rules(counts: Counts, columns: Array) -> list[Array]:
    """Return the weights of outcomes whose signs make the label of a row."""
    if columns.shape[1] == 1:
        return [columns[:, 0]]
    return _against_rivals(columns, int((counts @ columns).argmax()))


def _against_rivals(columns: Array, lead: int) -> list[Array]:
    others = np.delete(columns, lead, axis=1)
    return list((columns[:, [lead]] - others).T)


def _guarded(counts: Counts, weights: Array, delta: float, line: CanaryLine) -> int:
    rule = DecisionRule(tuple(weights.tolist()))
    return int(guarded_verdict(lambda one: Betting(one, delta), rule, line, delta, counts))


def _proved(counts: Counts, weights: Array, delta: float, is_sequential: bool) -> int:
    if weights.max() <= 0:
        return 0  # whatever is read
    if weights.min() >= 0:
        return 1 if counts @ weights > 0 else UNDECIDED
    rule = DecisionRule(tuple(weights.tolist()))
    if is_sequential:
        return int(verdict(Betting(rule, delta), counts))
    return int(decide(counts[None], rule, delta)[0])
