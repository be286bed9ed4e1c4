"""Sequences with known answers beside those that are asked about, and their share of the shots."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qrnn_hw.mitigation.canaries import SHARE
from qrnn_hw.networks.encoded import Encoded


@dataclass(frozen=True, eq=False)
class Canaries:
    """Sequences with known answers that are run along, through the same circuits."""

    encoded: Encoded
    known: NDArray[np.float64]  # shape (n,), of several outputs (n, k), per step (n, T, ...)
    """Their exact outputs without noise, of one length."""

    errors: NDArray[np.float64] | None = None  # of the same shape
    """Standard errors that their shots alone give, where no formula does: in rounds."""

    def __len__(self) -> int:
        return len(self.encoded)

    def take(self, rows: NDArray[np.int64]) -> Canaries:
        """Return some of them."""
        errors = None if self.errors is None else self.errors[rows]
        return Canaries(self.encoded.take(rows), self.known[rows], errors)


def full_share(n_items: int, n_canaries: int) -> float:
    """Return the shots of a canary over those of a sentence: all, or so that they take `SHARE`."""
    return min(1.0, SHARE / (1 - SHARE) * n_items / n_canaries)
