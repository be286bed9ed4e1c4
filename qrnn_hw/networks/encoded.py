"""What is bound to a network's circuits for some sequences."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


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

    def beside(self, other: Encoded) -> Encoded:
        """Return these sequences and others under the same weights, the shorter ones padded."""
        steps = max(self.features.shape[1], other.features.shape[1])
        padded = [
            np.pad(one.features, ((0, 0), (0, steps - one.features.shape[1]), (0, 0)))
            for one in (self, other)
        ]
        lengths = np.concatenate([self.lengths, other.lengths])
        return Encoded(self.circuit, np.concatenate(padded), lengths)
