"""Pulses that echo the idling of a scheduled circuit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from qiskit.circuit import ControlFlowOp, QuantumCircuit

if TYPE_CHECKING:
    from qiskit.transpiler import Target

DECOUPLING = {"xx": "xx", "xy4": "xyxy"}
"""Axes of the pulses by name (Carr and Purcell 1954; Maudsley, J. Magn. Reson. 69 (1986) 488)."""


def with_pulses(circuit: QuantumCircuit, target: Target, decoupling: str) -> QuantumCircuit:
    """Divide delays into equal parts with pulses between, half at the ends, inside branches too.

    The runtime's own pass takes seconds for dt when it is given a target, so that its pulses
    lengthen the circuit.
    """
    return _pulsed(circuit, range(circuit.num_qubits), target, DECOUPLING[decoupling])


def _pulsed(
    circuit: QuantumCircuit, places: Sequence[int], target: Target, axes: str
) -> QuantumCircuit:
    """Do so for a circuit or a block of one, whose qubit i is qubit places[i] of the target."""
    pulsed = circuit.copy_empty_like()
    for instruction in circuit.data:
        operation, qubits = instruction.operation, instruction.qubits
        inner = [places[circuit.find_bit(qubit).index] for qubit in qubits]
        if isinstance(operation, ControlFlowOp):
            blocks = [_pulsed(block, inner, target, axes) for block in operation.blocks]
            pulsed.append(operation.replace_blocks(blocks), qubits, instruction.clbits)
            continue
        if operation.name != "delay":
            pulsed.append(instruction)
            continue
        where = (inner[0],)
        pulse_dt = round(target["x"][where].duration / target.dt)
        idle = int(operation.duration) - len(axes) * pulse_dt
        if idle < len(axes) * pulse_dt:  # too short to be worth the pulses' own errors
            pulsed.append(instruction)
            continue
        step = target.pulse_alignment
        parts = ((2 * k + 1) * idle / (2 * len(axes)) for k in range(len(axes)))
        ends = [step * round(part / step) for part in parts]
        for gap, axis in zip(np.diff([0, *ends]), axes, strict=True):
            pulsed.delay(int(gap), qubits, unit="dt")
            if axis == "y":  # x in a turned frame, which takes no time
                pulsed.rz(np.pi, qubits)
            pulsed.x(qubits)
        pulsed.delay(idle - ends[-1], qubits, unit="dt")
    return pulsed
