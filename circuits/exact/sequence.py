"""A recurrent model's exact outcome distribution for a batch of sequences, differentiable.

The step is lifted once. Where the inputs only turn data qubits that start the step anew, all that
follows depends on the weights alone: it is pulled back once for each weight vector into one map
of (hidden state, encoded data) -> hidden state, and a batch of sequences is matrix products
through time. Other steps are applied operation by operation, recomputed on the way back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from circuits.errors import CircuitsError
from circuits.exact.carried import carried_state
from circuits.exact.closing import closing_distribution, closing_functionals
from circuits.exact.encoded import encoded_steps
from circuits.exact.evolve import check_size, push, zero_state
from circuits.exact.filling import filled, formulas_of
from circuits.exact.formula import Formula, values_of
from circuits.exact.noise import Noise
from circuits.exact.operations import (
    Program,
)
from circuits.exact.pauli import TRACE, ZERO
from circuits.exact.pullback import outcome_functionals
from circuits.exact.register import Register
from circuits.exact.split import SplitStep, end_state, split_step

Carry = tuple[jax.Array, jax.Array]
"""State of the qubits that live on, and of those that every step starts anew."""

PART_BYTES = 2 * 2**30
"""What the states of the sequences that are followed at once may take."""

WORKING_STATES = 16
"""States that a step works on at a time; a value and gradient of 10 qubits takes some 20."""

COMPILED_HIDDEN_LIMIT = 3
"""With more hidden qubits a product with the compiled map takes longer than its operations do."""


@dataclass(frozen=True, eq=False)
class SequenceModel:
    """Step and closing of a recurrent circuit, lifted with their noise.

    The parameters of `step` are the d features, then the p weights; those of `closing` are the p
    weights.
    """

    step: Program
    closing: Program
    n_features: int
    n_weights: int
    data_qubits: tuple[int, ...]
    out_bits: tuple[int, ...]
    """Bits of `closing` that hold the outcome; bit j of the outcome integer is out_bits[j]."""

    first: Program | None = None
    """The first step, where the others read the bits of the step before.

    Of the bits of `step` the first half are then its own and the others those of the step before.
    """

    form: Form | None = field(default=None, init=False)
    """What the model was filled in from; None where its numbers are its own."""

    arrays: tuple[Any, ...] = field(default=(), init=False)
    """What was filled in, in the order of the form."""

    @property
    def n_outcomes(self) -> int:
        """Number of outcomes, 2**m."""
        return int(2 ** len(self.out_bits))

    def distributions(
        self, weights: jax.Array, features: jax.Array, lengths: jax.Array
    ) -> jax.Array:
        """Return the exact outcome distribution of each sequence.

        A pure function of arrays: jit, grad and vmap apply.

        Args:
            weights: radians, shape (p,).
            features: shape (batch, T, d); entries beyond a sequence's length are ignored.
            lengths: number of steps of each sequence, 0 to T, shape (batch,).

        Returns:
            Shape (batch, 2**m).

        Raises:
            CircuitsError: a shape does not fit, or one state would need more memory than
                `circuits.exact.evolve.BYTES_LIMIT`.
        """
        self.check_shapes(weights, features, lengths)
        if self.split is not None and len(self.hidden) <= COMPILED_HIDDEN_LIMIT:
            return self._compiled(self.split, weights, features, lengths)
        one = self._gatewise if self.first is None else self._carrying(self.first)
        at_once = self._at_once(features.shape[1])
        if features.shape[0] <= at_once:
            return jax.vmap(one, (None, 0, 0))(weights, features, lengths)
        row = jax.checkpoint(lambda sequence: one(weights, *sequence))
        found: jax.Array = jax.lax.map(row, (features, lengths), batch_size=at_once)
        return found

    def __call__(self, weights: jax.Array, features: jax.Array, lengths: jax.Array) -> jax.Array:
        """Return `distributions`: a model is a reader of sequences."""
        return self.distributions(weights, features, lengths)

    def _at_once(self, n_steps: int) -> int:
        """Return how many sequences are followed at once; more are walked through in parts.

        Raises:
            CircuitsError: one state is too large.
        """
        n_kept = self.step.n_bits // 2 if self.first is not None else 0
        states = n_steps + WORKING_STATES  # the backward pass keeps one a step
        return max(1, PART_BYTES // (check_size(self.step, n_kept) * states))

    def check_shapes(self, *given: jax.Array) -> None:
        """Refuse weights, features or lengths of another shape than `distributions` takes."""
        weights, features, lengths = map(jnp.shape, given)
        if weights != (self.n_weights,):
            raise CircuitsError(f"weights should have shape ({self.n_weights},). Got {weights}.")
        if len(features) != 3 or features[1] < 1 or features[2] != self.n_features:
            raise CircuitsError(
                f"features should have shape (batch, T, {self.n_features}) with T at least 1. "
                f"Got {features}."
            )
        if lengths != features[:1]:
            raise CircuitsError(f"lengths should have shape {features[:1]}. Got {lengths}.")

    @cached_property
    def split(self) -> SplitStep | None:
        """How the step divides into encoding and the rest, None where it does not."""
        if not self.data_qubits or self.first is not None:
            return None
        return split_step(self.step, self.n_features, self.data_qubits)

    def _compiled(
        self, split: SplitStep, weights: jax.Array, features: jax.Array, lengths: jax.Array
    ) -> jax.Array:
        hidden = self.hidden
        step_map = self._step_map(split, weights)  # (4**nh, 4**nh, 4**nd)
        readout = self.readout(split, weights)  # (2**m, 4**nh)
        data = encoded_steps(self, split, features)
        state = zero_state(len(hidden)).ravel()
        batch = features.shape[0]

        def advance(carry: jax.Array, at: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, None]:
            encoded, alive = at
            joint = (carry[:, :, None] * encoded[:, None, :]).reshape(batch, -1)
            moved = joint @ step_map.reshape(step_map.shape[0], -1).T
            return jnp.where(alive[:, None], moved, carry), None

        alive = jnp.arange(features.shape[1])[None, :] < lengths[:, None]
        carry = jnp.broadcast_to(state, (batch, state.size))
        carry, _ = jax.lax.scan(advance, carry, (jnp.swapaxes(data, 0, 1), alive.T))
        return carry @ readout.T

    @property
    def hidden(self) -> tuple[int, ...]:
        """Qubits that live on from step to step, ascending."""
        return tuple(q for q in range(self.step.n_qubits) if q not in self.data_qubits)

    def _step_map(self, split: SplitStep, weights: jax.Array) -> jax.Array:
        """Map (hidden, data) -> hidden, hidden qubits first, each group in ascending order."""
        return self.instrument(split, weights, ())[0]

    def instrument(self, split: SplitStep, weights: jax.Array, bits: Sequence[int]) -> jax.Array:
        """Return the step's map for each outcome of some of its bits.

        Args:
            split: of this model.
            weights: radians, shape (p,).
            bits: of the step, m of them; bit j of the outcome integer is bits[j].

        Returns:
            Shape (2**m, 4**nh, 4**nh, 4**nd), (hidden, data) -> hidden; hidden qubits ascend, data
            qubits stand in the model's order, the first of each varies slowest.
        """
        hidden = self.hidden
        identity = np.eye(4 ** len(hidden)).reshape(-1, *(4,) * len(hidden))
        data = sorted(self.data_qubits)
        functionals = Register.of(identity).with_factors([TRACE] * len(data), at=data)
        parameters = jnp.concatenate([jnp.zeros(self.n_features), weights])
        angles = self.step.angles(parameters)
        pulled = outcome_functionals(split.rest, functionals, bits, angles)
        order = [0, 1, *(2 + q for q in hidden), *(2 + q for q in self.data_qubits)]
        shape = (2 ** len(bits), 4 ** len(hidden), 4 ** len(hidden), -1)
        return jnp.transpose(pulled, order).reshape(shape)

    def readout(self, split: SplitStep, weights: jax.Array) -> jax.Array:
        """Return p(outcome) as functionals of the hidden state, shape (2**m, 4**nh)."""
        pulled = closing_functionals(self.closing, self.out_bits, weights)
        for qubit in sorted(self.data_qubits, reverse=True):
            start = jnp.asarray(split.reset_to[self.data_qubits.index(qubit)])
            pulled = jnp.tensordot(pulled, start, axes=([1 + qubit], [0]))
        return pulled.reshape(self.n_outcomes, -1)

    @cached_property
    def _ends(self) -> dict[int, NDArray[np.float64]]:
        """Qubits that every step leaves in the same state, and that state, shape (4,)."""
        ends = {q: end_state(self.step.operations, q) for q in range(self.step.n_qubits)}
        return {qubit: end for qubit, end in ends.items() if end is not None}

    def _gatewise(self, weights: jax.Array, features: jax.Array, length: jax.Array) -> jax.Array:
        fresh = list(self._ends)
        kept = [q for q in range(self.step.n_qubits) if q not in fresh]
        ends = jnp.asarray([self._ends[q] for q in fresh]).reshape(-1, 4)

        @jax.checkpoint
        def advance(state: jax.Array, factors: jax.Array, x: jax.Array) -> jax.Array:
            angles = self.step.angles(jnp.concatenate([x, weights]))
            start = Register.of(state[None]).with_factors(list(factors), at=fresh)
            pushed = push(self.step.operations, {(): start}, angles, frozenset())
            return pushed[()].reduced(kept)[0]

        def body(carry: Carry, at: tuple[jax.Array, jax.Array]) -> tuple[Carry, None]:
            x, alive = at
            state, factors = carry
            moved = jnp.where(alive, advance(state, factors, x), state)
            return (moved, jnp.where(alive, ends, factors)), None

        alive = jnp.arange(features.shape[0]) < length
        first = zero_state(len(kept)), jnp.asarray([ZERO] * len(fresh)).reshape(-1, 4)
        (state, factors), _ = jax.lax.scan(body, first, (features, alive))
        end = Register.of(state[None]).with_factors(list(factors), at=fresh)
        return closing_distribution(self.closing, self.out_bits, end, weights)

    def _carrying(self, first: Program) -> Callable[[jax.Array, jax.Array, jax.Array], jax.Array]:
        def one(weights: jax.Array, features: jax.Array, length: jax.Array) -> jax.Array:
            state = carried_state(first, self.step, weights, features, length)
            end = Register.of(state[None])
            return closing_distribution(self.closing, self.out_bits, end, weights)

        return one


@dataclass(frozen=True, eq=False)
class Form:
    """A model whose maps depend on a noise yet to come: one compilation serves every noise.

    A model that is filled in is a JAX pytree whose leaves are the maps that the noise gave, so that
    it may be an argument of what is jitted, and many of them the rows of what is mapped.
    """

    model: SequenceModel
    """Lifted by `lift.open_lift`."""

    @cached_property
    def formulas(self) -> tuple[Formula, ...]:
        """What is to be filled in."""
        programs = (self.model.step, self.model.closing, self.model.first)
        found = (one for program in programs if program for one in formulas_of(program))
        return tuple(dict.fromkeys(found))

    def under(self, noise: Noise | None) -> SequenceModel:
        """Return the model under a noise; None is ideal.

        Raises:
            CircuitsError: a delay in `dt` without a device that reports it.
        """
        values = values_of(noise)
        return self.filled(tuple(formula.value(values) for formula in self.formulas))

    def filled(self, arrays: Sequence[Any]) -> SequenceModel:
        """Return the model with an array for each formula."""
        first = self.model.first
        model = replace(
            self.model,
            step=filled(self.model.step, self.formulas, arrays),
            closing=filled(self.model.closing, self.formulas, arrays),
            first=None if first is None else filled(first, self.formulas, arrays),
        )
        object.__setattr__(model, "form", self)
        object.__setattr__(model, "arrays", tuple(arrays))
        return model


jax.tree_util.register_pytree_node(
    SequenceModel,
    lambda model: (model.arrays, model.form or model),
    lambda form, arrays: form.filled(arrays) if isinstance(form, Form) else form,
)
