"""Whether a device can hold a model at all, before anything is transpiled."""

from __future__ import annotations

from qiskit.circuit import QuantumCircuit

from calibration.snapshot import Snapshot
from circuits.definition import Architecture
from circuits.unrolled import unroll
from jobs.errors import SpecError


def check_fits(architecture: Architecture, snapshot: Snapshot) -> None:
    """Refuse a model that a device cannot hold.

    Raises:
        SpecError: too few qubits, no `if_else` where the model feeds bits forward, or no `reset`
            where it resets qubits.
    """
    if architecture.n_qubits > snapshot.n_qubits:
        raise SpecError(
            f"{architecture.name} needs {architecture.n_qubits} qubits. "
            f"Got {snapshot.backend} with {snapshot.n_qubits}; choose another backend."
        )
    if architecture.mode == "sampled" and "if_else" not in snapshot.control_flow:
        raise SpecError(
            f"{architecture.name} feeds measured bits forward, which needs if_else. "
            f"Got {snapshot.backend} without it; choose another backend."
        )
    if architecture.mode != "expectation":
        check_resets(unroll(architecture, 2).circuit, snapshot)


def check_resets(circuit: QuantumCircuit, snapshot: Snapshot) -> None:
    """Refuse a circuit that resets qubits on a device that cannot.

    Raises:
        SpecError: it does.
    """
    resets = any(one.operation.name == "reset" for one in circuit.data)
    if resets and not any(one.name.startswith("reset") for one in snapshot.instructions):
        raise SpecError(
            f"{circuit.name} resets qubits while it runs, which needs reset. "
            f"Got {snapshot.backend} without it; choose another backend."
        )
