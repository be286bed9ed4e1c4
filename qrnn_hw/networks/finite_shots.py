"""Outputs of a trained network from finitely many shots: drawn, or measured round by round."""

from __future__ import annotations

from functools import partial
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from circuits.exact.logical import logical_model
from circuits.outcomes import outcome_signs
from circuits.pure.hybrid_evolution import HybridState, evolve_hybrid_from
from circuits.pure.hybrid_layers import Readout
from circuits.pure.ideal import ideal_model
from qrnn_hw.data.sequences import Sequences
from qrnn_hw.networks.encoded import Encoded
from qrnn_hw.networks.encoding import Control
from qrnn_hw.networks.expectation import (
    Compile,
    Measurement,
    run_hybrid_rounds,
    run_rounds,
)
from qrnn_hw.networks.recorded import drawn
from qrnn_hw.networks.trained import TrainedNetwork


def sampled_outputs(
    trained: TrainedNetwork, sequences: Sequences, *, shots: int, generator: np.random.Generator
) -> NDArray[np.float64]:
    """Return r R of n sequences from shots, shape (n, k), per step (n, T, k); no other noise.

    In rounds every circuit of every round has so many shots, and the values fed back are the
    estimated ones.
    """
    network, parameters = trained.network, trained.parameters
    coefficients = trained.coefficients
    if network.steps is not None:
        recorded = drawn(
            logical_model(network.architecture), trained.encoded(sequences), shots, generator
        )
        per_step = network.target.per_step
        return np.asarray(recorded.readings(network.steps, per_step=per_step) @ coefficients)
    if not network.in_rounds:
        given = jnp.asarray(sequences.values), jnp.asarray(sequences.lengths)
        laws = np.asarray(jax.jit(network.readings)(parameters, *given))
        return np.asarray(_draw(laws, shots, generator) @ coefficients)
    draw_rounds = _sampled_hybrid if network.host_controlled else _sampled_rounds
    outputs = draw_rounds(trained, trained.encoded(sequences), shots, generator)
    return np.asarray(coefficients[0] + outputs @ coefficients[1:])


def outputs_in_rounds(
    trained: TrainedNetwork,
    encoded: Encoded,
    measure: Measurement,
    compile_circuit: Compile | None = None,
) -> NDArray[np.float64]:
    """Return r R of n sequences from rounds of jobs, shape (n, k).

    Args:
        trained: a model in expectation mode.
        encoded: its sequences.
        measure: runs one job.
        compile_circuit: logical circuit to what the machine takes.
    """
    network, given = trained.network, (measure, compile_circuit, encoded.lengths)
    if isinstance(network.encoding, Control):
        rounds = run_hybrid_rounds(
            network.architecture,
            network.encoding.controller,
            trained.parameters,
            encoded.features,
            *given,
        )
    else:
        rounds = run_rounds(network.architecture, encoded.features, encoded.circuit, *given)
    coefficients = trained.coefficients
    return np.asarray(coefficients[0] + rounds.outputs @ coefficients[1:])


def _sampled_rounds(
    trained: TrainedNetwork, encoded: Encoded, shots: int, generator: np.random.Generator
) -> NDArray[np.float64]:
    architecture, lengths = trained.network.architecture, encoded.lengths
    ideal, recurrence = ideal_model(architecture), architecture.recurrence
    assert ideal.round_law is not None
    assert recurrence is not None
    signs = outcome_signs(len(architecture.readout))
    features = np.array(encoded.features)
    features[np.arange(features.shape[1]) >= lengths[:, None]] = 1.0
    offsets = jax.jit(jax.vmap(ideal.differentiable_offsets))(jnp.asarray(features))
    one_round = jax.jit(jax.vmap(ideal.round_law, (0, None, 0)))
    state: NDArray[np.float64] = np.zeros((len(lengths), recurrence.n_state))
    outputs: NDArray[np.float64] = np.zeros((len(lengths), trained.network.n_values))
    for step in range(int(lengths.max())):
        h = jnp.asarray(recurrence.fed_back(state))
        laws = one_round(tuple(o[:, step] for o in offsets), jnp.asarray(encoded.circuit), h)
        values = _draw(np.asarray(laws), shots, generator) @ signs
        values = values.reshape(len(lengths), -1)
        alive = (lengths > step)[:, None]
        state = np.where(alive, recurrence.update(state, values, np), state)
        outputs = np.where(alive, recurrence.output(state, values), outputs)
    return outputs


def _sampled_hybrid(
    trained: TrainedNetwork, encoded: Encoded, shots: int, generator: np.random.Generator
) -> NDArray[np.float64]:
    """Draw z_t of each round in each basis; theta_(t+1) is made of what was drawn.

    Every round prepares psi_t from the start: its angles are the same again, so the state before
    the measurement is carried on and not what the measurement leaves.
    """
    network = trained.network
    assert isinstance(network.encoding, Control)
    architecture, controller = network.architecture, network.encoding.controller
    options, n = dict(architecture.options), architecture.n_qubits
    readout = cast(Readout, options["readout"])
    advance = jax.jit(
        partial(
            evolve_hybrid_from,
            controller,
            trained.parameters,
            n_qubits=n,
            n_layers=int(options["n_layers"]),
            readout=readout,
        )
    )
    lengths, signs = encoded.lengths, outcome_signs(n)[:, ::-1]  # wire 0 is high
    amplitudes = np.zeros((len(encoded), 2**n), dtype=complex)
    amplitudes[:, 0] = 1
    z: NDArray[np.float64] = np.zeros((len(encoded), controller.n_readouts))
    for step in range(int(lengths.max())):
        start = HybridState(jnp.asarray(amplitudes), jnp.asarray(z))
        _, end = advance(jnp.asarray(encoded.features[:, step : step + 1]), start)
        amplitudes = np.asarray(end.amplitudes)
        drawn = [
            _draw(np.abs(_turned_to(basis, amplitudes)) ** 2, shots, generator) @ signs
            for basis in readout
        ]
        alive = (lengths > step)[:, None]
        z = np.where(alive, np.concatenate(drawn, axis=1), z)
    return z


def _turned_to(basis: str, amplitudes: NDArray[np.complex128]) -> NDArray[np.complex128]:
    """Return states whose Z basis is a Pauli basis of all wires, shape (N, 2^n)."""
    if basis == "z":
        return amplitudes
    gate = np.array([[1, 1], [1, -1]]) / np.sqrt(2)
    if basis == "y":
        gate = gate @ np.diag([1, -1j])
    n = amplitudes.shape[-1].bit_length() - 1
    states: NDArray[Any] = amplitudes.reshape(-1, *(2,) * n)
    for axis in range(1, n + 1):
        states = np.moveaxis(np.tensordot(states, gate, (axis, 1)), -1, axis)
    return states.reshape(amplitudes.shape)


def _draw(
    laws: NDArray[np.float64], shots: int, generator: np.random.Generator
) -> NDArray[np.float64]:
    """Return the shares of the outcomes in so many shots, shape as the laws."""
    positive = np.clip(laws, 0, None)
    return np.asarray(
        generator.multinomial(shots, positive / positive.sum(-1, keepdims=True)) / shots
    )
