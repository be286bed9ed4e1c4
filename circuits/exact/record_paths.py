"""Per-shot records of a recurrent model whose step has no compiled instrument.

As `circuits.exact.records`, operation by operation: one state for each history of recorded bits
that occurs, carried with the number of shots that share it, which multinomial draws divide.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from circuits.exact.carried import push_apart
from circuits.exact.closing import closing_distribution
from circuits.exact.evolve import check_size, zero_state
from circuits.exact.operations import Program
from circuits.exact.pauli import TRACE
from circuits.exact.records import Records, RecordSampler, normalised, record_sampler
from circuits.exact.register import Register
from circuits.exact.sequence import SequenceModel
from circuits.exact.step_laws import n_step_bits
from circuits.integers import count
from circuits.outcomes import bits_of

PART_BYTES = 2**28
"""What the states of all histories may take; more shots are drawn in portions."""


@dataclass(frozen=True, eq=False)
class PathSampler:
    """Draws records of a model at one weight vector."""

    model: SequenceModel
    n_bits: int
    advance: Callable[..., jax.Array]
    """(is first step, states (h, 4, ...), their last records (h,), features) to the states after
    each record, shape (h, 2**b, 4, ...)."""

    read: Callable[[jax.Array], jax.Array]
    """States (h, 4, ...) to laws of the outcome, shape (h, 2**m)."""

    def sample(
        self, features: NDArray[np.float64], shots: int, generator: np.random.Generator
    ) -> Records:
        """Draw shots of one sequence; arguments and errors as `RecordSampler.sample`."""
        shots = count("the number of shots", shots)
        each = check_size(self.model.step, self.n_bits) * 2**self.n_bits
        most = max(1, PART_BYTES // each)
        sizes = [min(most, shots - start) for start in range(0, shots, most)]
        parts = [self._sample(np.asarray(features, float), size, generator) for size in sizes]
        return Records(
            np.concatenate([one.bits for one in parts]),
            np.concatenate([one.outcomes for one in parts]),
        )

    def _sample(
        self, features: NDArray[np.float64], shots: int, generator: np.random.Generator
    ) -> Records:
        states = np.asarray(zero_state(self.model.step.n_qubits))[None]
        counts: NDArray[np.int64] = np.array([shots])
        last: NDArray[np.int64] = np.zeros(1, dtype=np.int64)
        history: NDArray[np.int64] = np.zeros((1, len(features)), dtype=np.int64)
        for step, x in enumerate(features):
            # Padded to a power of two: few shapes are compiled.
            n, size = len(states), 1 << (len(states) - 1).bit_length()
            given = np.concatenate([states, np.repeat(states[:1], size - n, axis=0)])
            before = np.concatenate([last, np.zeros(size - n, dtype=np.int64)])
            moved = np.asarray(self.advance(step == 0, *map(jnp.asarray, (given, before, x))))[:n]
            weights = np.asarray(_traces(jnp.asarray(moved)))
            drawn = generator.multinomial(counts, normalised(weights))
            parent, last = (np.asarray(one) for one in np.nonzero(drawn))
            counts, history = drawn[parent, last], history[parent]
            history[:, step] = last
            share = weights[parent, last].reshape(-1, *(1,) * (moved.ndim - 2))
            states = moved[parent, last] / share
        drawn = generator.multinomial(
            counts, normalised(np.asarray(self.read(jnp.asarray(states))))
        )
        parent, outcome = np.nonzero(drawn)
        rows = generator.permutation(np.repeat(np.arange(len(parent)), drawn[parent, outcome]))
        return Records(bits_of(history[parent[rows]], self.n_bits), outcome[rows])


def any_sampler(model: SequenceModel, weights: NDArray[np.float64]) -> RecordSampler | PathSampler:
    """Return what draws records: by a compiled instrument where the step has one.

    Raises:
        CircuitsError: no bits within the steps, or weights or a step out of bounds.
    """
    if model.split is not None:
        return record_sampler(model, weights)
    own = tuple(range(n_step_bits(model)))
    parameters = jnp.asarray(weights, dtype=float)

    def carried(
        program: Program, states: jax.Array, given: tuple[int, ...], x: jax.Array
    ) -> jax.Array:
        angles = program.angles(jnp.concatenate([x, parameters]))
        return push_apart(program, states, given, own, angles)

    def advance(is_first: bool, states: jax.Array, last: jax.Array, x: jax.Array) -> jax.Array:
        if is_first or model.first is None:
            program = model.first if is_first and model.first is not None else model.step
            return jax.vmap(lambda one: carried(program, one[None], (), x))(states)
        before = tuple(range(len(own), model.step.n_bits))
        by_record = jnp.zeros((2 ** len(own), *states.shape[1:]))

        def one(state: jax.Array, record: jax.Array) -> jax.Array:
            return carried(model.step, by_record.at[record].set(state), before, x)

        return jax.vmap(one)(states, last)

    def read(states: jax.Array) -> jax.Array:
        return jax.vmap(
            lambda one: closing_distribution(
                model.closing, model.out_bits, Register.of(one[None]), parameters
            )
        )(states)

    return PathSampler(model, len(own), jax.jit(advance, static_argnums=0), jax.jit(read))


def _traces(states: jax.Array) -> jax.Array:
    """Return the traces of states (h, r, 4, ...), shape (h, r)."""
    for _ in range(states.ndim - 2):
        states = states @ jnp.asarray(TRACE)
    return states
