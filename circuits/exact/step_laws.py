"""The exact law of the bits that every step of a recurrent model records, and of its outcome.

The laws of single steps, not their joint law: means of bits and products of the bits of one step
are linear in them. One pass through time gives all of them, as `SequenceModel.distributions` gives
the outcome's alone, with the same gradients.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from circuits.errors import CircuitsError
from circuits.exact.carried import push_apart
from circuits.exact.closing import closing_distribution
from circuits.exact.encoded import encoded_steps
from circuits.exact.evolve import check_size, zero_state
from circuits.exact.operations import Program
from circuits.exact.pauli import TRACE
from circuits.exact.pullback import outcome_functionals
from circuits.exact.register import Register
from circuits.exact.sequence import COMPILED_HIDDEN_LIMIT, PART_BYTES, WORKING_STATES, SequenceModel
from circuits.exact.split import SplitStep

Laws = tuple[jax.Array, jax.Array]


def n_step_bits(model: SequenceModel) -> int:
    """Return how many bits each step writes, b.

    Raises:
        CircuitsError: none.
    """
    n_bits = model.step.n_bits // (1 if model.first is None else 2)
    if not n_bits:
        raise CircuitsError(
            "the bits of every step should be asked of a model that measures within its steps, "
            "such as dynamic-line. Got one that measures at the end only."
        )
    return n_bits


def step_laws(
    model: SequenceModel, weights: jax.Array, features: jax.Array, lengths: jax.Array
) -> Laws:
    """Return the law of each step's own bits, and that of the outcome.

    A pure function of arrays: jit, grad and vmap apply.

    Args:
        model: a step and its closing part, with noise or without.
        weights: radians, shape (p,).
        features: shape (batch, T, d); entries beyond a sequence's length are ignored.
        lengths: number of steps of each sequence, 0 to T, shape (batch,).

    Returns:
        Shape (batch, T, 2**b), bit j of the integer being bit j of the step's register, zero for
        the steps after a sequence's end; and the outcome's, shape (batch, 2**m).

    Raises:
        CircuitsError: a step records no bits, or as for `SequenceModel.distributions`.
    """
    n_step_bits(model)
    model.check_shapes(weights, features, lengths)
    if model.split is not None and len(model.hidden) <= COMPILED_HIDDEN_LIMIT:
        return _compiled(model, model.split, weights, features, lengths)
    states = features.shape[1] + WORKING_STATES  # the backward pass keeps one a step
    at_once = max(1, PART_BYTES // (check_size(model.step, n_step_bits(model)) * states))

    def one(sequence: tuple[jax.Array, jax.Array]) -> Laws:
        return _one(model, weights, *sequence)

    if features.shape[0] <= at_once:
        return jax.vmap(one)((features, lengths))
    found: Laws = jax.lax.map(jax.checkpoint(one), (features, lengths), batch_size=at_once)
    return found


def _compiled(
    model: SequenceModel,
    split: SplitStep,
    weights: jax.Array,
    features: jax.Array,
    lengths: jax.Array,
) -> Laws:
    """Scan the compiled map of the step; its bits' law is a functional of what enters it."""
    batch, n_steps = features.shape[:2]
    step_map = model.instrument(split, weights, ())[0].reshape(4 ** len(model.hidden), -1)
    functionals = _bit_functionals(model, split, weights)  # (2**b, 4**nh * 4**nd)
    data = encoded_steps(model, split, features)
    alive = jnp.arange(n_steps)[:, None] < lengths

    def advance(carry: jax.Array, at: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        encoded, goes_on = at
        joint = (carry[:, :, None] * encoded[:, None, :]).reshape(batch, -1)
        moved = jnp.where(goes_on[:, None], joint @ step_map.T, carry)
        return moved, jnp.where(goes_on[:, None], joint @ functionals.T, 0.0)

    start = zero_state(len(model.hidden)).ravel()
    carry = jnp.broadcast_to(start, (batch, start.size))
    carry, laws = jax.lax.scan(advance, carry, (jnp.swapaxes(data, 0, 1), alive))
    return jnp.swapaxes(laws, 0, 1), carry @ model.readout(split, weights).T


def _bit_functionals(model: SequenceModel, split: SplitStep, weights: jax.Array) -> jax.Array:
    """Return p(bits of a step) as functionals of (hidden, data), as a step's map takes them."""
    n, bits = model.step.n_qubits, tuple(range(n_step_bits(model)))
    angles = model.step.angles(jnp.concatenate([jnp.zeros(model.n_features), weights]))
    trace = Register.product([TRACE] * n)
    pulled = outcome_functionals(split.rest, trace, bits, angles)[:, 0]
    order = [0, *(1 + q for q in model.hidden), *(1 + q for q in model.data_qubits)]
    return jnp.transpose(pulled, order).reshape(2 ** len(bits), -1)


def _one(model: SequenceModel, weights: jax.Array, features: jax.Array, length: jax.Array) -> Laws:
    """Follow one sequence operation by operation, one state for each value of a step's bits."""
    own = tuple(range(n_step_bits(model)))
    first = model.step if model.first is None else model.first
    before = own if model.first is None else tuple(range(len(own), model.step.n_bits))
    alive = jnp.arange(features.shape[0]) < length
    # Padding may hold what an encoder cannot normalise; its slope must not spoil the others'.
    features = jnp.where(alive[:, None], features, 1.0)
    n = model.step.n_qubits

    def carried(
        program: Program, states: jax.Array, given: tuple[int, ...], x: jax.Array
    ) -> jax.Array:
        angles = program.angles(jnp.concatenate([x, weights]))
        return push_apart(program, states, given, own, angles)

    @jax.checkpoint
    def advance(states: jax.Array, x: jax.Array) -> jax.Array:
        if model.first is None:  # nobody reads the bits of the step before
            return carried(model.step, states.sum(0)[None], (), x)
        return carried(model.step, states, before, x)

    def body(states: jax.Array, at: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        x, goes_on = at
        moved = jnp.where(goes_on, advance(states, x), states)
        return moved, jnp.where(goes_on, _traces(moved), 0.0)

    ground = zero_state(n)[None]
    states = carried(first, ground, (), features[0])
    states = jnp.where(alive[0], states, jnp.zeros_like(states).at[0].set(ground[0]))
    start = jnp.where(alive[0], _traces(states), 0.0)
    states, laws = jax.lax.scan(body, states, (features[1:], alive[1:]))
    end = Register.of(states.sum(0)[None])
    outcome = closing_distribution(model.closing, model.out_bits, end, weights)
    return jnp.concatenate([start[None], laws]), outcome


def _traces(states: jax.Array) -> jax.Array:
    for _ in range(states.ndim - 1):
        states = states @ jnp.asarray(TRACE)
    return states
