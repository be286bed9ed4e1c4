"""A trainable classifier of any row of the registry: features to a score.

A network's readings are what its circuit says of a sentence in the limit of infinite shots: the
distribution of the outcomes where it is one circuit, (1, <Z>, ...) where it runs in rounds. The
score is linear in them, and its sign is the class.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, Protocol

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from circuits.definition import Architecture
from circuits.exact.logical import logical_model
from circuits.exact.rounds import RoundsModel
from circuits.ideal import IdealModel, ideal_model
from circuits.statevector import outcome_signs
from qrnn_hw.networks.expectation import Compile, Measurement, run_rounds

Parameters = dict[str, jax.Array]
Encoding = Literal["trained", "linear", "none"]
Head = Literal["outcomes", "linear", "softmax"]

VECTOR_OFFSET = 0.1
"""Start of the offsets where features are encoded by their direction: that of zero has none."""


class Network(Protocol):
    """What is trained, tested and run in rounds."""

    @property
    def architecture(self) -> Architecture:
        """Of the circuit."""

    @property
    def scale(self) -> float:
        """Factor of the score in the loss."""

    def initial(self, seed: int, projection: NDArray[np.float64] | None = None) -> Parameters:
        """Return parameters to start from."""

    def score(self, parameters: Parameters, inputs: jax.Array, length: jax.Array) -> jax.Array:
        """Return the score of one sentence at infinite shots, positive for class 1."""

    def sampled_scores(
        self,
        parameters: Parameters,
        inputs: NDArray[np.float64],
        lengths: NDArray[np.int64],
        *,
        shots: int,
        generator: np.random.Generator,
    ) -> NDArray[np.float64]:
        """Return scores of sentences from shots without noise, shape (n,)."""

    def scores_in_rounds(
        self,
        parameters: Parameters,
        inputs: NDArray[np.float64],
        lengths: NDArray[np.int64],
        measure: Measurement,
        compile_circuit: Compile | None = None,
    ) -> NDArray[np.float64]:
        """Return scores of sentences from rounds of jobs, shape (n,)."""


@dataclass(frozen=True, eq=False)
class CircuitNetwork:
    """Features, perhaps a linear map, the circuit, a head."""

    architecture: Architecture
    n_inputs: int
    encoding: Encoding = "trained"
    """`trained`: pi tanh(x P + b); `linear`: x P + b; `none`: x itself."""

    head: Head = "outcomes"
    """`outcomes`: a trained score of each outcome (of each <Z>, with a bias, in rounds); `linear`:
    a trained linear map of the <Z>; `softmax`: <Z> of the second readout less that of the first."""

    scale: float = 1.0
    """Factor of the score in the loss."""

    under_noise: RoundsModel | None = None
    """The circuits of a model in rounds with a machine's noise; None is without noise."""

    @property
    def in_rounds(self) -> bool:
        """Whether the host computes between the steps."""
        return self.architecture.in_rounds

    @cached_property
    def _ideal(self) -> IdealModel:
        return ideal_model(self.architecture)

    @cached_property
    def _signs(self) -> NDArray[np.float64]:
        return np.asarray(outcome_signs(len(self.architecture.readout)))

    @property
    def n_outputs(self) -> int:
        """Values that a linear head takes."""
        return 1 if self.architecture.gates else len(self.architecture.readout)

    def initial(self, seed: int, projection: NDArray[np.float64] | None = None) -> Parameters:
        """Return parameters to start from.

        Args:
            seed: of random rotations, normal with 0.3 radians, and random maps.
            projection: start of P, shape (n_inputs, k), its columns repeated as needed; without it
                P is random.
        """
        generator = np.random.default_rng(seed)
        d = self.architecture.n_features
        found: dict[str, NDArray[np.float64]] = {
            "circuit": generator.normal(0.0, 0.3, self.architecture.n_weights)
        }
        if self.encoding != "none":
            random = generator.normal(0.0, self.n_inputs**-0.5, (self.n_inputs, d))
            if projection is not None:
                random = np.tile(projection, (1, -(-d // projection.shape[1])))[:, :d]
            start = VECTOR_OFFSET if self.architecture.vectors else 0.0
            found |= {"projection": random, "offset": np.full(d, start)}
        if self.head != "softmax":
            found["head"] = self._initial_head()
        return {name: jnp.asarray(value) for name, value in found.items()}

    def _initial_head(self) -> NDArray[np.float64]:
        linear = np.array([0.0, 1.0] + [-0.5] * (self.n_outputs - 1))
        if self.head == "linear" or self.in_rounds:
            return linear
        decision = self._signs @ linear[1:]
        return np.asarray(decision / np.abs(decision).max())

    def encoded(self, parameters: Parameters, inputs: jax.Array) -> jax.Array:
        """Return the features of the circuit, shape (..., d), of inputs (..., n_inputs)."""
        if self.encoding == "none":
            return inputs
        mapped = inputs @ parameters["projection"] + parameters["offset"]
        return jnp.pi * jnp.tanh(mapped) if self.encoding == "trained" else mapped

    def readings(self, parameters: Parameters, inputs: jax.Array, length: jax.Array) -> jax.Array:
        """Return what the circuit says of one sentence, shape (n_readings,).

        Args:
            parameters: of the network.
            inputs: shape (T, n_inputs).
            length: number of steps, at least 1.
        """
        alive = jnp.arange(inputs.shape[0]) < length
        # Beyond the end any feature will do but one that cannot be normalised.
        features = jnp.where(alive[:, None], self.encoded(parameters, inputs), 1.0)
        found = self._read(parameters["circuit"], features, length)
        return jnp.concatenate([jnp.ones(1), found]) if self.in_rounds else found

    @cached_property
    def _read(self) -> Callable[[jax.Array, jax.Array, jax.Array], jax.Array]:
        if self.architecture.reads_previous:
            model = logical_model(self.architecture)
            return lambda w, x, n: model.distributions(w, x[None], n[None])[0]
        if self.under_noise is not None:
            return self.under_noise.outputs
        ideal = self._ideal
        if self.in_rounds:
            return lambda w, x, n: ideal.outputs(ideal.differentiable_offsets(x), w, n)
        assert ideal.law is not None
        law = ideal.law
        return lambda w, x, n: law(ideal.differentiable_offsets(x), w, n)

    def coefficients(self, parameters: Parameters) -> jax.Array:
        """Return the factor of each reading in the score, shape (n_readings,)."""
        if self.head == "outcomes":
            return parameters["head"]
        linear = jnp.array([0.0, -1.0, 1.0]) if self.head == "softmax" else parameters["head"]
        return linear if self.in_rounds else linear[0] + jnp.asarray(self._signs) @ linear[1:]

    def score(self, parameters: Parameters, inputs: jax.Array, length: jax.Array) -> jax.Array:
        """Return the score of one sentence, positive for class 1."""
        return self.readings(parameters, inputs, length) @ self.coefficients(parameters)

    def sampled_scores(
        self,
        parameters: Parameters,
        inputs: NDArray[np.float64],
        lengths: NDArray[np.int64],
        *,
        shots: int,
        generator: np.random.Generator,
    ) -> NDArray[np.float64]:
        """Return scores of sentences (n, T, n_inputs) from shots, shape (n,); no noise but theirs.

        In rounds every round has so many shots, and the values fed back are the estimated ones.
        """
        coefficients = np.asarray(self.coefficients(parameters))
        if not self.in_rounds:
            laws = np.asarray(
                jax.jit(jax.vmap(self.readings, (None, 0, 0)))(
                    parameters, jnp.asarray(inputs), jnp.asarray(lengths)
                )
            )
            return np.asarray(_draw(laws, shots, generator) @ coefficients)
        outputs = self._sampled_rounds(parameters, inputs, lengths, shots, generator)
        return np.asarray(coefficients[0] + outputs @ coefficients[1:])

    def scores_in_rounds(
        self,
        parameters: Parameters,
        inputs: NDArray[np.float64],
        lengths: NDArray[np.int64],
        measure: Measurement,
        compile_circuit: Compile | None = None,
    ) -> NDArray[np.float64]:
        """Return scores of sentences from rounds of jobs, shape (n,).

        Args:
            parameters: trained.
            inputs: shape (n, T, n_inputs).
            lengths: steps of each sentence, shape (n,).
            measure: runs one job.
            compile_circuit: logical circuit to what the machine takes.
        """
        features = np.asarray(self.encoded(parameters, jnp.asarray(inputs)))
        weights = np.asarray(parameters["circuit"])
        rounds = run_rounds(self.architecture, features, weights, measure, compile_circuit, lengths)
        coefficients = np.asarray(self.coefficients(parameters))
        return np.asarray(coefficients[0] + rounds.outputs @ coefficients[1:])

    def _sampled_rounds(
        self,
        parameters: Parameters,
        inputs: NDArray[np.float64],
        lengths: NDArray[np.int64],
        shots: int,
        generator: np.random.Generator,
    ) -> NDArray[np.float64]:
        ideal, recurrence = self._ideal, self.architecture.recurrence
        assert ideal.round_law is not None
        assert recurrence is not None
        features = np.array(self.encoded(parameters, jnp.asarray(inputs)))
        features[np.arange(features.shape[1]) >= lengths[:, None]] = 1.0
        offsets = jax.jit(jax.vmap(ideal.differentiable_offsets))(jnp.asarray(features))
        one_round = jax.jit(jax.vmap(ideal.round_law, (0, None, 0)))
        state: NDArray[np.float64] = np.zeros((len(inputs), recurrence.n_state))
        outputs: NDArray[np.float64] = np.zeros((len(inputs), self.n_outputs))
        for step in range(int(lengths.max())):
            h = jnp.asarray(recurrence.fed_back(state))
            laws = one_round(tuple(o[:, step] for o in offsets), parameters["circuit"], h)
            values = _draw(np.asarray(laws), shots, generator) @ self._signs
            values = values.reshape(len(inputs), -1)
            alive = (lengths > step)[:, None]
            state = np.where(alive, recurrence.update(state, values, np), state)
            outputs = np.where(alive, recurrence.output(state, values), outputs)
        return outputs


def _draw(
    laws: NDArray[np.float64], shots: int, generator: np.random.Generator
) -> NDArray[np.float64]:
    """Return the shares of the outcomes in so many shots, shape as the laws."""
    positive = np.clip(laws, 0, None)
    return np.asarray(
        generator.multinomial(shots, positive / positive.sum(-1, keepdims=True)) / shots
    )
