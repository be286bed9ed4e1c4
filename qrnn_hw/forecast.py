"""What each mitigation would do to a trained model on a machine, before any shot is spent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from calibration.noise import DeviceNoise
from circuits.exact.noise import Noise
from circuits.exact.sequence import SequenceModel
from jobs.exact import sequence_model
from jobs.isa import TranspiledStep
from qrnn_hw.classifier import Examples, Weights
from qrnn_hw.mitigation.folding import fold
from qrnn_hw.mitigation.plan import MitigationPlan
from qrnn_hw.mitigation.readout_calibration import ReadoutCalibration
from qrnn_hw.mitigation.relabel import fed_forward_slots
from qrnn_hw.outcome import exact_distributions


@dataclass(frozen=True)
class ReadoutPower:
    """A noise whose confusion matrices A are A^exponent; all else is as it was."""

    noise: Noise
    exponent: int

    @property
    def dt_seconds(self) -> float | None:
        """Seconds per `dt`."""
        return self.noise.dt_seconds

    def channel(self, name: str, qubits: tuple[int, ...]) -> NDArray[np.complex128] | None:
        """Return the error after an instruction."""
        return self.noise.channel(name, qubits)

    def idle(self, qubit: int, seconds: float) -> NDArray[np.complex128] | None:
        """Return the error of a delay."""
        return self.noise.idle(qubit, seconds)

    def readout(self, name: str, qubit: int) -> NDArray[np.float64]:
        """Return the power of the confusion matrix: row = true outcome, column = recorded."""
        return np.linalg.matrix_power(self.noise.readout(name, qubit), self.exponent)


def scaled_model(
    transpiled: TranspiledStep, noise: Noise, scale_factor: float, exponent: float
) -> SequenceModel:
    """Lift the folded step and closing part, mid-circuit bits read with A^exponent.

    Readout is final in the closing part alone, so the exponent acts on the step alone.

    Args:
        transpiled: step on its active qubits.
        noise: of the same qubits.
        scale_factor: an odd integer; see `folding.fold`.
        exponent: 0 where signed relabelling undoes the errors that branches act on, 1 where they
            are left, the scale factor where they are amplified with it.
    """
    folded = replace(
        transpiled,
        step=fold(transpiled.step, scale_factor),
        closing=fold(transpiled.closing, scale_factor),
    )
    as_read = sequence_model(folded, noise)
    if exponent == 1 or not transpiled.architecture.n_bits:
        return as_read
    powered = sequence_model(folded, ReadoutPower(noise, int(exponent)))
    return replace(as_read, step=powered.step)


def exact_outcomes(
    transpiled: TranspiledStep, noise: Noise, weights: Weights, examples: Examples
) -> Callable[[float, float], NDArray[np.float64]]:
    """Return the exact distributions (n, 2**m) by scale factor and exponent, for a plan."""

    def outcomes(scale_factor: float, exponent: float) -> NDArray[np.float64]:
        model = scaled_model(transpiled, noise, scale_factor, exponent)
        return exact_distributions(model, weights, examples)

    return outcomes


def fed_forward_readout(
    transpiled: TranspiledStep, noise: DeviceNoise, steps: int
) -> ReadoutCalibration | None:
    """Return the reported readout errors of the bits that branches read; None if there are none.

    Args:
        transpiled: step on its active qubits.
        noise: of the same qubits.
        steps: T of the circuit.
    """
    circuit = transpiled.unroll(steps).circuit
    matrices = [
        noise.readout(
            circuit.data[slot].operation.name, circuit.find_bit(circuit.data[slot].qubits[0]).index
        )
        for slot in fed_forward_slots(circuit)
    ]
    if not matrices:
        return None
    exact = (0.0,) * len(matrices)
    return ReadoutCalibration(
        p01=tuple(float(matrix[0, 1]) for matrix in matrices),
        p10=tuple(float(matrix[1, 0]) for matrix in matrices),
        p01_standard_error=exact,
        p10_standard_error=exact,
        measured_at=datetime.fromisoformat(noise.snapshot.taken),
    )


def forecast(
    transpiled: TranspiledStep,
    noise: DeviceNoise,
    weights: Weights,
    examples: Examples,
    *,
    shots: int,
    ideal: NDArray[np.float64],
    terminal: ReadoutCalibration,
) -> MitigationPlan:
    """Choose among all stacks by bias^2 + variance under the reported noise.

    Relabelling is priced for the longest sentence, which has the most fed-forward bits.

    Args:
        transpiled: step on its active qubits.
        noise: of the same qubits.
        weights: trained.
        examples: sentences.
        shots: for each sentence, shared by all circuits of a stack.
        ideal: scores without noise. Shape: (n,).
        terminal: calibration of the final bits.

    Raises:
        UsageError: fewer than two shots.
    """
    return MitigationPlan.choose(
        shots,
        ideal=ideal,
        outcomes=exact_outcomes(transpiled, noise, weights, examples),
        weights=np.asarray(weights.decision),
        fed_forward=fed_forward_readout(transpiled, noise, int(examples.lengths.max())),
        terminal=terminal,
    )
