"""Sending a job so that it is neither lost nor sent twice.

The client repeats a POST after some faults and gives up after others, in both cases without
knowing whether the service took the job. So a unique tag is stored before anything is sent, goes
with the job, and is looked up after every doubt.
"""

from collections.abc import Sequence
from uuid import uuid4

from jobs.backoff import DEFAULT_BACKOFF, Backoff
from jobs.errors import JobFailedError, JobNotFoundError, JobsError, ServiceUnavailableError
from jobs.executor import JobBook, RemoteExecutor, ServiceJob
from jobs.limits import DEFAULT_LIMITS, Limits
from jobs.spec import JobSpec
from jobs.splitting import split
from jobs.states import Cancelled, Done, Failed, Intended, Running, State, Submitted, now
from jobs.store import Store

TAG_PREFIX = "qrnn-hw"
_PREFERENCE = ("done", "running", "unknown", "queued", "failed", "cancelled")


def submit(
    spec: JobSpec,
    executor: RemoteExecutor,
    store: Store,
    *,
    limits: Limits = DEFAULT_LIMITS,
    backoff: Backoff = DEFAULT_BACKOFF,
) -> tuple[str, ...]:
    """Make sure that the service has `spec` once, and return the keys of the jobs it is sent as.

    What the store knows as sent is not sent again, under whatever key it has there; an intent whose
    fate is unknown is looked up first. A job that failed or was cancelled is sent anew.

    Raises:
        AuthenticationError: If the account is refused.
        JobFailedError: If the service refuses the job.
        ServiceUnavailableError: If the service stays silent; calling again continues.
    """
    spec = store.known(spec)
    stored = store.parts(spec.key)
    if store.raw(spec.key) is not None:
        return stored or (spec.key,)
    # Parts already sent keep their cut, whatever the limits are now.
    parts = tuple(store.spec(key) for key in stored) or split(spec, limits)
    if len(parts) > 1:
        store.put_parts(spec, parts)
    store.put_spec(spec)
    for part in parts:
        with store.lock(part.key):
            _submit_one(part, executor, store, backoff)
    return tuple(part.key for part in parts)


def _submit_one(spec: JobSpec, executor: RemoteExecutor, store: Store, backoff: Backoff) -> None:
    state = store.state(spec.key)
    if isinstance(state, Submitted | Running | Done):
        return
    doubtful = isinstance(state, Intended)
    tag = state.tag if isinstance(state, Intended) else f"{TAG_PREFIX}-{uuid4().hex}"
    failure = ""
    for _ in backoff.attempts():
        try:
            if doubtful and settle(spec.key, tag, executor, store) is not None:
                return
            # From now on it is looked for there, whichever instance is in use then.
            store.put_instance(spec.key, executor.instance)
            if not doubtful:
                store.set_state(spec.key, Intended(now(), tag))
            doubtful = True
            job_id = executor.submit(spec, tag)
            store.set_state(spec.key, Submitted(now(), tag, job_id))
        except JobFailedError as error:
            # An earlier attempt may have been accepted before this one was refused.
            if not doubtful or settle(spec.key, tag, executor, store) is None:
                store.set_state(spec.key, Failed(now(), str(error)))
                raise
            return
        except ServiceUnavailableError as error:
            failure = str(error)
            continue
        _look_for_doubles(spec.key, tag, executor, store)
        return
    if not doubtful:
        raise ServiceUnavailableError(f"{failure} Nothing was sent.")
    raise ServiceUnavailableError(
        f"{failure} The job may have been accepted all the same; its intent is stored. "
        "Run the same command again: it looks the job up before it sends anything."
    )


def _look_for_doubles(key: str, tag: str, executor: RemoteExecutor, store: Store) -> None:
    try:
        settle(key, tag, executor, store)
    except ServiceUnavailableError:
        # The job is sent and its id stored; `settle` is called again before its result is taken.
        return


def settle(key: str, tag: str, executor: RemoteExecutor, store: Store) -> ServiceJob | None:
    """Find the job that carries `tag`, cancel and note its doubles, and record where it stands.

    Returns:
        The job that is kept, or None when the service has none with that tag.

    Raises:
        ServiceUnavailableError: If the service does not answer.
    """
    place = executor.at(store.instance(key))
    found = place.find(tag)
    if not found:
        return None
    kept, *doubles = sorted(found, key=lambda job: _PREFERENCE.index(job.phase))
    # The one kept is stored before the others are cancelled, since that may be cut short. Done is
    # recorded only together with the bits, by `jobs.retrieval`.
    store.set_state(key, state_of(kept, tag))
    known = {text for _, text in store.notes(key)}
    for double in doubles:
        ended = double.phase == "cancelled" or (
            double.phase in ("queued", "running", "unknown") and _stopped(double.id, place)
        )
        outcome = f"cancelled {double.id}" if ended else f"{double.id} had run as well"
        note = f"The service held this job {len(found)} times: kept {kept.id}, {outcome}."
        if note not in known:
            store.add_note(key, note)
    return kept


def _stopped(job_id: str, place: JobBook) -> bool:
    try:
        return place.cancel(job_id)
    except JobNotFoundError:
        return True  # deleted since it was listed


def state_of(job: ServiceJob, tag: str) -> State:
    """Return the state to store for what the service says; a job that is done counts as running."""
    match job.phase:
        case "queued":
            return Submitted(now(), tag, job.id)
        case "failed":
            return Failed(now(), job.reason, job.id)
        case "cancelled":
            return Cancelled(now(), job.reason, job.id)
        case _:
            return Running(now(), tag, job.id)


def adopt(
    executor: RemoteExecutor, store: Store, keys: Sequence[str] | None = None
) -> tuple[str, ...]:
    """Look up all jobs whose sending was cut short, and return the keys of those found.

    Args:
        executor: The service.
        store: Where the intents are.
        keys: Only these jobs; all by default.

    Raises:
        JobsError: If an instance cannot be looked at; those of the others are looked up first.
    """
    adopted, hidden = [], []
    for record in store.jobs(limit=None, states=("intended",)):
        state = record.state
        if keys is not None and record.key not in keys:
            continue
        if isinstance(state, Intended):
            try:
                with store.lock(record.key):
                    if settle(record.key, state.tag, executor, store) is not None:
                        adopted.append(record.key)
            except JobsError as error:
                hidden.append(error)
    if hidden:
        raise hidden[0]
    return tuple(adopted)
