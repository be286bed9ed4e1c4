"""The circuits that a run measures its readout errors with, and which stacks a head may have.

A recorded bit is read wrongly where it is recorded, whatever happens before: the law of a step's
bits is that of the true ones times their confusion matrices, and these are undone as those of the
final bits are. What a branch then did with a misread bit is another error: only relabelling undoes
it, in the means of later bits, and it leaves the record of the bit itself alone. Neither is legal
for a product of two bits of one step where a branch reads the first before the second is measured:
what the second one is then depends on the first one's record, which is no confusion of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import ControlFlowOp, Instruction, QuantumCircuit

from calibration.readout import readout_circuits
from jobs.transpile.isa import TranspiledStep
from qrnn_hw.errors import UsageError
from qrnn_hw.mitigation.readout_calibration import ReadoutCalibration, from_shots
from qrnn_hw.mitigation.relabel import condition_bits
from qrnn_hw.mitigation.shot_numbers import Readout
from qrnn_hw.mitigation.stack import Stack
from qrnn_hw.networks.shot_head import ShotHead

READOUT = "readout"
"""Role of the job that measures the readout errors, and of its circuits in an interleaved one."""


@dataclass(frozen=True)
class StepMeasurements:
    """What measures the bits that a step records."""

    qubits: tuple[int, ...]
    """Active qubit of each bit."""

    operation: Instruction
    is_joint: bool
    """Whether all are measured before a branch reads one of them."""

    @classmethod
    def of(cls, transpiled: TranspiledStep) -> StepMeasurements:
        """Look at the step of a machine."""
        step = transpiled.step
        own = {bit: place for place, bit in enumerate(_own_bits(step))}
        qubits: dict[int, int] = {}
        operation: Instruction | None = None
        was_read, is_joint = False, True
        for one in step.data:
            if isinstance(one.operation, ControlFlowOp):
                was_read |= any(bit in own for bit in condition_bits(one.operation.condition))
            elif one.operation.name.startswith("measure"):
                operation = one.operation
                is_joint &= not was_read
                qubits[own[one.clbits[0]]] = step.find_bit(one.qubits[0]).index
        assert operation is not None  # a head of steps is one of a model that measures in them
        return cls(tuple(qubits[bit] for bit in sorted(qubits)), operation, is_joint)


def _own_bits(step: QuantumCircuit) -> list[Any]:
    return [bit for register in step.cregs if register.name == "m" for bit in register]


@dataclass(frozen=True, eq=False)
class ReadoutCircuits:
    """Two circuits that show the final bits in |0> and in |1>, and two for those of the steps."""

    circuits: tuple[QuantumCircuit, ...]
    recorded: tuple[int, ...] = ()
    """Place, among the qubits of the second pair, of each bit of a step."""

    @classmethod
    def of(
        cls,
        transpiled: TranspiledStep,
        head: ShotHead,
        made: MutableMapping[tuple[object, ...], QuantumCircuit],
    ) -> ReadoutCircuits:
        """Return the circuits for what a head reads; those made before are kept in `made`."""
        read = [transpiled.wires[wire] for wire in transpiled.architecture.readout]
        circuits = list(readout_circuits(transpiled.n_active, read))
        recorded: tuple[int, ...] = ()
        if head.steps is not None:
            measured = StepMeasurements.of(transpiled)
            qubits = list(dict.fromkeys(measured.qubits))
            circuits += readout_circuits(transpiled.n_active, qubits, measured.operation)
            recorded = tuple(qubits.index(qubit) for qubit in measured.qubits)
        for number, circuit in enumerate(circuits):
            made.setdefault((READOUT, number), circuit)
        return cls(tuple(made[READOUT, n] for n in range(len(circuits))), recorded)

    def readout(self, bits: Mapping[int, NDArray[np.uint8]], measured_at: datetime) -> Readout:
        """Return the errors that shots show.

        Args:
            bits: of the shots of each circuit, shape (shots, n_qubits).
            measured_at: when they ran.

        Raises:
            CalibrationError: so few shots tell nothing of a bit.
        """
        recorded: ReadoutCalibration | None = None
        if self.recorded:
            recorded = from_shots(bits[2], bits[3], measured_at).select(self.recorded)
        return Readout(from_shots(bits[0], bits[1], measured_at), recorded)


def check_products(transpiled: TranspiledStep, head: ShotHead, stacks: Sequence[Stack]) -> None:
    """Refuse stacks that correct or relabel what products of bits of one step do not allow.

    Raises:
        UsageError: there is one.
    """
    if head.steps is None or head.steps.degree < 2 or head.n_bits < 2:
        return
    changed = [one.name for one in stacks if one.terminal or one.feed_forward != "none"]
    if changed and not StepMeasurements.of(transpiled).is_joint:
        raise UsageError(
            "products of the bits of a step should be corrected or relabelled where all are "
            f"measured before a branch reads one. Got {changed[0]} for "
            f"{transpiled.architecture.name}, which measures between its branches; choose "
            "--degree 1, or --plan without terminal and relabel."
        )
