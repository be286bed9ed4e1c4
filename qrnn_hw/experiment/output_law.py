"""What a trained network puts out at infinite shots, exactly, and how far few shots scatter it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy import special

from circuits.exact.sequence import SequenceModel
from circuits.exact.shot_moments import shot_moments
from qrnn_hw.data.target import Classes, Target
from qrnn_hw.experiment.exact import exact_distributions
from qrnn_hw.mitigation.shot_numbers import ShotNumbers
from qrnn_hw.networks.encoded import Encoded
from qrnn_hw.networks.shot_head import ShotHead
from qrnn_hw.statistics.decisions import DecisionRule, flip_probabilities
from qrnn_hw.statistics.half_widths import half_widths, output_variances
from qrnn_hw.statistics.rivals import answer_flips

Array = NDArray[np.float64]
Changed = Callable[[ShotNumbers], ShotNumbers]


def moments_of(
    model: SequenceModel, encoded: Encoded, head: ShotHead, changed: Changed = lambda one: one
) -> tuple[Array, Array]:
    """Return mean and variance of what single shots of n rows add up, shape (n, [T,] c) each.

    Args:
        model: with its noise, or without.
        encoded: the rows.
        head: what a shot adds.
        changed: makes other numbers of it, such as those of read bits.
    """
    n, longest = len(encoded), int(encoded.lengths.max())
    if head.steps is None:
        p, r = exact_distributions(model, encoded), changed(head.numbers(longest)).outcome
        return p @ r, output_variances(p, r)
    found = [np.zeros((n, *head.shape(longest))) for _ in range(2)]
    for length in sorted(set(encoded.lengths.tolist())):
        rows = np.flatnonzero(encoded.lengths == length)
        numbers = changed(head.numbers(length))
        features = encoded.features[rows, :length]
        both = shot_moments(model, encoded.circuit, features, numbers.steps, numbers.outcome)
        for whole, part in zip(found, both, strict=True):
            shaped = part.reshape(len(rows), *head.shape(length))
            if head.per_step:
                whole[rows, :length] = shaped
            else:
                whole[rows] = shaped
    return found[0], found[1]


@dataclass(frozen=True, eq=False)
class OutputLaw:
    """Exact outputs of the circuits of n rows under one noise, with the law of their shots."""

    model: SequenceModel
    encoded: Encoded
    head: ShotHead
    target: Target

    @cached_property
    def _moments(self) -> tuple[Array, Array]:
        return moments_of(self.model, self.encoded, self.head)

    @property
    def outputs(self) -> Array:
        """Of infinitely many shots, shape (n, k), per step (n, T, k); 0 after a row's end."""
        return self._moments[0]

    @property
    def variances(self) -> Array:
        """Of a single shot's outputs, of the same shape."""
        return self._moments[1]

    @cached_property
    def outcomes(self) -> Array:
        """The law of the outcome, shape (n, 2**m)."""
        return exact_distributions(self.model, self.encoded)

    @cached_property
    def counts(self) -> NDArray[np.bool_]:
        """Which answers count: all, per step those before a row's end, shape (n,) or (n, T)."""
        n, longest = len(self.encoded), int(self.encoded.lengths.max())
        if not self.head.per_step:
            return np.ones(n, dtype=bool)
        return np.asarray(np.arange(longest) < self.encoded.lengths[:, None])

    def flips(self, shots: int) -> Array:
        """Return how likely so many shots give other classes than infinitely many do.

        By the exact law of the vote where the outcome alone is read, of more than two classes the
        union bound over the rivals; else by the normal law with the exact mean and variance.

        Returns:
            Of the answers that count, one after the other.
        """
        assert isinstance(self.target, Classes)
        columns = self.head.coefficients
        if self.head.steps is None and columns.shape[1] == 1:
            rule = DecisionRule(tuple(columns[:, 0].tolist()))
            return flip_probabilities(self.outcomes, rule, shots)
        if self.head.steps is None:
            return answer_flips(self.outcomes, columns, shots)[1]
        if columns.shape[1] == 1:
            return _normal_flips(self.outputs[..., 0], self.variances[..., 0], shots)[self.counts]
        return self._rival_flips(shots)

    def half_widths(self, shots: int) -> Array:
        """Return half the 95 % intervals of numbers from so many shots, one row an answer."""
        return half_widths(self.variances[self.counts], shots)

    def _rival_flips(self, shots: int) -> Array:
        outputs = self.outputs[self.counts]
        own, found = outputs.argmax(axis=1), np.zeros(len(outputs))
        for place, (a, b) in enumerate(self._pairs):
            rows = np.flatnonzero((own == a) | (own == b))
            means, variances = (part[self.counts][rows, place] for part in self._differences)
            found[rows] += _normal_flips(means, variances, shots)
        return np.minimum(found, 1.0)

    @property
    def _pairs(self) -> list[tuple[int, int]]:
        return list(combinations(range(self.head.n_outputs), 2))

    @cached_property
    def _differences(self) -> tuple[Array, Array]:
        """Mean and variance of a shot's output of one class less that of another, of each pair."""
        columns = [self.head.coefficients[:, a] - self.head.coefficients[:, b] for a, b in
                   self._pairs]  # fmt: skip
        return moments_of(self.model, self.encoded, self.head.with_columns(np.stack(columns, 1)))


def _normal_flips(mean: Array, variance: Array, shots: int) -> Array:
    """Return the chance that a mean of shots has another sign than its expectation."""
    spread = np.sqrt(variance / shots)
    return np.asarray(special.ndtr(-np.abs(mean) / np.where(spread > 0, spread, 1e-300)))
