"""Laws of the outcomes of pure states: of a circuit without measurements, with them, of a round."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from circuits.definition import Architecture
from circuits.pure.gate_program import GateProgram
from circuits.pure.statevector import apply, ground_state, outcome_law

Offsets = tuple[jax.Array, ...]
"""Angles that the features set, an array of steps for each circuit of a step."""

Law = Callable[[Offsets, jax.Array, jax.Array], jax.Array]


def coherent_law(architecture: Architecture, step: GateProgram, closing: GateProgram) -> Law:
    """Return the law of a circuit that measures at its end alone: one pure state throughout."""
    n = architecture.n_qubits
    of_weights = step.slopes(step.weights)
    end_offset, end_slopes = _affine(closing)

    def law(offsets: Offsets, weights: jax.Array, length: jax.Array) -> jax.Array:
        def advance(state: jax.Array, row: Any) -> tuple[jax.Array, None]:
            offset, goes_on = row
            moved = apply(step, state, offset + of_weights @ weights)
            return jnp.where(goes_on, moved, state), None

        alive = jnp.arange(offsets[0].shape[0]) < length
        state, _ = jax.lax.scan(advance, ground_state(n), (offsets[0], alive))
        state = apply(closing, state, jnp.asarray(end_offset) + end_slopes @ weights)
        return outcome_law(jnp.abs(state[:, 0]) ** 2, n, architecture.readout)

    return law


def measured_law(architecture: Architecture, step: GateProgram, closing: GateProgram) -> Law:
    """Return the law of a circuit whose steps end with their data qubits traced out, in |0>."""
    n, hidden = architecture.n_qubits, architecture.hidden_qubits
    first, last = step.parted(hidden)
    n_first = len(first.expressions)
    of_weights = step.slopes(step.weights)
    end_offset, end_slopes = _affine(closing)
    embedding = _embedding(n, hidden)
    order = (*architecture.data_qubits, *hidden)

    def law(offsets: Offsets, weights: jax.Array, length: jax.Array) -> jax.Array:
        angles = offsets[0] + of_weights @ weights
        fresh = jnp.asarray(embedding)
        after = embedding.T @ apply(last, fresh, angles[0, n_first:])  # the same in every step

        def advance(rho: jax.Array, row: Any) -> tuple[jax.Array, None]:
            own, goes_on = row
            isometry = apply(first, fresh, own)
            columns = isometry.shape[1]
            kraus = isometry.reshape((2,) * n + (columns,)).transpose(*order, n)
            kraus = kraus.reshape(-1, columns, columns)
            moved = jnp.einsum("dij,jk,dlk->il", kraus, rho, kraus.conj())
            return jnp.where(goes_on, after @ moved @ after.conj().T, rho), None

        alive = jnp.arange(offsets[0].shape[0]) < length
        start = jnp.zeros((2 ** len(hidden),) * 2, dtype=complex).at[0, 0].set(1)
        rho, _ = jax.lax.scan(advance, start, (angles[:, :n_first], alive))
        end = apply(closing, fresh, jnp.asarray(end_offset) + end_slopes @ weights)
        populations = jnp.einsum("ij,jk,ik->i", end, rho, end.conj()).real
        return outcome_law(populations, n, architecture.readout)

    return law


def round_law(architecture: Architecture, steps: Sequence[GateProgram]) -> Law:
    """Return the laws of the circuits of one round, by the value that is fed back."""
    n = architecture.n_qubits
    of_weights = [step.slopes(step.weights) for step in steps]
    of_h = [step.slopes([step.fed_back])[:, 0] for step in steps if step.fed_back]

    def law(offsets: Offsets, weights: jax.Array, h: jax.Array) -> jax.Array:
        laws = []
        for step, offset, slopes, slope in zip(steps, offsets, of_weights, of_h, strict=True):
            state = apply(step, ground_state(n), offset + slopes @ weights + slope * h)
            laws.append(outcome_law(jnp.abs(state[:, 0]) ** 2, n, architecture.readout))
        return jnp.stack(laws)

    return law


def _affine(closing: GateProgram) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return closing.offsets(np.zeros(0)), closing.slopes(closing.weights)


def _embedding(n: int, hidden: Sequence[int]) -> NDArray[np.complex128]:
    """Return the isometry that adds data wires in |0> to the hidden ones, shape (2^n, 2^k)."""
    result = np.zeros((2**n, 2 ** len(hidden)), dtype=complex)
    for column in range(result.shape[1]):
        bits = [(column >> (len(hidden) - 1 - place)) & 1 for place in range(len(hidden))]
        row = sum(bit << (n - 1 - wire) for bit, wire in zip(bits, hidden, strict=True))
        result[row, column] = 1
    return result
