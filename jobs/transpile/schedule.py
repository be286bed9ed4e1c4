"""Time for a routed circuit: the device's faster mid-circuit variants, and idling written out."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

import numpy as np
from qiskit.circuit import Instruction, QuantumCircuit
from qiskit.transpiler import PassManager

from calibration.noise import assignment_errors
from calibration.snapshot import Snapshot
from jobs.transpile.decoupling import with_pulses
from jobs.transpile.routing import without_layout

if TYPE_CHECKING:
    from qiskit.transpiler import Target


def midcircuit_measure() -> Instruction:
    """Return `measure_2`, the instruction by which devices read a qubit within a circuit."""
    from qiskit_ibm_runtime.circuit import MidCircuitMeasure

    return MidCircuitMeasure("measure_2")


def midcircuit_reset() -> Instruction:
    """Return `reset_2`, the instruction by which devices reset a qubit within a circuit."""
    from qiskit_ibm_runtime.circuit.library import MidCircuitReset

    return MidCircuitReset("reset_2")


def with_variants(circuit: QuantumCircuit, faster: Mapping[str, Collection[int]]) -> QuantumCircuit:
    """Return a circuit with `measure_2` and `reset_2` on some qubits.

    Args:
        circuit: routed.
        faster: qubits whose "measure", and whose "reset", is replaced.
    """
    variants = {"measure": midcircuit_measure, "reset": midcircuit_reset}
    changed = circuit.copy_empty_like()
    for instruction in circuit.data:
        operation = instruction.operation
        if operation.name in variants:
            qubit = circuit.find_bit(instruction.qubits[0]).index
            if qubit in faster.get(operation.name, ()):
                operation = variants[operation.name]()
        changed.append(operation, instruction.qubits, instruction.clbits)
    return changed


def faster_on(
    snapshot: Snapshot, name: str, qubits: Collection[int], *, alike: bool = False
) -> frozenset[int]:
    """Return the qubits that are to be measured by `measure_2`, or reset by `reset_2`.

    Args:
        snapshot: that numbers the qubits.
        name: "measure" or "reset".
        qubits: that are measured, or reset, within the circuit.
        alike: all of them or none.
    """
    groups = [qubits] if alike else [[qubit] for qubit in qubits]
    chosen = (group for group in groups if _variant_is_better(snapshot, name, group))
    return frozenset(qubit for group in chosen for qubit in group)


def _variant_is_better(snapshot: Snapshot, name: str, qubits: Collection[int]) -> bool:
    """Tell whether the faster variant is nowhere longer, and its errors together no larger."""
    pairs = [
        (snapshot.record(name, (qubit,)), snapshot.record(f"{name}_2", (qubit,)))
        for qubit in qubits
    ]
    errors = [0.0, 0.0]
    for plain, variant in pairs:
        if variant is None or plain is None:
            return False
        if (variant.seconds or np.inf) > (plain.seconds or np.inf):
            return False
        errors[0] += sum(assignment_errors(plain))
        errors[1] += sum(assignment_errors(variant))
    return bool(pairs) and errors[1] <= errors[0]


def schedule(circuit: QuantumCircuit, target: Target, decoupling: str | None) -> QuantumCircuit:
    """Return the circuit with its idling written out as delays or pulses, inside branches too."""
    from qiskit_ibm_runtime.transpiler.passes.scheduling import ALAPScheduleAnalysis, PadDelay

    passes = PassManager([ALAPScheduleAnalysis(target=target), PadDelay(target=target)])
    scheduled = without_layout(passes.run(circuit))
    return scheduled if decoupling is None else with_pulses(scheduled, target, decoupling)
