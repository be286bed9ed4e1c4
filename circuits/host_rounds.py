"""What the host computes between the rounds of a model that starts anew in every step, in JAX."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from circuits.definition import Recurrence


def scan_rounds(
    recurrence: Recurrence,
    n_values: int,
    read: Callable[[Any, jax.Array], jax.Array],
    rows: Any,
    alive: jax.Array,
) -> jax.Array:
    """Return what a head reads after the last round of one sequence, shape (m,).

    Args:
        recurrence: of the model.
        n_values: of a round.
        read: (row of a step, value fed back) to <Z> of all circuits of the round, shape
            (n_values,).
        rows: of T steps, a tree of arrays whose first axis is the step.
        alive: whether the sequence has the step, shape (T,); what comes after its last is not
            taken.
    """

    def advance(carry: Any, at: Any) -> tuple[Any, None]:
        row, goes_on = at
        values = read(row, recurrence.fed_back(carry[0]))
        new = (recurrence.update(carry[0], values, jnp), values)
        return jax.tree.map(lambda a, b: jnp.where(goes_on, a, b), new, carry), None

    start = (jnp.zeros(recurrence.n_state), jnp.zeros(n_values))
    (state, values), _ = jax.lax.scan(advance, start, (rows, alive))
    return jnp.asarray(recurrence.output(state, values))
