"""A trainable network of any row of the registry: inputs -> features -> readings -> score.

Readings are what the circuits say of a sequence in the limit of infinite shots: the distribution of
the outcomes where it is one circuit, (1, <Z>, ...) where the host computes between the steps. A
`Reader` gives them, without noise or with it. The k outputs are linear in them, r @ R, and a target
says what they answer: two classes by the sign of one score, K classes by the largest of K scores,
numbers by themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from circuits.definition import Architecture
from circuits.exact.sequence import SequenceModel
from circuits.outcomes import outcome_signs
from circuits.pure.hybrid_controller import WEIGHT_NAMES
from qrnn_hw.data.target import TWO_CLASSES, Classes, Target
from qrnn_hw.errors import UsageError
from qrnn_hw.networks.direct import seen
from qrnn_hw.networks.encoding import (
    STEP_OFFSET,
    Control,
    Encoding,
    Form,
    Parameters,
    encoding_of,
)
from qrnn_hw.networks.readers import Reader, ideal_reader
from qrnn_hw.networks.step_readings import StepReadings

Head = Literal["outcomes", "linear", "softmax"]

SCORE_SCALE = 4.0
"""The logistic loss sees scores times this, in our own recipe."""


@dataclass(frozen=True, eq=False)
class Network:
    """An encoding, a circuit and a head; what it trains is a dict of arrays.

    `circuit` holds the circuit's weights, `head` the decision, `projection` and `offset` the map of
    the inputs, and a controller adds its own names.
    """

    architecture: Architecture
    encoding: Encoding
    head: Head = "outcomes"
    """`outcomes`: trained scores of each outcome (of each <Z>, with a bias, in rounds); `linear`:
    a trained linear map of the <Z>; `softmax`: <Z> of the second readout less that of the first."""

    scale: float = 1.0
    """Factor of the scores of classes in the loss."""

    target: Target = TWO_CLASSES
    steps: StepReadings | None = None
    """Which bits of every step the head reads, linearly; None is the outcome alone."""

    direct: int = 0
    """Of how many last steps the inputs reach the outputs past the circuits; 0 is none."""

    @property
    def host_controlled(self) -> bool:
        """Whether a controller on the host is asked in every round."""
        return isinstance(self.encoding, Control) and not self.encoding.n_bits

    @property
    def in_rounds(self) -> bool:
        """Whether the host computes between the steps."""
        return self.architecture.mode == "expectation"

    @property
    def tells_many_by_steps(self) -> bool:
        """Whether it has a score for each of several classes, from the bits of every step."""
        many = isinstance(self.target, Classes) and self.target.n_outputs > 1
        return many and self.steps is not None

    @property
    def n_values(self) -> int:
        """The number of <Z> that a linear head takes."""
        if isinstance(self.encoding, Control) and self.host_controlled:
            return self.encoding.controller.n_readouts
        return 1 if self.architecture.gates else len(self.architecture.readout)

    @property
    def n_readings(self) -> int:
        """Rows of R."""
        if self.steps is not None:
            sizes = self.architecture.n_bits, len(self.architecture.readout)
            return self.steps.n_readings(*sizes, per_step=self.target.per_step)
        return 1 + self.n_values if self.in_rounds else int(2 ** len(self.architecture.readout))

    @cached_property
    def _signs(self) -> NDArray[np.float64]:
        with jax.ensure_compile_time_eval():
            return outcome_signs(len(self.architecture.readout))

    def initial(self, seed: int, projection: NDArray[np.float64] | None = None) -> Parameters:
        """Return parameters to start from.

        Small random rotations. A single output is the first readout set against the others (the
        published models' difference of <Z>), or the first alone where a controller reads all;
        several are random.

        Args:
            seed: of random rotations, normal with 0.3 radians, and random maps.
            projection: start of P, shape (n_inputs, k), its columns repeated as needed; without it
                P is random.
        """
        generator = np.random.default_rng(seed)
        found = {"circuit": generator.normal(0.0, 0.3, self.architecture.n_weights)}
        found |= self.encoding.initial(generator, seed, projection)
        if self.head != "softmax":
            first = np.zeros(self.n_readings) if self.steps else self._initial_head()
            shape = (len(first), self.target.n_outputs)
            # A single output keeps the vector that it always was, and its checkpoints.
            is_vector = shape[1] == 1 and self.steps is None
            found["head"] = first if is_vector else generator.normal(0.0, 0.3, shape)
        if self.direct:
            found["direct"] = np.zeros((self.direct * self.encoding.n_inputs, shape[1]))
        return {name: jnp.asarray(value) for name, value in found.items()}

    def _initial_head(self) -> NDArray[np.float64]:
        others = 0.0 if self.host_controlled else -0.5
        linear = np.array([0.0, 1.0] + [others] * (self.n_values - 1))
        if self.head == "linear" or self.in_rounds:
            return linear
        decision = self._signs @ linear[1:]
        return np.asarray(decision / np.abs(decision).max())

    def weights(self, parameters: Parameters) -> Parameters | jax.Array:
        """Return what a reader takes beside features: the circuit's weights, or a controller's."""
        if self.host_controlled:
            return {name: parameters[name] for name in WEIGHT_NAMES}
        return parameters["circuit"]

    def features(self, parameters: Parameters, inputs: jax.Array) -> jax.Array:
        """Return what the circuits take, shape (n, T, d), of inputs (n, T, n_inputs)."""
        return self.encoding.features(parameters, inputs)

    def reader(self, model: SequenceModel) -> Reader:
        """Return the readings of the circuits as a lifted model has them, with its noise if any."""
        if self.steps is None:
            return model.distributions
        return self.steps.reader(model, per_step=self.target.per_step)

    @cached_property
    def ideal(self) -> Reader:
        """The readings without noise."""
        return ideal_reader(self)

    def readings(
        self,
        parameters: Parameters,
        inputs: jax.Array,
        lengths: jax.Array,
        reader: Reader | None = None,
    ) -> jax.Array:
        """Return what the circuits say of n sequences, shape (n, r), per step (n, T, r).

        A pure function of arrays: jit, grad and vmap apply.

        Args:
            parameters: of the network.
            inputs: shape (n, T, n_inputs).
            lengths: number of steps, at least 1, shape (n,).
            reader: None is without noise.
        """
        return self._read(parameters, self.features(parameters, inputs), lengths, reader)

    def _read(
        self, parameters: Parameters, features: jax.Array, lengths: jax.Array, reader: Reader | None
    ) -> jax.Array:
        read = self.ideal if reader is None else reader
        found = read(self.weights(parameters), features, lengths)
        if not self.in_rounds or self.steps is not None:
            return found
        return jnp.concatenate([jnp.ones((len(found), 1)), found], axis=1)

    def coefficients(self, parameters: Parameters) -> jax.Array:
        """Return R, the factor of each reading in each output, shape (n_readings, k)."""
        given = jnp.array([0.0, -1.0, 1.0]) if self.head == "softmax" else parameters["head"]
        linear = given if given.ndim == 2 else given[:, None]
        if self.head == "outcomes" or self.in_rounds or self.steps is not None:
            return linear
        return linear[0] + jnp.asarray(self._signs) @ linear[1:]

    def outputs(
        self,
        parameters: Parameters,
        inputs: jax.Array,
        lengths: jax.Array,
        reader: Reader | None = None,
    ) -> jax.Array:
        """Return the outputs of n sequences, shape (n, k), per step (n, T, k)."""
        circuits = self.circuit_outputs(parameters, inputs, lengths, reader)
        return circuits + self.direct_part(parameters, inputs, lengths)

    def circuit_outputs(
        self,
        parameters: Parameters,
        inputs: jax.Array,
        lengths: jax.Array,
        reader: Reader | None = None,
    ) -> jax.Array:
        """Return r R, which is all of the outputs but for a direct part; shape as theirs."""
        return self.outputs_of(parameters, self.features(parameters, inputs), lengths, reader)

    def direct_part(
        self, parameters: Parameters, inputs: jax.Array, lengths: jax.Array
    ) -> jax.Array:
        """Return x D, what no circuit has a part in: (n, k), per step (n, T, k); 0 without any."""
        if not self.direct:
            return jnp.zeros(())
        per_step = self.target.per_step
        return seen(inputs, lengths, self.direct, per_step=per_step) @ parameters["direct"]

    def outputs_of(
        self,
        parameters: Parameters,
        features: jax.Array,
        lengths: jax.Array,
        reader: Reader | None = None,
    ) -> jax.Array:
        """Return r R of what the circuits take, (n, T, d); the encoding is not asked."""
        read = self._read(parameters, features, lengths, reader)
        return read @ self.coefficients(parameters)

    @cached_property
    def compiled_readings(self) -> Callable[..., jax.Array]:
        """`readings`, compiled once for all calls."""
        compiled: Callable[..., jax.Array] = jax.jit(self.readings, static_argnums=3)
        return compiled

    @cached_property
    def compiled_outputs(self) -> Callable[..., jax.Array]:
        """`circuit_outputs` at infinite shots, compiled once for all calls."""
        compiled: Callable[..., jax.Array] = jax.jit(self.circuit_outputs, static_argnums=3)
        return compiled


def network_of(
    architecture: Architecture,
    n_inputs: int,
    *,
    form: Form = "angles",
    head: Head = "outcomes",
    scale: float = SCORE_SCALE,
    target: Target = TWO_CLASSES,
    steps: StepReadings | None = None,
    direct: int = 0,
) -> Network:
    """Return the network of a model, with a controller where its circuit has one.

    Args:
        architecture: of the circuit, with its feedback mode.
        n_inputs: numbers of a step.
        form: of the projection.
        head: what decides.
        scale: factor of the scores of classes in the loss.
        target: what is learnt.
        steps: which bits of every step the head reads; None is the outcome alone.
        direct: of how many last steps the inputs reach the outputs past the circuits.

    Raises:
        UsageError: a fixed decision with other outputs than its one, targets at every step without
            readings of them, readings of steps that record no bits, or direct connections to
            classes.
    """
    if direct and isinstance(target, Classes):
        raise UsageError(
            "direct connections should be of numbers: a class is proved by the shots of a circuit. "
            f"Got the classes {', '.join(target.names[:3])}; leave --direct out."
        )
    if target.per_step and (steps is None or steps.segments):
        raise UsageError(
            "a target per step should have readings of every step, without segments. "
            f"Got {'none' if steps is None else f'{steps.segments} segments'}."
        )
    if steps is not None and (head != "outcomes" or not architecture.n_bits):
        raise UsageError(
            "the bits of every step should be read by a trained head of a model that measures "
            f"within its steps, such as dynamic-line. Got {architecture.name} in "
            f"{architecture.mode} mode, with {architecture.n_bits} bits a step and the head {head}."
        )
    if head == "softmax" and target.n_outputs != 1:
        raise UsageError(f"a softmax head has one output. Got a target of {target.n_outputs}.")
    start = 0.0 if steps is None else STEP_OFFSET
    encoding = encoding_of(architecture, n_inputs, form, start)
    return Network(architecture, encoding, head, scale, target, steps, direct)
