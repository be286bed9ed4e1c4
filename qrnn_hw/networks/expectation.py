"""Models in `expectation` mode, run in host rounds: one job a time step for a whole batch.

The host estimates <Z> of every sequence's step, computes the values to feed back and gives them to
the circuits of the next step, as rows of their parameters. A round is one call of a `Measurement`;
where it runs is the caller's choice: a stored job (`qrnn_hw.experiment.rounds`), any SamplerV2 or
the exact state.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from circuits.parametrised import QRNNCircuit
from circuits.unrolled import unroll
from circuits.zoo.hybrid import in_basis
from jobs.spec import Pub
from qrnn_hw.errors import UsageError

if TYPE_CHECKING:
    from qiskit.circuit import QuantumCircuit

    from circuits.definition import Architecture
    from circuits.pure.hybrid_controller import Controller, Weights

Measurement = Callable[[Sequence[Pub]], NDArray[np.float64]]
"""One job: circuits with equally many rows each to <Z> of the bits of their register `out`, shape
(n_circuits, n_rows, m)."""

Compile = Callable[["QuantumCircuit"], "QuantumCircuit"]
"""Parametrised circuit to the circuit that the machine takes, Parameters kept."""


@dataclass(frozen=True)
class RoundOutputs:
    """What came back from T rounds of N sequences."""

    outputs: NDArray[np.float64]  # shape (N, m)
    """What a head reads after the last step."""

    values: NDArray[np.float64]  # shape (N, T, n_values)
    """Estimated expectation values of every step; 0 after a sequence's last."""

    states: NDArray[np.float64]  # shape (N, T, n_state)
    """What the host kept after every step."""


def run_rounds(
    architecture: Architecture,
    features: NDArray[np.float64],
    weights: NDArray[np.float64],
    measure: Measurement,
    compile_step: Compile | None = None,
    lengths: NDArray[np.int64] | None = None,
) -> RoundOutputs:
    """Run N sequences of a model that starts anew in every step: T jobs in all.

    Args:
        architecture: in `expectation` mode, with a recurrence (v1 to v5, qlstm, adapted).
        features: shape (N, T, d).
        weights: shape (p,).
        measure: runs one job; one circuit with N rows, four for the LSTM.
        compile_step: applied once to each parametrised step circuit, such as a pass manager's
            `run`.
        lengths: steps of each sequence, 1 to T, shape (N,); all T by default. Sequences that have
            ended are in no later job.

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
    given, ends = _batch(features, lengths)
    q = _compiled(unroll(architecture, 1), compile_step)
    state = np.zeros((len(given), recurrence.n_state))
    n_values = len(q.step_circuits) * len(q.readout)
    values = np.zeros((*given.shape[:2], n_values))
    states = np.zeros((*given.shape[:2], recurrence.n_state))
    outputs = np.zeros_like(recurrence.output(state, values[:, 0]))
    for step in range(int(ends.max())):
        alive = np.flatnonzero(ends > step)
        pubs = q.step_pubs(given[alive, step], weights, recurrence.fed_back(state[alive]))
        values[alive, step] = _side_by_side(measure([Pub(*pub) for pub in pubs]))
        state[alive] = recurrence.update(state[alive], values[alive, step], np)
        outputs[alive] = recurrence.output(state[alive], values[alive, step])
        states[:, step] = state
    return RoundOutputs(outputs, values, states)


def run_hybrid_rounds(
    architecture: Architecture,
    controller: Controller,
    controller_weights: Weights,
    features: NDArray[np.float64],
    measure: Measurement,
    compile_prefix: Compile | None = None,
    lengths: NDArray[np.int64] | None = None,
) -> RoundOutputs:
    """Run N sequences of the hybrid as published: round t runs the prefix of t steps again.

    Reading a state destroys it, so each of the T jobs prepares psi_t from the start, once for each
    Pauli basis that is read.

    Args:
        architecture: `hybrid` in `expectation` mode.
        controller: the classical network; its readouts decide which bases are read.
        controller_weights: its trained weights.
        features: shape (N, T, d) of the controller's input.
        measure: runs one job.
        compile_prefix: applied once to the parametrised circuit of each length, whatever the
            bases; it should keep RZ and SX.
        lengths: as for `run_rounds`.

    Raises:
        UsageError: the controller does not fit the architecture, or no batch of sequences.
    """
    if controller.n_angles != architecture.n_features or architecture.mode != "expectation":
        raise UsageError(
            f"the controller should give the {architecture.n_features} angles of "
            f"{architecture.name} in expectation mode. Got {controller.n_angles} angles and "
            f"{architecture.mode} mode."
        )
    given, ends = _batch(features, lengths)
    bases = "z" if controller.n_readouts == architecture.n_qubits else "xyz"
    if controller.n_readouts != len(bases) * architecture.n_qubits:
        raise UsageError(
            f"the controller should read {architecture.n_qubits} or {3 * architecture.n_qubits} "
            f"values. Got {controller.n_readouts}."
        )
    angles = np.zeros((*given.shape[:2], controller.n_angles))
    z = np.zeros((len(given), controller.n_readouts))
    values = np.zeros((*given.shape[:2], controller.n_readouts))
    for step in range(int(ends.max())):
        alive = np.flatnonzero(ends > step)
        theta = controller.angles(controller_weights, given[alive, step], z[alive])
        angles[alive, step] = np.asarray(theta)
        prefix = unroll(architecture, step + 1)
        if compile_prefix is not None:
            prefix = replace(prefix, circuit=compile_prefix(prefix.circuit))
        circuit, rows = prefix.rows(angles[alive, : step + 1], np.zeros(0))
        pubs = [Pub(in_basis(circuit, basis), rows) for basis in bases]
        values[alive, step] = z[alive] = _side_by_side(measure(pubs))
    return RoundOutputs(z, values, values)


def exactly(pubs: Sequence[Pub]) -> NDArray[np.float64]:
    """Measure in the limit of infinite shots without noise, from the state vector.

    Args:
        pubs: circuits with measurements at the end only, and their rows.
    """
    from qiskit.quantum_info import Statevector

    found = []
    for pub in pubs:
        bare, wires = pub.circuit.remove_final_measurements(inplace=False), _measured(pub.circuit)
        names = list(pub.circuit.parameters)
        states = [
            Statevector(bare.assign_parameters(dict(zip(names, row, strict=True))))
            for row in pub.parameters.tolist()
        ]
        found.append([[_sign_mean(s.probabilities([wire])) for wire in wires] for s in states])
    return np.array(found)


def by_sampler(sampler: Any, shots: int) -> Measurement:
    """Return a measurement on a SamplerV2: one call of its `run` is one job.

    Args:
        sampler: any primitive with the interface of `BaseSamplerV2`.
        shots: for each row of each circuit, at least 1.

    Raises:
        UsageError: no shots.
    """
    if shots < 1:
        raise UsageError(f"the number of shots should be at least 1. Got {shots}.")

    def measure(pubs: Sequence[Pub]) -> NDArray[np.float64]:
        given = [(pub.circuit, pub.parameters) for pub in pubs]
        results = sampler.run(given, shots=shots).result()
        bits = [result.data.out.to_bool_array(order="little") for result in results]
        return np.array([1 - 2 * one.mean(axis=-2) for one in bits])

    return measure


def _batch(
    features: NDArray[np.float64], lengths: NDArray[np.int64] | None
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    given = np.asarray(features, dtype=float)
    if given.ndim != 3 or 0 in given.shape[:2]:
        raise UsageError(
            "features should be a batch of sequences, shape (N, T, d) with N and T at least 1. "
            f"Got shape {given.shape}."
        )
    ends = np.full(len(given), given.shape[1]) if lengths is None else np.asarray(lengths)
    if ends.shape != (len(given),) or ends.min() < 1 or ends.max() > given.shape[1]:
        raise UsageError(
            f"lengths should be {len(given)} numbers from 1 to {given.shape[1]}. Got {lengths}."
        )
    return given, ends


def _side_by_side(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (n_circuits, n_rows, m) as one row for each sequence, circuit after circuit."""
    return np.swapaxes(values, 0, 1).reshape(values.shape[1], -1)


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
