"""Models in `expectation` mode, run in host rounds: one job a time step for a whole batch.

The host estimates <Z> of every sequence's step, computes the values to feed back and binds them
to the circuits of the next step. A round is one call of a `Measurement`; where it runs is the
caller's choice: any SamplerV2 (Aer, the Runtime and its local mode) or the exact state.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from circuits.hybrid import in_basis
from circuits.parametrised import QRNNCircuit
from circuits.unrolled import unroll
from qrnn_hw.errors import UsageError

if TYPE_CHECKING:
    from qiskit.circuit import QuantumCircuit

    from circuits.definition import Architecture
    from circuits.hybrid_controller import Controller, Weights

Measurement = Callable[[Sequence["QuantumCircuit"]], NDArray[np.float64]]
"""One job: bound circuits to <Z> of the bits of their register `out`, shape (n_circuits, m)."""

Compile = Callable[["QuantumCircuit"], "QuantumCircuit"]
"""Parametrised circuit to the circuit that the machine takes, Parameters kept."""


@dataclass(frozen=True)
class Rounds:
    """What came back from T rounds of N sequences."""

    outputs: NDArray[np.float64]  # shape (N, m)
    """What a head reads after the last step."""

    values: NDArray[np.float64]  # shape (N, T, n_values)
    """Estimated expectation values of every step."""

    states: NDArray[np.float64]  # shape (N, T, n_state)
    """What the host kept after every step."""


def run_rounds(
    architecture: Architecture,
    features: NDArray[np.float64],
    weights: NDArray[np.float64],
    measure: Measurement,
    compile_step: Compile | None = None,
) -> Rounds:
    """Run N sequences of a model that starts anew in every step: T jobs in all.

    Args:
        architecture: in `expectation` mode, with a recurrence (v1 to v5, qlstm, adapted).
        features: shape (N, T, d).
        weights: shape (p,).
        measure: runs one job; N circuits, four times as many for the LSTM, sequence by sequence.
        compile_step: applied once to each parametrised step circuit, such as a pass manager's
            `run`; the bound circuits then need no transpilation.

    Raises:
        UsageError: the model does not run in rounds, or `features` are not a batch of sequences.
        CircuitsError: a sequence does not fit the model.
    """
    recurrence = architecture.recurrence
    if not architecture.in_rounds or recurrence is None:
        raise UsageError(
            "host rounds need a model that feeds a value back in expectation mode. "
            f"Got {architecture.name} in {architecture.mode} mode."
        )
    given = _batch(features)
    q = _compiled(unroll(architecture, 1), compile_step)
    state = np.zeros((len(given), recurrence.n_state))
    values, states = [], []
    for step in range(given.shape[1]):
        fed_back = recurrence.fed_back(state)
        bound = [
            circuit
            for row, h in zip(given[:, step], fed_back, strict=True)
            for circuit in q.bind_step(row, weights, float(h))
        ]
        values.append(measure(bound).reshape(len(given), -1))
        state = np.asarray(recurrence.update(state, values[-1], np))
        states.append(state)
    outputs = np.asarray(recurrence.output(state, values[-1]))
    return Rounds(outputs, np.stack(values, axis=1), np.stack(states, axis=1))


def run_hybrid_rounds(
    architecture: Architecture,
    controller: Controller,
    controller_weights: Weights,
    features: NDArray[np.float64],
    measure: Measurement,
    compile_prefix: Compile | None = None,
) -> Rounds:
    """Run N sequences of the hybrid as published: round t runs the prefix of t steps again.

    Reading a state destroys it, so each of the T jobs prepares psi_t from the start, once for each
    Pauli basis that is read.

    Args:
        architecture: `hybrid` in `expectation` mode.
        controller: the classical network; its readouts decide which bases are read.
        controller_weights: its trained weights.
        features: shape (N, T, d) of the controller's input.
        measure: runs one job.
        compile_prefix: applied once to the parametrised circuit of each length and basis.

    Raises:
        UsageError: the controller does not fit the architecture, or no batch of sequences.
    """
    if controller.n_angles != architecture.n_features or architecture.mode != "expectation":
        raise UsageError(
            f"the controller should give the {architecture.n_features} angles of "
            f"{architecture.name} in expectation mode. Got {controller.n_angles} angles and "
            f"{architecture.mode} mode."
        )
    given = _batch(features)
    bases = "z" if controller.n_readouts == architecture.n_qubits else "xyz"
    if controller.n_readouts != len(bases) * architecture.n_qubits:
        raise UsageError(
            f"the controller should read {architecture.n_qubits} or {3 * architecture.n_qubits} "
            f"values. Got {controller.n_readouts}."
        )
    n_sequences, n_steps = given.shape[:2]
    angles = np.zeros((n_sequences, 0, controller.n_angles))
    z, values = np.zeros((n_sequences, controller.n_readouts)), []
    for step in range(n_steps):
        theta = np.asarray(controller.angles(controller_weights, given[:, step], z))
        angles = np.concatenate([angles, theta[:, None]], axis=1)
        prefix = unroll(architecture, step + 1)
        per_basis = [
            _compiled(replace(prefix, circuit=in_basis(prefix.circuit, basis)), compile_prefix)
            for basis in bases
        ]
        bound = [q.bind(row, np.zeros(0)) for row in angles for q in per_basis]
        z = measure(bound).reshape(n_sequences, -1)
        values.append(z)
    stacked = np.stack(values, axis=1)
    return Rounds(z, stacked, stacked)


def exactly(circuits: Sequence[QuantumCircuit]) -> NDArray[np.float64]:
    """Measure in the limit of infinite shots without noise, from the state vector.

    Args:
        circuits: bound, with measurements at the end only.
    """
    from qiskit.quantum_info import Statevector

    rows = []
    for circuit in circuits:
        state = Statevector(circuit.remove_final_measurements(inplace=False))
        rows.append([_sign_mean(state.probabilities([wire])) for wire in _measured(circuit)])
    return np.array(rows)


def by_sampler(sampler: Any, shots: int) -> Measurement:
    """Return a measurement on a SamplerV2: one call of its `run` is one job.

    Args:
        sampler: any primitive with the interface of `BaseSamplerV2`.
        shots: for each circuit, at least 1.

    Raises:
        UsageError: no shots.
    """
    if shots < 1:
        raise UsageError(f"the number of shots should be at least 1. Got {shots}.")

    def measure(circuits: Sequence[QuantumCircuit]) -> NDArray[np.float64]:
        results = sampler.run([(circuit,) for circuit in circuits], shots=shots).result()
        rows = [result.data.out.to_bool_array(order="little") for result in results]
        return np.array([1 - 2 * row.mean(axis=0) for row in rows])

    return measure


def _batch(features: NDArray[np.float64]) -> NDArray[np.float64]:
    given = np.asarray(features, dtype=float)
    if given.ndim != 3 or 0 in given.shape[:2]:
        raise UsageError(
            "features should be a batch of sequences, shape (N, T, d) with N and T at least 1. "
            f"Got shape {given.shape}."
        )
    return given


def _compiled(q: QRNNCircuit, compile_circuit: Compile | None) -> QRNNCircuit:
    if compile_circuit is None:
        return q
    return replace(
        q,
        circuit=compile_circuit(q.circuit),
        step_circuits=tuple(compile_circuit(step) for step in q.step_circuits),
    )


def _measured(circuit: QuantumCircuit) -> list[int]:
    """Return the qubit that is measured into each bit of `out`."""
    out = next(register for register in circuit.cregs if register.name == "out")
    wires = {
        item.clbits[0]: circuit.find_bit(item.qubits[0]).index
        for item in circuit.data
        if item.operation.name == "measure"
    }
    return [wires[bit] for bit in out]


def _sign_mean(probabilities: NDArray[np.float64]) -> float:
    return float(probabilities[0] - probabilities[1])
