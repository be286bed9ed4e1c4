"""How firm the label of one input is, from its exact outcome distribution.

An outcome is an integer k of m bits, read with weight r_k. The score of an input is
s = sum_k r_k p_k and its label is 1 where s > threshold. With S shots, p_k becomes the share of
shots that gave k.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from qrnn_hw.errors import UsageError
from qrnn_hw.statistics.sum_law import SumLaw, sum_law

Array = NDArray[np.float64]
Labels = NDArray[np.int8]

UNDECIDED = -1


@dataclass(frozen=True)
class DecisionRule:
    """Weights of the outcomes of one shot, and the threshold that their mean is held against.

    A tie, a score equal to the threshold, reads as label 0.
    """

    weights: tuple[float, ...]  # 2**m of them
    threshold: float = 0.0

    def __post_init__(self) -> None:
        n = len(self.weights)
        if n < 2 or n & (n - 1) or not np.isfinite([*self.weights, self.threshold]).all():
            raise UsageError(
                "a decision rule needs 2**m finite weights, m >= 1, and a finite threshold. "
                f"Got {n} weights and threshold {self.threshold}."
            )

    @property
    def steps(self) -> Array:
        """What each outcome adds to the margin: weights less threshold, shape (2**m,)."""
        return np.asarray(self.weights, dtype=np.float64) - self.threshold

    @property
    def width(self) -> float:
        """The range of the weights, b - a in Hoeffding's inequality."""
        return max(self.weights) - min(self.weights)


def distributions(probabilities: ArrayLike, rule: DecisionRule) -> Array:
    """Return outcome distributions as an array, shape (n, 2**m), checked against the rule.

    Raises:
        UsageError: for another shape, entries below zero, or rows that do not add up to one
            within 1e-6.
    """
    p = np.asarray(probabilities, dtype=np.float64)
    if p.ndim != 2 or p.shape[1] != len(rule.weights) or p.shape[0] == 0:
        raise UsageError(
            f"outcome distributions have shape (inputs, {len(rule.weights)}). Got {p.shape}."
        )
    if not (p.min() >= -1e-9 and np.abs(p.sum(axis=1) - 1).max() <= 1e-6):
        raise UsageError(
            "outcome distributions are not negative and add up to one. "
            f"Got entries from {p.min():.3g} and sums up to {p.sum(axis=1).max():.6g}."
        )
    p = np.maximum(p, 0)
    checked: Array = p / p.sum(axis=1, keepdims=True)
    return checked


def margins(probabilities: ArrayLike, rule: DecisionRule) -> Array:
    """Return score minus threshold of each input, shape (n,); rounding errors count as zero."""
    margin = distributions(probabilities, rule) @ rule.steps
    return np.where(np.abs(margin) <= 1e-12 * np.abs(rule.steps).max(), 0.0, margin)


def shot_variances(probabilities: ArrayLike, rule: DecisionRule) -> Array:
    """Return the variance of one shot's weight, shape (n,): the score of S shots has it over S."""
    p = distributions(probabilities, rule)
    deviations = rule.steps - (p @ rule.steps)[:, None]
    variances: Array = (p * deviations**2).sum(axis=1)
    return variances


def infinite_shot_labels(probabilities: ArrayLike, rule: DecisionRule) -> Labels:
    """Return the label that each input has with any number of shots, shape (n,)."""
    return (margins(probabilities, rule) > 0).astype(np.int8)


def vote_law(probabilities: ArrayLike, rule: DecisionRule, shots: ArrayLike) -> SumLaw:
    """Return the probabilities that S shots put the score above, at or below the threshold.

    Args:
        probabilities: shape (n, 2**m).
        rule: the weights and the threshold.
        shots: one number for all inputs or one each, shape (n,); at least 1.

    Raises:
        UsageError: for shots below 1 or not whole.
    """
    p = distributions(probabilities, rule)
    counts = np.broadcast_to(np.asarray(shots), p.shape[:1])
    if not (np.mod(counts, 1) == 0).all() or counts.min() < 1:
        raise UsageError(f"shots are whole numbers of at least 1. Got {np.min(counts)}.")
    return sum_law(p, rule.steps, counts.astype(np.int64))


def flip_probabilities(probabilities: ArrayLike, rule: DecisionRule, shots: ArrayLike) -> Array:
    """Return the probability that S shots give another label than infinitely many, shape (n,).

    A tie reads as label 0, so it is a flip for inputs of label 1 only. Arguments: see `vote_law`.
    """
    law = vote_law(probabilities, rule, shots)
    label = infinite_shot_labels(probabilities, rule)
    return np.where(label == 1, law.below + law.tie, law.above)


def disagreements(flips: ArrayLike) -> Array:
    """Return the probability 2 p (1 - p) that two runs of equal shots give unlike labels."""
    p = np.asarray(flips, dtype=np.float64)
    return np.asarray(2 * p * (1 - p))


def decide(counts: ArrayLike, rule: DecisionRule, delta: float) -> Labels:
    """Return a label where the counts of one fixed number of shots prove it, else `UNDECIDED`.

    For an input on either side of the threshold, the other label is returned with a probability
    of at most `delta`. Outcomes at the threshold say nothing and are dropped. The test is
    Hoeffding's inequality in its sharp form, S KL(mean || threshold) >= ln(1/delta), both scaled
    to [0, 1] (J. Am. Stat. Assoc. 58, 13, 1963, theorem 1). Peeking while shots arrive voids the
    guarantee: see `sequential` for tests that allow it.

    Args:
        counts: shape (n, 2**m), shots that gave each outcome.
        rule: the weights and the threshold.
        delta: the probability of a wrong label that is accepted.
    """
    check_delta(delta)
    table = np.atleast_2d(np.asarray(counts, dtype=np.float64))
    informative = np.abs(rule.steps) > 1e-12 * np.abs(rule.steps).max()
    steps = rule.steps[informative]
    if steps.size == 0 or steps.min() > 0 or steps.max() < 0:
        label = 1 if steps.size and steps.min() > 0 else 0
        return np.full(table.shape[0], label, dtype=np.int8)
    kept = table[:, informative]
    n = kept.sum(axis=1)
    low, width = steps.min(), np.ptp(steps)
    mean = (kept @ steps / np.maximum(n, 1) - low) / width
    null = -low / width
    divergence = special.rel_entr(mean, null) + special.rel_entr(1 - mean, 1 - null)
    certain = n * divergence >= np.log(1 / delta)
    return np.where(certain, mean > null, UNDECIDED).astype(np.int8)


def check_delta(delta: float) -> None:
    """Refuse an error probability outside (0, 1/2)."""
    if not 0 < delta < 0.5:
        raise UsageError(f"a probability of error lies between 0 and 0.5. Got {delta}.")
