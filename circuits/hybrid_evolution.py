"""The hybrid's exact evolution in `expectation` mode: a pure state, differentiable through time.

Memory is what limits n: from `CHECKPOINTED_FROM` qubits on only one state a step is kept and the
layers are recomputed in the backward pass. Wire w is axis w of the state.
"""

from __future__ import annotations

from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from circuits.cells import ring
from circuits.hybrid_controller import Controller, Weights

Readout = Literal["z", "xyz"]

WIRES_AT_ONCE = 4
"""Wires whose rotations are multiplied into one matrix before they meet the state."""

CHECKPOINTED_FROM = 9
"""Qubits from which on the layers are recomputed in the backward pass, to save memory."""


def evolve_hybrid(
    controller: Controller,
    weights: Weights,
    features: Any,
    *,
    n_qubits: int,
    n_layers: int,
    readout: Readout = "z",
    key: jax.Array | None = None,
) -> jax.Array:
    """Return z_1, ..., z_T of one sequence, shape (T, r), r = n for `z` and 3 n for `xyz`.

    Differentiable in `weights` and `features`; `jax.vmap` it over a batch.

    Args:
        controller: gives 2 n L angles from d features and r readouts.
        weights: of the controller.
        features: shape (T, d).
        n_qubits: n, practical up to 14.
        n_layers: L.
        readout: `z` for <Z> of each wire, `xyz` for <X> of all wires, then <Y>, then <Z>.
        key: draws the dropout of each step; None while predicting.
    """
    signs = jnp.asarray(_ring_signs(n_qubits))
    features = jnp.asarray(features)
    keys = None if key is None else jax.random.split(key, len(features))

    def advance(carry: Any, row: Any) -> tuple[Any, jax.Array]:
        state, z = carry
        x, own_key = row
        theta = controller.angles(weights, x, z, own_key)
        for layer in theta.reshape(n_layers, n_qubits, 2):
            state = _rotate_all(state, layer) * signs
        z = _readouts(state, n_qubits, readout)
        return (state, z), z

    start = jnp.zeros(2**n_qubits, dtype=complex).at[0].set(1)
    first = jnp.zeros(controller.n_readouts)
    step = jax.checkpoint(advance) if n_qubits >= CHECKPOINTED_FROM else advance
    _, outputs = jax.lax.scan(step, (start, first), (features, keys))
    return jnp.asarray(outputs)


def _rotate_all(state: jax.Array, angles: jax.Array) -> jax.Array:
    """Apply RY then RZ to every wire, angles of shape (n, 2).

    Neighbouring wires are turned together, by the Kronecker product of their matrices: one small
    product of matrices costs less than several passes over the state.
    """
    c, s = jnp.cos(angles[:, 0] / 2), jnp.sin(angles[:, 0] / 2)
    down = jnp.exp(-0.5j * angles[:, 1])
    rows = [jnp.stack([c * down, -s * down], -1), jnp.stack([s / down, c / down], -1)]
    matrices = jnp.stack(rows, 1)  # shape (n, 2, 2)
    n_wires = len(matrices)
    for first in range(0, n_wires, WIRES_AT_ONCE):
        product = matrices[first]
        for matrix in matrices[first + 1 : first + WIRES_AT_ONCE]:
            size = 2 * len(product)
            product = (product[:, None, :, None] * matrix[None, :, None, :]).reshape(size, size)
        split = state.reshape(2**first, len(product), -1)
        state = jnp.einsum("ab,ibj->iaj", product, split).reshape(state.shape)
    return state


def _readouts(state: jax.Array, n: int, readout: Readout) -> jax.Array:
    x, y, z = [], [], []
    for wire in range(n):
        split = state.reshape(2**wire, 2, -1)
        overlap = jnp.sum(split[:, 0].conj() * split[:, 1])
        x.append(2 * overlap.real)
        y.append(2 * overlap.imag)
        populations = jnp.sum(jnp.abs(split) ** 2, axis=(0, 2))
        z.append(populations[0] - populations[1])
    return jnp.stack([*x, *y, *z] if readout == "xyz" else z)


def _ring_signs(n: int) -> NDArray[np.float64]:
    """Return the diagonal of the CZ ring, shape (2^n,)."""
    bits = np.arange(2**n)[:, None] >> np.arange(n - 1, -1, -1) & 1
    pairs = ring(tuple(range(n))) if n > 2 else ((0, 1),)
    exponent = sum(bits[:, a] * bits[:, b] for a, b in pairs)
    return np.asarray((-1.0) ** exponent)
