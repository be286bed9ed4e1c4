"""Following jobs to their end, and keeping what they return."""

from collections.abc import Callable, Sequence

from jobs.errors import (
    JobFailedError,
    JobNotFoundError,
    JobsError,
    MisreadAnswerError,
    PartialResultError,
    PendingError,
    UnknownStatusError,
)
from jobs.executor import JobBook, RemoteExecutor, ServiceJob
from jobs.service.backoff import DEFAULT_BACKOFF, Backoff
from jobs.service.patience import Patience
from jobs.service.submission import may_be_unlisted, settle, state_of
from jobs.spec import JobSpec, PubResult
from jobs.splitting import join
from jobs.states import Cancelled, Done, Failed, Intended, Running, State, Submitted, now
from jobs.store.store import Store

Report = Callable[[str, State], None]
_Ended = Done | Failed | Cancelled
_ENDED = ("done", "failed", "cancelled")


def refresh(key: str, executor: RemoteExecutor, store: Store) -> State | None:
    """Ask the service once about a job, store its bits if it is done, and return its state.

    The instance that the job was sent to is asked.

    Raises:
        JobNotFoundError: If there is no job of that id, as where it was deleted.
        MisreadAnswerError: If it has run and its result cannot be read; the answer is kept.
        UnknownStatusError: If the service says what this version does not know.
        ServiceUnavailableError: If the service does not answer; nothing is lost by it.
    """
    state = store.state(key)
    place = executor.at(store.instance(key))
    if isinstance(state, Intended):
        settle(key, state.tag, executor, store)
        return store.state(key)
    if isinstance(state, Submitted | Running):
        job = place.look_up(state.id)
        if job.phase in _ENDED:
            # What was cancelled may be a double, and what is done may have one.
            job = settle(key, state.tag, executor, store) or job
        if job.phase == "done":
            _take(key, job.id, place, executor, store)
        elif job.phase == "unknown":
            raise _not_understood(key, job, store)
        else:
            store.set_state(key, state_of(job, state.tag))
            if job.phase in _ENDED:
                _note_metrics(key, job.id, place, store)
    elif isinstance(state, Done) and state.id and store.raw(key) is None:
        # Its row was damaged, and deleted.
        _take(key, state.id, place, executor, store)
    elif isinstance(state, _Ended) and state.id and store.quantum_seconds(key) is None:
        _note_metrics(key, state.id, place, store)
    return store.state(key)


def take_after_all(key: str, executor: RemoteExecutor, store: Store) -> None:
    """Take the result of a job that the store calls lost, where the service calls it done.

    Older versions called a job failed whose result they could not read, and one that was forgotten
    on request may turn up.

    Raises:
        JobsError: If the service does not answer, or its result cannot be read.
    """
    state = store.state(key)
    if isinstance(state, Failed | Cancelled) and state.id:
        place = executor.at(store.instance(key))
        try:
            is_done = place.look_up(state.id).phase == "done"
        except JobNotFoundError:
            return
        if is_done:
            _take(key, state.id, place, executor, store)


def _take(key: str, job_id: str, place: JobBook, executor: RemoteExecutor, store: Store) -> None:
    text = place.answer(job_id)
    # Before anything is made of it: what was paid for is never thrown away.
    path = store.keep_answer(key, job_id, text)
    try:
        results = executor.read(text, store.spec(key))
    except MisreadAnswerError as error:
        raise MisreadAnswerError(
            f"{error} The job has run and is not sent again: fetch it again with `qrnn-hw jobs "
            f"fetch {key[:12]}`. What came is in {path}."
        ) from None
    store.put_raw(key, results, Done(now(), job_id))
    _note_metrics(key, job_id, place, store)


def _note_metrics(key: str, job_id: str, place: JobBook, store: Store) -> None:
    # The bits are safe already, so a service that cannot tell cost and time now is no failure.
    try:
        found = place.metrics(job_id)
    except JobsError:
        return
    if found.quantum_seconds is not None:
        store.put_quantum_seconds(key, found.quantum_seconds)
    if found.finished_at is not None:
        store.put_finished_at(key, found.finished_at)


def _not_understood(key: str, job: ServiceJob, store: Store) -> UnknownStatusError:
    said = f"The service says of job {job.id}: {job.reason}"
    if said not in {text for _, text in store.notes(key)}:
        store.add_note(key, said)
    return UnknownStatusError(
        f"{said} This version does not know whether that is an end. Watch it again later with "
        f"`qrnn-hw jobs watch {key[:12]}`, or cancel it."
    )


def _look_for_doubles(keys: Sequence[str], executor: RemoteExecutor, store: Store) -> None:
    """Find second jobs while they still wait: who sent the first may have ended before looking."""
    for key in keys:
        state = store.state(key)
        if isinstance(state, Submitted):
            try:
                settle(key, state.tag, executor, store)
            except JobsError:
                return  # they are looked for again when their job has ended


def watch(
    keys: Sequence[str],
    executor: RemoteExecutor,
    store: Store,
    *,
    backoff: Backoff = DEFAULT_BACKOFF,
    report: Report | None = None,
) -> None:
    """Follow jobs until all have ended; one wait, which doubles while nothing changes, for all.

    A job of which nothing can be learnt is set aside when patience with it is over, and the others
    are followed to their end. Interrupting it leaves the jobs running.

    Args:
        keys: Jobs that were sent.
        executor: The service.
        store: Where states and bits go.
        backoff: The waits, and for how long a silent service is asked again.
        report: Called with the key and the state after each change.

    Raises:
        JobsError: What was learnt last of the first job that was set aside.
    """
    pending = list(keys)
    _look_for_doubles(pending, executor, store)
    wait = backoff.first_seconds
    patience = Patience(backoff)
    set_aside: list[JobsError] = []
    while pending:
        changed = False
        for key in tuple(pending):
            before = store.state(key)
            try:
                after = refresh(key, executor, store)
            except JobsError as error:
                if patience.is_over(key, error):
                    pending.remove(key)
                    set_aside.append(error)
                continue
            patience.answered(key)
            if after is not None and type(after) is not type(before):
                changed = True
                if report is not None:
                    report(key, after)
            unlisted = isinstance(after, Intended) and may_be_unlisted(key, after, store, backoff)
            if not isinstance(after, Submitted | Running) and not unlisted:
                pending.remove(key)
        if pending:
            wait = backoff.first_seconds if changed else min(2 * wait, backoff.ceiling_seconds)
            backoff.sleep(wait)
    if set_aside:
        raise set_aside[0]


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
