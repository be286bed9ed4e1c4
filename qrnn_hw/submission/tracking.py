"""Jobs that were sent earlier, perhaps by another process: asked for, taken, stopped."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from jobs.errors import PendingError
from jobs.service.giving_up import cancel, forget
from jobs.service.retrieval import collect, refresh, take_after_all, watch
from jobs.service.submission import adopt
from jobs.states import PENDING, Done, State
from jobs.store.store import Store
from qrnn_hw.submission import following

if TYPE_CHECKING:
    from jobs.service.runtime import ServiceExecutor
    from jobs.spec import PubResult


def parts_of(keys: Iterable[str], store: Store) -> tuple[str, ...]:
    """Return the keys of the jobs that really are at the service, each once."""
    return tuple(dict.fromkeys(part for key in keys for part in store.parts(key) or (key,)))


def pending_keys(store: Store) -> tuple[str, ...]:
    """Return the keys of all jobs that have not ended, oldest first."""
    names = [kind.__name__.lower() for kind in PENDING]
    return tuple(record.key for record in reversed(store.jobs(limit=None, states=names)))


def watch_jobs(
    keys: Iterable[str], store: Store, report: Callable[[str, State], None]
) -> tuple[str, ...]:
    """Wait until jobs have ended, and return the keys of the parts that were waited for."""
    parts = parts_of(keys, store)
    open_parts = [part for part in parts if isinstance(store.state(part), PENDING)]
    if open_parts:
        watch(
            open_parts,
            _service(open_parts[0], store),
            store,
            backoff=following.POLLING,
            report=report,
        )
    return parts


def fetch_job(key: str, store: Store) -> tuple[PubResult, ...]:
    """Return the bits of a job: from the store, else the service is asked once.

    Raises:
        PendingError: it has not ended.
        JobFailedError: it failed or was cancelled.
        PartialResultError: a part of it did.
    """
    if store.raw(key) is None:
        service = _service(key, store)
        for part in parts_of([key], store):
            state = store.state(part)
            if isinstance(state, PENDING) or (isinstance(state, Done) and not store.raw(part)):
                refresh(part, service, store)
            else:
                take_after_all(part, service, store)
    if store.raw(key) is None and not store.parts(key) and store.state(key) is None:
        raise PendingError(
            f"The job should have been sent. Got {key[:12]}, which was cut short before. "
            "Submit it again."
        )
    return collect(key, store)


def cancel_jobs(keys: Iterable[str], store: Store) -> tuple[str, ...]:
    """Cancel jobs and return the keys of those that had not ended."""
    parts = parts_of(keys, store)
    open_parts = [part for part in parts if isinstance(store.state(part), PENDING)]
    if not open_parts:
        return ()
    return cancel(open_parts, _service(open_parts[0], store), store, following.POLLING)


def forget_jobs(keys: Iterable[str], store: Store, *, anyway: bool = False) -> tuple[str, ...]:
    """Clear jobs of which nothing will come, and return the keys of the parts asked for."""
    parts = parts_of(keys, store)
    for part in parts:
        forget(part, _service(part, store), store, anyway=anyway)
    return parts


def adopt_jobs(keys: Iterable[str], store: Store) -> tuple[str, ...]:
    """Look up jobs whose sending was cut short, all if none is named; return those found."""
    intended = store.jobs(limit=None, states=("intended",))
    if not intended:
        return ()
    wanted = parts_of(keys, store) or None
    return adopt(_service(intended[0].key, store), store, wanted, following.POLLING)


def _service(key: str, store: Store) -> ServiceExecutor:
    from jobs.service.runtime import ServiceExecutor

    # Only sending depends on the backend, and each job is asked for at its own instance.
    record = store.record(key)
    return ServiceExecutor(record.backend if record else "")
