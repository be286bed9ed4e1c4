"""A model in host rounds under noise, in the limit of infinite shots, differentiable.

Each circuit of a step is lifted once and starts anew in every round; the host's arithmetic in
between is the model's own. On the way back a round is computed again, so that memory holds the
operations of one round.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp

from circuits.definition import Architecture
from circuits.errors import CircuitsError
from circuits.exact.evolve import distribution
from circuits.exact.lift import lift
from circuits.exact.noise import Noise
from circuits.exact.operations import Program
from circuits.host_rounds import scan_rounds
from circuits.outcomes import outcome_signs
from circuits.unrolled import unroll

if TYPE_CHECKING:
    from qiskit.circuit import QuantumCircuit

Compile = Callable[["QuantumCircuit"], tuple["QuantumCircuit", Noise | None]]
"""A parametrised circuit of a step to what runs in its place, and the noise of its qubits."""


@dataclass(frozen=True, eq=False)
class RoundsModel:
    """The circuits of one step, lifted with their noise, and what the host does in between."""

    architecture: Architecture
    circuits: tuple[Program, ...]
    """Their parameters are the d features, the p weights and the value fed back."""

    out_bits: tuple[tuple[int, ...], ...]
    """Of each circuit the m bits that hold its outcome."""

    def outputs(
        self, weights: jax.Array, features: jax.Array, length: jax.Array | int
    ) -> jax.Array:
        """Return what a head reads of one sequence: <Z> of the readout wires, or h of an LSTM.

        A pure function of arrays: jit, grad and vmap apply.

        Args:
            weights: radians, shape (p,).
            features: shape (T, d) with T at least 1; what is beyond the length is not taken.
            length: number of steps, 1 to T.

        Returns:
            Shape (m,), or (1,) of an LSTM.

        Raises:
            CircuitsError: a shape does not fit.
        """
        d, p = self.architecture.n_features, self.architecture.n_weights
        shapes = jnp.shape(weights), jnp.shape(features)[1:]
        if jnp.ndim(features) != 2 or shapes != ((p,), (d,)) or 0 in jnp.shape(features)[:1]:
            raise CircuitsError(
                f"weights and features should have shapes ({p},) and (T, {d}), T at least 1. "
                f"Got {shapes[0]} and {jnp.shape(features)}."
            )
        recurrence = self.architecture.recurrence
        assert recurrence is not None

        @jax.checkpoint
        def read(row: jax.Array, fed_back: jax.Array) -> jax.Array:
            return self._values(jnp.concatenate([row, weights, fed_back[None]]))

        n_values = len(self.circuits) * len(self.architecture.readout)
        alive = jnp.arange(features.shape[0]) < length
        # Beyond the end anything will do that has a direction and a gradient.
        taken = jnp.where(alive[:, None], features, 1.0)
        return scan_rounds(recurrence, n_values, read, taken, alive)

    def _values(self, parameters: jax.Array) -> jax.Array:
        """Return <Z> of the outcome bits of every circuit of a round, one after the other."""
        signs = outcome_signs(len(self.architecture.readout))
        laws = [
            distribution(circuit, parameters, bits)
            for circuit, bits in zip(self.circuits, self.out_bits, strict=True)
        ]
        return jnp.concatenate([law @ signs for law in laws])


def rounds_model(
    architecture: Architecture, compiled: Compile = lambda circuit: (circuit, None)
) -> RoundsModel:
    """Lift the circuits of one step.

    Args:
        architecture: in `expectation` mode, with a recurrence (v1 to v5, qlstm, adapted).
        compiled: transpiles a circuit of the step and says what noise its qubits have; by default
            the circuit as it is written, without noise.

    Raises:
        CircuitsError: the model does not run in rounds, or a circuit has no exact evolution.
    """
    if not architecture.in_rounds:
        raise CircuitsError(
            "rounds need a model that feeds a value back in expectation mode. "
            f"Got {architecture.name} in {architecture.mode} mode."
        )
    q = unroll(architecture, 1)
    parameters = [*q.inputs[0], *q.weights, q.fed_back]
    circuits, bits = [], []
    for step in q.step_circuits:
        circuit, noise = compiled(step)
        circuits.append(lift(circuit, parameters, noise))
        (out,) = (register for register in circuit.cregs if register.name == "out")
        bits.append(tuple(circuit.find_bit(bit).index for bit in out))
    return RoundsModel(architecture, tuple(circuits), tuple(bits))
