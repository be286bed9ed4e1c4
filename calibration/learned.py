"""What was measured of a device beside what it reports, written into its snapshot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from calibration.documents import read_document
from calibration.errors import CalibrationError
from calibration.snapshot import InstructionRecord, Snapshot

Document = Mapping[str, Any]
"""What `qrnn-hw calibrate readout` writes."""


def with_learned(snapshot: Snapshot, document: Document) -> Snapshot:
    """Return a snapshot with the readout and reset errors that a calibration run measured.

    Readout errors go to the instruction that was measured. Reset errors go to every reset of the
    qubit, since circuits use the one or the other. What was not measured stays as reported; the
    layout is chosen without them (`calibration.target`).

    Args:
        snapshot: of the whole device.
        document: as `calibrate readout --json` prints it.

    Raises:
        CalibrationError: a qubit that the device does not have, or no such document.
    """
    try:
        instruction = str(document["instruction"])
        rates = {int(one["qubit"]): one for one in document["qubits"]}
        read = {q: (_share(one["p01"]), _share(one["p10"])) for q, one in rates.items()}
        resets = {
            q: _share(one["reset"]) for q, one in rates.items() if one.get("reset") is not None
        }
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise CalibrationError(
            "a learned calibration should be a document that `qrnn-hw calibrate readout --output` "
            f"wrote. Got one with a faulty field: {str(error)[:100]}."
        ) from None
    unknown = sorted(set(rates) - set(range(snapshot.n_qubits)))
    if unknown:
        raise CalibrationError(
            f"a learned calibration should be of qubits of {snapshot.backend}. Got {unknown[0]}."
        )

    def learned(record: InstructionRecord) -> InstructionRecord:
        qubit = record.qubits[0]
        if record.name == instruction and qubit in read:
            p01, p10 = read[qubit]
            return replace(record, p01=p01, p10=p10)
        if record.name.startswith("reset") and qubit in resets:
            return replace(record, error=resets[qubit])
        return record

    return replace(snapshot, instructions=tuple(map(learned, snapshot.instructions)))


def read_learned(path: Path) -> Document:
    """Read a document of `calibrate readout`.

    Raises:
        CalibrationError: the file cannot be read or holds no such document.
    """
    try:
        document = read_document(path)
    except OSError as error:
        raise CalibrationError(
            f"a learned calibration should be a file that can be read. Got {path}: "
            f"{error.strerror}."
        ) from None
    except ValueError as error:
        raise CalibrationError(
            f"a learned calibration should be a JSON file. Got {path}: {str(error)[:200]}."
        ) from None
    if not isinstance(document, dict) or "qubits" not in document:
        raise CalibrationError(
            "a learned calibration should be a document that `qrnn-hw calibrate readout --output` "
            f"wrote. Got another in {path}."
        )
    return document


def _share(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise ValueError(f"{str(value)[:40]!r} in place of a number from 0 to 1")
    return float(value)
