"""Mean and variance of what single shots of a recurrent model add up over their bits, exactly.

A shot adds F_t[r_t] for the bits r_t that its step t records, and F[o] for its outcome o. Beside
the state rho of each sequence, (sum rho) and (sum^2 rho) go through time: where a step records r,
both of its sums grow by F[r], so that the traces at the end are the two moments, the correlations
between steps in them. No joint law of all bits, which has 2**(b T + m) entries, is written out.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from circuits.exact.carried import push_apart
from circuits.exact.closing import closing_distribution
from circuits.exact.encoded import encoded_steps
from circuits.exact.evolve import zero_state
from circuits.exact.operations import Program
from circuits.exact.register import Register
from circuits.exact.sequence import COMPILED_HIDDEN_LIMIT, Form, SequenceModel
from circuits.exact.split import SplitStep
from circuits.exact.step_laws import n_step_bits

Array = NDArray[np.float64]
Moments = tuple[jax.Array, jax.Array]

PART_NUMBERS = 2**24
"""Of the states that are followed at once."""


def shot_moments(
    model: SequenceModel, weights: Array, features: Array, steps: Array, outcome: Array
) -> tuple[Array, Array]:
    """Return mean and variance of a shot's c sums, shape (n, c) each.

    Args:
        model: whose steps record bits.
        weights: radians, shape (p,).
        features: of sequences of T steps each, shape (n, T, d).
        steps: F_t, what the bits of each step add, shape (T, 2**b, c).
        outcome: F, what the outcome adds, shape (2**m, c).

    Raises:
        CircuitsError: no bits, or a shape does not fit.
    """
    n_step_bits(model)
    given = tuple(map(jnp.asarray, (weights, features, steps, outcome)))
    model.check_shapes(given[0], given[1], jnp.full(len(features), features.shape[1]))
    n_copies = 1 + 2 * outcome.shape[1]
    n_qubits = len(model.hidden) if _is_compiled(model) else model.step.n_qubits
    size = n_copies * steps.shape[1] * 4**n_qubits
    at_once = max(1, min(len(features), PART_NUMBERS // size))
    first, second = _compiled(model.form or model, at_once)(model, *given)
    mean = np.asarray(first)
    return mean, np.maximum(np.asarray(second) - mean**2, 0.0)


def _is_compiled(model: SequenceModel) -> bool:
    return model.split is not None and len(model.hidden) <= COMPILED_HIDDEN_LIMIT


@lru_cache(maxsize=16)
def _compiled(form: Form | SequenceModel, at_once: int) -> Callable[..., Moments]:
    """Keep what was compiled: other noises and weights of the same form use it again."""

    def run(
        model: SequenceModel,
        weights: jax.Array,
        features: jax.Array,
        steps: jax.Array,
        outcome: jax.Array,
    ) -> Moments:
        if model.split is not None and _is_compiled(model):
            one = _by_instrument(model, model.split, weights, steps, outcome)
        else:
            one = _by_operations(model, weights, steps, outcome)
        found: Moments = jax.lax.map(one, features, batch_size=at_once)
        return found

    compiled: Callable[..., Moments] = jax.jit(run)
    return compiled


def _grown(bank: jax.Array, numbers: jax.Array) -> jax.Array:
    """Add numbers (r, c) to the sums behind the states of a bank (1 + 2 c, r, ...)."""
    c = numbers.shape[1]
    f = numbers.T.reshape(c, -1, *(1,) * (bank.ndim - 2))
    plain, first, second = bank[:1], bank[1 : 1 + c], bank[1 + c :]
    grown = (plain, first + f * plain, second + 2 * f * first + f**2 * plain)
    return jnp.concatenate(grown)


def _ended(laws: jax.Array, outcome: jax.Array) -> Moments:
    """Return the moments from the outcomes' laws behind each state, shape (1 + 2 c, 2**m)."""
    c = outcome.shape[1]
    total = _grown(laws, outcome).sum(axis=1)
    return total[1 : 1 + c], total[1 + c :]


def _by_instrument(
    model: SequenceModel, split: SplitStep, weights: jax.Array, steps: jax.Array, outcome: jax.Array
) -> Callable[[jax.Array], Moments]:
    bits = range(n_step_bits(model))
    maps = model.instrument(split, weights, bits)
    maps = maps.reshape(*maps.shape[:2], -1)  # (2**b, 4**nh, 4**nh * 4**nd)
    readout = model.readout(split, weights)
    n_copies = 1 + 2 * outcome.shape[1]

    def one(features: jax.Array) -> Moments:
        data = encoded_steps(model, split, features[None])[0]

        def advance(bank: jax.Array, at: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, None]:
            encoded, numbers = at
            joint = (bank[:, :, None] * encoded).reshape(n_copies, -1)
            moved = jnp.einsum("rsj,cj->crs", maps, joint)
            return _grown(moved, numbers).sum(axis=1), None

        zero = zero_state(len(model.hidden)).ravel()
        bank = jnp.zeros((n_copies, zero.size)).at[0].set(zero)
        bank, _ = jax.lax.scan(advance, bank, (data, steps))
        return _ended(bank @ readout.T, outcome)

    return one


def _by_operations(
    model: SequenceModel, weights: jax.Array, steps: jax.Array, outcome: jax.Array
) -> Callable[[jax.Array], Moments]:
    own = tuple(range(n_step_bits(model)))
    n_copies = 1 + 2 * outcome.shape[1]
    # Where nobody reads the bits of the step before, what they were is summed over.
    before = own if model.first is None else tuple(range(len(own), model.step.n_bits))

    def carried(
        program: Program, bank: jax.Array, given: tuple[int, ...], x: jax.Array
    ) -> jax.Array:
        angles = program.angles(jnp.concatenate([x, weights]))
        return jax.vmap(lambda states: push_apart(program, states, given, own, angles))(bank)

    def one(features: jax.Array) -> Moments:
        zero = zero_state(model.step.n_qubits)[None]
        start = jnp.zeros((n_copies, *zero.shape)).at[0].set(zero)
        program = model.step if model.first is None else model.first
        bank = _grown(carried(program, start, (), features[0]), steps[0])

        def advance(bank: jax.Array, at: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, None]:
            x, numbers = at
            if model.first is None:
                moved = carried(model.step, bank.sum(axis=1, keepdims=True), (), x)
            else:
                moved = carried(model.step, bank, before, x)
            return _grown(moved, numbers), None

        bank, _ = jax.lax.scan(advance, bank, (features[1:], steps[1:]))
        ends = bank.sum(axis=1)
        laws = jax.vmap(
            lambda state: closing_distribution(
                model.closing, model.out_bits, Register.of(state[None]), weights
            )
        )(ends)
        return _ended(laws, outcome)

    return one
