"""Circuits and noise in the form that Aer understands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from qiskit.circuit import ControlFlowOp, Measure, QuantumCircuit, Reset

from calibration.noise import DeviceNoise
from jobs.errors import SpecError

if TYPE_CHECKING:
    from qiskit_aer import AerSimulator


def lower(circuit: QuantumCircuit) -> QuantumCircuit:
    """Return the circuit with `measure_2` and `reset_2` as the plain instructions.

    Aer does not know the mid-circuit variants (qiskit-aer #2388); their errors are in the noise
    model that `simulator` builds.
    """
    lowered = circuit.copy_empty_like()
    for instruction in circuit.data:
        operation = instruction.operation
        if isinstance(operation, ControlFlowOp):
            operation = operation.replace_blocks([lower(block) for block in operation.blocks])
        elif operation.name.startswith("measure_"):
            operation = Measure()
        elif operation.name.startswith("reset_"):
            operation = Reset()
        lowered.append(operation, instruction.qubits, instruction.clbits)
    return lowered


def measurement_names(circuit: QuantumCircuit) -> dict[int, str]:
    """Return the measurement instruction that each measured qubit uses.

    Raises:
        SpecError: a qubit uses two of them; Aer has one readout error a qubit (qiskit-aer #2456).
    """
    names: dict[int, str] = {}
    for instruction in circuit.data:
        name = instruction.operation.name
        if name.startswith("measure"):
            qubit = circuit.find_bit(instruction.qubits[0]).index
            if names.setdefault(qubit, name) != name:
                raise SpecError(
                    f"Aer takes one readout error a qubit. Got {names[qubit]} and {name} on qubit "
                    f"{qubit}; use one measurement instruction there, or the exact executor."
                )
    return names


def simulator(
    noise: DeviceNoise | None,
    measured_with: Mapping[int, str] | None = None,
    *,
    method: str = "statevector",
    **options: Any,
) -> AerSimulator:
    """Return a simulator of the device's active qubits.

    Args:
        noise: of the active qubits; None is ideal.
        measured_with: from `measurement_names`.
        method: of Aer.
        options: further options of `AerSimulator`, such as `seed_simulator`.
    """
    from qiskit_aer import AerSimulator

    model = noise.aer_model(measured_with) if noise is not None else None
    return AerSimulator(method=method, noise_model=model, **options)
