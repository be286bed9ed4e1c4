"""The hybrid's exact evolution in `expectation` mode: a pure state, differentiable through time.

The rotations of up to four neighbouring wires are one small real matrix a sequence and layer, so a
layer is a few products of batches of matrices instead of a pass over the state for each gate.
Memory is what limits n: `jax.checkpoint` keeps one state a step and recomputes the layers in the
backward pass. Wire w is axis w of the state.
"""

from __future__ import annotations

from functools import cache, reduce
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from circuits.cells import ring
from circuits.hybrid_controller import Controller, Weights

Readout = Literal["z", "xyz"]

GROUP = 4
"""Wires whose rotations are multiplied; a wider matrix costs more than it saves."""

SMALL = 6
"""Up to so many qubits all layers are kept for the backward pass, which is faster."""


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
    """Return z_1, ..., z_T of sequences, shape (..., T, r), r = n for `z` and 3 n for `xyz`.

    Differentiable in `weights` and `features`.

    Args:
        controller: gives 2 n L angles from d features and r readouts.
        weights: of the controller.
        features: shape (..., T, d); a batch is faster than `jax.vmap` over it.
        n_qubits: n, practical up to 14.
        n_layers: L.
        readout: `z` for <Z> of each wire, `xyz` for <X> of all wires, then <Y>, then <Z>.
        key: draws the dropout of each step; None while predicting.
    """
    features = jnp.asarray(features)
    leading, n_steps = features.shape[:-2], features.shape[-2]
    rows = jnp.moveaxis(features.reshape(-1, *features.shape[-2:]), 1, 0)
    keys = None if key is None else jax.random.split(key, n_steps)

    def advance(carry: Any, row: Any) -> tuple[Any, jax.Array]:
        real, imaginary, z = carry
        x, own_key = row
        theta = controller.angles(weights, x, z, own_key)
        for layer in jnp.moveaxis(theta.reshape(-1, n_layers, n_qubits, 2), 1, 0):
            real, imaginary = _layer(real, imaginary, layer)
        z = _readouts(real, imaginary, n_qubits, readout)
        return (real, imaginary, z), z

    empty = jnp.zeros((rows.shape[1], 2**n_qubits))
    start = empty.at[:, 0].set(1), empty, jnp.zeros((rows.shape[1], controller.n_readouts))
    step = advance if n_qubits <= SMALL else jax.checkpoint(advance)
    _, outputs = jax.lax.scan(step, start, (rows, keys))
    return jnp.moveaxis(outputs, 0, 1).reshape(*leading, n_steps, -1)


def _layer(real: jax.Array, imaginary: jax.Array, theta: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Apply RY and RZ to every wire, then the CZ ring.

    Args:
        real: part of the states, shape (batch, 2^n).
        imaginary: the other part.
        theta: angles of RY and RZ of each wire, radians, shape (batch, n, 2).
    """
    batch, n, _ = theta.shape
    n_groups = -(-n // GROUP)
    for wires in np.array_split(np.arange(n), n_groups):
        turns = _ry_matrix(theta[:, wires, 0])
        phase = -theta[:, wires, 1] @ _signs(len(wires)).T / 2
        c, s = jnp.cos(phase)[:, None], jnp.sin(phase)[:, None]
        # Each product moves its group of wires behind the others; after all groups wire 0 leads.
        shape = (batch, 2 ** len(wires), -1)
        real = jnp.einsum("zjr,zij->zri", real.reshape(shape), turns)
        imaginary = jnp.einsum("zjr,zij->zri", imaginary.reshape(shape), turns)
        real, imaginary = real * c - imaginary * s, real * s + imaginary * c
    signs = _ring_signs(n)
    return real.reshape(batch, -1) * signs, imaginary.reshape(batch, -1) * signs


def _ry_matrix(angles: jax.Array) -> jax.Array:
    """Return RY of each wire as one real matrix, shape (batch, 2^k, 2^k), of angles (batch, k).

    RY(a) = cos(a/2) - i Y sin(a/2), so the Kronecker product is a sum over the 2^k strings of
    identities and -iY: one product with a fixed matrix, where nested outer products are slow.
    """
    batch, k = angles.shape
    factors = jnp.stack([jnp.cos(angles / 2), jnp.sin(angles / 2)], axis=-1)
    coefficients = factors[:, 0]
    for wire in range(1, k):
        outer = coefficients[:, :, None] * factors[:, wire, None, :]
        coefficients = outer.reshape(batch, -1)
    return (coefficients @ _strings(k)).reshape(batch, 2**k, 2**k)


@cache
def _strings(k: int) -> NDArray[np.float64]:
    """Return all products of identities and -iY on k wires, shape (2^k, 4^k)."""
    one = (np.eye(2), np.array([[0.0, -1.0], [1.0, 0.0]]))
    rows = [[one[index >> (k - 1 - wire) & 1] for wire in range(k)] for index in range(2**k)]
    return np.stack([reduce(np.kron, row).ravel() for row in rows])


@cache
def _signs(n: int) -> NDArray[np.float64]:
    """Return the eigenvalue of Z of each wire in each basis state, shape (2^n, n)."""
    return np.asarray(1.0 - 2.0 * (np.arange(2**n)[:, None] >> np.arange(n - 1, -1, -1) & 1))


def _readouts(real: jax.Array, imaginary: jax.Array, n: int, readout: Readout) -> jax.Array:
    """Return expectation values, shape (batch, r)."""
    z = (real**2 + imaginary**2) @ _signs(n)
    if readout == "z":
        return z
    x, y = [], []
    state = real + 1j * imaginary
    for wire in range(n):
        split = state.reshape(len(state), 2**wire, 2, -1)
        overlap = jnp.sum(split[:, :, 0].conj() * split[:, :, 1], axis=(1, 2))
        x.append(2 * overlap.real)
        y.append(2 * overlap.imag)
    return jnp.concatenate([jnp.stack(x, axis=1), jnp.stack(y, axis=1), z], axis=1)


@cache
def _ring_signs(n: int) -> NDArray[np.float64]:
    """Return the diagonal of the CZ ring, shape (2^n,)."""
    bits = (1 - _signs(n)) / 2
    pairs = ring(tuple(range(n))) if n > 2 else ((0, 1),)
    exponent = sum(bits[:, a] * bits[:, b] for a, b in pairs)
    return np.asarray((-1.0) ** exponent)
