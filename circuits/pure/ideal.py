"""Ideal outputs of an architecture as a differentiable JAX function of its weights.

Without noise and with inputs given, a model needs no density matrix of all its wires: a coherent
model is a pure state; data qubits that end a step in |0> are traced out of the 2^n x 2^k isometry
that the step applies to the k hidden qubits; a model in rounds is a pure state from |0> in each.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import ClassicalRegister, Parameter, ParameterVector, QuantumCircuit

from circuits.definition import Architecture
from circuits.errors import CircuitsError
from circuits.gate_angles import AngleMapBuilder
from circuits.host_rounds import scan_rounds
from circuits.outcomes import outcome_signs
from circuits.parametrised import normalised
from circuits.pure.gate_program import GateProgram, program
from circuits.pure.ideal_laws import Law, Offsets, coherent_law, measured_law, round_law
from circuits.unrolled import FED_BACK, append_closing, append_step

# An audit runs each function once: optimising the machine code takes longer than it saves.
COMPILE_QUICKLY = {"xla_backend_optimization_level": 0}


@dataclass(frozen=True, eq=False)
class IdealModel:
    """An architecture's outputs in the limit of infinite shots, without noise."""

    architecture: Architecture
    steps: tuple[GateProgram, ...]
    """The circuits of one step."""

    law: Law | None
    """(offsets of a sequence, weights, number of steps) to the distribution of the outcomes, shape
    (2**m,), bit j being readout[j]; None of a model in rounds."""

    round_law: Law | None
    """(offsets of a step, weights, fed-back value) to the distribution of each circuit of a round,
    shape (n_circuits, 2**m); None of a model that is one circuit."""

    def outputs(
        self, offsets: Offsets, weights: jax.Array, length: jax.Array | None = None
    ) -> jax.Array:
        """Return what a head reads of one sequence: <Z> of the readout wires, or h of an LSTM.

        Args:
            offsets: of T steps.
            weights: shape (p,).
            length: number of steps taken, at least 1; all T by default.

        Returns:
            Shape (m,), or (1,) of an LSTM.
        """
        n_steps = offsets[0].shape[0]
        taken = jnp.asarray(n_steps) if length is None else length
        if self.law is not None:
            return self.law(offsets, weights, taken) @ self._signs
        return self._over_rounds(offsets, weights, jnp.arange(n_steps) < taken)

    @property
    def _signs(self) -> NDArray[np.float64]:
        return outcome_signs(len(self.architecture.readout))

    @property
    def weight_gates(self) -> NDArray[np.int64]:
        """Gates of a step, of all its circuits, that hold each weight, shape (p,)."""
        found = np.zeros(self.architecture.n_weights, dtype=np.int64)
        for step in self.steps:
            found += (step.slopes(step.weights) != 0).sum(axis=0)
        return found

    def _over_rounds(self, offsets: Offsets, weights: jax.Array, alive: jax.Array) -> jax.Array:
        recurrence = self.architecture.recurrence
        assert recurrence is not None
        assert self.round_law is not None
        round_law = self.round_law

        def read(given: Any, fed_back: jax.Array) -> jax.Array:
            return (round_law(given, weights, fed_back) @ self._signs).ravel()

        n_values = len(self.steps) * len(self.architecture.readout)
        return scan_rounds(recurrence, n_values, read, offsets, alive)

    @cached_property
    def _angle_maps(self) -> tuple[Callable[[jax.Array], jax.Array], ...]:
        return tuple(_angles_of_features(step) for step in self.steps)

    def differentiable_offsets(self, features: jax.Array) -> Offsets:
        """Return `offsets` of one sequence, shape (T, d), as a JAX function without checks.

        A vector that is to be normalised must not vanish: the result is not a number then.
        """
        return tuple(jax.vmap(angles)(features) for angles in self._angle_maps)

    @cached_property
    def _run(self) -> Callable[..., jax.Array]:
        return jax.jit(jax.vmap(self.outputs, in_axes=(0, None)), compiler_options=COMPILE_QUICKLY)

    @cached_property
    def _slopes(self) -> Callable[..., jax.Array]:
        slopes = jax.jacrev(self.outputs, argnums=1)
        return jax.jit(jax.vmap(slopes, in_axes=(0, None)), compiler_options=COMPILE_QUICKLY)

    def offsets(self, features: NDArray[np.float64]) -> Offsets:
        """Return the angles that the features set, one array (..., n_angles) a step circuit.

        Args:
            features: shape (..., d).

        Raises:
            CircuitsError: a vector that is to be normalised vanishes.
        """
        given = normalised(np.asarray(features, dtype=float), self.architecture.vectors)
        flat = given.reshape(-1, given.shape[-1])
        return tuple(
            jnp.asarray(np.stack([step.offsets(row) for row in flat])).reshape(
                *given.shape[:-1], len(step.expressions)
            )
            for step in self.steps
        )

    def batch(self, features: NDArray[np.float64], weights: NDArray[np.float64]) -> jax.Array:
        """Return the outputs of sequences (N, T, d), shape (N, m)."""
        return jnp.asarray(self._run(self.offsets(features), jnp.asarray(weights)))

    def jacobian(self, features: NDArray[np.float64], weights: NDArray[np.float64]) -> jax.Array:
        """Return d output / d weight of sequences (N, T, d), shape (N, m, p)."""
        return jnp.asarray(self._slopes(self.offsets(features), jnp.asarray(weights)))


def ideal_model(architecture: Architecture) -> IdealModel:
    """Return the ideal outputs of an architecture.

    Raises:
        CircuitsError: a step uses bits of the step before; such a model has no pure-state form.
    """
    if architecture.reads_previous:
        raise CircuitsError(
            f"a pure-state simulation should not depend on bits of the step before. Got "
            f"{architecture.name} in {architecture.mode} mode; use IdealWithBits, or the "
            "expectation mode."
        )
    features = ParameterVector("x", architecture.n_features)
    weights = ParameterVector("w", architecture.n_weights)
    fed_back = Parameter(FED_BACK) if architecture.in_rounds else None
    steps = tuple(
        program(
            _step_circuit(architecture, features, weights, fed_back, gate),
            list(features),
            list(weights),
            fed_back,
        )
        for gate in range(len(architecture.cells))
    )
    kept = sorted(set().union(*(step.closed for step in steps)) - set(architecture.data_qubits))
    if kept and not architecture.in_rounds:
        raise CircuitsError(
            "wires that are measured or reset in a step should be data qubits, which a step leaves "
            f"in |0>. Got {kept} of {architecture.name}."
        )
    end = QuantumCircuit(architecture.n_qubits)
    append_closing(end, architecture, list(weights))
    closing = program(end, (), list(weights))
    if architecture.in_rounds:
        return IdealModel(architecture, steps, None, round_law(architecture, steps))
    whole = measured_law if architecture.data_qubits else coherent_law
    return IdealModel(architecture, steps, whole(architecture, steps[0], closing), None)


def pure_model(architecture: Architecture) -> IdealModel | None:
    """Return the ideal outputs of an architecture, None where they have no pure-state form.

    The exact engine follows whatever circuit has none (`circuits.exact.logical`).
    """
    try:
        return ideal_model(architecture)
    except CircuitsError:
        if architecture.in_rounds:
            raise
        return None


def _angles_of_features(step: GateProgram) -> Callable[[jax.Array], jax.Array]:
    """Return the part of each angle that the features set, a function of them, shape (d,)."""
    others = [*step.weights, *([step.fed_back] if step.fed_back else [])]
    builder = AngleMapBuilder([*step.features, *others])
    free = [place for place, e in enumerate(step.expressions) if getattr(e, "parameters", None)]
    rows = np.array([builder.add(step.expressions[place]) for place in free], dtype=int)
    angle_map = builder.build()
    constant = np.array([0.0 if i in free else float(e) for i, e in enumerate(step.expressions)])

    def angles(features: jax.Array) -> jax.Array:
        found = angle_map(jnp.concatenate([features, jnp.zeros(len(others))]))
        return jnp.asarray(constant).at[np.array(free, dtype=int)].set(found[rows])

    return angles


def _step_circuit(
    architecture: Architecture,
    features: Sequence[Parameter],
    weights: Sequence[Parameter],
    fed_back: Parameter | None,
    gate: int,
) -> QuantumCircuit:
    circuit = QuantumCircuit(architecture.n_qubits)
    bits: Sequence[Any] = ()
    if architecture.n_bits:
        bits = ClassicalRegister(architecture.n_bits, "m")
        circuit.add_register(bits)
    append_step(circuit, architecture, list(features), list(weights), bits, (), fed_back, gate)
    return circuit
