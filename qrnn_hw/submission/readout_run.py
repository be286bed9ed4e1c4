"""Readout errors measured on a machine: the job, and what its bits say."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from qiskit import QuantumCircuit

from calibration.readout import readout_circuits, reset_circuits
from jobs.service.retrieval import collect
from jobs.spec import Pub
from jobs.store.run_time import run_time
from jobs.store.store import Store
from jobs.transpile.schedule import midcircuit_measure, midcircuit_reset
from qrnn_hw.errors import UsageError
from qrnn_hw.mitigation.readout_calibration import from_shots
from qrnn_hw.mitigation.reset_calibration import from_resets
from qrnn_hw.submission.belonging import readings
from qrnn_hw.submission.machine import Machine
from qrnn_hw.submission.workload import Workload

LARGEST_QUBIT = 10_000


def parse_qubits(text: str) -> tuple[int, ...]:
    """Return the qubits that a list such as "0,3,5-7" names.

    Raises:
        UsageError: it is no such list.
    """
    qubits: list[int] = []
    for piece in text.split(","):
        first, dash, last = piece.strip().partition("-")
        if not _is_number(first) or (dash and not _is_number(last)):
            raise UsageError(f"qubits should be given as 0,3,5-7. Got {text[:60]!r}.")
        begin, end = int(first), int(last or first)
        if not begin <= end < LARGEST_QUBIT:
            raise UsageError(
                f"a range of qubits should go up, to a real one. Got {piece.strip()!r}."
            )
        qubits += range(begin, end + 1)
    return tuple(qubits)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 10


def readout_workload(
    machine: Machine, qubits: Sequence[int], *, mid_circuit: bool = False
) -> Workload:
    """Return the circuits that show both readout errors of each qubit, and what a reset leaves.

    Args:
        machine: whose readout it is.
        qubits: of the device, each once.
        mid_circuit: of the device's measurement and reset within a circuit, not of the final one.

    Raises:
        CalibrationError: a qubit is repeated or does not exist.
        UsageError: a qubit has no measurement of its own within a circuit.
    """
    snapshot = machine.snapshot
    read = midcircuit_measure() if mid_circuit else None
    circuits: tuple[QuantumCircuit, ...] = readout_circuits(snapshot.n_qubits, qubits, read)
    names = {record.name for record in snapshot.instructions}
    if "reset" in names:
        quick = mid_circuit and all(snapshot.record("reset_2", (q,)) is not None for q in qubits)
        reset = midcircuit_reset() if quick else None
        circuits = (*circuits, *reset_circuits(snapshot.n_qubits, qubits, read, reset))
    without = [q for q in qubits if mid_circuit and snapshot.record("measure_2", (q,)) is None]
    if without:
        raise UsageError(
            f"--mid-circuit needs qubits with the instruction measure_2. Got {machine.name}, where "
            f"{without[0]} has none: it is read by the same measure everywhere; leave the option "
            "out."
        )
    return Workload(
        f"{'mid-circuit ' if mid_circuit else ''}readout of {len(qubits)} qubits",
        tuple(map(Pub.bound, circuits)),
        machine.snapshot.digest,
        asked={"readout": list(qubits), "mid_circuit": mid_circuit},
    )


def readout_document(key: str, store: Store, qubits: Sequence[int]) -> dict[str, Any]:
    """Return the confusion of each qubit, with standard errors and age, from the stored bits.

    `reset` is how often a reset ends in |1>, None of a job that was sent without these circuits.
    `instruction` is what read them; `measured_at` is when the job ran, and `measured_at_kind` how
    that is known: `jobs.store.run_time`.

    Raises:
        CalibrationError: a qubit's readout tells nothing.
        PendingError, JobFailedError, PartialResultError: the bits are not there.
    """
    zeros, ones, *resets = (result.registers["out"][0] for result in collect(key, store))
    record, ran = store.record(key), run_time(key, store)
    found = from_shots(zeros, ones, ran.at)
    learned = from_resets(resets[0], resets[1], found) if resets else None
    return {
        "backend": record.backend if record else "",
        "job": key,
        "instruction": readings([store.spec(key)], "out")[0].kind,
        "shots": len(zeros),
        "measured_at": ran.at.isoformat(),
        "measured_at_kind": ran.kind,
        "age_seconds": found.age(datetime.now(UTC)).total_seconds(),
        "qubits": [
            {
                "qubit": qubit,
                "p01": found.p01[bit],
                "p01_standard_error": found.p01_standard_error[bit],
                "p10": found.p10[bit],
                "p10_standard_error": found.p10_standard_error[bit],
                "reset": None if learned is None else float(learned.rate[bit]),
                "reset_standard_error": (
                    None if learned is None else float(learned.standard_error[bit])
                ),
                "reset_after": (
                    None if learned is None else [float(one[bit]) for one in learned.after]
                ),
            }
            for bit, qubit in enumerate(qubits)
        ],
    }
