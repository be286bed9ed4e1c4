"""The hybrid's exact evolution in `expectation` mode: a pure state, differentiable through time.

Memory is what limits n: `jax.checkpoint` keeps one state a step and recomputes the layers in the
backward pass. Wire w is axis w of the state.
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
            for wire in range(n_qubits):
                state = _rotate(state, wire, layer[wire])
            state = state * signs
        z = _readouts(state, n_qubits, readout)
        return (state, z), z

    start = jnp.zeros(2**n_qubits, dtype=complex).at[0].set(1)
    first = jnp.zeros(controller.n_readouts)
    _, outputs = jax.lax.scan(jax.checkpoint(advance), (start, first), (features, keys))
    return jnp.asarray(outputs)


def _rotate(state: jax.Array, wire: int, angles: jax.Array) -> jax.Array:
    """Apply RY then RZ to a wire."""
    c, s = jnp.cos(angles[0] / 2), jnp.sin(angles[0] / 2)
    down = jnp.exp(-0.5j * angles[1])
    matrix = jnp.stack([jnp.stack([c * down, -s * down]), jnp.stack([s / down, c / down])])
    return jnp.einsum("ab,ibj->iaj", matrix, state.reshape(2**wire, 2, -1)).reshape(state.shape)


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
