"""A job that was paid for comes back whatever the service says in between, over HTTP."""

import stat
import time

import pytest
from emulator.damage import DAMAGES
from emulator.faults import Fault
from emulator.worker import QUICK, answered, job

from jobs.errors import (
    JobFailedError,
    JobNotFoundError,
    MisreadAnswerError,
    PendingError,
    UnknownStatusError,
)
from jobs.runner import run
from jobs.service.backoff import Backoff
from jobs.service.giving_up import cancel, forget
from jobs.service.retrieval import collect, refresh, take_after_all, watch
from jobs.service.runtime import ServiceExecutor
from jobs.service.submission import submit
from jobs.states import Cancelled, Done, Failed, Intended, Running, Submitted, now
from jobs.store.store import Store

ONCE = Backoff(0.01, 0.01, patience_seconds=0.0, doubt_seconds=0.0)
IMPATIENT = Backoff(0.02, 0.05, patience_seconds=0.3, doubt_seconds=0.1)


@pytest.fixture
def store(tmp_path):
    with Store(tmp_path / "jobs.db") as opened:
        yield opened


@pytest.fixture
def sent(emulator, store):
    """Send a job; return its description, an executor and the job at the service."""
    executor, spec = ServiceExecutor("ibm_boston"), job(1)
    submit(spec, executor, store, backoff=QUICK)
    (there,) = emulator.service.jobs.values()
    return spec, executor, there


def test_a_damaged_answer_is_kept_and_the_next_is_taken(emulator, store, sent):
    spec, executor, there = sent
    for damage, spoil in DAMAGES.items():
        emulator.faults = [Fault("damage", "GET", "/results$", damage=damage, times=99)]
        with pytest.raises(MisreadAnswerError, match="jobs fetch") as caught:
            watch([spec.key], executor, store, backoff=ONCE)
        assert isinstance(store.state(spec.key), Submitted | Running), damage
        assert store.raw(spec.key) is None, damage
        if damage != "empty":
            (kept,) = [path for path in kept_answers(store) if str(path) in str(caught.value)]
            assert kept.read_text() == spoil(there.result)
            assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    emulator.faults = []
    assert answered(run(spec, executor, store, backoff=QUICK), spec)
    assert there.result in [path.read_text() for path in kept_answers(store)]
    assert len(emulator.service.jobs) == 1


def kept_answers(store):
    return list((store._database.path.parent / "jobs.db.answers").iterdir())


def test_a_result_that_is_missing_for_a_while_is_waited_for(emulator, store, sent):
    spec, executor, _ = sent
    emulator.faults = [
        Fault(kind, "GET", "/results$", status=status)
        for kind in ("status", "page")
        for status in (204, 404)
    ]
    watch([spec.key], executor, store, backoff=QUICK)
    assert answered(collect(spec.key, store), spec)


def test_the_result_of_another_job_of_the_same_form_is_not_taken(emulator, store, sent):
    spec, executor, there = sent
    other = job(2)
    run(other, executor, store, backoff=QUICK)
    right = there.result
    there.result = next(o.result for o in emulator.service.jobs.values() if o is not there)
    with pytest.raises(MisreadAnswerError, match="that of another"):
        watch([spec.key], executor, store, backoff=IMPATIENT)
    there.result = right
    watch([spec.key], executor, store, backoff=QUICK)
    assert answered(collect(spec.key, store), spec)


def test_a_job_that_is_not_found_for_a_moment_is_not_lost(emulator, store, sent):
    spec, executor, _ = sent
    emulator.faults = [
        Fault("status", "GET", path, status=404, times=2) for path in ("/jobs/[^/]+$", "/metrics$")
    ]
    watch([spec.key], executor, store, backoff=QUICK)
    assert answered(collect(spec.key, store), spec)


def test_a_deleted_job_is_told_after_the_others_and_can_be_cleared(emulator, store, sent):
    spec, executor, there = sent
    other = job(2)
    submit(other, executor, store, backoff=QUICK)
    del emulator.service.jobs[there.id]
    with pytest.raises(JobNotFoundError, match=f"jobs forget {there.id}"):
        watch([spec.key, other.key], executor, store, backoff=IMPATIENT)
    watch([other.key], executor, store, backoff=QUICK)
    assert answered(collect(other.key, store), other)
    assert isinstance(forget(spec.key, executor, store, backoff=IMPATIENT), Cancelled)
    assert answered(run(spec, executor, store, backoff=QUICK), spec)


@pytest.fixture
def unlisted(emulator, store):
    """Send a job that the list of jobs lacks for a moment, and forget that it was taken."""
    emulator.service.settings.queue_seconds = 60.0
    (key,) = submit(job(3), ServiceExecutor("ibm_boston"), store, backoff=QUICK)
    emulator.service.settings.listing_lag_seconds = 1.0
    state = store.state(key)
    next(iter(emulator.service.jobs.values())).posted = time.monotonic()
    store.set_state(key, Intended(state.at, state.tag))
    yield key
    emulator.service.settings.queue_seconds = 0.0


def test_a_job_that_is_not_listed_yet_is_cancelled_where_it_is(emulator, store, unlisted):
    assert cancel([unlisted], ServiceExecutor("ibm_boston"), store, backoff=QUICK) == (unlisted,)
    (there,) = emulator.service.jobs.values()
    assert there.state["status"] == "Cancelled"


def test_a_job_that_is_not_listed_yet_is_watched(emulator, store, unlisted):
    emulator.service.settings.queue_seconds = 0.0
    watch([unlisted], ServiceExecutor("ibm_boston"), store, backoff=QUICK)
    assert answered(collect(unlisted, store), job(3))


def test_what_was_called_lost_is_taken_where_the_service_has_it(emulator, store, sent):
    spec, executor, there = sent
    store.set_state(spec.key, Failed(now(), "A version that threw answers away.", there.id))
    gone = Cancelled(now(), "Forgotten on request.", "dnowhere")
    other = job(2)
    store.put_spec(other)
    store.set_state(other.key, gone)
    while there.finished is None:
        time.sleep(0.01)
    for key in (spec.key, other.key):
        take_after_all(key, executor, store)
    assert answered(collect(spec.key, store), spec)
    assert store.state(other.key) == gone


def test_only_what_is_gone_is_forgotten(emulator, store, sent):
    spec, executor, _ = sent
    emulator.faults = [Fault("status", "GET", "/jobs/[^/]+$", status=404)]
    assert isinstance(forget(spec.key, executor, store, backoff=QUICK), Done | Submitted | Running)
    emulator.service.settings.queue_seconds = 60.0
    other = job(2)
    submit(other, executor, store, backoff=QUICK)
    with pytest.raises(PendingError, match="Cancel it"):
        forget(other.key, executor, store, backoff=IMPATIENT)
    emulator.service.settings.queue_seconds = 0.0


ENDS = {
    "Cancelled - Ran too long": Failed,
    "CANCELLED": Cancelled,
    "cancelled - by administrator": Cancelled,
    "Canceled": Cancelled,
    "Expired": Failed,
    "FAILED": Failed,
    "Failed - internal error": Failed,
    "Timed_Out": Failed,
    "Aborted": Failed,
    "completed": Done,
    "COMPLETED": Done,
    "Done": Done,
}


@pytest.mark.parametrize("results_status", [None, 204, 404, 500])
def test_an_end_in_any_words_ends_the_watch(emulator, store, results_status, monkeypatch):
    monkeypatch.setattr("jobs.service.pace.PERIOD_SECONDS", 0.0)
    settings = emulator.service.settings
    settings.results_status = results_status
    executor = ServiceExecutor("ibm_boston")
    for seed, (words, kind) in enumerate(ENDS.items()):
        if kind is Done and results_status is not None:
            continue  # what is done has a result
        settings.end_status = words
        (key,) = submit(job(seed), executor, store, backoff=QUICK)
        watch([key], executor, store, backoff=QUICK)
        assert isinstance(store.state(key), kind), words
        assert store.quantum_seconds(key) is not None, words
        if kind is Done:
            assert answered(collect(key, store), job(seed))
        else:
            with pytest.raises(JobFailedError, match=r"1 of 1 failed or cancelled"):
                collect(key, store)


def test_words_that_nobody_knows_are_an_end_when_the_run_has_ended(emulator, store):
    settings = emulator.service.settings
    settings.end_status = "Zurueckgegeben"
    executor = ServiceExecutor("ibm_boston")
    assert answered(run(job(1), executor, store, backoff=QUICK), job(1))
    settings.results_status = 204
    with pytest.raises(JobFailedError, match="Zurueckgegeben"):
        run(job(2), executor, store, backoff=QUICK)


def test_words_that_nobody_knows_are_told_and_waited_for_with_patience(emulator, store):
    settings = emulator.service.settings
    settings.live_status, settings.queue_seconds = "Parked", 60.0
    executor, spec = ServiceExecutor("ibm_boston"), job(1)
    submit(spec, executor, store, backoff=QUICK)
    with pytest.raises(UnknownStatusError, match="Parked"):
        watch([spec.key], executor, store, backoff=IMPATIENT)
    assert "Parked" in " ".join(text for _, text in store.notes(spec.key))
    assert isinstance(store.state(spec.key), Submitted | Running)
    settings.queue_seconds = 0.0
    watch([spec.key], executor, store, backoff=QUICK)
    assert answered(collect(spec.key, store), spec)


def test_the_charge_of_a_job_that_failed_is_known(emulator, store, sent):
    executor = ServiceExecutor("ibm_boston", max_execution_seconds=1)
    spec = job(9)
    submit(spec, executor, store, backoff=QUICK)
    watch([spec.key], executor, store, backoff=QUICK)
    assert isinstance(store.state(spec.key), Failed)
    assert store.quantum_seconds(spec.key) == 1.0
    emulator.faults = [Fault("status", "GET", "/metrics$")]
    refresh(spec.key, executor, store)
    assert store.quantum_seconds(spec.key) == 1.0
