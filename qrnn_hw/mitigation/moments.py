"""Sums over shots of the numbers that they contribute: all that an estimate and its error need."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Moments:
    """Numbers of shots, and the sums of what each contributes and of its square; one shape."""

    shots: Array
    total: Array
    squares: Array

    def __post_init__(self) -> None:
        """Give all arrays one shape."""
        arrays = np.broadcast_arrays(self.shots, self.total, self.squares)
        for name, array in zip(("shots", "total", "squares"), arrays, strict=True):
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
        return cls(shots, table @ each, table @ each**2)

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
        return Moments(self.shots.sum(axis), self.total.sum(axis), self.squares.sum(axis))

    def at(self, place: Any) -> Moments:
        """Return those at some places of the first axis."""
        return Moments(self.shots[place], self.total[place], self.squares[place])


def stacked(parts: list[Moments]) -> Moments:
    """Return moments of one shape along a new first axis."""
    return Moments(
        np.stack([one.shots for one in parts]),
        np.stack([one.total for one in parts]),
        np.stack([one.squares for one in parts]),
    )
