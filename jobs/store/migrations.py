"""The store's schema, as numbered steps: the number of a step is its place in the list."""

from collections.abc import Callable
from sqlite3 import Connection

from jobs.errors import StoreError
from jobs.store.damage import ELSEWHERE


def _first_schema(connection: Connection) -> None:
    """Create circuits, snapshots, jobs, their pubs, parts, states, notes and raw results."""
    for statement in (
        """CREATE TABLE circuits (
            digest TEXT PRIMARY KEY,
            qpy BLOB NOT NULL
        ) STRICT""",
        """CREATE TABLE snapshots (
            digest TEXT PRIMARY KEY,
            content TEXT NOT NULL,
            stored_at TEXT NOT NULL
        ) STRICT""",
        """CREATE TABLE jobs (
            key TEXT PRIMARY KEY,
            hashed TEXT NOT NULL,
            executor TEXT NOT NULL,
            backend TEXT NOT NULL,
            shots INTEGER NOT NULL,
            created_at TEXT NOT NULL,
            state TEXT,
            state_fields TEXT,
            changed_at TEXT,
            estimate_low_seconds REAL,
            estimate_best_seconds REAL,
            estimate_high_seconds REAL,
            quantum_seconds REAL
        ) STRICT""",
        "CREATE INDEX jobs_by_time ON jobs (created_at)",
        "CREATE INDEX jobs_by_state ON jobs (state, created_at)",
        """CREATE TABLE pubs (
            key TEXT NOT NULL REFERENCES jobs (key) ON DELETE CASCADE,
            position INTEGER NOT NULL,
            circuit TEXT NOT NULL REFERENCES circuits (digest),
            parameters BLOB NOT NULL,
            PRIMARY KEY (key, position)
        ) STRICT""",
        """CREATE TABLE parts (
            whole TEXT NOT NULL REFERENCES jobs (key) ON DELETE CASCADE,
            position INTEGER NOT NULL,
            part TEXT NOT NULL REFERENCES jobs (key),
            PRIMARY KEY (whole, position)
        ) STRICT""",
        """CREATE TABLE states (
            number INTEGER PRIMARY KEY,
            key TEXT NOT NULL REFERENCES jobs (key) ON DELETE CASCADE,
            state TEXT NOT NULL,
            fields TEXT NOT NULL
        ) STRICT""",
        "CREATE INDEX states_by_key ON states (key, number)",
        """CREATE TABLE notes (
            number INTEGER PRIMARY KEY,
            key TEXT NOT NULL REFERENCES jobs (key) ON DELETE CASCADE,
            at TEXT NOT NULL,
            text TEXT NOT NULL
        ) STRICT""",
        "CREATE INDEX notes_by_key ON notes (key, number)",
        """CREATE TABLE results (
            key TEXT PRIMARY KEY REFERENCES jobs (key) ON DELETE CASCADE,
            packed BLOB NOT NULL,
            stored_at TEXT NOT NULL
        ) STRICT""",
    ):
        connection.execute(statement)


def _end_of_the_run(connection: Connection) -> None:
    """Add when the run of a job ended, by the service's own clock."""
    connection.execute("ALTER TABLE jobs ADD COLUMN finished_at TEXT")


_ID = "CASE WHEN json_valid({0}) THEN json_extract({0}, '$.id') END"


def _money(connection: Connection) -> None:
    """Add what each sending was charged and may take, what was asked for, and when we posted."""
    connection.execute("ALTER TABLE jobs ADD COLUMN limit_seconds REAL")
    for statement in (
        """CREATE TABLE charges (
            key TEXT NOT NULL REFERENCES jobs (key) ON DELETE CASCADE,
            id TEXT NOT NULL,
            seconds REAL,
            PRIMARY KEY (key, id)
        ) STRICT""",
        """CREATE TABLE requests (
            request TEXT NOT NULL,
            number INTEGER NOT NULL,
            key TEXT NOT NULL,
            PRIMARY KEY (request, number)
        ) STRICT""",
        """CREATE TABLE posts (
            number INTEGER PRIMARY KEY,
            key TEXT NOT NULL,
            at REAL NOT NULL
        ) STRICT""",
        # What older versions stored: every id that carried a job, and the charge of the last.
        f"""INSERT OR IGNORE INTO charges
            SELECT key, {_ID.format("state_fields")}, quantum_seconds FROM jobs
            WHERE {_ID.format("state_fields")} <> ''""",
        f"""INSERT OR IGNORE INTO charges
            SELECT key, {_ID.format("fields")}, NULL FROM states
            WHERE {_ID.format("fields")} <> ''""",
    ):
        connection.execute(statement)


def _instance(connection: Connection) -> None:
    """Add which instance of the account a job was sent to; NULL where older versions sent it."""
    connection.execute("ALTER TABLE jobs ADD COLUMN instance TEXT")


MIGRATIONS: tuple[Callable[[Connection], None], ...] = (
    _first_schema,
    _end_of_the_run,
    _money,
    _instance,
)


def migrate(connection: Connection) -> None:
    """Bring the open store to the newest schema, one transaction for each step.

    Several processes may call this at once: the version is read again inside the transaction.

    Raises:
        StoreError: If the store was written by a newer version of this package.
    """
    # The newest schema is known without the lock, so that who only reads waits for nobody.
    while connection.execute("PRAGMA user_version").fetchone() != (len(MIGRATIONS),):
        connection.execute("BEGIN IMMEDIATE")
        try:
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if version > len(MIGRATIONS):
                raise StoreError(
                    f"The store's schema should be at most number {len(MIGRATIONS)}. Got {version}:"
                    f" it was written by a newer qrnn-hw. Upgrade, or {ELSEWHERE}."
                )
            if version == len(MIGRATIONS):
                return
            MIGRATIONS[version](connection)
            connection.execute(f"PRAGMA user_version = {version + 1}")
            connection.execute("COMMIT")
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
