"""Gates on pure states, as differentiable JAX functions of their angles.

Wire w is axis w of a state tensor: the first wire is the most significant bit. Arrays are float64
and complex128.
"""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from circuits.pure.gate_program import GateProgram

jax.config.update("jax_enable_x64", True)  # type: ignore[no-untyped-call]

_PAULI = {
    "x": np.array([[0, 1], [1, 0]]),
    "y": np.array([[0, -1j], [1j, 0]]),
    "z": np.diag([1, -1]),
}


def apply(steps: GateProgram, state: jax.Array, angles: jax.Array) -> jax.Array:
    """Return the state, shape (2^n, k), after the program's gates on each of its k columns.

    Neighbouring gates on one wire are multiplied as 2 x 2 matrices before they meet the state.
    """
    n = steps.n_qubits
    rotations = _rotations(steps, angles)
    waiting: dict[int, jax.Array] = {}
    for gate in steps.gates:
        matrix = rotations[gate.angle] if gate.axis else jnp.asarray(gate.matrix)
        if not gate.controls:
            before = waiting.get(gate.target)
            waiting[gate.target] = matrix if before is None else matrix @ before
            continue
        for wire in (gate.target, *(wire for wire, _ in gate.controls)):
            if wire in waiting:
                state = _on_wire(waiting.pop(wire), state, wire)
        met = _where(n, gate.controls)
        if gate.matrix is not None and not gate.matrix[0, 0]:
            source = np.where(met, np.arange(2**n) ^ (1 << (n - 1 - gate.target)), np.arange(2**n))
            scale = np.where(_where(n, ((gate.target, 1),)), gate.matrix[1, 0], gate.matrix[0, 1])
            state = state[source] * np.where(met, scale, 1)[:, None]
        else:
            state = jnp.where(met[:, None], _on_wire(matrix, state, gate.target), state)
    for wire, matrix in waiting.items():
        state = _on_wire(matrix, state, wire)
    return state


def _rotations(steps: GateProgram, angles: jax.Array) -> jax.Array:
    """Return R_axis(angle) of each angle, shape (n_angles, 2, 2)."""
    axes = [_PAULI[gate.axis] for gate in steps.gates if gate.axis]
    generators = np.stack(axes) if axes else np.zeros((0, 2, 2))
    half = angles[:, None, None] / 2
    return jnp.cos(half) * np.eye(2) - 1j * jnp.sin(half) * generators


def _on_wire(matrix: jax.Array, state: jax.Array, wire: int) -> jax.Array:
    split = state.reshape(2**wire, 2, -1)
    return jnp.einsum("ab,ibj->iaj", matrix, split).reshape(state.shape)


def ground_state(n: int) -> jax.Array:
    """Return |0>^n as one column, shape (2^n, 1)."""
    return jnp.zeros((2**n, 1), dtype=complex).at[0, 0].set(1)


def _where(n: int, controls: Sequence[tuple[int, int]]) -> NDArray[np.bool_]:
    index = np.arange(2**n)
    met = np.ones(2**n, dtype=bool)
    for wire, value in controls:
        met &= (index >> (n - 1 - wire) & 1) == value
    return met


def outcome_law(probabilities: jax.Array, n: int, wires: Sequence[int]) -> jax.Array:
    """Return the distribution of the bits of wires, shape (2^m,), bit j being wires[j].

    Args:
        probabilities: of the basis states, shape (2^n,).
        n: number of wires.
        wires: m different ones.
    """
    others = [wire for wire in range(n) if wire not in wires]
    order = [*reversed(wires), *others]  # the last bit is the most significant one
    rows = probabilities.reshape((2,) * n).transpose(order).reshape(2 ** len(wires), -1)
    return rows.sum(axis=1)
