"""The exact engine as a neural network of qiskit-machine-learning.

`NeuralNetworkClassifier` and `TorchConnector` take it, so that their optimisers train a dynamic
circuit with gradients through its measurements, which the library's own networks do not give.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray
from qiskit_machine_learning.neural_networks import NeuralNetwork

from circuits.exact.sequence import SequenceModel
from circuits.integers import count
from qrnn_hw.errors import UsageError

Array = NDArray[np.float64]


class ExactNeuralNetwork(NeuralNetwork):  # type: ignore[misc]
    """A recurrent model's outcome distribution, or its mean score, with exact gradients.

    An input row is a sequence of T steps, the d angles of the first step first, in radians. The
    weights are the circuit's p angles. The output is the distribution over the 2**m outcomes, or
    with `scores` one number a sample, the mean score over infinitely many shots.
    """

    def __init__(
        self,
        model: SequenceModel,
        n_steps: int,
        *,
        scores: Array | None = None,
        input_gradients: bool = False,
    ) -> None:
        """Wrap a model.

        Args:
            model: `jobs.transpile.lifted_step.sequence_model` of a machine's step, or
                `circuits.exact.logical.logical_model`.
            n_steps: T, at least 1.
            scores: of the outcomes, shape (2**m,), in [-1, 1] where a binary classifier takes the
                sign.
            input_gradients: whether `backward` gives them; `TorchConnector` needs them below
                other layers.

        Raises:
            CircuitsError: the steps are not a number of at least 1.
            UsageError: another number of scores than outcomes.
        """
        n_steps = count("the number of steps", n_steps)
        if scores is not None and np.shape(scores) != (model.n_outcomes,):
            raise UsageError(
                f"scores should have shape ({model.n_outcomes},), one for each outcome. "
                f"Got {np.shape(scores)}."
            )
        self._model, self._n_steps = model, n_steps
        read = np.eye(model.n_outcomes) if scores is None else np.asarray(scores)[:, None]

        def outputs(weights: jax.Array, rows: jax.Array) -> jax.Array:
            features = rows.reshape(len(rows), n_steps, model.n_features)
            lengths = jnp.full(len(rows), n_steps)
            return model.distributions(weights, features, lengths) @ read

        def by_input(weights: jax.Array, rows: jax.Array) -> jax.Array:
            _, pull = jax.vjp(lambda x: outputs(weights, x), rows)
            # An output belongs to one row, so one pass serves the same output of all rows.
            chosen = jnp.broadcast_to(
                jnp.eye(read.shape[1])[:, None, :], (read.shape[1], len(rows), read.shape[1])
            )
            return jnp.moveaxis(jax.vmap(pull)(chosen)[0], 0, 1)

        self._outputs = jax.jit(outputs)
        # Forward mode: the weights enter once, through the compiled step, and not once a row.
        self._by_weight = jax.jit(jax.jacfwd(outputs))
        self._by_input = jax.jit(by_input)
        super().__init__(
            num_inputs=n_steps * model.n_features,
            num_weights=model.n_weights,
            sparse=False,
            output_shape=(read.shape[1],),
            input_gradients=input_gradients,
        )

    def _forward(self, input_data: Array | None, weights: Array | None) -> Array:
        return self._call(self._outputs, input_data, weights)

    def _backward(
        self, input_data: Array | None, weights: Array | None
    ) -> tuple[Array | None, Array | None]:
        by_weight = self._call(self._by_weight, input_data, weights)
        if not self.input_gradients:
            return None, by_weight
        return self._call(self._by_input, input_data, weights), by_weight

    def _call(
        self, function: Callable[..., Any], input_data: Array | None, weights: Array | None
    ) -> Array:
        if input_data is None or weights is None:
            raise UsageError("the network needs both inputs and weights. Got one of them missing.")
        if not (np.isfinite(input_data).all() and np.isfinite(weights).all()):
            raise UsageError("inputs and weights should be finite. Got one that is not.")
        # Batches are filled up to a power of two, so that few shapes are compiled.
        size = 1 << (len(input_data) - 1).bit_length()
        rows = np.zeros((size, self.num_inputs))
        rows[: len(input_data)] = input_data
        answer = function(jnp.asarray(weights), jnp.asarray(rows))
        return np.array(answer[: len(input_data)])  # the caller's own: torch wants to write on it
