"""States of a recurrent model whose steps read the bits of the step before.

Between two steps the state is one Pauli vector for each value of these bits.
"""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp

from circuits.exact.evolve import bits_key, filled_key, merged, push, zero_state
from circuits.exact.operations import Program
from circuits.exact.register import Register


def carried_state(
    first: Program, later: Program, weights: jax.Array, features: jax.Array, length: jax.Array
) -> jax.Array:
    """Return the state after some steps, whatever the bits, shape (4, ..., 4).

    Args:
        first: the step without bits before it.
        later: every other step; the first half of its bits are its own, the others those of the
            step before.
        weights: radians, shape (p,).
        features: shape (T, d).
        length: number of steps, 0 to T.
    """
    own = tuple(range(first.n_bits))
    before = tuple(range(first.n_bits, later.n_bits))
    alive = jnp.arange(features.shape[0]) < length
    # Padding may hold what an encoder cannot normalise; its slope must not spoil the others'.
    features = jnp.where(alive[:, None], features, 1.0)

    @jax.checkpoint
    def advance(states: jax.Array, x: jax.Array) -> jax.Array:
        angles = later.angles(jnp.concatenate([x, weights]))
        return push_apart(later, states, before, own, angles)

    def body(states: jax.Array, at: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, None]:
        x, goes_on = at
        return jnp.where(goes_on, advance(states, x), states), None

    ground = zero_state(first.n_qubits)[None]
    angles = first.angles(jnp.concatenate([features[0], weights]))
    states = push_apart(first, ground, (), own, angles)
    states = jnp.where(alive[0], states, jnp.zeros_like(states).at[0].set(ground[0]))
    states, _ = jax.lax.scan(body, states, (features[1:], alive[1:]))
    return states.sum(0)


def push_apart(
    program: Program,
    states: jax.Array,
    given: Sequence[int],
    kept: Sequence[int],
    angles: jax.Array,
) -> jax.Array:
    """Carry states through a program that reads some bits and writes others.

    Args:
        program: lifted circuit.
        states: one for each value of the bits given, shape (2**n_given, 4, ..., 4).
        given: bits that are set before the program; bit j of the value is given[j].
        kept: bits that the program writes.
        angles: of the program, radians, shape (n_angles,).

    Returns:
        One state for each value of the bits kept, shape (2**n_kept, 4, ..., 4).
    """
    start = {bits_key(given, value): Register.of(state[None]) for value, state in enumerate(states)}
    pushed = push(program.operations, start, angles, frozenset(kept))
    pushed = merged(pushed, set(given) - set(kept))
    rows = []
    for value in range(2 ** len(kept)):
        found = [
            r.settled()[0]
            for key, r in pushed.items()
            if filled_key(key, kept) == bits_key(kept, value)
        ]
        rows.append(sum(found[1:], found[0]) if found else jnp.zeros_like(states[0]))
    return jnp.stack(rows)
