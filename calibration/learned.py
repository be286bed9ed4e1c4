"""What was measured of a device beside what it reports, written into its snapshot."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from calibration.beyond import Beyond, checked_crosstalk, checked_instrument, checked_wait
from calibration.documents import read_document
from calibration.errors import CalibrationError
from calibration.snapshot import InstructionRecord, Snapshot

Document = Mapping[str, Any]
"""What `qrnn-hw calibrate readout` or `calibrate instrument` writes."""


def with_learned(snapshot: Snapshot, document: Document) -> Snapshot:
    """Return a snapshot with what a calibration run measured of it.

    Readout errors go to the instruction that was measured. Reset errors go to every reset of the
    qubit, since circuits use the one or the other. Of `calibrate instrument`, what measurements
    leave and do to neighbours goes to the instruction, and the wait to every branch; a wait may be
    given alone, {"branch_wait_seconds": 7e-7}. What was not measured stays as reported; the layout
    is chosen without any of it (`calibration.target`).

    Args:
        snapshot: of the whole device.
        document: as `calibrate readout --json` prints it.

    Raises:
        CalibrationError: a qubit that the device does not have, or no such document.
    """
    if "kind" in document or "branch_wait_seconds" in document:
        return _with_beyond(snapshot, document)
    try:
        instruction = str(document["instruction"])
        rates = {int(one["qubit"]): one for one in document["qubits"]}
        read = {q: (_share(one["p01"]), _share(one["p10"])) for q, one in rates.items()}
        resets = {
            q: _share(one["reset"]) for q, one in rates.items() if one.get("reset") is not None
        }
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _faulty(error) from None
    _check_qubits(rates, snapshot)

    def learned(record: InstructionRecord) -> InstructionRecord:
        qubit = record.qubits[0]
        if record.name == instruction and qubit in read:
            p01, p10 = read[qubit]
            return replace(record, p01=p01, p10=p10)
        if record.name.startswith("reset") and qubit in resets:
            return replace(record, error=resets[qubit])
        return record

    return replace(snapshot, instructions=tuple(map(learned, snapshot.instructions)))


def _with_beyond(snapshot: Snapshot, document: Document) -> Snapshot:
    """Return a snapshot with instruments in place of what was known of the same before."""
    known = snapshot.beyond
    try:
        if document.get("kind", "instrument") != "instrument":
            raise ValueError(f"kind {str(document['kind'])[:40]!r}")
        rows, pairs = document.get("qubits", ()), document.get("crosstalk", ())
        name = str(document["instruction"]) if rows or pairs else ""
        instruments = {
            (one.name, one.qubit): one
            for one in (
                *known.instruments,
                *(checked_instrument(name, row["qubit"], row["joint"]) for row in rows),
            )
        }
        crosstalk = {
            (one.name, one.measured, one.neighbour): one
            for one in (
                *known.crosstalk,
                *(
                    checked_crosstalk(
                        name, row["measured"], row["neighbour"], row["dephasing"], row["phase"]
                    )
                    for row in pairs
                ),
            )
        }
        wait = checked_wait(document.get("branch_wait_seconds"))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _faulty(error) from None
    _check_qubits([one.qubit for one in instruments.values()], snapshot)
    _check_qubits(
        [q for one in crosstalk.values() for q in (one.measured, one.neighbour)], snapshot
    )
    for at, qubit in instruments:
        if snapshot.record(at, (qubit,)) is None:
            raise CalibrationError(
                f"a learned instrument should be of a measurement of {snapshot.backend}. Got "
                f"{at[:40]!r} of qubit {qubit}."
            )
    return replace(
        snapshot,
        beyond=Beyond(
            tuple(instruments.values()),
            tuple(crosstalk.values()),
            known.branch_wait_seconds if wait is None else wait,
        ),
    )


def _check_qubits(qubits: Iterable[int], snapshot: Snapshot) -> None:
    unknown = sorted(set(qubits) - set(range(snapshot.n_qubits)))
    if unknown:
        raise CalibrationError(
            f"a learned calibration should be of qubits of {snapshot.backend}. Got {unknown[0]}."
        )


def _faulty(error: Exception) -> CalibrationError:
    return CalibrationError(
        "a learned calibration should be a document that `qrnn-hw calibrate readout --output` or "
        f"`calibrate instrument --output` wrote. Got one with a faulty field: {str(error)[:100]}."
    )


def read_learned(path: Path) -> Document:
    """Read a document of `calibrate readout` or `calibrate instrument`.

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
    if not isinstance(document, dict) or not {"qubits", "branch_wait_seconds"} & set(document):
        raise CalibrationError(
            "a learned calibration should be a document that `qrnn-hw calibrate readout --output` "
            f"or `calibrate instrument --output` wrote. Got another in {path}."
        )
    return document


def _share(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise ValueError(f"{str(value)[:40]!r} in place of a number from 0 to 1")
    return float(value)
