"""Following jobs to their end, and keeping what they return."""

from collections.abc import Callable, Sequence

from jobs.backoff import DEFAULT_BACKOFF, Backoff
from jobs.errors import JobFailedError, PartialResultError, PendingError, ServiceUnavailableError
from jobs.executor import RemoteExecutor
from jobs.spec import JobSpec, PubResult
from jobs.splitting import join
from jobs.states import Cancelled, Done, Failed, Intended, Running, State, Submitted, now
from jobs.store import Store
from jobs.submission import settle, state_of

Report = Callable[[str, State], None]


def refresh(key: str, executor: RemoteExecutor, store: Store) -> State | None:
    """Ask the service once about a job, store its bits if it is done, and return its state.

    Raises:
        JobFailedError: If the service knows no job of that id, as another account's would not.
        ServiceUnavailableError: If the service does not answer; nothing is lost by it.
    """
    state = store.state(key)
    if isinstance(state, Intended):
        settle(key, state.tag, executor, store)
        return store.state(key)
    if isinstance(state, Submitted | Running):
        job = executor.look_up(state.id)
        if job.phase in ("done", "failed", "cancelled"):
            # What was cancelled may be a double, and what is done may have one.
            job = settle(key, state.tag, executor, store) or job
        if job.phase == "done":
            _take(key, job.id, executor, store)
        else:
            store.set_state(key, state_of(job, state.tag))
    elif isinstance(state, Done) and state.id:
        if store.raw(key) is None:  # its row was damaged, and deleted
            _take(key, state.id, executor, store)
        elif store.quantum_seconds(key) is None:
            _note_metrics(key, state.id, executor, store)
    return store.state(key)


def _take(key: str, job_id: str, executor: RemoteExecutor, store: Store) -> None:
    try:
        results = executor.fetch(job_id, store.spec(key))
    except JobFailedError as error:
        store.set_state(key, Failed(now(), str(error), job_id))
        return
    store.put_raw(key, results, Done(now(), job_id))
    _note_metrics(key, job_id, executor, store)


def _note_metrics(key: str, job_id: str, executor: RemoteExecutor, store: Store) -> None:
    # The bits are safe already, so a service that cannot tell cost and time now is no failure.
    try:
        found = executor.metrics(job_id)
    except ServiceUnavailableError:
        return
    if found.quantum_seconds is not None:
        store.put_quantum_seconds(key, found.quantum_seconds)
    if found.finished_at is not None:
        store.put_finished_at(key, found.finished_at)


def watch(
    keys: Sequence[str],
    executor: RemoteExecutor,
    store: Store,
    *,
    backoff: Backoff = DEFAULT_BACKOFF,
    report: Report | None = None,
) -> None:
    """Follow jobs until all have ended; one wait, which doubles while nothing changes, for all.

    Interrupting it leaves the jobs running.

    Args:
        keys: Jobs that were sent.
        executor: The service.
        store: Where states and bits go.
        backoff: The waits, and for how long a silent service is asked again.
        report: Called with the key and the state after each change.

    Raises:
        ServiceUnavailableError: If the service stays silent.
    """
    pending = list(keys)
    wait = backoff.first_seconds
    last_answer = backoff.clock()
    while pending:
        changed = False
        for key in tuple(pending):
            before = store.state(key)
            try:
                after = refresh(key, executor, store)
            except ServiceUnavailableError:
                if backoff.clock() - last_answer > backoff.patience_seconds:
                    raise
                continue
            last_answer = backoff.clock()
            if after is not None and type(after) is not type(before):
                changed = True
                if report is not None:
                    report(key, after)
            if not isinstance(after, Submitted | Running):
                pending.remove(key)
        if pending:
            wait = backoff.first_seconds if changed else min(2 * wait, backoff.ceiling_seconds)
            backoff.sleep(wait)


def collect(key: str, store: Store) -> tuple[PubResult, ...]:
    """Return the bits of a job from the store, those of its parts rejoined.

    Raises:
        JobFailedError: If all of it failed or was cancelled.
        PartialResultError: If some of its parts did.
        PendingError: If some of it is still to come.
    """
    stored = store.raw(key)
    if stored is not None:
        return stored
    parts = store.parts(key) or (key,)
    states = [store.state(part) for part in parts]
    lost = [state for state in states if isinstance(state, Failed | Cancelled)]
    n_done = sum(isinstance(state, Done) for state in states)
    if len(lost) + n_done < len(parts):
        raise PendingError(
            f"The job should have ended. Got {len(parts) - len(lost) - n_done} of {len(parts)} "
            "parts still to come. Watch it, or fetch it later."
        )
    if lost:
        kind = PartialResultError if n_done else JobFailedError
        raise kind(
            f"All parts of the job should be done. Got {len(lost)} of {len(parts)} failed or "
            f"cancelled: {lost[0].reason} Submit it again to run what is missing."
        )
    specs: list[JobSpec] = [store.spec(part) for part in parts]
    joined = join(store.spec(key), specs, [_stored_bits(part, store) for part in parts])
    store.put_raw(key, joined, Done(now()))
    return joined


def _stored_bits(key: str, store: Store) -> tuple[PubResult, ...]:
    stored = store.raw(key)
    if stored is None:
        raise PendingError(
            f"The bits of a job that is done should be stored. Got none of {key[:12]}. "
            "Fetch it again, or submit it again if it ran in this process."
        )
    return stored


def cancel(keys: Sequence[str], executor: RemoteExecutor, store: Store) -> tuple[str, ...]:
    """Cancel jobs at the service and return the keys of those that had not ended.

    Raises:
        ServiceUnavailableError: If the service does not answer.
    """
    cancelled = []
    for key in keys:
        # Who holds the lock may be sending it: then there is something to cancel a moment later.
        with store.lock(key):
            if _cancel_one(key, executor, store):
                cancelled.append(key)
    return tuple(cancelled)


def _cancel_one(key: str, executor: RemoteExecutor, store: Store) -> bool:
    state = store.state(key)
    if isinstance(state, Intended):
        if settle(key, state.tag, executor, store) is None:
            store.set_state(key, Cancelled(now(), "Cancelled before it was sent."))
            return True
        state = store.state(key)
    if isinstance(state, Submitted | Running) and executor.cancel(state.id):
        store.set_state(key, Cancelled(now(), "Cancelled on request.", state.id))
        return True
    return False
