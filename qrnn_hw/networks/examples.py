"""Labelled sequences as arrays, and what a circuit is given of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Examples:
    """Labelled sentences as arrays."""

    vectors: NDArray[np.float64]  # shape (n, T, dim)
    lengths: NDArray[np.int64]  # shape (n,)
    labels: NDArray[np.int64]  # shape (n,), 0 or 1

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, rows: NDArray[np.int64]) -> Examples:
        """Return some rows."""
        return Examples(self.vectors[rows], self.lengths[rows], self.labels[rows])


@dataclass(frozen=True, eq=False)
class Encoded:
    """All numbers that are bound to a circuit: its weights, and the features of n sequences."""

    circuit: NDArray[np.float64]  # shape (p,), radians
    features: NDArray[np.float64]  # shape (n, T, d)
    lengths: NDArray[np.int64]  # shape (n,)

    def __len__(self) -> int:
        return len(self.lengths)

    def take(self, rows: NDArray[np.int64]) -> Encoded:
        """Return some sequences."""
        return Encoded(self.circuit, self.features[rows], self.lengths[rows])


def accuracy(scores_of: NDArray[np.float64], labels: NDArray[np.int64]) -> float:
    """Return the share of scores (n,) with the sign of their label; a score of 0 is class 0."""
    return float(np.mean((np.asarray(scores_of) > 0) == (labels == 1)))
