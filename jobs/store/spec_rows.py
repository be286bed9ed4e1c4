"""How a job lies in the store's tables: its description, its circuits, its parameters."""

from __future__ import annotations

import json
import sqlite3
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from jobs.errors import SpecError, StoreError
from jobs.states import now
from jobs.store.damage import readable
from jobs.store.database import Database

if TYPE_CHECKING:
    from qiskit import QuantumCircuit

    from jobs.spec import JobSpec, Pub

# What needs qiskit is imported where it is used: the list of jobs must not wait for it.


def insert_spec(connection: sqlite3.Connection, spec: JobSpec) -> None:
    """Insert a job that is not there yet, inside the caller's transaction."""
    inserted = connection.execute(
        "INSERT OR IGNORE INTO jobs (key, hashed, executor, backend, shots, created_at) "
        "VALUES (?, ?, ?, ?, ?, ?)",
        (
            spec.key,
            json.dumps(spec.hashed(), sort_keys=True),
            spec.executor,
            spec.backend,
            spec.shots,
            now(),
        ),
    )
    if not inserted.rowcount:
        return
    circuits = dict(zip(spec.circuit_digests, spec.pubs, strict=True))
    for digest, pub in circuits.items():
        known = connection.execute("SELECT 1 FROM circuits WHERE digest = ?", (digest,))
        if known.fetchone() is None:
            connection.execute("INSERT INTO circuits VALUES (?, ?)", (digest, _packed(pub)))
    connection.executemany(
        "INSERT INTO pubs VALUES (?, ?, ?, ?)",
        [
            (spec.key, position, digest, pub.parameters.astype("<f8").tobytes())
            for position, (digest, pub) in enumerate(
                zip(spec.circuit_digests, spec.pubs, strict=True)
            )
        ],
    )


def _packed(pub: Pub) -> bytes:
    """Return a circuit as it is stored and sent, checked to be the same when it is read back.

    Raises:
        SpecError: If it is not.
    """
    from qiskit.exceptions import QiskitError

    from jobs.digest import circuit_digest
    from jobs.store.packing import packed_and_read_back

    try:
        packed, back = pub.fact(packed_and_read_back)
        reason = "" if back == pub.fact(circuit_digest) else "another circuit"
    except (QiskitError, StoreError, TypeError, ValueError) as error:
        reason = f"{type(error).__name__}: {' '.join(str(error).split())[:150]}"
    if reason:
        raise SpecError(
            "A circuit should be the same after it was written as QPY, in which it is stored and "
            f"sent. Got {reason.rstrip('.')}. `jobs.preflight` names the place."
        )
    return packed


def read_spec(database: Database, key: str) -> JobSpec:
    """Return the job as it was inserted.

    Raises:
        StoreError: If there is none with that key, or its content no longer gives the key.
    """
    from jobs.spec import JobSpec

    found = database.read("SELECT hashed FROM jobs WHERE key = ?", key)
    if not found:
        raise StoreError(f"The key should be of a stored job. Got {key!r}. List them first.")
    with readable(database.path, "jobs", key):
        hashed = json.loads(found[0][0])
        rows = [described["rows"] for described in hashed["pubs"]]
        named = {
            name: hashed[name]
            for name in ("shots", "executor", "backend", "seed", "snapshot", "options")
        }
    pubs = _read_pubs(database, key, rows)
    with readable(database.path, "jobs", key):
        return JobSpec(pubs=pubs, **named).as_stored(key)


def find_spec(database: Database, spec: JobSpec) -> JobSpec:
    """Return a real machine's job as it is stored, itself where it is not.

    An older version may have stored it under another key: it told two circuits apart by the order
    in which a branch lists its qubits.
    """
    known = database.read("SELECT 1 FROM jobs WHERE key = ?", spec.key)
    if known or spec.executor != "ibm" or not any(map(_has_branches, spec.pubs)):
        return spec
    for key, text in database.read(
        "SELECT key, hashed FROM jobs WHERE executor = ? AND backend = ? AND shots = ?",
        spec.executor,
        spec.backend,
        spec.shots,
    ):
        with suppress(StoreError, ValueError):  # a damaged row is no other job's concern
            if _without_circuits(json.loads(text)) == _without_circuits(spec.hashed()):
                stored = read_spec(database, key)
                if stored.circuit_digests == spec.circuit_digests:
                    return stored
    return spec


def _has_branches(pub: Pub) -> bool:
    from qiskit.circuit import ControlFlowOp

    return any(isinstance(one.operation, ControlFlowOp) for one in pub.circuit.data)


def _without_circuits(hashed: dict[str, Any]) -> dict[str, Any]:
    pubs = [{**pub, "circuit": None} for pub in hashed["pubs"]]
    return {**hashed, "pubs": pubs}


def _read_pubs(database: Database, key: str, n_rows: list[int]) -> tuple[Pub, ...]:
    import numpy as np

    from jobs.spec import Pub

    circuits = _read_circuits(database, key)
    stored = database.read(
        "SELECT position, circuit, parameters FROM pubs WHERE key = ? ORDER BY position", key
    )
    if len(stored) != len(n_rows):
        with readable(database.path, "jobs", key):
            raise ValueError(f"it has {len(stored)} of its {len(n_rows)} circuits")
    pubs = []
    for (position, digest, data), rows in zip(stored, n_rows, strict=True):
        with readable(database.path, "pubs", f"({key}, {position})"):
            values = np.frombuffer(data, dtype="<f8").reshape(rows, -1)
            pubs.append(Pub(circuits[digest], values))
    return tuple(pubs)


def _has_digest(digest: str, circuit: QuantumCircuit) -> bool:
    from jobs.digest import former_digest

    return former_digest(circuit) == digest


def _read_circuits(database: Database, key: str) -> dict[str, QuantumCircuit]:
    from jobs.delays import with_lost_unit
    from jobs.store.packing import unpack_circuit

    circuits = {}
    for digest, data in database.read(
        "SELECT digest, qpy FROM circuits WHERE digest IN (SELECT circuit FROM pubs WHERE key = ?)",
        key,
    ):
        with readable(database.path, "circuits", digest):
            circuits[digest] = with_lost_unit(unpack_circuit(data), partial(_has_digest, digest))
    return circuits
