"""Circuits and noise in the form that Aer understands."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import ControlFlowOp, IfElseOp, Measure, QuantumCircuit, Reset

from calibration.noise import DeviceNoise
from circuits.known_operations import is_measurement, is_reset
from jobs.aer.conditions import condition_for_aer
from jobs.aer.gates import gate_for_aer
from jobs.aer.instruments import with_instruments
from jobs.aer.misreads import with_misreads
from jobs.bindable import check_for_aer
from jobs.bits import registers_of
from jobs.errors import JobFailedError
from jobs.spec import JobSpec, Pub, PubResult

if TYPE_CHECKING:
    from qiskit_aer import AerSimulator


SEVERAL = "several"
"""In place of the measurement instruction of a qubit that uses two; no device has one so named."""

STATEVECTOR_QUBITS = 24
"""With more of them a state vector takes over 256 MiB."""


def lower(circuit: QuantumCircuit) -> QuantumCircuit:
    """Return the circuit in Aer's words, with `measure_2` and `reset_2` as the plain instructions.

    Aer does not know the mid-circuit variants (qiskit-aer #2388); their errors are in the noise
    model that `simulator` builds.
    """
    lowered = circuit.copy_empty_like()
    for instruction in circuit.data:
        operation = instruction.operation
        if isinstance(operation, ControlFlowOp):
            operation = operation.replace_blocks([lower(block) for block in operation.blocks])
            if isinstance(operation, IfElseOp):
                condition = condition_for_aer(operation.condition)
                operation = IfElseOp(condition, *operation.blocks)
        elif is_measurement(operation):
            operation = Measure()
        elif is_reset(operation):
            operation = Reset()
        else:
            operation = gate_for_aer(operation)
        lowered.append(operation, instruction.qubits, instruction.clbits)
    return lowered


def measurement_names(circuits: Iterable[QuantumCircuit]) -> dict[int, str]:
    """Return the measurement instruction that each measured qubit uses in all circuits.

    Aer has one readout error a qubit (qiskit-aer #2456): a qubit that uses two instructions is
    `SEVERAL`, and `with_misreads` writes its errors into the circuits.
    """
    names: dict[int, str] = {}
    for circuit in circuits:
        for instruction in circuit.data:
            name = instruction.operation.name
            if is_measurement(instruction.operation):
                qubit = circuit.find_bit(instruction.qubits[0]).index
                names[qubit] = name if names.get(qubit, name) == name else SEVERAL
    return names


def of_several(names: Mapping[int, str]) -> frozenset[int]:
    """Return the qubits that use several measurement instructions."""
    return frozenset(qubit for qubit, name in names.items() if name == SEVERAL)


def method_for(n_qubits: int) -> str:
    """Return the method of Aer that holds a state of so many qubits.

    A matrix product state is exact too, and small where few qubits are entangled, as in a
    calibration of readout.
    """
    return "statevector" if n_qubits <= STATEVECTOR_QUBITS else "matrix_product_state"


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
        measured_with: from `measurement_names`; a qubit that uses several reads without error.
        method: of Aer.
        options: further options of `AerSimulator`, such as `seed_simulator`.
    """
    from qiskit_aer import AerSimulator

    model = noise.aer_model(measured_with) if noise is not None else None
    return AerSimulator(method=method, noise_model=model, **options)


class AerExecutor:
    """Shots of dynamic circuits on Aer, under a device's noise or none: the referee.

    Parameter rows are bound by Aer itself, which is safe here only because transpiled circuits
    hold no parametrised controlled rotation: Aer binds those wrongly and says nothing (qiskit-aer
    #2323, #2391, #2403), so they are refused.
    """

    name = "aer"

    def __init__(self, noise: DeviceNoise | None, **options: Any) -> None:
        self._noise, self._options = noise, options
        self._simulators: dict[tuple[tuple[int, str], ...], AerSimulator] = {}

    def run(self, spec: JobSpec) -> tuple[PubResult, ...]:
        """Run every pub, rows in one call.

        Raises:
            SpecError: a gate whose parameters Aer binds wrongly.
            JobFailedError: Aer reports a failure.
        """
        return tuple(
            self._run(pub, spec.shots, None if spec.seed is None else spec.seed + index)
            for index, pub in enumerate(spec.pubs)
        )

    def _run(self, pub: Pub, shots: int, seed: int | None) -> PubResult:
        names = measurement_names([pub.circuit])
        written = with_instruments(pub.circuit, self._noise)
        lowered = lower(with_misreads(written, self._noise, of_several(names)))
        check_for_aer(lowered)
        columns = enumerate(lowered.parameters)
        binds = {p: pub.parameters[:, column].tolist() for column, p in columns}
        job = self._simulator(names).run(
            [lowered],
            shots=shots,
            memory=True,
            parameter_binds=[binds] if binds else None,
            seed_simulator=seed,
        )
        result = job.result()
        if not result.success:
            raise JobFailedError(f"Aer should run every circuit. Got: {result.status}")
        # Aer's own text of the shots takes registers as blocks of bits, one after the other.
        rows = [
            bits_of_memory(result.data(row)["memory"], lowered.num_clbits)
            for row in range(pub.n_rows)
        ]
        return registers_of(lowered, np.stack(rows))

    def _simulator(self, names: Mapping[int, str]) -> AerSimulator:
        # One noise model for all circuits that measure alike: building it costs more than a run.
        key = tuple(sorted(names.items()))
        if key not in self._simulators:
            self._simulators[key] = simulator(self._noise, names, **self._options)
        return self._simulators[key]


def bits_of_memory(memory: list[str], n_bits: int) -> NDArray[np.uint8]:
    """Return Aer's shots, numbers of base 16, as bits: shape (shots, n_bits), bit j in column j."""
    digits = 2 * ((n_bits + 7) // 8)
    text = "".join(shot.removeprefix("0x").zfill(digits) for shot in memory)
    array = np.frombuffer(bytes.fromhex(text), dtype=np.uint8).reshape(len(memory), digits // 2)
    return np.unpackbits(array[:, ::-1], axis=1, count=n_bits, bitorder="little")
