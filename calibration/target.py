"""Snapshot <-> the objects of Qiskit that carry the same facts."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from qiskit.circuit import Delay, IfElseOp, Measure, Reset
from qiskit.circuit.library import get_standard_gate_name_mapping
from qiskit.transpiler import InstructionProperties, QubitProperties, Target

from calibration.errors import CalibrationError
from calibration.snapshot import InstructionRecord, QubitRecord, Snapshot

TIMING = ("granularity", "min_length", "pulse_alignment", "acquire_alignment")


def snapshot_of(backend: Any) -> Snapshot:
    """Read a backend's target and properties into a snapshot.

    Args:
        backend: a `BackendV2`; where it has `properties()` (IBM backends, real and fake) the two
            assignment errors of each readout are taken from there.

    Raises:
        CalibrationError: the target has no qubits.
    """
    target: Target = backend.target
    if not target.num_qubits:
        raise CalibrationError(f"a device target should have qubits. Got none for {backend.name}.")
    properties = getattr(backend, "properties", lambda: None)()
    low, high = getattr(backend, "rep_delay_range", None) or (20e-6, 2e-3)
    coherence = target.qubit_properties or [QubitProperties()] * target.num_qubits
    return Snapshot(
        backend=backend.name,
        taken=properties.last_update_date.isoformat() if properties else "",
        dt_seconds=target.dt,
        timing={name: int(getattr(target, name)) for name in TIMING},
        qubits=tuple(
            QubitRecord(_finite(getattr(q, "t1", None)), _finite(getattr(q, "t2", None)))
            for q in coherence
        ),
        instructions=tuple(_records(target, properties)),
        control_flow=tuple(
            sorted(
                name
                for name in target.operation_names
                if isinstance(target.operation_from_name(name), type)
            )
        ),
        rep_delay_seconds=float(getattr(backend, "default_rep_delay", None) or 250e-6),
        rep_delay_range_seconds=(float(low), float(high)),
        physical=tuple(range(target.num_qubits)),
    )


def _records(target: Target, properties: Any) -> Iterator[InstructionRecord]:
    for name in sorted(target.operation_names):
        if isinstance(target.operation_from_name(name), type) or None in target[name]:
            continue
        for qubits, values in sorted(target[name].items()):
            p01 = p10 = None
            if name == "measure" and properties is not None:
                p01 = _reported(properties, qubits[0], "prob_meas1_prep0")
                p10 = _reported(properties, qubits[0], "prob_meas0_prep1")
            yield InstructionRecord(
                name,
                tuple(qubits),
                _finite(values.duration if values else None),
                _finite(values.error if values else None),
                p01,
                p10,
            )


def _reported(properties: Any, qubit: int, name: str) -> float | None:
    values = properties.qubit_property(qubit)
    return _finite(values[name][0]) if name in values else None


def _finite(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)


def target_of(snapshot: Snapshot) -> Target:
    """Build the Qiskit target of a snapshot, whole or restricted."""
    target = Target(
        num_qubits=snapshot.n_qubits,
        dt=snapshot.dt_seconds,
        qubit_properties=[QubitProperties(q.t1_seconds, q.t2_seconds) for q in snapshot.qubits],
        **dict(snapshot.timing),
    )
    by_name: dict[str, dict[tuple[int, ...], InstructionProperties | None]] = {}
    for record in snapshot.instructions:
        # What is learned of resets is known of few qubits, so that it must not choose the layout.
        error = None if record.name.startswith("reset") else record.error
        known = record.seconds is not None or error is not None
        values = InstructionProperties(record.seconds, error) if known else None
        by_name.setdefault(record.name, {})[record.qubits] = values
    for name, properties in by_name.items():
        target.add_instruction(operation_named(name), properties, name=name)
    if "if_else" in snapshot.control_flow:
        target.add_instruction(IfElseOp, name="if_else")
    return target


def operation_named(name: str) -> Any:
    """Return an instance of the instruction that targets call by this name.

    Raises:
        CalibrationError: neither a standard gate nor a measurement, reset or delay.
    """
    from qiskit.circuit import Instruction, Parameter

    if name == "delay":
        return Delay(Parameter("t"))
    if name == "measure":
        return Measure()
    if name == "reset":
        return Reset()
    if name.startswith("measure_"):
        return Instruction(name, 1, 1, [])
    if name.startswith("reset_"):
        return Instruction(name, 1, 0, [])
    gates = get_standard_gate_name_mapping()
    if name not in gates:
        raise CalibrationError(f"an instruction should have a standard name. Got {name!r}.")
    return gates[name]
