"""The bits of an outcome: bit j of the integer is bit j of the register, and Z reads (-1)**bit."""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def bits_of(outcomes: ArrayLike, n_bits: int) -> NDArray[np.uint8]:
    """Return the bits of integers, shape (..., m), the least significant one first.

    >>> bits_of([2, 5], 3).tolist()
    [[0, 1, 0], [1, 0, 1]]
    """
    return np.asarray(np.asarray(outcomes)[..., None] >> np.arange(n_bits) & 1, dtype=np.uint8)


def outcome_signs(n_bits: int) -> NDArray[np.float64]:
    """Return (-1)**bit of each outcome of m bits, shape (2**m, m)."""
    return np.asarray(1.0 - 2.0 * bits_of(np.arange(2**n_bits), n_bits), dtype=np.float64)
