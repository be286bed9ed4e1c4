"""Ideal outputs of models that have no pure-state form.

Their steps read the bits of the step before, or measure what goes on: the exact engine follows a
density operator for each value of the bits.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import ControlFlowOp, ParameterVector, QuantumCircuit

from circuits.definition import Architecture
from circuits.exact.logical import logical_model
from circuits.exact.sequence import SequenceModel
from circuits.outcomes import outcome_signs
from circuits.parametrised import normalised
from circuits.pure.ideal import COMPILE_QUICKLY
from circuits.unrolled import step_circuit


@dataclass(frozen=True, eq=False)
class IdealWithBits:
    """An architecture's <Z> of the readout wires in the limit of infinite shots, without noise."""

    architecture: Architecture

    @cached_property
    def _model(self) -> SequenceModel:
        return logical_model(self.architecture)

    @property
    def weight_gates(self) -> NDArray[np.int64]:
        """Gates of a step that hold each weight, branches included, shape (p,)."""
        features = ParameterVector("x", self.architecture.n_features)
        weights = ParameterVector("w", self.architecture.n_weights)
        step = step_circuit(self.architecture, list(features), list(weights), later=True)
        found = np.zeros(len(weights), dtype=np.int64)
        for parameter in _of_gates(step):
            if parameter.vector.name == "w":
                found[parameter.index] += 1
        return found

    def batch(self, features: NDArray[np.float64], weights: NDArray[np.float64]) -> jax.Array:
        """Return the outputs of sequences (N, T, d), shape (N, m)."""
        return self._run(jnp.asarray(weights), self._encoded(features))

    def jacobian(self, features: NDArray[np.float64], weights: NDArray[np.float64]) -> jax.Array:
        """Return d output / d weight of sequences (N, T, d), shape (N, m, p)."""
        return self._slopes(jnp.asarray(weights), self._encoded(features))

    @cached_property
    def _run(self) -> Callable[..., jax.Array]:
        return jax.jit(self._outputs, compiler_options=COMPILE_QUICKLY)

    @cached_property
    def _slopes(self) -> Callable[..., jax.Array]:
        return jax.jit(jax.jacfwd(self._outputs), compiler_options=COMPILE_QUICKLY)

    def _encoded(self, features: NDArray[np.float64]) -> jax.Array:
        return jnp.asarray(normalised(np.asarray(features, float), self.architecture.vectors))

    def _outputs(self, weights: jax.Array, features: jax.Array) -> jax.Array:
        lengths = jnp.full(len(features), features.shape[1])
        laws = self._model.distributions(weights, features, lengths)
        return laws @ outcome_signs(len(self.architecture.readout))


def _of_gates(circuit: QuantumCircuit) -> list:  # type: ignore[type-arg]
    """Return the parameters of each gate, one entry for each time that one stands in a gate."""
    found = []
    for instruction in circuit.data:
        operation = instruction.operation
        if isinstance(operation, ControlFlowOp):
            for block in operation.blocks:
                found += _of_gates(block)
        else:
            for angle in operation.params:
                found += getattr(angle, "parameters", ())
    return found
