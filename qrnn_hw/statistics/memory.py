"""What a reservoir remembers of its input: capacities of delays, linear or of parity.

The capacity of one target is the squared correlation of the trained output with it, 0 to 1, and the
memory is the sum over delays (Jaeger, GMD Report 152, 2001; parity: Bertschinger & Natschlager,
Neural Computation 16, 1413, 2004).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qrnn_hw.errors import UsageError

Array = NDArray[np.float64]


def capacities(outputs: ArrayLike, targets: ArrayLike) -> Array:
    """Return the squared correlation of each column, shape (k,); 0 for an output that is constant.

    Args:
        outputs: shape (n, k), on rows that the head was not fitted to.
        targets: shape (n, k), such as u(t - 1), ..., u(t - k).

    Raises:
        UsageError: other shapes, or a target that never changes.
    """
    found, wanted = (np.asarray(one, dtype=np.float64) for one in (outputs, targets))
    if found.shape != wanted.shape or found.ndim != 2 or len(found) < 2:
        raise UsageError(
            "capacities need outputs and targets of one shape (n, k), two rows or more. "
            f"Got {found.shape} and {wanted.shape}."
        )
    centred = found - found.mean(axis=0), wanted - wanted.mean(axis=0)
    squares = [(one**2).sum(axis=0) for one in centred]
    if not (squares[1] > 0).all():
        raise UsageError("a capacity needs targets that change. Got a constant one.")
    product = (centred[0] * centred[1]).sum(axis=0)
    return np.asarray(product**2 / (np.where(squares[0] > 0, squares[0], np.inf) * squares[1]))


def delayed(inputs: ArrayLike, n_delays: int) -> Array:
    """Return u(t - 1), ..., u(t - k) of one series (T,), shape (T, k); 0 before its start."""
    u = np.asarray(inputs, dtype=np.float64)
    return np.stack([np.r_[np.zeros(k), u[: len(u) - k]] for k in range(1, n_delays + 1)], axis=1)


def parities(bits: ArrayLike, n_delays: int) -> Array:
    """Return the parities of b(t), ..., b(t - k) for k = 1 to n_delays, as +-1, shape (T, k).

    Args:
        bits: 0 or 1, shape (T,); 0 before the start.
        n_delays: k at most.
    """
    signs = 1.0 - 2.0 * np.asarray(bits, dtype=np.float64)
    past = [np.r_[np.ones(k), signs[: len(signs) - k]] for k in range(n_delays + 1)]
    return np.asarray(np.cumprod(np.stack(past, axis=1), axis=1)[:, 1:])
