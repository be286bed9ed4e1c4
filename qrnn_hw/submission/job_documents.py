"""What the store says about jobs, as JSON-ready data; light, since listing must be quick."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from jobs.states import State, state_fields, state_name
from jobs.store.job_record import JobRecord
from qrnn_hw.errors import UsageError

if TYPE_CHECKING:
    from jobs.store.store import Store


STATES = ("intended", "submitted", "running", "done", "failed", "cancelled")


def check_states(names: Iterable[str]) -> None:
    """Refuse what is no name of a state.

    Raises:
        UsageError: one is not.
    """
    for name in names:
        if name not in STATES:
            raise UsageError(f"a state should be one of {', '.join(STATES)}. Got {name!r}.")


def state_document(state: State | None) -> tuple[str, str | None]:
    """Return a state's name and the service's id; "split" where only the parts have states."""
    if state is None:
        return "split", None
    return state_name(state), state_fields(state).get("id") or None


def short_document(key: str, store: Store) -> dict[str, Any]:
    """Return key, id and state of one job."""
    name, job_id = state_document(store.state(key))
    return {"key": key, "id": job_id, "state": name}


def list_document(record: JobRecord, now: datetime | None = None) -> dict[str, Any]:
    """Return one line of the list, with the age in seconds of what it says."""
    name, job_id = state_document(record.state)
    known_at = record.created_at if record.state is None else record.state.at
    now = now or datetime.now(UTC)
    return {
        "key": record.key,
        "id": job_id,
        "state": name,
        "known_at": known_at,
        "age_seconds": (now - datetime.fromisoformat(known_at)).total_seconds(),
        "executor": record.executor,
        "backend": record.backend,
        "shots": record.shots,
        "created_at": record.created_at,
        "estimate_seconds": record.estimate_seconds and list(record.estimate_seconds),
        "quantum_seconds": record.quantum_seconds,
    }


def full_document(key: str, store: Store) -> dict[str, Any]:
    """Return everything about one job but its circuits and bits.

    Raises:
        StoreError: there is no such job.
    """
    from jobs.errors import StoreError

    record = store.record(key)
    if record is None:
        raise StoreError(f"The key should be of a stored job. Got {key!r}. List them first.")
    finished = store.finished_at(key)
    return {
        **list_document(record),
        "finished_at": finished and finished.isoformat(),
        "history": [{"state": state_name(s), **state_fields(s)} for s in store.states(key)],
        "notes": [{"at": at, "text": text} for at, text in store.notes(key)],
        "charges": [{"id": one.id, "seconds": one.seconds} for one in store.ledger.charges(key)],
        "parts": [short_document(part, store) for part in store.parts(key)],
    }


def age_text(seconds: float) -> str:
    """Return an age as people say it."""
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"
