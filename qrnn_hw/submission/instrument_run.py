"""Instruments measured on a machine: the job, and what its bits say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit
from qiskit.circuit import Instruction

from calibration.instrument import (
    READ,
    Reached,
    crosstalk_circuits,
    crosstalk_groups,
    repeated_circuits,
    wait_circuits,
)
from calibration.noise import DeviceNoise
from calibration.snapshot import Snapshot
from jobs.service.retrieval import collect
from jobs.spec import Pub, PubResult
from jobs.store.run_time import run_time
from jobs.store.store import Store
from jobs.transpile.schedule import midcircuit_measure
from qrnn_hw.errors import UsageError
from qrnn_hw.mitigation.beside_calibration import from_quadratures, wait_of
from qrnn_hw.mitigation.instrument_calibration import FLIP, FittedInstrument, fitted_instrument
from qrnn_hw.mitigation.readout_calibration import ReadoutCalibration
from qrnn_hw.statistics.repetitions import Repeated, repeated
from qrnn_hw.submission.machine import Machine
from qrnn_hw.submission.workload import Workload

WAIT_QUBITS = 4
"""That relax beside branches: they tell of one controller, and few tell enough."""

WAIT_SECONDS = 20e-6
"""Of the delay that branches are held against."""

REPETITIONS = 10
"""Of all circuits in the job, so that what drifts meanwhile meets them alike."""


@dataclass(frozen=True)
class InstrumentRun:
    """Which circuits measure the instruments of some qubits.

    Raises:
        CalibrationError: a qubit is repeated or does not exist.
        UsageError: a qubit is not read by the instruction.
    """

    snapshot: Snapshot
    qubits: tuple[int, ...]
    instruction: str
    beside: bool = True
    """Whether neighbours and the wait are measured too."""

    def __post_init__(self) -> None:
        self.snapshot.restrict(self.qubits)  # refuses qubits that it does not have
        without = [q for q in self.qubits if self.snapshot.record(self.instruction, (q,)) is None]
        if without:
            raise UsageError(
                f"the instruction should be one by which each qubit is read. Got "
                f"{self.instruction} and qubit {without[0]} of {self.snapshot.backend}, which "
                "has none; choose measure, or other qubits."
            )

    @cached_property
    def circuits(self) -> tuple[QuantumCircuit, ...]:
        """The circuits in the order of the job: repeated, crosstalk by group, wait."""
        n, read = self.snapshot.n_qubits, self._read
        found = [*repeated_circuits(n, self.qubits, read)]
        for group in self.groups:
            found += crosstalk_circuits(n, group, self._reading_dt(group.measured), read)
        if self.has_wait:
            found += wait_circuits(n, self.waiting, self._wait_dt, read)
        return tuple(found)

    @cached_property
    def pubs(self) -> tuple[Pub, ...]:
        """The circuits as they are sent, all of them again and again."""
        return tuple(map(Pub.bound, self.circuits)) * REPETITIONS

    @cached_property
    def groups(self) -> tuple[Reached, ...]:
        """Which neighbours are watched beside which readings."""
        if not self.beside or self.snapshot.dt_seconds is None:
            return ()
        pairs = {r.qubits for r in self.snapshot.instructions if len(r.qubits) == 2}
        return crosstalk_groups([(a, b) for a, b in pairs], self.qubits)

    @property
    def has_wait(self) -> bool:
        """Whether the wait at branches is measured: a device without branches or clock has none."""
        flows = "if_else" in self.snapshot.control_flow
        return self.beside and flows and self.snapshot.dt_seconds is not None

    @property
    def waiting(self) -> tuple[int, ...]:
        """Qubits that relax beside branches."""
        return self.qubits[:WAIT_QUBITS]

    @property
    def _wait_dt(self) -> int:
        return self._aligned(WAIT_SECONDS)

    @property
    def _read(self) -> Instruction | None:
        return midcircuit_measure() if self.instruction == "measure_2" else None

    def _reading_dt(self, measured: Sequence[int]) -> int:
        records = (self.snapshot.record(self.instruction, (qubit,)) for qubit in measured)
        return self._aligned(max((one.seconds or 0.0) if one else 0.0 for one in records))

    def _aligned(self, seconds: float) -> int:
        """Return a length in dt that the machine's clock takes, at least as long."""
        step = int(np.lcm.reduce([max(1, n) for n in self.snapshot.timing.values()] or [1]))
        return -(-round(seconds / (self.snapshot.dt_seconds or 1.0)) // step) * step

    def document(self, results: Sequence[PubResult], at: datetime) -> dict[str, Any]:
        """Return what the bits say of every qubit, pair, and the controller.

        Args:
            results: of `pubs`, in order.
            at: when they ran.
        """
        repetitions, results = _repeated(results), _together(results)
        noise = DeviceNoise(self.snapshot.restrict(self.qubits))
        fitted = {
            qubit: fitted_instrument(_counts(results[:4], bit), _flip(noise, bit))
            for bit, qubit in enumerate(self.qubits)
        }
        shots = results[0].registers[READ[0]].shape[1]
        found: dict[str, Any] = {
            "kind": "instrument",
            "instruction": self.instruction,
            "shots": shots,
            "repetitions": repetitions.to_json(),
            "qubits": [_of_qubit(qubit, one) for qubit, one in fitted.items()],
            "crosstalk": [],
            "branch_wait_seconds": None,
            "branch_wait_standard_error": None,
        }
        for number, group in enumerate(self.groups):
            four = results[4 + 4 * number :][:4]
            shares = np.array([one.registers["out"][0].mean(axis=0) for one in four])
            readout = _readout([fitted[q] for q in group.watched], at)
            said = from_quadratures(shares, shots, readout)
            found["crosstalk"] += [
                {
                    "measured": measured,
                    "neighbour": neighbour,
                    "dephasing": float(said.dephasing[n]),
                    "dephasing_standard_error": float(said.dephasing_standard_error[n]),
                    "phase": float(said.phase[n]),
                    "phase_standard_error": float(said.phase_standard_error[n]),
                }
                for n, (measured, neighbour) in enumerate(group.pairs)
            ]
        if self.has_wait:
            shares = np.array([one.registers["out"][0].mean(axis=0) for one in results[-3:]])
            readout = _readout([fitted[q] for q in self.waiting], at)
            delay = self._wait_dt * (self.snapshot.dt_seconds or 0.0)
            wait, error = wait_of(shares, shots, readout, delay)
            found["branch_wait_seconds"] = wait if np.isfinite(error) else None
            found["branch_wait_standard_error"] = error if np.isfinite(error) else None
        return found


def instrument_workload(machine: Machine, run: InstrumentRun) -> Workload:
    """Return the circuits of a calibration of instruments as what is sent."""
    return Workload(
        f"{run.instruction} as an instrument on {len(run.qubits)} qubits",
        run.pubs,
        machine.snapshot.digest,
        asked={
            "instrument": list(run.qubits),
            "instruction": run.instruction,
            "beside": run.beside,
        },
    )


def instrument_document(key: str, store: Store, run: InstrumentRun) -> dict[str, Any]:
    """Return what stored bits say; `measured_at` and its kind as in `readout_document`.

    Raises:
        CalibrationError: a qubit's readout tells nothing.
        PendingError, JobFailedError, PartialResultError: the bits are not there.
    """
    results = collect(key, store)
    record, ran = store.record(key), run_time(key, store)
    return {
        "backend": record.backend if record else "",
        "job": key,
        "measured_at": ran.at.isoformat(),
        "measured_at_kind": ran.kind,
        "age_seconds": (datetime.now(UTC) - ran.at).total_seconds(),
    } | run.document(results, ran.at)


def read_by(snapshot: Snapshot, qubits: Sequence[int]) -> str:
    """Return what reads qubits within circuits: `measure_2` where all of them have it."""
    known = [snapshot.record("measure_2", (qubit,)) is not None for qubit in qubits]
    return "measure_2" if known and all(known) else "measure"


def _flip(noise: DeviceNoise, qubit: int) -> NDArray[np.float64]:
    """Return what `x` does to populations as reported, shape (2, 2) [after, before]."""
    error = noise.channel("x", (qubit,))
    return FLIP if error is None else np.asarray(error.real[::3, ::3] @ FLIP)


def _together(results: Sequence[PubResult]) -> tuple[PubResult, ...]:
    """Return the bits of each circuit from all repetitions, one behind the other."""
    n = len(results) // REPETITIONS
    return tuple(
        PubResult(
            {
                name: np.concatenate([one.registers[name] for one in results[place::n]], axis=1)
                for name in results[place].registers
            }
        )
        for place in range(n)
    )


def _repeated(results: Sequence[PubResult]) -> Repeated:
    """Return the shares of ones of all bits with their scatter between repetitions."""
    n = len(results) // REPETITIONS
    shares = np.array(
        [
            np.concatenate(
                [
                    bits[0].mean(axis=0)
                    for one in results[k : k + n]
                    for bits in one.registers.values()
                ]
            )
            for k in range(0, len(results), n)
        ]
    )
    shots = REPETITIONS * next(iter(results[0].registers.values())).shape[1]
    mean = shares.mean(axis=0)
    return repeated(shares, mean * (1 - mean) / max(1, shots - 1))


def _counts(results: Sequence[PubResult], bit: int) -> NDArray[np.int64]:
    """Count what three readings of one qubit gave in each circuit, shape (4, 2, 2, 2)."""
    found = np.zeros((len(results), 2, 2, 2), dtype=np.int64)
    for number, result in enumerate(results):
        readings = tuple(result.registers[name][0][:, bit] for name in READ)
        np.add.at(found[number], readings, 1)
    return found


def _of_qubit(qubit: int, one: FittedInstrument) -> dict[str, Any]:
    (p01, p01_error), (p10, p10_error) = one.p01, one.p10
    return {
        "qubit": qubit,
        "joint": one.joint.ravel().tolist(),
        "joint_standard_error": one.standard_error.ravel().tolist(),
        "p01": p01,
        "p01_standard_error": p01_error,
        "p10": p10,
        "p10_standard_error": p10_error,
        "left_in_1_of_0": one.moves[0],
        "left_in_0_of_1": one.moves[1],
        "leaves": one.leaves,
        "leaves_standard_error": one.leaves_standard_error,
        "fit_p_value": one.p_value,
    }


def _readout(instruments: Sequence[FittedInstrument], at: datetime) -> ReadoutCalibration:
    p01, p01_errors = zip(*(one.p01 for one in instruments), strict=True)
    p10, p10_errors = zip(*(one.p10 for one in instruments), strict=True)
    return ReadoutCalibration(p01, p10, p01_errors, p10_errors, at)
