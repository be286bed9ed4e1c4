"""A recurrent architecture as it is written down, lifted without a machine."""

from __future__ import annotations

from qiskit.circuit import ParameterVector, QuantumCircuit

from circuits.definition import Architecture
from circuits.errors import CircuitsError
from circuits.exact.lift import lift
from circuits.exact.noise import Noise
from circuits.exact.operations import Program
from circuits.exact.sequence import SequenceModel
from circuits.unrolled import append_closing, step_circuit


def logical_model(architecture: Architecture, noise: Noise | None = None) -> SequenceModel:
    """Return the exact engine of an architecture's own step, qubit i being wire i.

    Args:
        architecture: coherent or sampled.
        noise: of the gates as they are written; None is ideal.

    Raises:
        CircuitsError: the host computes between the steps.
    """
    if architecture.mode == "expectation":
        raise CircuitsError(
            "the exact engine scans one circuit for every step, in the modes coherent or sampled. "
            f"Got {architecture.name} in {architecture.mode} mode; choose another model, such as "
            "dynamic-line."
        )
    features = ParameterVector("x", architecture.n_features)
    weights = ParameterVector("w", architecture.n_weights)

    def lifted(later: bool) -> Program:
        step = step_circuit(architecture, list(features), list(weights), later=later)
        return lift(step, [*features, *weights], noise)

    closing = QuantumCircuit(architecture.n_qubits, name="closing")
    append_closing(closing, architecture, list(weights))
    return SequenceModel(
        step=lifted(later=True),
        closing=lift(closing, list(weights), noise),
        n_features=architecture.n_features,
        n_weights=architecture.n_weights,
        data_qubits=architecture.data_qubits,
        out_bits=tuple(range(len(architecture.readout))),
        first=lifted(later=False) if architecture.reads_previous else None,
    )
