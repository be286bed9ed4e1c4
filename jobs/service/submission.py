"""Sending a job so that it is neither lost nor sent twice.

The client repeats a POST after some faults and gives up after others, in both cases without
knowing whether the service took the job. So a unique tag is stored before anything is sent, goes
with the job, and is looked up after every doubt.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import uuid4

from jobs.cost import Estimate
from jobs.errors import (
    BudgetError,
    JobFailedError,
    JobNotFoundError,
    JobsError,
    ServiceUnavailableError,
)
from jobs.executor import JobBook, RemoteExecutor, ServiceJob
from jobs.limits import DEFAULT_LIMITS, Limits
from jobs.service.backoff import DEFAULT_BACKOFF, Backoff
from jobs.service.pace import paced
from jobs.spec import JobSpec
from jobs.splitting import split
from jobs.states import Cancelled, Done, Failed, Intended, Running, State, Submitted, now
from jobs.store.store import Store

TAG_PREFIX = "qrnn-hw"
_PREFERENCE = ("done", "running", "unknown", "queued", "failed", "cancelled")


@dataclass(frozen=True)
class Terms:
    """What a job is sent with."""

    limit_seconds: int
    """Most QPU seconds that it may take, its `max_execution_time`."""

    estimate: Estimate | None = None
    """By the documented formula, kept to be held against the charge."""


def submit(
    spec: JobSpec,
    executor: RemoteExecutor,
    store: Store,
    *,
    terms: Sequence[Terms | None] = (),
    limits: Limits = DEFAULT_LIMITS,
    backoff: Backoff = DEFAULT_BACKOFF,
) -> tuple[str, ...]:
    """Make sure that the service has `spec` once, and return the keys of the jobs it is sent as.

    What the store knows as sent is not sent again, under whatever key it has there; an intent whose
    fate is unknown is looked up first. A job that failed or was cancelled is sent anew.

    Args:
        spec: The job.
        executor: The service.
        store: Where intents and states go.
        terms: Of each part, None for one that is sent already; without them the executor's own.
        limits: What one job may ask for.
        backoff: The waits between attempts.

    Raises:
        AuthenticationError: If the account is refused.
        BudgetError: If the plan is used up.
        JobFailedError: If the service refuses the job.
        PreflightError: If the job needs what the machine now says is not operational.
        ServiceUnavailableError: If the service stays silent; calling again continues.
    """
    spec = store.known(spec)
    stored = store.parts(spec.key)
    if store.raw(spec.key) is not None:
        return stored or (spec.key,)
    parts = parts_of(spec, store, limits)
    if len(parts) > 1:
        store.put_parts(spec, parts)
    store.put_spec(spec)
    for part, own in zip(parts, terms or (None,) * len(parts), strict=True):
        with store.lock(part.key):
            if terms and own is None:
                _require_sent(part.key, store)
            _submit_one(part, executor, store, backoff, own)
    return tuple(part.key for part in parts)


def _require_sent(key: str, store: Store) -> None:
    """Refuse to send what was under way when its command was agreed to, and has ended since."""
    if not isinstance(store.state(key), Submitted | Running | Done):
        raise BudgetError(
            f"A job should be sent only as agreed. Got {key[:12]}, which was under way then and "
            "ended without a result since. Run the same command again."
        )


def parts_of(spec: JobSpec, store: Store, limits: Limits = DEFAULT_LIMITS) -> tuple[JobSpec, ...]:
    """Return what a job is sent as; parts already sent keep their cut, whatever the limits are."""
    return tuple(store.spec(key) for key in store.parts(spec.key)) or split(spec, limits)


def _submit_one(
    spec: JobSpec,
    executor: RemoteExecutor,
    store: Store,
    backoff: Backoff,
    terms: Terms | None,
) -> None:
    state = store.state(spec.key)
    if isinstance(state, Submitted | Running | Done):
        return
    tag, in_doubt_since = f"{TAG_PREFIX}-{uuid4().hex}", None
    if isinstance(state, Failed) and not state.id and (refused := _last_intent(spec.key, store)):
        # Who refused it may have been on the way to a service that took it.
        store.set_state(spec.key, state := refused)
    if isinstance(state, Intended):
        tag, in_doubt_since = state.tag, _last_post(spec.key, state, store, backoff)
    limit = () if terms is None else (terms.limit_seconds,)
    failure = "The list of jobs may not have it yet."
    for _ in backoff.attempts():
        try:
            if in_doubt_since is not None:
                is_listed = backoff.clock() >= in_doubt_since + backoff.lag_seconds
                if settle(spec.key, tag, executor, store) is not None:
                    return
                if not is_listed:
                    continue
            # Between its price and its sending may lie a training, or the rounds before it.
            executor.require_working(spec)
            # From now on it is looked for there, whichever instance is in use then.
            store.put_instance(spec.key, executor.instance)
            with paced(spec.key, store, backoff):
                if in_doubt_since is None:
                    store.set_state(spec.key, Intended(now(), tag))
                _note_terms(spec.key, terms, store)
                try:
                    job_id = executor.submit(spec, tag, *limit)
                finally:
                    in_doubt_since = backoff.clock()
            store.set_state(spec.key, Submitted(now(), tag, job_id))
        except (JobFailedError, BudgetError) as error:
            # An earlier attempt may have been accepted before this one was refused.
            if in_doubt_since is None or settle(spec.key, tag, executor, store) is None:
                store.set_state(spec.key, Failed(now(), str(error)))
                raise
            return
        except ServiceUnavailableError as error:
            failure = str(error)
            continue
        _look_for_doubles(spec.key, tag, executor, store)
        return
    if in_doubt_since is None:
        raise ServiceUnavailableError(f"{failure} Nothing was sent.")
    raise ServiceUnavailableError(
        f"{failure} The job may have been accepted all the same; its intent is stored. "
        "Run the same command again: it looks the job up before it sends anything."
    )


def _last_intent(key: str, store: Store) -> Intended | None:
    sent = [one for one in store.states(key) if isinstance(one, Intended)]
    return sent[-1] if sent else None


def _last_post(key: str, state: Intended, store: Store, backoff: Backoff) -> float:
    """Return by the clock of `backoff` when an earlier process may last have sent the job."""
    ago = store.ledger.seconds_since_post(key)
    if ago is None:
        ago = max(0.0, (datetime.now(UTC) - datetime.fromisoformat(state.at)).total_seconds())
    return backoff.clock() - ago


def _note_terms(key: str, terms: Terms | None, store: Store) -> None:
    if terms is None:
        return
    store.ledger.note_limit(key, terms.limit_seconds)
    if terms.estimate is not None:
        one = terms.estimate
        store.put_estimate(key, one.low_seconds, one.best_seconds, one.high_seconds)


def may_be_unlisted(key: str, state: Intended, store: Store, backoff: Backoff) -> bool:
    """Return whether a job was posted so lately that the service's list may not have it yet."""
    return backoff.clock() < _last_post(key, state, store, backoff) + backoff.lag_seconds


def find_surely(
    key: str, state: Intended, executor: RemoteExecutor, store: Store, backoff: Backoff
) -> ServiceJob | None:
    """Do as `settle`, again and again until the service's list must have the job.

    Raises:
        ServiceUnavailableError: If the service does not answer.
    """
    posted = _last_post(key, state, store, backoff)
    for _ in backoff.attempts():
        # Judged before the question, since its answer may take long.
        is_listed = backoff.clock() >= posted + backoff.lag_seconds
        found = settle(key, state.tag, executor, store)
        if found is not None or is_listed:
            break
    return found


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
    # recorded only together with the bits, by `jobs.service.retrieval`.
    store.set_state(key, state_of(kept, tag))
    known = {text for _, text in store.notes(key)}
    for double in doubles:
        store.ledger.note_charge(key, double.id)
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
    executor: RemoteExecutor,
    store: Store,
    keys: Sequence[str] | None = None,
    backoff: Backoff = DEFAULT_BACKOFF,
) -> tuple[str, ...]:
    """Look up all jobs whose sending was cut short, and return the keys of those found.

    Args:
        executor: The service.
        store: Where the intents are.
        keys: Only these jobs; all by default.
        backoff: The waits for a list that lags.

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
                    if find_surely(record.key, state, executor, store, backoff) is not None:
                        adopted.append(record.key)
            except JobsError as error:
                hidden.append(error)
    if hidden:
        raise hidden[0]
    return tuple(adopted)
