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
from circuits.gate_program import Program, program
from circuits.parametrised import normalised
from circuits.statevector import apply, expectations_z, ground_state
from circuits.unrolled import FED_BACK, append_closing, append_step

Offsets = tuple[jax.Array, ...]

# An audit runs each function once: optimising the machine code takes longer than it saves.
_COMPILE_QUICKLY = {"xla_backend_optimization_level": 0}


@dataclass(frozen=True, eq=False)
class IdealModel:
    """An architecture's outputs in the limit of infinite shots, without noise.

    `outputs` maps the offsets of one sequence and the weights, shape (p,), to what a head reads:
    <Z> of the readout wires, shape (m,), or h of an LSTM, shape (1,).
    """

    architecture: Architecture
    steps: tuple[Program, ...]
    """The circuits of one step."""

    outputs: Callable[[Offsets, jax.Array], jax.Array]

    @cached_property
    def _run(self) -> Callable[..., jax.Array]:
        return jax.jit(jax.vmap(self.outputs, in_axes=(0, None)), compiler_options=_COMPILE_QUICKLY)

    @cached_property
    def _slopes(self) -> Callable[..., jax.Array]:
        slopes = jax.jacrev(self.outputs, argnums=1)
        return jax.jit(jax.vmap(slopes, in_axes=(0, None)), compiler_options=_COMPILE_QUICKLY)

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
            f"{architecture.name} in {architecture.mode} mode; use the exact noisy engine, or the "
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
        outputs = _in_rounds(architecture, steps)
    elif architecture.data_qubits:
        outputs = _with_data_qubits(architecture, steps[0], closing)
    else:
        outputs = _coherent(architecture, steps[0], closing)
    return IdealModel(architecture, steps, outputs)


def _coherent(
    architecture: Architecture, step: Program, closing: Program
) -> Callable[[Offsets, jax.Array], jax.Array]:
    n = architecture.n_qubits
    of_weights = jnp.asarray(step.slopes(step.weights))
    end_offset, end_slopes = _affine(closing)

    def outputs(offsets: Offsets, weights: jax.Array) -> jax.Array:
        def advance(state: jax.Array, offset: jax.Array) -> tuple[jax.Array, None]:
            return apply(step, state, offset + of_weights @ weights), None

        state, _ = jax.lax.scan(advance, ground_state(n), offsets[0])
        state = apply(closing, state, end_offset + end_slopes @ weights)
        return expectations_z(jnp.abs(state[:, 0]) ** 2, n, architecture.readout)

    return outputs


def _with_data_qubits(
    architecture: Architecture, step: Program, closing: Program
) -> Callable[[Offsets, jax.Array], jax.Array]:
    n, hidden = architecture.n_qubits, architecture.hidden_qubits
    of_weights = jnp.asarray(step.slopes(step.weights))
    end_offset, end_slopes = _affine(closing)
    embedding = jnp.asarray(_embedding(n, hidden))
    order = (*architecture.data_qubits, *hidden)

    def outputs(offsets: Offsets, weights: jax.Array) -> jax.Array:
        def advance(rho: jax.Array, offset: jax.Array) -> tuple[jax.Array, None]:
            isometry = apply(step, embedding, offset + of_weights @ weights)
            columns = isometry.shape[1]
            kraus = isometry.reshape((2,) * n + (columns,)).transpose(*order, n)
            kraus = kraus.reshape(-1, columns, columns)
            return jnp.einsum("dij,jk,dlk->il", kraus, rho, kraus.conj()), None

        start = jnp.zeros((2 ** len(hidden),) * 2, dtype=complex).at[0, 0].set(1)
        rho, _ = jax.lax.scan(advance, start, offsets[0])
        end = apply(closing, embedding, end_offset + end_slopes @ weights)
        return expectations_z(
            jnp.einsum("ij,jk,ik->i", end, rho, end.conj()).real, n, architecture.readout
        )

    return outputs


def _in_rounds(
    architecture: Architecture, steps: Sequence[Program]
) -> Callable[[Offsets, jax.Array], jax.Array]:
    recurrence = architecture.recurrence
    assert recurrence is not None
    of_weights = [jnp.asarray(step.slopes(step.weights)) for step in steps]
    of_h = [jnp.asarray(step.slopes([step.fed_back]))[:, 0] for step in steps if step.fed_back]

    def outputs(offsets: Offsets, weights: jax.Array) -> jax.Array:
        def advance(carry: Any, row: Offsets) -> tuple[Any, None]:
            h, values = recurrence.fed_back(carry[0]), []
            for step, offset, slopes, slope in zip(steps, row, of_weights, of_h, strict=True):
                angles = offset + slopes @ weights + slope * h
                state = apply(step, ground_state(architecture.n_qubits), angles)
                values.append(
                    expectations_z(
                        jnp.abs(state[:, 0]) ** 2, architecture.n_qubits, architecture.readout
                    )
                )
            together = jnp.concatenate(values)
            return (recurrence.update(carry[0], together, jnp), together), None

        n_values = len(steps) * len(architecture.readout)
        start = (jnp.zeros(recurrence.n_state), jnp.zeros(n_values))
        (state, values), _ = jax.lax.scan(advance, start, offsets)
        return jnp.asarray(recurrence.output(state, values))

    return outputs


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


def _affine(closing: Program) -> tuple[jax.Array, jax.Array]:
    return jnp.asarray(closing.offsets(np.zeros(0))), jnp.asarray(closing.slopes(closing.weights))


def _embedding(n: int, hidden: Sequence[int]) -> NDArray[np.complex128]:
    """Return the isometry that adds data wires in |0> to the hidden ones, shape (2^n, 2^k)."""
    result = np.zeros((2**n, 2 ** len(hidden)), dtype=complex)
    for column in range(result.shape[1]):
        bits = [(column >> (len(hidden) - 1 - place)) & 1 for place in range(len(hidden))]
        row = sum(bit << (n - 1 - wire) for bit, wire in zip(bits, hidden, strict=True))
        result[row, column] = 1
    return result
