"""What N shots add to the squares that a head leaves, known before the head is fitted.

Readings of N shots are r + e, e of mean 0 and covariance C / N, with C of a single shot. A head R
then misses y by |y - r R|^2 + sum_j R_j^T C R_j / N in the mean: ridge whose penalty is the sum of
C / N over the rows finds the R that leaves least of it (Bishop, Neural Comput. 7, 108, 1995). Of an
outcome's law p, C = diag(p) - p p^T. Of means of products of z = +-1, C has the diagonal 1 - r^2;
how products go together between steps is in no law of a single step and is left out.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from numpy.typing import NDArray

from qrnn_hw.networks.network import Network

DRAWS = 8
"""Of each held-out row: what chooses the ridge's alpha should not be one draw's luck."""


def has_law(network: Network) -> bool:
    """Return whether the readings are the law of the outcome, and not means of products."""
    return network.steps is None and not network.in_rounds


def of_one_shot(network: Network, readings: ArrayLike, counts: ArrayLike) -> jax.Array:
    """Return the mean over rows of C of the readings but the first, shape (r - 1, r - 1).

    Args:
        network: whose readings they are.
        readings: one row each, shape (n, r).
        counts: 1 of rows that count, else 0, shape (n,).
    """
    rest, weights = jnp.asarray(readings)[:, 1:], jnp.asarray(counts)[:, None]
    n = weights.sum()
    if not has_law(network):
        return jnp.diag((weights * (1 - rest**2)).sum(axis=0) / n)
    return jnp.diag((weights * rest).sum(axis=0) / n) - (weights * rest).T @ rest / n


def of_outputs(network: Network, readings: ArrayLike, coefficients: ArrayLike) -> jax.Array:
    """Return the variance of each output of a single shot, shape (..., k).

    Args:
        network: whose readings they are.
        readings: shape (..., r).
        coefficients: R, shape (r, k).
    """
    r, factors = jnp.asarray(readings), jnp.asarray(coefficients)
    if has_law(network):
        return r @ factors**2 - (r @ factors) ** 2
    return (1 - r**2) @ factors**2


def drawn_readings(
    network: Network, readings: NDArray[np.float64], n_shots: int, generator: np.random.Generator
) -> NDArray[np.float64]:
    """Return readings of so many shots, shape (..., r).

    Args:
        network: whose readings they are.
        readings: at infinite shots, shape (..., r).
        n_shots: of each row.
        generator: of the draws.
    """
    if has_law(network):
        law = np.clip(readings, 0, None)
        return generator.multinomial(n_shots, law / law.sum(axis=-1, keepdims=True)) / n_shots
    ones = generator.binomial(n_shots, np.clip((1 - readings) / 2, 0, 1))
    return np.asarray(1 - 2 * ones / n_shots)
