"""Noise of a device on its active qubits, from a snapshot: channels, and Aer's model of them.

Gates: depolarising after thermal relaxation, so that the average fidelity is the reported one
(Aer's device model). Idling: thermal relaxation over the delay. Readout: the reported assignment
errors, mid-circuit and final instructions apart. A channel is defined once, as a superoperator;
Aer gets the same channel as one Kraus error, which it samples several times faster than the
composed list of Pauli and relaxation terms.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from calibration.beyond import Beyond
from calibration.channels import Superoperator, bit_flip, gate_error, relaxation
from calibration.errors import CalibrationError
from calibration.snapshot import InstructionRecord, Snapshot

if TYPE_CHECKING:
    from qiskit_aer.noise import NoiseModel, QuantumError

_UNIT_SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9, "ps": 1e-12}


@dataclass(frozen=True)
class NoiseScale:
    """Factors on the error rates, each source apart; 1 is the device as reported, 0 is ideal.

    `gate` multiplies average gate infidelities together with the relaxation during gates, `idle`
    the time over which delays relax, `readout` assignment errors, `reset` the share of resets that
    end in |1>. An assignment error grows to 1/2, a coin, at most; one that is reported above 1/2
    stays as it is.
    """

    gate: float = 1.0
    idle: float = 1.0
    readout: float = 1.0
    reset: float = 1.0

    def __post_init__(self) -> None:
        """Check that the factors are finite and not negative."""
        for name, value in vars(self).items():
            if not np.isfinite(value) or value < 0:
                raise CalibrationError(
                    f"the noise scale {name!r} should be finite and at least 0. Got {value}."
                )


@dataclass(frozen=True)
class DeviceNoise:
    """The noise of the qubits of a (restricted) snapshot."""

    snapshot: Snapshot
    scale: NoiseScale = field(default_factory=NoiseScale)
    reset_flip: float = 0.0
    """Probability that a reset ends in |1>, of qubits for which the snapshot says nothing: devices
    do not report it, `calibrate readout` measures it."""

    def scaled(self, scale: NoiseScale) -> DeviceNoise:
        """Return the same device with other factors."""
        return replace(self, scale=scale)

    @property
    def dt_seconds(self) -> float | None:
        """Seconds per `dt`, the unit of delays."""
        return self.snapshot.dt_seconds

    def channel(self, name: str, qubits: tuple[int, ...]) -> Superoperator | None:
        """Return the error after an instruction as a superoperator (4**k, 4**k), None if ideal."""
        if name.startswith("reset"):
            flip = min(1.0, self._reset_flip(name, qubits[0]) * self.scale.reset)
            return bit_flip(flip) if flip else None
        return self._gate_channels.get((name, qubits))

    def idle(self, qubit: int, seconds: float) -> Superoperator | None:
        """Return thermal relaxation over a delay as a superoperator (4, 4), None if there is none.

        A qubit without a reported T1 and T2 does not relax.
        """
        if (qubit, seconds) not in self._idling:
            self._idling[qubit, seconds] = self._relaxed(qubit, seconds)
        return self._idling[qubit, seconds]

    @cached_property
    def _idling(self) -> dict[tuple[int, float], Superoperator | None]:
        """What `idle` has found: a circuit of many steps has the same few delays in each."""
        return {}

    def _relaxed(self, qubit: int, seconds: float) -> Superoperator | None:
        times = self.relaxation_times(qubit)
        if times is None or seconds * self.scale.idle <= 0:
            return None
        return relaxation(seconds * self.scale.idle, times)

    def readout(self, name: str, qubit: int) -> NDArray[np.float64]:
        """Return the confusion matrix of a measurement instruction.

        Returns:
            shape (2, 2), row = true outcome, column = recorded outcome.

        Raises:
            CalibrationError: the device has no such measurement on this qubit.
        """
        record = self.snapshot.record(name, (qubit,))
        if record is None:
            raise CalibrationError(
                f"qubit {self.snapshot.physical[qubit]} of {self.snapshot.backend} should have "
                f"the instruction {name!r}. Got none in its calibration."
            )
        joint = self.instrument(name, qubit)
        if joint is not None:
            return np.asarray(joint.sum(axis=2))
        p01, p10 = (min(max(0.5, p), p * self.scale.readout) for p in assignment_errors(record))
        return np.array([[1 - p01, p01], [p10, 1 - p10]])

    @property
    def beyond(self) -> Beyond:
        """Which measurements are known as instruments, and whom they reach."""
        return self.snapshot.beyond

    def instrument(self, name: str, qubit: int) -> NDArray[np.float64] | None:
        """Return P(record r, leave s' | state s), shape (2, 2, 2) [s, r, s'], where it is known.

        The scale of readout multiplies all that an ideal measurement does not do, to one half of
        each state at most, as it does readout errors.
        """
        found = self.beyond.instrument(name, qubit)
        if found is None:
            return None
        joint, ideal = found.array, np.zeros((2, 2, 2))
        ideal[[0, 1], [0, 1], [0, 1]] = 1.0
        for state in (0, 1):
            wrong = 1 - joint[state, state, state]
            most = max(0.5, wrong) / wrong if wrong else 1.0
            joint[state] = ideal[state] + min(self.scale.readout, most) * (
                joint[state] - ideal[state]
            )
        return joint

    def crosstalk(self, name: str, qubit: int, neighbour: int) -> Superoperator | None:
        """Return what a measurement does to a neighbour, shape (4, 4); None where nothing is known.

        The scale of readout multiplies the probability of Z and the phase.
        """
        found = self.beyond.reaching(name, qubit, neighbour)
        return None if found is None else found.channel(self.scale.readout)

    def waiting(self, qubit: int) -> Superoperator | None:
        """Return the relaxation of a qubit while the controller decides for a branch."""
        seconds = self.beyond.branch_wait_seconds
        return None if seconds is None else self.idle(qubit, seconds)

    def _reset_flip(self, name: str, qubit: int) -> float:
        record = self.snapshot.record(name, (qubit,))
        return self.reset_flip if record is None or record.error is None else record.error

    def aer_model(self, measured_with: Mapping[int, str] | None = None) -> NoiseModel:
        """Return Aer's noise model of the same channels.

        Args:
            measured_with: name of the measurement instruction used on a qubit, where it is not
                `measure`. Aer knows one readout error a qubit (qiskit-aer #2456).
        """
        from qiskit.circuit import Delay
        from qiskit_aer.noise import NoiseModel, ReadoutError
        from qiskit_aer.noise.passes import LocalNoisePass

        names = sorted({record.name for record in self.snapshot.instructions})
        model = NoiseModel(basis_gates=[*names, *self.snapshot.control_flow])
        for (name, qubits), superoperator in self._gate_channels.items():
            model.add_quantum_error(kraus_error(superoperator), name, list(qubits), warnings=False)
        for qubit in range(self.snapshot.n_qubits):
            # Circuits use one kind of reset on a qubit; what is learned of it is said of all.
            flip = self.channel("reset", (qubit,))
            if flip is not None:
                model.add_quantum_error(kraus_error(flip), "reset", [qubit], warnings=False)
            instruction = (measured_with or {}).get(qubit, "measure")
            if self.snapshot.record(instruction, (qubit,)) is not None:
                confusion = self.readout(instruction, qubit)
                if confusion[0, 1] or confusion[1, 0]:
                    model.add_readout_error(ReadoutError(confusion), [qubit], warnings=False)

        @cache
        def relaxation(qubit: int, seconds: float) -> QuantumError | None:
            superoperator = self.idle(qubit, seconds)
            return None if superoperator is None else kraus_error(superoperator)

        def relax(delay: Delay, qubits: list[int]) -> QuantumError | None:
            return relaxation(qubits[0], delay_seconds(delay, self.snapshot.dt_seconds))

        model._custom_noise_passes.append(LocalNoisePass(relax, op_types=Delay, method="append"))
        return model

    def relaxation_times(self, qubit: int) -> tuple[float, float] | None:
        """Return T1 and T2 in seconds, T2 at most 2 T1, or None where they are not reported."""
        t1, t2 = (
            self.snapshot.qubits[qubit].t1_seconds,
            self.snapshot.qubits[qubit].t2_seconds,
        )
        if t1 is None or t2 is None:
            return None
        return t1, min(t2, 2 * t1)

    @cached_property
    def _gate_channels(self) -> dict[tuple[str, tuple[int, ...]], Superoperator]:
        """The error of every gate of the snapshot that has one."""
        factor, found = self.scale.gate, {}
        gates = {name for name in {r.name for r in self.snapshot.instructions} if _is_gate(name)}
        for record in self.snapshot.instructions if factor else ():
            if record.name not in gates:
                continue
            error = gate_error(
                (record.seconds or 0.0) * factor,
                (record.error or 0.0) * factor,
                [self.relaxation_times(qubit) for qubit in record.qubits],
            )
            if error is not None:
                found[record.name, record.qubits] = error
        return found


def assignment_errors(record: InstructionRecord) -> tuple[float, float]:
    """Return (P(read 1 | 0), P(read 0 | 1)); the mean error for both where only it is known."""
    mean = record.error or 0.0
    return (
        record.p01 if record.p01 is not None else mean,
        record.p10 if record.p10 is not None else mean,
    )


def delay_seconds(delay: object, dt_seconds: float | None) -> float:
    """Return the length of a Qiskit `Delay` in seconds.

    Raises:
        CalibrationError: the delay is in `dt` and the device reports none, or an expression.
    """
    duration, unit = delay.duration, delay.unit  # type: ignore[attr-defined]
    if unit == "dt":
        if dt_seconds is None:
            raise CalibrationError("a delay in dt needs a device with dt. Got a snapshot without.")
        return float(duration) * dt_seconds
    if unit not in _UNIT_SECONDS:
        raise CalibrationError(
            f"a delay should be in dt or in seconds, not an expression. Got {duration!r}."
        )
    return float(duration) * _UNIT_SECONDS[unit]


def kraus_of(superoperator: Superoperator) -> list[NDArray[np.complex128]]:
    """Return Kraus operators of a channel, none of them dropped for being small.

    Qiskit's own conversion drops Choi eigenvalues below 1e-8, which is the size of real error
    terms; what is dropped here is below double precision.
    """
    dim = round(superoperator.shape[0] ** 0.5)
    # (column-stacked) S[(a,b),(i,j)] with row index b*dim+a  ->  Choi[(i,a),(j,b)]
    tensor = superoperator.reshape(dim, dim, dim, dim)  # [b, a, j, i]
    choi = tensor.transpose(3, 1, 2, 0).reshape(dim * dim, dim * dim)
    values, vectors = np.linalg.eigh((choi + choi.conj().T) / 2)
    return [
        np.sqrt(value) * vector.reshape(dim, dim).T
        for value, vector in zip(values[::-1], vectors.T[::-1], strict=True)
        if value > 1e-16
    ]


def kraus_error(superoperator: Superoperator) -> QuantumError:
    """Return the channel as an Aer error with one Kraus term."""
    from qiskit.quantum_info import Kraus
    from qiskit_aer.noise import QuantumError

    return QuantumError([(Kraus(kraus_of(superoperator)), 1.0)])


def _is_gate(name: str) -> bool:
    from qiskit.circuit import Gate

    from calibration.target import operation_named

    return isinstance(operation_named(name), Gate)
