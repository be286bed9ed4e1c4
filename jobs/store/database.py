"""One SQLite file, opened so that several processes may share it and nobody else may read it."""

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from jobs.errors import StoreError
from jobs.store.damage import ELSEWHERE
from jobs.store.migrations import migrate

APPLICATION_ID = 0x71726E6E  # "qrnn": tells our files from other people's databases
BUSY_SECONDS = 60.0


class Database:
    """An open database with the newest schema, one for each thread.

    Files are made with mode 0600 and missing directories with 0700.

    Raises:
        StoreError: If the file cannot be opened, is no store, or is from a newer version.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        except OSError as error:
            raise StoreError(
                f"The store should be a file that can be written. Got {path}: "
                f"{error.strerror}. Change its permissions, or {ELSEWHERE}."
            ) from None
        self._connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
        try:
            self._prepare()
        except sqlite3.DatabaseError as error:
            self.close()
            raise _refusal(path, error) from None
        except StoreError:
            self.close()
            raise

    def _prepare(self) -> None:
        application, n_tables = self._connection.execute(
            "SELECT application_id, (SELECT count(*) FROM sqlite_schema) FROM pragma_application_id"
        ).fetchone()
        if application != APPLICATION_ID and (application or n_tables):
            raise StoreError(
                f"The store should be a database made by qrnn-hw. Got {self.path}, which another "
                f"program made. Move it away, or {ELSEWHERE}."
            )
        self._enter_wal()
        self._connection.execute("PRAGMA foreign_keys = ON")
        if application != APPLICATION_ID:
            self._connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        migrate(self._connection)

    def _enter_wal(self) -> None:
        # Changing the journal mode does not wait for other openers of a new file: try again.
        deadline = time.monotonic() + BUSY_SECONDS
        while True:
            try:
                self._connection.execute("PRAGMA journal_mode = WAL")
                return
            except sqlite3.OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Yield the connection inside a writing transaction: all of it happens, or nothing.

        Raises:
            StoreError: If the file cannot be written.
        """
        try:
            # IMMEDIATE takes the write lock at once, so that the busy timeout applies; a read
            # that turns into a write inside a deferred transaction fails without waiting.
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            finally:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
        except sqlite3.Error as error:
            raise _refusal(self.path, error) from None

    def read(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Return the rows that `statement` finds, with `values` bound to its marks.

        Raises:
            StoreError: If the file cannot be read.
        """
        try:
            return self._connection.execute(statement, values).fetchall()
        except sqlite3.Error as error:
            raise _refusal(self.path, error) from None


def _refusal(path: Path, error: sqlite3.Error) -> StoreError:
    """Return what to do about a store that SQLite refuses, by its own reason."""
    name = getattr(error, "sqlite_errorname", "")
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        rule = f"be free within {BUSY_SECONDS:g} s"
        remedy = "Wait for the process that holds it, or end that process"
    elif name.startswith(("SQLITE_FULL", "SQLITE_IOERR", "SQLITE_READONLY", "SQLITE_CANTOPEN")):
        rule, remedy = "be a file that can be written", "Make room, or change its permissions"
    else:
        rule, remedy = "be an undamaged SQLite database", "Move it away, restore it from a copy"
    reason = " ".join(str(error).split())[:150]
    return StoreError(f"The store should {rule}. Got {path}: {reason}. {remedy}, or {ELSEWHERE}.")
