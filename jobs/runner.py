"""One call from a job to its bits, wherever it runs."""

from collections.abc import Callable, Sequence

from jobs.executor import Executor, RemoteExecutor
from jobs.limits import DEFAULT_LIMITS, Limits
from jobs.service.backoff import DEFAULT_BACKOFF, Backoff
from jobs.service.retrieval import collect, watch
from jobs.service.submission import Terms, submit
from jobs.spec import JobSpec, PubResult
from jobs.states import Done, Failed, State, now
from jobs.store.store import Store


def run(
    spec: JobSpec,
    executor: Executor | RemoteExecutor,
    store: Store,
    *,
    terms: Sequence[Terms | None] = (),
    limits: Limits = DEFAULT_LIMITS,
    backoff: Backoff = DEFAULT_BACKOFF,
    report: Callable[[str, State], None] | None = None,
) -> tuple[PubResult, ...]:
    """Return the bits of `spec`: from the store if it has them, from `executor` otherwise.

    The raw bits are stored before they are returned, so before anything is made of them.

    Args:
        spec: The job.
        executor: Where it runs; `spec.executor` names it.
        store: Where the bits are looked for and put.
        terms: Of each part of a remote job: most seconds, estimate.
        limits: What one remote job may ask for; larger ones are split.
        backoff: The waits between questions to a remote service.
        report: Called with key and state whenever a remote job changes.

    Raises:
        JobsError: One of the family, when the job cannot be run.
    """
    spec = store.known(spec)
    stored = store.raw(spec.key)
    if stored is not None:
        return stored
    if isinstance(executor, RemoteExecutor):
        keys = submit(spec, executor, store, terms=terms, limits=limits, backoff=backoff)
        watch(keys, executor, store, backoff=backoff, report=report)
        return collect(spec.key, store)
    store.put_spec(spec)
    try:
        results = executor.run(spec)
    except Exception as error:
        store.set_state(spec.key, Failed(now(), f"{type(error).__name__}: {error}"))
        raise
    store.put_raw(spec.key, results, Done(now()))
    return results
