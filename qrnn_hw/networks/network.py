"""A trainable network of any row of the registry: inputs -> features -> readings -> score.

Readings are what the circuits say of a sequence in the limit of infinite shots: the distribution of
the outcomes where it is one circuit, (1, <Z>, ...) where the host computes between the steps. A
`Reader` gives them, without noise or with it. The score is linear in them, and its sign is the
class.
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
from circuits.pure.hybrid_controller import WEIGHT_NAMES
from circuits.pure.statevector import outcome_signs
from qrnn_hw.networks.encoding import Control, Encoding, Form, Parameters, encoding_of
from qrnn_hw.networks.examples import Encoded, Examples
from qrnn_hw.networks.readers import Reader, ideal_reader

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
    """`outcomes`: a trained score of each outcome (of each <Z>, with a bias, in rounds); `linear`:
    a trained linear map of the <Z>; `softmax`: <Z> of the second readout less that of the first."""

    scale: float = 1.0
    """Factor of the score in the loss."""

    @property
    def host_controlled(self) -> bool:
        """Whether a controller on the host is asked in every round."""
        return isinstance(self.encoding, Control) and not self.encoding.n_bits

    @property
    def in_rounds(self) -> bool:
        """Whether the host computes between the steps."""
        return self.architecture.mode == "expectation"

    @property
    def n_outputs(self) -> int:
        """Values that a linear head takes."""
        if isinstance(self.encoding, Control) and self.host_controlled:
            return self.encoding.controller.n_readouts
        return 1 if self.architecture.gates else len(self.architecture.readout)

    @cached_property
    def _signs(self) -> NDArray[np.float64]:
        with jax.ensure_compile_time_eval():
            return np.asarray(outcome_signs(len(self.architecture.readout)))

    def initial(self, seed: int, projection: NDArray[np.float64] | None = None) -> Parameters:
        """Return parameters to start from.

        Small random rotations; the first readout set against the others (the published models'
        difference of <Z>), or the first alone where a controller reads all.

        Args:
            seed: of random rotations, normal with 0.3 radians, and random maps.
            projection: start of P, shape (n_inputs, k), its columns repeated as needed; without it
                P is random.
        """
        generator = np.random.default_rng(seed)
        found = {"circuit": generator.normal(0.0, 0.3, self.architecture.n_weights)}
        found |= self.encoding.initial(generator, seed, projection)
        if self.head != "softmax":
            found["head"] = self._initial_head()
        return {name: jnp.asarray(value) for name, value in found.items()}

    def _initial_head(self) -> NDArray[np.float64]:
        others = 0.0 if self.host_controlled else -0.5
        linear = np.array([0.0, 1.0] + [others] * (self.n_outputs - 1))
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
        """Return what the circuits say of n sequences, shape (n, n_readings).

        A pure function of arrays: jit, grad and vmap apply.

        Args:
            parameters: of the network.
            inputs: shape (n, T, n_inputs).
            lengths: number of steps, at least 1, shape (n,).
            reader: None is without noise.
        """
        read = self.ideal if reader is None else reader
        found = read(self.weights(parameters), self.features(parameters, inputs), lengths)
        if not self.in_rounds:
            return found
        return jnp.concatenate([jnp.ones((len(found), 1)), found], axis=1)

    def coefficients(self, parameters: Parameters) -> jax.Array:
        """Return the factor of each reading in the score, shape (n_readings,)."""
        if self.head == "outcomes":
            return parameters["head"]
        linear = jnp.array([0.0, -1.0, 1.0]) if self.head == "softmax" else parameters["head"]
        return linear if self.in_rounds else linear[0] + jnp.asarray(self._signs) @ linear[1:]

    def scores(
        self,
        parameters: Parameters,
        inputs: jax.Array,
        lengths: jax.Array,
        reader: Reader | None = None,
    ) -> jax.Array:
        """Return the scores of n sequences, shape (n,), positive for class 1."""
        read = self.readings(parameters, inputs, lengths, reader)
        return read @ self.coefficients(parameters)

    @cached_property
    def compiled_scores(self) -> Callable[..., jax.Array]:
        """`scores` at infinite shots, compiled once for all calls."""
        compiled: Callable[..., jax.Array] = jax.jit(self.scores, static_argnums=3)
        return compiled


@dataclass(frozen=True, eq=False)
class TrainedNetwork:
    """A network with its trained numbers."""

    network: Network
    parameters: Parameters

    @property
    def n_parameters(self) -> int:
        """Number of trained numbers."""
        return sum(int(np.size(part)) for part in self.parameters.values())

    @property
    def decision(self) -> NDArray[np.float64]:
        """Factor of each reading in the score: of a single circuit, the score of each outcome."""
        return np.asarray(self.network.coefficients(self.parameters))

    def encoded(self, examples: Examples) -> Encoded:
        """Return all numbers that are bound to the circuits of some sentences."""
        features = self.network.features(self.parameters, jnp.asarray(examples.vectors))
        circuit = np.asarray(self.parameters["circuit"])
        return Encoded(circuit, np.asarray(features), examples.lengths)

    def scores(
        self,
        inputs: NDArray[np.float64],
        lengths: NDArray[np.int64],
        reader: Reader | None = None,
    ) -> NDArray[np.float64]:
        """Return the scores of sequences at infinite shots, shape (n,)."""
        given = jnp.asarray(inputs), jnp.asarray(lengths)
        return np.asarray(self.network.compiled_scores(self.parameters, *given, reader))


def network_of(
    architecture: Architecture,
    n_inputs: int,
    *,
    form: Form = "angles",
    head: Head = "outcomes",
    scale: float = SCORE_SCALE,
) -> Network:
    """Return the network of a model, with a controller where its circuit has one.

    Args:
        architecture: of the circuit, with its feedback mode.
        n_inputs: numbers of a step.
        form: of the projection.
        head: what decides.
        scale: factor of the score in the loss.
    """
    return Network(architecture, encoding_of(architecture, n_inputs, form), head, scale)
