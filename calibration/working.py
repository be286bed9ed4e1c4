"""Which qubits of a device work and are calibrated, and by which gates they are connected."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from calibration.snapshot import InstructionRecord, Snapshot

COIN = 0.5
"""An assignment error from here on reads nothing."""


def working_qubits(snapshot: Snapshot, broken: Iterable[int] = ()) -> frozenset[int]:
    """Return the qubits that may be used.

    A qubit that is out lacks T1 or T2, an instruction on one qubit that others have, or the error
    of one that others report; or a gate on it fails always, or its readout is a coin.

    Args:
        snapshot: of a device.
        broken: qubits that the device says are not operational.
    """
    by_name: dict[str, dict[int, InstructionRecord]] = {}
    for record in snapshot.instructions:
        if len(record.qubits) == 1:
            by_name.setdefault(record.name, {})[record.qubits[0]] = record
    coherent = (
        qubit
        for qubit, record in enumerate(snapshot.qubits)
        if record.t1_seconds and record.t2_seconds
    )
    found = set(coherent) - set(broken)
    for name, records in by_name.items():
        # Errors of resets are none that a device reports: they are known where they were learned.
        reported = not name.startswith("reset") and any(
            record.error is not None for record in records.values()
        )
        found -= {q for q in found if not _is_ready(name, records.get(q), reported)}
    return frozenset(found)


def _is_ready(name: str, record: InstructionRecord | None, reported: bool) -> bool:
    if record is None or (reported and record.error is None):
        return False
    return (record.error or 0.0) < (COIN if name.startswith("measure") else 1.0)


def working_pairs(
    snapshot: Snapshot, broken: Iterable[int] = ()
) -> dict[tuple[int, int], frozenset[str]]:
    """Return the ordered pairs of working qubits with the calibrated gates that act on them.

    Args:
        snapshot: of a device.
        broken: qubits that the device says are not operational.
    """
    ready = working_qubits(snapshot, broken)
    found: dict[tuple[int, int], frozenset[str]] = {}
    for record in snapshot.instructions:
        if len(record.qubits) != 2 or not set(record.qubits) <= ready:
            continue
        if record.error is not None and record.error < 1:
            a, b = record.qubits
            found[a, b] = found.get((a, b), frozenset()) | {record.name}
    return found


def are_connected(pairs: Iterable[tuple[int, int]], qubits: Sequence[int]) -> bool:
    """Say whether some qubits hang together by pairs among them."""
    wanted, reached = set(qubits), set(qubits[:1])
    inside = [set(pair) for pair in pairs if set(pair) <= wanted]
    for _ in qubits:
        reached = reached.union(*(pair for pair in inside if pair & reached))
    return reached == wanted
