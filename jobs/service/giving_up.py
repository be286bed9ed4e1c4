"""Jobs that are wanted no more: stopped at the service, or forgotten where it has none."""

from collections.abc import Sequence

from jobs.errors import JobNotFoundError, JobsError, MisreadAnswerError, PendingError
from jobs.executor import RemoteExecutor
from jobs.service.backoff import DEFAULT_BACKOFF, Backoff
from jobs.service.retrieval import refresh
from jobs.service.submission import find_surely
from jobs.states import PENDING, Cancelled, Intended, Running, State, Submitted, now
from jobs.store.store import Store

DOUBLE_CHECK = Backoff(first_seconds=1.0, ceiling_seconds=2.0, patience_seconds=4.0)


def cancel(
    keys: Sequence[str],
    executor: RemoteExecutor,
    store: Store,
    backoff: Backoff = DEFAULT_BACKOFF,
) -> tuple[str, ...]:
    """Cancel jobs at the service and return the keys of those that had not ended.

    One whose answer was lost is looked for until the service's list must have it.

    Raises:
        JobsError: If one could not be cancelled; the others are cancelled first.
    """
    cancelled, failed = [], []
    for key in keys:
        try:
            # Who holds the lock may be sending it: then there is something to cancel soon.
            with store.lock(key):
                if _cancel_one(key, executor, store, backoff):
                    cancelled.append(key)
        except JobsError as error:
            failed.append(error)
    if failed:
        raise failed[0]
    return tuple(cancelled)


def _cancel_one(key: str, executor: RemoteExecutor, store: Store, backoff: Backoff) -> bool:
    state = store.state(key)
    if isinstance(state, Intended):
        if find_surely(key, state, executor, store, backoff) is None:
            store.set_state(key, Cancelled(now(), "Cancelled before it was sent."))
            return True
        state = store.state(key)
    if isinstance(state, Submitted | Running) and executor.at(store.instance(key)).cancel(state.id):
        store.set_state(key, Cancelled(now(), "Cancelled on request.", state.id))
        return True
    return False


def forget(
    key: str,
    executor: RemoteExecutor,
    store: Store,
    *,
    anyway: bool = False,
    backoff: Backoff = DOUBLE_CHECK,
) -> State | None:
    """Stop waiting for a job of which nothing will come, and return its state.

    Where the service still has its result, that is taken instead.

    Args:
        key: The job.
        executor: The service.
        store: Where its state is.
        anyway: Forget it whatever the service says, or does not say.
        backoff: How often the service is asked before it is believed that there is none.

    Raises:
        PendingError: If the job may still run: cancel it.
        JobsError: If the service does not answer, or refuses the account.
    """
    with store.lock(key):
        state = store.state(key)
        if not isinstance(state, PENDING):
            return state
        try:
            if isinstance(state, Intended):
                find_surely(key, state, executor, store, DEFAULT_BACKOFF)
            reason = _why_gone(key, executor, store, backoff)
        except JobsError as error:
            if not anyway:
                raise
            reason = str(error)
        if reason:
            job_id = "" if isinstance(state, Intended) else state.id
            store.set_state(key, Cancelled(now(), f"Forgotten on request: {reason}", job_id))
        return store.state(key)


def _why_gone(key: str, executor: RemoteExecutor, store: Store, backoff: Backoff) -> str:
    """Return why nothing will come of a job that has not ended; empty if it has ended now."""
    reason = ""
    for _ in backoff.attempts():
        try:
            after = refresh(key, executor, store)
        except (JobNotFoundError, MisreadAnswerError) as error:
            reason = str(error)
            continue
        if not isinstance(after, PENDING):
            return ""
        if isinstance(after, Submitted | Running):
            raise PendingError(
                f"A job to forget should be gone, or have no result. Got {key[:12]}, which is "
                "still queued or running. Cancel it, or watch it."
            )
        reason = "the service had no job with its tag."
    return reason
