"""What sendings of a job were charged, what they may take, and when the service was posted to."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlite3 import Connection

    from jobs.store.database import Database

CLOCK_IS_WRONG_SECONDS = 3600.0
"""A post noted so far ahead was noted by a clock that was wrong."""


@dataclass(frozen=True)
class Charge:
    """One job at the service that carried a job of ours, however it ended."""

    id: str
    seconds: float | None
    """None while the service has not told."""


def note_sending(connection: Connection, key: str, job_id: str) -> None:
    """Note inside the caller's transaction that `job_id` carries the job `key`."""
    if job_id:
        connection.execute("INSERT OR IGNORE INTO charges (key, id) VALUES (?, ?)", (key, job_id))


class Ledger:
    """The part of the store that money is counted with."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def charges(self, key: str) -> tuple[Charge, ...]:
        """Return every sending of the job, doubles among them, with what it was charged."""
        rows = self._database.read(
            "SELECT id, seconds FROM charges WHERE key = ? ORDER BY rowid", key
        )
        return tuple(Charge(job_id, seconds) for job_id, seconds in rows)

    def note_charge(self, key: str, job_id: str, seconds: float | None = None) -> None:
        """Record that `job_id` carried the job, and its charge where that is known."""
        with self._database.transaction() as connection:
            note_sending(connection, key, job_id)
            if seconds is not None:
                connection.execute(
                    "UPDATE charges SET seconds = ? WHERE key = ? AND id = ?",
                    (seconds, key, job_id),
                )

    def note_limit(self, key: str, seconds: float | None) -> None:
        """Record the `max_execution_time` that the job is sent with."""
        with self._database.transaction() as connection:
            connection.execute("UPDATE jobs SET limit_seconds = ? WHERE key = ?", (seconds, key))

    def limit_seconds(self, key: str) -> float | None:
        """Return the `max_execution_time` that the job was last sent with, if it is known."""
        rows = self._database.read("SELECT limit_seconds FROM jobs WHERE key = ?", key)
        return rows[0][0] if rows else None

    def reserve_post(self, key: str, most: int, period_seconds: float) -> tuple[int, float]:
        """Take the next moment at which a job may be posted, against all who share the store.

        Returns:
            The number of the post, for `note_post`, and how many seconds to wait for it.
        """
        now = time.time()
        with self._database.transaction() as connection:
            connection.execute(
                "DELETE FROM posts WHERE at < ? OR at > ?",
                (now - 86_400, now + CLOCK_IS_WRONG_SECONDS),
            )
            last = connection.execute(
                "SELECT at FROM posts ORDER BY at DESC LIMIT 1 OFFSET ?", (most - 1,)
            ).fetchone()
            moment = now if last is None else max(now, last[0] + period_seconds)
            number = connection.execute(
                "INSERT INTO posts (key, at) VALUES (?, ?)", (key, moment)
            ).lastrowid
        return number or 0, moment - now

    def note_post(self, number: int) -> None:
        """Correct the time of a post to now: it has arrived, or its answer was lost."""
        with self._database.transaction() as connection:
            connection.execute("UPDATE posts SET at = ? WHERE number = ?", (time.time(), number))

    def seconds_since_post(self, key: str) -> float | None:
        """Return how long ago the job was last posted, or None if that was not in the last day."""
        rows = self._database.read("SELECT max(at) FROM posts WHERE key = ?", key)
        return None if rows[0][0] is None else max(0.0, time.time() - rows[0][0])

    def requested(self, request: str) -> tuple[str, ...]:
        """Return the keys of the jobs that were made for what was asked, oldest first."""
        rows = self._database.read(
            "SELECT key FROM requests WHERE request = ? ORDER BY number", request
        )
        return tuple(key for (key,) in rows)

    def note_requests(self, requests: Iterable[tuple[str, str]]) -> None:
        """Record (request, key) of jobs that are about to be sent; known ones stay as they are."""
        with self._database.transaction() as connection:
            for request, key in requests:
                known = connection.execute(
                    "SELECT key FROM requests WHERE request = ? ORDER BY number", (request,)
                ).fetchall()
                if (key,) not in known:
                    connection.execute(
                        "INSERT INTO requests VALUES (?, ?, ?)", (request, len(known), key)
                    )
