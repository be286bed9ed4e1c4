"""Jobs that are wanted no more: stopped at the service, or forgotten where it has none."""

from collections.abc import Sequence

from jobs.backoff import Backoff
from jobs.errors import JobNotFoundError, JobsError, MisreadAnswerError, PendingError
from jobs.executor import RemoteExecutor
from jobs.retrieval import refresh
from jobs.states import Cancelled, Intended, Running, State, Submitted, now
from jobs.store import Store
from jobs.submission import settle

DOUBLE_CHECK = Backoff(first_seconds=1.0, ceiling_seconds=2.0, patience_seconds=4.0)


def cancel(keys: Sequence[str], executor: RemoteExecutor, store: Store) -> tuple[str, ...]:
    """Cancel jobs at the service and return the keys of those that had not ended.

    Raises:
        JobsError: If one could not be cancelled; the others are cancelled first.
    """
    cancelled, failed = [], []
    for key in keys:
        try:
            # Who holds the lock may be sending it: then there is something to cancel soon.
            with store.lock(key):
                if _cancel_one(key, executor, store):
                    cancelled.append(key)
        except JobsError as error:
            failed.append(error)
    if failed:
        raise failed[0]
    return tuple(cancelled)


def _cancel_one(key: str, executor: RemoteExecutor, store: Store) -> bool:
    state = store.state(key)
    if isinstance(state, Intended):
        if settle(key, state.tag, executor, store) is None:
            store.set_state(key, Cancelled(now(), "Cancelled before it was sent."))
            return True
        state = store.state(key)
    if isinstance(state, Submitted | Running) and executor.at(store.instance(key)).cancel(state.id):
        store.set_state(key, Cancelled(now(), "Cancelled on request.", state.id))
        return True
    return False


def forget(
    key: str, executor: RemoteExecutor, store: Store, *, backoff: Backoff = DOUBLE_CHECK
) -> State | None:
    """Stop waiting for a job of which nothing will come, and return its state.

    Only the service's word ends it: where it still has the job, that is taken, or refused here.

    Args:
        key: The job.
        executor: The service.
        store: Where its state is.
        backoff: How often the service is asked before it is believed that there is none.

    Raises:
        PendingError: If the job is still queued or running: cancel it.
        ServiceUnavailableError: If the service does not answer.
    """
    with store.lock(key):
        state = store.state(key)
        if not isinstance(state, Submitted | Running):
            return state
        reason = ""
        for _ in backoff.attempts():
            try:
                after = refresh(key, executor, store)
            except JobNotFoundError:
                reason = "Forgotten on request: the service had no such job any more."
            except MisreadAnswerError as error:
                reason = f"Forgotten on request, without a result: {error}"
            else:
                if isinstance(after, Submitted | Running):
                    raise PendingError(
                        f"A job to forget should be gone, or have no result. Got {key[:12]}, "
                        "which is still queued or running. Cancel it, or watch it."
                    )
                return after
        store.set_state(key, Cancelled(now(), reason, state.id))
        return store.state(key)
