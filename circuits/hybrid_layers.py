"""The hybrid's layers and read-outs on many states at once, and the gradient of their angles.

A layer is RY(a) and RZ(b) of every wire, then the CZ ring. With S = diag(1, i) on every wire and
the Hadamard transform W of all wires, RY(a) = S W RZ(a) W S^-1, and S commutes with RZ and CZ. So in
the frame psi' = S^-1 psi a layer is

    psi' -> ring D(b) W D(a) W psi',    D(a) = diag exp(-i/2 sum_w z_w a_w),

two products with a fixed matrix and two phases. A cotangent lambda (dL = Re <lambda, d psi>) is
carried back by the same unitary steps, and just before or behind a phase D(a)

    dL/da_w = 1/2 sum_i z_w(i) Im(conj(lambda_i) psi_i).

Parts of states stand in one array of shape (2^n, ..., 2, batch): wire 0 is the highest bit of the
first axis, the axis of 2 holds real and imaginary part, and the batch lies last, where the
processor's vectors are.
"""

from __future__ import annotations

from functools import cache, reduce
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from circuits.cells import ring

Readout = Literal["z", "xyz"]

GROUP = 5
"""Wires whose Hadamard gates are one matrix; a wider one costs more than it saves."""


def apply_layers(state: jax.Array, factors: jax.Array) -> jax.Array:
    """Return the states after all layers.

    Args:
        state: shape (2^n, 2, batch).
        factors: as `half_angles` gives them.
    """

    def advance(state: jax.Array, layer: Any) -> tuple[jax.Array, None]:
        for turn, signs in enumerate((None, _ring_signs(factors.shape[3]))):
            state = _turned(_hadamard(state), layer[turn], signs)
        return state, None

    return jax.lax.scan(advance, state, _phases(factors))[0]


def undo_layers(pair: jax.Array, factors: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Return states and cotangents before all layers, and the cotangent of the angles.

    Args:
        pair: the states and their cotangents after the layers, shape (2^n, 2, 2, batch).
        factors: as for `apply_layers`.
    """

    def retreat(pair: jax.Array, layer: Any) -> tuple[jax.Array, jax.Array]:
        slopes = []
        for turn, signs in ((1, _ring_signs(factors.shape[3])), (0, None)):
            slopes.append(_phase_slopes(pair))
            pair = _hadamard(_turned(pair, [(c, -d) for c, d in layer[turn]], signs))
        return pair, jnp.stack(slopes[::-1])

    return jax.lax.scan(retreat, pair, _phases(factors), reverse=True)


def readouts(state: jax.Array, readout: Readout) -> jax.Array:
    """Return <Z> of all wires, or <X>, <Y> and <Z>, shape (r, batch), of states (2^n, 2, batch)."""
    n = len(state).bit_length() - 1
    z = _signs(n) @ (state[:, 0] ** 2 + state[:, 1] ** 2)
    if readout == "z":
        return z
    x, y = [], []
    for wire in range(n):
        split = state.reshape(2**wire, 2, -1, *state.shape[1:])
        low, high = split[:, 0], split[:, 1]
        # S turns X into Y and Y into -X.
        y.append(2 * jnp.sum(low * high, axis=(0, 1, 2)))
        x.append(
            2 * jnp.sum(low[:, :, 1] * high[:, :, 0] - low[:, :, 0] * high[:, :, 1], axis=(0, 1))
        )
    return jnp.concatenate([jnp.stack(x), jnp.stack(y), z])


_CONJUGATE = np.array([1.0, -1.0])[:, None, None]


def half_angles(theta: jax.Array) -> jax.Array:
    """Return cos(theta / 2) and sin(theta / 2) of angles (L, 2, n, batch), the new axis second."""
    return jnp.stack([jnp.cos(theta / 2), jnp.sin(theta / 2)], axis=2)


def _phases(factors: jax.Array) -> list[jax.Array]:
    """Return the phases of each group of wires, shape (L, 2, 2, 2^k, batch) each."""
    groups = np.array_split(np.arange(factors.shape[3]), -(-factors.shape[3] // GROUP))
    return [
        [_outer(*(factors[:, turn, part, g[0] : g[-1] + 1] for part in (0, 1))) for g in groups]
        for turn in (0, 1)
    ]


def _outer(cosines: jax.Array, sines: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Return the Kronecker product of the vectors (c - i s, c + i s) of wires (..., k, batch)."""
    *rest, k, batch = cosines.shape
    if k == 1:
        real = jnp.broadcast_to(cosines, (*rest, 2, batch))
        return real, sines * np.array([[-1.0], [1.0]])
    h = k // 2
    a, b = (part[..., :, None, :] for part in _outer(cosines[..., :h, :], sines[..., :h, :]))
    c, d = (part[..., None, :, :] for part in _outer(cosines[..., h:, :], sines[..., h:, :]))
    shape = (*rest, 2**k, batch)
    return (a * c - b * d).reshape(shape), (a * d + b * c).reshape(shape)


def _turned(state: jax.Array, phases: list[jax.Array], signs: Any) -> jax.Array:
    """Multiply states (2^n, ..., 2, batch) by the phases (2, 2^k, batch) of each group."""
    batch = state.shape[-1]
    real, imaginary = phases[0]
    for c, d in phases[1:]:
        a, b, c, d = real[:, None], imaginary[:, None], c[None], d[None]
        real, imaginary = (a * c - b * d).reshape(-1, batch), (a * d + b * c).reshape(-1, batch)
    if signs is not None:
        real, imaginary = real * signs[:, None], imaginary * signs[:, None]
    shape = (len(state), *[1] * (state.ndim - 2), batch)
    crossed = jnp.flip(state, -2) * np.array([[-1.0], [1.0]])
    return state * real.reshape(shape) + crossed * imaginary.reshape(shape)


def _phase_slopes(pair: jax.Array) -> jax.Array:
    """Return the cotangent of the angles of a phase, shape (n, batch)."""
    n = len(pair).bit_length() - 1
    state, other = pair[:, 0], pair[:, 1]
    return _signs(n) @ (other[:, 0] * state[:, 1] - other[:, 1] * state[:, 0]) / 2


def _hadamard(state: jax.Array) -> jax.Array:
    """Apply a Hadamard gate to every wire of states (2^n, ...)."""
    n = len(state).bit_length() - 1
    shape = state.shape
    done = 0
    for wires in np.array_split(np.arange(n), -(-n // GROUP)):
        k = len(wires)
        if done == 0:
            state = _hadamard_matrix(k) @ state.reshape(2**k, -1)
        else:
            matrices = jnp.broadcast_to(_hadamard_matrix(k), (2**done, 2**k, 2**k))
            state = matrices @ state.reshape(2**done, 2**k, -1)
        done += k
    return state.reshape(shape)


@cache
def _hadamard_matrix(k: int) -> NDArray[np.float64]:
    one = np.array([[1.0, 1.0], [1.0, -1.0]]) / np.sqrt(2)
    return np.asarray(reduce(np.kron, [one] * k))


@cache
def _signs(n: int) -> NDArray[np.float64]:
    """Return the eigenvalue of Z of each wire in each basis state, shape (n, 2^n)."""
    return np.asarray(1.0 - 2.0 * (np.arange(2**n) >> np.arange(n - 1, -1, -1)[:, None] & 1))


@cache
def _ring_signs(n: int) -> NDArray[np.float64]:
    """Return the diagonal of the CZ ring, shape (2^n,)."""
    bits = (1 - _signs(n)) / 2
    pairs = ring(tuple(range(n))) if n > 2 else ((0, 1),)
    exponent = sum(bits[a] * bits[b] for a, b in pairs)
    return np.asarray((-1.0) ** exponent)
