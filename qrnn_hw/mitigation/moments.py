"""Sums over shots of the numbers that they contribute: all that an estimate and its error need."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

NAMES = ("shots", "total", "squares", "low", "high")


@dataclass(frozen=True, eq=False)
class Moments:
    """Numbers of shots, and the sums of what each contributes and of its square; one shape."""

    shots: Array
    total: Array
    squares: Array
    low: Array
    high: Array
    """The least and the most that a shot can contribute."""

    def __post_init__(self) -> None:
        """Give all arrays one shape."""
        arrays = np.broadcast_arrays(*(getattr(self, name) for name in NAMES))
        for name, array in zip(NAMES, arrays, strict=True):
            object.__setattr__(self, name, np.asarray(array, dtype=np.float64))

    @classmethod
    def of_counts(cls, counts: ArrayLike, numbers: ArrayLike) -> Moments:
        """Return those of shots that are known by their outcomes.

        Args:
            counts: shots that read each outcome, shape (..., 2**m).
            numbers: that a shot contributes by its outcome, shape (2**m,) or (2**m, c).

        Returns:
            Shape (...), or (..., c).
        """
        table, each = np.asarray(counts, float), np.asarray(numbers, float)
        shots = table.sum(axis=-1)
        if each.ndim > 1:
            shots = shots[..., None]
        ends = each.min(axis=0), each.max(axis=0)
        return cls(shots, table @ each, table @ each**2, *ends)

    @property
    def mean(self) -> Array:
        """Of a shot; there should be one."""
        return self.total / self.shots

    @property
    def variance(self) -> Array:
        """Of a shot about the mean of them all."""
        return np.maximum(self.squares / self.shots - self.mean**2, 0.0)

    def over(self, axis: int) -> Moments:
        """Return those of the shots along an axis together."""
        sums = self.shots.sum(axis), self.total.sum(axis), self.squares.sum(axis)
        return Moments(*sums, self.low.min(axis), self.high.max(axis))

    def at(self, place: Any) -> Moments:
        """Return those at some places of the first axis."""
        return Moments(*(getattr(self, name)[place] for name in NAMES))


def stacked(parts: list[Moments]) -> Moments:
    """Return moments of one shape along a new first axis."""
    return Moments(*(np.stack([getattr(one, name) for one in parts]) for name in NAMES))


def concatenated(parts: list[Moments], axis: int = 0) -> Moments:
    """Return moments one behind the other along an axis that they have."""
    return Moments(*(np.concatenate([getattr(one, name) for one in parts], axis) for name in NAMES))
