"""The hybrid in expectation mode as a classifier, and the choice of a model's network."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import cast

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from circuits.definition import Architecture
from circuits.hybrid_controller import Controller
from circuits.hybrid_evolution import evolve_hybrid
from circuits.hybrid_layers import Readout
from qrnn_hw.networks.expectation import Compile, Measurement, by_sampler, run_hybrid_rounds
from qrnn_hw.networks.network import CircuitNetwork, Network, Parameters

N_INPUTS = 4
"""Numbers of a word that the controller sees, after a trained projection."""

N_HIDDEN = 16


@dataclass(frozen=True, eq=False)
class HybridNetwork:
    """Words through a projection and a GELU controller; a linear head on the last readouts."""

    architecture: Architecture
    n_inputs: int
    scale: float = 1.0

    @cached_property
    def _options(self) -> dict[str, object]:
        return dict(self.architecture.options)

    @property
    def _readout(self) -> Readout:
        return cast(Readout, self._options["readout"])

    @cached_property
    def controller(self) -> Controller:
        """Shapes of the classical network."""
        n_readouts = self.architecture.n_qubits * len(self._readout)
        return Controller(N_INPUTS, n_readouts, self.architecture.n_features, N_HIDDEN)

    def initial(self, seed: int, projection: NDArray[np.float64] | None = None) -> Parameters:
        """Return parameters to start from; the projection starts as given, else random."""
        generator = np.random.default_rng(seed)
        start = generator.normal(0.0, self.n_inputs**-0.5, (self.n_inputs, N_INPUTS))
        head = np.zeros(1 + self.controller.n_readouts)
        head[1] = 1.0
        return {
            **self.controller.initial_weights(jax.random.key(seed)),
            "projection": jnp.asarray(start if projection is None else projection[:, :N_INPUTS]),
            "offset": jnp.zeros(N_INPUTS),
            "head": jnp.asarray(head),
        }

    def encoded(self, parameters: Parameters, inputs: jax.Array) -> jax.Array:
        """Return what the controller sees of words (..., n_inputs), shape (..., 4)."""
        return jnp.tanh(inputs @ parameters["projection"] + parameters["offset"])

    def score(self, parameters: Parameters, inputs: jax.Array, length: jax.Array) -> jax.Array:
        """Return the score of one sentence at infinite shots, positive for class 1."""
        z = evolve_hybrid(
            self.controller,
            parameters,
            self.encoded(parameters, inputs),
            n_qubits=self.architecture.n_qubits,
            n_layers=int(str(self._options["n_layers"])),
            readout=self._readout,
        )
        return parameters["head"][0] + z[length - 1] @ parameters["head"][1:]

    def sampled_scores(
        self,
        parameters: Parameters,
        inputs: NDArray[np.float64],
        lengths: NDArray[np.int64],
        *,
        shots: int,
        generator: np.random.Generator,
    ) -> NDArray[np.float64]:
        """Return scores of sentences (n, T, n_inputs) from shots of every round, shape (n,)."""
        from qiskit.primitives import StatevectorSampler

        sampler = StatevectorSampler(seed=int(generator.integers(2**31)))
        return self.scores_in_rounds(parameters, inputs, lengths, by_sampler(sampler, shots))

    def scores_in_rounds(
        self,
        parameters: Parameters,
        inputs: NDArray[np.float64],
        lengths: NDArray[np.int64],
        measure: Measurement,
        compile_circuit: Compile | None = None,
    ) -> NDArray[np.float64]:
        """Return scores of sentences from rounds of jobs, shape (n,); as for other networks."""
        rounds = run_hybrid_rounds(
            self.architecture,
            self.controller,
            parameters,
            np.asarray(self.encoded(parameters, jnp.asarray(inputs))),
            measure,
            compile_circuit,
            lengths,
        )
        head = np.asarray(parameters["head"])
        return np.asarray(head[0] + rounds.outputs @ head[1:])


def network_of(architecture: Architecture, n_inputs: int, *, scale: float) -> Network:
    """Return the network of a model with a trained projection of n_inputs numbers a word."""
    if architecture.mode == "expectation" and not architecture.in_rounds:
        return HybridNetwork(architecture, n_inputs, scale)
    return CircuitNetwork(architecture, n_inputs, scale=scale)
