"""The hybrid's layers and read-outs on many states at once, and the gradient of their angles.

A layer is RY(a) and RZ(b) of every wire, then the CZ ring. With S = diag(1, i) on every wire and
W a Hadamard gate on every wire, RY(a) = S W RZ(a) W S^-1, and S commutes with RZ and CZ. So in the
frame psi' = S^-1 psi, which is the frame of all states here, a layer is

    psi' -> ring D(b) W D(a) W psi',    D(a) = diag exp(-i/2 sum_w z_w a_w),

two products with a fixed matrix and two phases. A cotangent lambda (dL = Re <lambda, d psi>) is
carried back by the same unitary steps, and at a phase D(a)

    dL/da_w = 1/2 sum_i z_w(i) Im(conj(lambda_i) psi_i).

Real and imaginary parts are arrays of their own with the batch as last axis: only so are the loops
over states compiled to vector instructions.
"""

from __future__ import annotations

from functools import cache, reduce
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from circuits.layers.cells import ring
from circuits.outcomes import outcome_signs

Readout = Literal["z", "xyz"]
State = tuple[jax.Array, jax.Array]
"""Real and imaginary part of states, shape (2^n, batch) each; wire 0 is the highest bit."""

GROUP = 5
"""Wires whose Hadamard gates are one matrix; a wider one costs more than it saves."""


def apply_layers(state: State, factors: jax.Array) -> State:
    """Return the states after all layers.

    Args:
        state: real and imaginary parts.
        factors: as `half_angles` gives them.
    """
    closing = _closing(factors.shape[3]).astype(factors.dtype)

    def advance(state: State, layer: Any) -> tuple[State, None]:
        first, second = layer
        state = _turned(_hadamard(state), first)
        return _turned(_hadamard(state), second, closing), None

    return jax.lax.scan(advance, state, _phases(factors))[0]


def undo_layers(
    state: State, cotangent: State, factors: jax.Array
) -> tuple[State, State, jax.Array]:
    """Return states and cotangents before all layers, and the cotangent of the angles.

    Args:
        state: after the layers.
        cotangent: of the state, its real and imaginary parts.
        factors: as for `apply_layers`.
    """
    closing = _closing(factors.shape[3]).astype(factors.dtype)

    def retreat(pair: tuple[State, State], layer: Any) -> tuple[Any, jax.Array]:
        first, second = ([(real, -imaginary) for real, imaginary in turn] for turn in layer)
        state, other = pair
        after = _phase_slopes(state, other)
        state = _hadamard(_turned(state, second, closing))
        other = _hadamard(_turned(other, second, closing))
        # Here both lack a factor 2^(n/2), which the next transform brings.
        between = _phase_slopes(state, other) * len(state[0])
        state, other = _hadamard(_turned(state, first)), _hadamard(_turned(other, first))
        return (state, other), jnp.stack([between, after])

    (state, cotangent), slopes = jax.lax.scan(
        retreat, (state, cotangent), _phases(factors), reverse=True
    )
    return state, cotangent, slopes


def readouts(state: State, readout: Readout) -> jax.Array:
    """Return <Z> of all wires, or <X>, <Y> and <Z>, shape (r, batch)."""
    real, imaginary = state
    n = len(real).bit_length() - 1
    z = jnp.asarray(_signs(n), real.dtype) @ (real**2 + imaginary**2)
    if readout == "z":
        return z
    x, y = [], []
    for wire in range(n):
        split = (2**wire, 2, -1, real.shape[-1])
        (a, c), (b, d) = (jnp.moveaxis(part.reshape(split), 1, 0) for part in state)
        # The overlap is (a - ib)(c + id); S turns X into Y and Y into -X.
        x.append(2 * jnp.sum(b * c - a * d, axis=(0, 1)))
        y.append(2 * jnp.sum(a * c + b * d, axis=(0, 1)))
    return jnp.concatenate([jnp.stack(x), jnp.stack(y), z])


def in_frame(amplitudes: jax.Array) -> State:
    """Return the real and imaginary parts of S^-1 psi, batch last, of amplitudes (batch, 2^n)."""
    turned = amplitudes.T * jnp.asarray(_frame(amplitudes.shape[-1]), amplitudes.dtype)[:, None]
    return turned.real, turned.imag


def out_of_frame(state: State) -> jax.Array:
    """Return the amplitudes psi, shape (batch, 2^n), of a state in the frame."""
    turned = jax.lax.complex(*state)
    phases = jnp.asarray(_frame(len(turned)).conj(), turned.dtype)
    return (turned * phases[:, None]).T


def half_angles(theta: jax.Array) -> jax.Array:
    """Return cos(theta / 2) and sin(theta / 2) of angles (L, 2, n, batch), the new axis second."""
    return jnp.stack([jnp.cos(theta / 2), jnp.sin(theta / 2)], axis=2)


def _groups(n: int) -> list[NDArray[np.int64]]:
    return np.array_split(np.arange(n), -(-n // GROUP))


def _phases(factors: jax.Array) -> list[list[State]]:
    """Return D(a) and D(b) by groups of wires, each with parts of shape (L, 2^k, batch)."""
    return [
        [
            _outer(factors[:, turn, 0, group], factors[:, turn, 1, group])
            for group in (slice(g[0], g[-1] + 1) for g in _groups(factors.shape[3]))
        ]
        for turn in (0, 1)
    ]


def _outer(cosines: jax.Array, sines: jax.Array) -> State:
    """Return the Kronecker product of the vectors (c - i s, c + i s) of wires (..., k, batch)."""
    k = cosines.shape[-2]
    if k == 1:
        sign = np.array([[-1.0], [1.0]], dtype=sines.dtype)
        return cosines * sign**2, sines * sign
    half = k // 2
    left = _outer(cosines[..., :half, :], sines[..., :half, :])
    right = _outer(cosines[..., half:, :], sines[..., half:, :])
    return _product(*left, *right)


def _product(a: jax.Array, b: jax.Array, c: jax.Array, d: jax.Array) -> State:
    """Return the Kronecker product of a + ib and c + id, shape (..., size, batch)."""
    a, b = a[..., :, None, :], b[..., :, None, :]
    c, d = c[..., None, :, :], d[..., None, :, :]
    real, imaginary = a * c - b * d, a * d + b * c
    shape = (*real.shape[:-3], -1, real.shape[-1])
    return real.reshape(shape), imaginary.reshape(shape)


def _turned(state: State, phases: list[State], factor: Any = None) -> State:
    """Multiply states by the phases of each group of wires, (2^k, batch), and a factor (2^n,)."""
    real, imaginary = phases[0]
    for c, d in phases[1:]:
        real, imaginary = _product(real, imaginary, c, d)
    if factor is not None:
        real, imaginary = real * factor[:, None], imaginary * factor[:, None]
    x, y = state
    return x * real - y * imaginary, x * imaginary + y * real


def _phase_slopes(state: State, cotangent: State) -> jax.Array:
    """Return the cotangent of the angles of a phase, shape (n, batch)."""
    (a, b), (c, d) = state, cotangent
    return jnp.asarray(_signs(len(a).bit_length() - 1), a.dtype) @ (c * b - d * a) / 2


def _hadamard(state: State) -> State:
    """Apply 2^(n/2) times a Hadamard gate to every wire: with entries of 1 nothing is rounded."""
    real, imaginary = state
    return _hadamard_part(real), _hadamard_part(imaginary)


def _hadamard_part(part: jax.Array) -> jax.Array:
    shape = part.shape
    after = 1
    for group in _groups(shape[0].bit_length() - 1)[::-1]:
        matrix = _hadamard_matrix(len(group)).astype(part.dtype)
        blocks = part.reshape(-1, len(matrix), after * shape[1])
        # Equal matrices side by side: the other ways to write this product copy the state.
        part = jnp.broadcast_to(matrix, (len(blocks), *matrix.shape)) @ blocks
        after *= len(matrix)
    return part.reshape(shape)


@cache
def _hadamard_matrix(k: int) -> NDArray[np.float64]:
    one = np.array([[1.0, 1.0], [1.0, -1.0]])
    return np.asarray(reduce(np.kron, [one] * k))


@cache
def _frame(size: int) -> NDArray[np.complex128]:
    """Return the diagonal of S^-1 of every wire: (-i)^(number of ones), exactly."""
    return np.asarray(np.array([1, -1j, -1, 1j])[np.bitwise_count(np.arange(size)) % 4])


@cache
def _signs(n: int) -> NDArray[np.float64]:
    """Return the eigenvalue of Z of each wire in each basis state, shape (n, 2^n)."""
    return outcome_signs(n)[:, ::-1].T  # wire 0 is the most significant bit


@cache
def _closing(n: int) -> NDArray[np.float64]:
    """Return the diagonal of the CZ ring over 2^n, the norm of a layer's two transforms."""
    bits = (1 - _signs(n)) / 2
    pairs = ring(tuple(range(n))) if n > 2 else ((0, 1),)
    exponent = sum(bits[a] * bits[b] for a, b in pairs)
    return np.asarray((-1.0) ** exponent / 2**n)
