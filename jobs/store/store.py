"""The memory of all jobs: one SQLite file, safe for several processes at once."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from jobs.errors import StoreError
from jobs.states import State, check_moment, now, state_fields, state_from, state_name
from jobs.store.damage import readable
from jobs.store.database import Database
from jobs.store.job_record import RECORD_COLUMNS, JobRecord, record_from, state_of_row
from jobs.store.ledger import Ledger, note_sending
from jobs.store.lock import held
from jobs.store.spec_rows import find_spec, insert_spec, read_spec

if TYPE_CHECKING:
    from jobs.spec import JobSpec, PubResult

# What needs qiskit is imported where it is used: the list of jobs must not wait for it.

TAKE_AGAIN = "delete the row and fetch or submit the job again"


class Store:
    """An open store; use it as a context manager, one for each thread.

    Raises:
        StoreError: If the file cannot be opened, is no store, or is from a newer version.
    """

    def __init__(self, path: Path | str) -> None:
        self._database = Database(Path(path))
        self.ledger = Ledger(self._database)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def lock(self, key: str) -> AbstractContextManager[None]:
        """Hold the right to send the job, against all processes that share this store."""
        path = self._database.path
        return held(path.with_name(path.name + ".locks"), key)

    def put_spec(self, spec: JobSpec) -> str:
        """Store the job with its circuits and parameters, once, and return its key."""
        with self._database.transaction() as connection:
            insert_spec(connection, spec)
        return spec.key

    def put_parts(self, whole: JobSpec, parts: Sequence[JobSpec]) -> None:
        """Store `whole` and the jobs that it is sent as, in order."""
        with self._database.transaction() as connection:
            for spec in (whole, *parts):
                insert_spec(connection, spec)
            connection.executemany(
                "INSERT OR IGNORE INTO parts VALUES (?, ?, ?)",
                [(whole.key, position, part.key) for position, part in enumerate(parts)],
            )

    def spec(self, key: str) -> JobSpec:
        """Return the job as it was stored.

        Raises:
            StoreError: If there is none with that key, or its content no longer gives the key.
        """
        return read_spec(self._database, key)

    def known(self, spec: JobSpec) -> JobSpec:
        """Return the job as it is stored, perhaps under the key of an older version, or itself."""
        return find_spec(self._database, spec)

    def parts(self, key: str) -> tuple[str, ...]:
        """Return the keys of the jobs that `key` is sent as; empty when it is sent whole."""
        rows = self._database.read("SELECT part FROM parts WHERE whole = ? ORDER BY position", key)
        return tuple(part for (part,) in rows)

    def raw(self, key: str) -> tuple[PubResult, ...] | None:
        """Return the stored bits of the job, or None while there are none.

        Raises:
            StoreError: If they are damaged.
        """
        from jobs.store.packing import unpack_results

        rows = self._database.read("SELECT packed FROM results WHERE key = ?", key)
        if not rows:
            return None
        with readable(self._database.path, "results", key, TAKE_AGAIN):
            return unpack_results(rows[0][0])

    def put_raw(self, key: str, results: Sequence[PubResult], state: State | None = None) -> None:
        """Store the bits of the job, and its new state at the same moment when one is given.

        The first answer stays when there is one already.
        """
        from jobs.store.packing import pack_results

        packed = pack_results(results)
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT OR IGNORE INTO results VALUES (?, ?, ?)", (key, packed, now())
            )
            if state is not None:
                self._change(connection, key, state)

    def state(self, key: str) -> State | None:
        """Return where the job stands, or None before anything was done."""
        rows = self._database.read("SELECT state, state_fields FROM jobs WHERE key = ?", key)
        if not rows:
            return None
        with readable(self._database.path, "jobs", key):
            return state_of_row(*rows[0])

    def set_state(self, key: str, state: State) -> None:
        """Record that the job is now in `state`.

        A job that is done stays done, and a state that only differs in its time changes nothing.
        """
        with self._database.transaction() as connection:
            self._change(connection, key, state)

    def _change(self, connection: sqlite3.Connection, key: str, state: State) -> None:
        name, fields = state_name(state), json.dumps(state_fields(state))
        changed = connection.execute(
            "UPDATE jobs SET state = ?1, state_fields = ?2, changed_at = ?3, "
            "quantum_seconds = CASE WHEN ?1 = 'intended' THEN NULL ELSE quantum_seconds END "
            "WHERE key = ?4 AND state IS NOT 'done' AND (state IS NOT ?1 "
            "OR CASE WHEN json_valid(state_fields) "
            "THEN json_remove(state_fields, '$.at') IS NOT json_remove(?2, '$.at') ELSE 1 END)",
            (name, fields, state.at, key),
        )
        if changed.rowcount:
            connection.execute(
                "INSERT INTO states (key, state, fields) VALUES (?, ?, ?)", (key, name, fields)
            )
            note_sending(connection, key, state_fields(state).get("id", ""))

    def put_instance(self, key: str, instance: str) -> None:
        """Record the instance of the account that the job is about to be sent to."""
        with self._database.transaction() as connection:
            connection.execute("UPDATE jobs SET instance = ? WHERE key = ?", (instance, key))

    def instance(self, key: str) -> str:
        """Return the instance that the job was sent to; empty where that is not known."""
        rows = self._database.read("SELECT instance FROM jobs WHERE key = ?", key)
        return rows[0][0] or "" if rows else ""

    def keep_answer(self, key: str, job_id: str, text: str) -> Path:
        """Keep what the service sent as the result of a job beside the store; return the file."""
        from jobs.store.answers import keep

        path = self._database.path
        return keep(path.with_name(path.name + ".answers"), key, job_id, text)

    def states(self, key: str) -> tuple[State, ...]:
        """Return all states of the job, oldest first."""
        states = []
        for number, name, fields in self._database.read(
            "SELECT number, state, fields FROM states WHERE key = ? ORDER BY number", key
        ):
            with readable(self._database.path, "states", str(number)):
                states.append(state_from(name, json.loads(fields)))
        return tuple(states)

    def add_note(self, key: str, text: str) -> None:
        """Record something about the job that its user should be told."""
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT INTO notes (key, at, text) VALUES (?, ?, ?)", (key, now(), text)
            )

    def notes(self, key: str) -> tuple[tuple[str, str], ...]:
        """Return (time, text) of each note on the job, oldest first."""
        rows = self._database.read("SELECT at, text FROM notes WHERE key = ? ORDER BY number", key)
        return tuple((at, text) for at, text in rows)

    def put_estimate(self, key: str, low: float, best: float, high: float) -> None:
        """Record the QPU seconds that were expected before submission."""
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE jobs SET estimate_low_seconds = ?, estimate_best_seconds = ?, "
                "estimate_high_seconds = ? WHERE key = ?",
                (low, best, high, key),
            )

    def put_quantum_seconds(self, key: str, seconds: float) -> None:
        """Record the QPU seconds that the service charged for the sending that the state names."""
        with self._database.transaction() as connection:
            connection.execute("UPDATE jobs SET quantum_seconds = ? WHERE key = ?", (seconds, key))
            connection.execute(
                "UPDATE charges SET seconds = ?1 WHERE key = ?2 AND id = (SELECT CASE WHEN "
                "json_valid(state_fields) THEN json_extract(state_fields, '$.id') END "
                "FROM jobs WHERE key = ?2)",
                (seconds, key),
            )

    def quantum_seconds(self, key: str) -> float | None:
        """Return the QPU seconds of the job's last sending, or None while they are not known."""
        rows = self._database.read("SELECT quantum_seconds FROM jobs WHERE key = ?", key)
        return rows[0][0] if rows else None

    def put_finished_at(self, key: str, moment: str) -> None:
        """Record when the run of the job ended, by the service's own clock."""
        with self._database.transaction() as connection:
            connection.execute("UPDATE jobs SET finished_at = ? WHERE key = ?", (moment, key))

    def finished_at(self, key: str) -> datetime | None:
        """Return when the run of the job ended, or None where the service did not tell."""
        rows = self._database.read("SELECT finished_at FROM jobs WHERE key = ?", key)
        if not rows or rows[0][0] is None:
            return None
        with readable(self._database.path, "jobs", key):
            check_moment(rows[0][0])
            return datetime.fromisoformat(rows[0][0])

    def put_snapshot(self, digest: str, content: Mapping[str, Any]) -> None:
        """Store a calibration by the digest that job specs name it with."""
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT OR IGNORE INTO snapshots VALUES (?, ?, ?)",
                (digest, json.dumps(content, sort_keys=True), now()),
            )

    def snapshot(self, digest: str) -> dict[str, Any] | None:
        """Return the stored calibration, or None."""
        rows = self._database.read("SELECT content FROM snapshots WHERE digest = ?", digest)
        if not rows:
            return None
        with readable(self._database.path, "snapshots", digest):
            return dict(json.loads(rows[0][0]))

    def jobs(self, *, limit: int | None = 50, states: Sequence[str] = ()) -> tuple[JobRecord, ...]:
        """Return jobs, newest first, only those in one of `states` (names) when any is given."""
        where = f"WHERE state IN ({', '.join('?' * len(states))})" if states else ""
        rows = self._database.read(
            f"SELECT {RECORD_COLUMNS} FROM jobs {where} "
            "ORDER BY created_at DESC, rowid DESC LIMIT ?",
            *states,
            -1 if limit is None else limit,
        )
        return tuple(self._record(row) for row in rows)

    def record(self, key: str) -> JobRecord | None:
        """Return what the list says about one job, or None."""
        rows = self._database.read(f"SELECT {RECORD_COLUMNS} FROM jobs WHERE key = ?", key)
        return self._record(rows[0]) if rows else None

    def _record(self, row: tuple[Any, ...]) -> JobRecord:
        with readable(self._database.path, "jobs", row[0]):
            return record_from(row)

    def charges(self) -> tuple[tuple[float, float], ...]:
        """Return (best estimate, charged) in seconds of each job that ran, where both are known."""
        rows = self._database.read(
            "SELECT estimate_best_seconds, quantum_seconds FROM jobs WHERE quantum_seconds > 0 "
            "AND estimate_best_seconds IS NOT NULL AND state IS NOT 'failed' "
            "AND state IS NOT 'cancelled' ORDER BY created_at"
        )
        return tuple((best, charged) for best, charged in rows)

    def resolve(self, text: str) -> str:
        """Return the key that `text` begins, or that the service id `text` belongs to.

        Raises:
            StoreError: If no job, or more than one, fits.
        """
        rows = self._database.read(
            "SELECT key FROM jobs WHERE substr(key, 1, ?) = ?", len(text), text
        )
        if not rows:
            rows = self._database.read(
                "SELECT DISTINCT key FROM states "
                "WHERE CASE WHEN json_valid(fields) THEN json_extract(fields, '$.id') END = ?",
                text,
            )
        if len(rows) != 1 or not text:
            raise StoreError(
                f"A job should be named by its id or the beginning of its key. Got {text!r}, which "
                f"fits {len(rows)} jobs. List them to see their keys."
            )
        return str(rows[0][0])
