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
