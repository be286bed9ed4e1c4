"""A question that is refused says nothing of the job it is about, over HTTP."""

import pytest
from emulator.faults import Fault
from emulator.records import refusal
from emulator.worker import QUICK, answered, job

from jobs.errors import BudgetError, JobFailedError, JobNotFoundError, ServiceUnavailableError
from jobs.runner import run
from jobs.service.backoff import Backoff
from jobs.service.retrieval import collect, watch
from jobs.service.runtime import ServiceExecutor
from jobs.service.submission import submit
from jobs.service.usage import charged_seconds, seconds_left
from jobs.states import Failed, Running, Submitted
from jobs.store.store import Store

LAGGING = Backoff(0.02, 0.1, patience_seconds=6.0, doubt_seconds=2.0, listing_seconds=2.0)
IMPATIENT = Backoff(0.02, 0.05, patience_seconds=0.2, doubt_seconds=0.1)


@pytest.fixture
def store(tmp_path):
    with Store(tmp_path / "jobs.db") as opened:
        yield opened


@pytest.mark.parametrize("status", [400, 404, 410])
def test_a_refused_list_after_a_lost_answer_sends_no_second_job(emulator, store, status):
    emulator.service.settings.listing_lag_seconds = 0.5
    emulator.faults = [
        Fault("status after", "POST", "/jobs$"),
        Fault("status", "GET", "/jobs$", status=status),
    ]
    spec = job(1)
    assert answered(run(spec, ServiceExecutor("ibm_boston"), store, backoff=LAGGING), spec)
    assert not emulator.faults[1].times
    assert len(emulator.service.jobs) == 1


@pytest.mark.parametrize("status", [400, 404])
def test_a_job_refused_on_the_way_back_is_looked_for_before_it_is_sent_anew(
    emulator, store, status
):
    emulator.service.settings.listing_lag_seconds = 0.5
    emulator.faults = [Fault("status after", "POST", "/jobs$", status=status)]
    executor, spec = ServiceExecutor("ibm_boston"), job(1)
    with pytest.raises(JobFailedError):
        submit(spec, executor, store, backoff=LAGGING)
    assert isinstance(store.state(spec.key), Failed)
    assert answered(run(spec, executor, store, backoff=LAGGING), spec)
    assert len(emulator.service.jobs) == 1


@pytest.mark.parametrize("status", [400, 404, 410, 500])
def test_words_that_nobody_knows_with_a_result_refused_for_a_while_are_no_failure(
    emulator, store, status
):
    emulator.service.settings.end_status = "Wrapped up"
    emulator.faults = [Fault("status", "GET", "/results$", status=status, times=4)]
    spec = job(1)
    assert answered(run(spec, ServiceExecutor("ibm_boston"), store, backoff=QUICK), spec)
    assert len(emulator.service.jobs) == 1


@pytest.mark.parametrize("status", [400, 410])
def test_a_result_that_is_refused_is_asked_for_again_and_never_told_as_a_failure(
    emulator, store, status
):
    executor, spec = ServiceExecutor("ibm_boston"), job(1)
    submit(spec, executor, store, backoff=QUICK)
    emulator.faults = [Fault("status", "GET", "/results$", status=status, times=99)]
    with pytest.raises(ServiceUnavailableError) as caught:
        watch([spec.key], executor, store, backoff=IMPATIENT)
    assert "submit again" not in str(caught.value)
    assert isinstance(store.state(spec.key), Submitted | Running)
    emulator.faults = []
    watch([spec.key], executor, store, backoff=QUICK)
    assert answered(collect(spec.key, store), spec)


def test_a_job_that_is_gone_is_gone_by_either_status(emulator, store):
    executor, spec = ServiceExecutor("ibm_boston"), job(1)
    submit(spec, executor, store, backoff=QUICK)
    emulator.faults = [Fault("status", "GET", "/jobs/[^/]+$", status=410, times=99)]
    with pytest.raises(JobNotFoundError, match="jobs forget"):
        watch([spec.key], executor, store, backoff=IMPATIENT)


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("Quota exceeded", BudgetError),
        ("You have no time left on your plan", BudgetError),
        ("Instance limit reached", BudgetError),
        ("Monthly allocation used up", BudgetError),
        ("The quota of 3 pending jobs is exceeded", ServiceUnavailableError),
        ("The job is being changed", ServiceUnavailableError),
    ],
)
def test_a_conflict_is_a_used_up_plan_in_any_words(emulator, store, monkeypatch, words, kind):
    monkeypatch.setattr(
        "emulator.job_routes.over_a_limit", lambda *_: refusal(409, words), raising=True
    )
    with pytest.raises(kind):
        submit(job(1), ServiceExecutor("ibm_boston"), store, backoff=IMPATIENT)
    assert not emulator.service.jobs


@pytest.mark.parametrize("status", [400, 404])
def test_a_usage_that_is_refused_is_the_service_s_fault(emulator, status):
    executor = ServiceExecutor("ibm_boston")
    assert executor.remaining_seconds() == 600.0
    emulator.faults = [Fault("status", "GET", "/usage$", status=status)]
    with pytest.raises(ServiceUnavailableError, match="usage of the plan"):
        executor.remaining_seconds()


@pytest.mark.parametrize(
    ("usage", "seconds"),
    [
        (None, None),
        ({}, None),
        ({"quantum_seconds": 2.5, "qpu_charge_time_seconds": None}, 2.5),
        ({"quantum_seconds": 2.5, "qpu_charge_time_seconds": 3}, 3.0),
        ({"quantum_seconds": 2.5, "status": "pending"}, None),
        ({"quantum_seconds": None, "status": None}, None),
    ],
)
def test_a_charge_that_is_null_is_not_known_and_hides_nothing_else(usage, seconds):
    assert charged_seconds({"usage": usage}) == seconds


def test_a_charge_below_nothing_is_no_charge():
    with pytest.raises(ServiceUnavailableError, match="what a job was charged"):
        charged_seconds({"usage": {"quantum_seconds": -3}})


@pytest.mark.parametrize(
    ("usage", "left"),
    [
        ({"usage_consumed_seconds": 1, "usage_limit_seconds": 600, "usage_limit_reached": True}, 0),
        ({"usage_consumed_seconds": 0, "usage_limit_seconds": 0, "usage_limit_reached": True}, 0),
        ({"usage_consumed_seconds": 1, "usage_limit_seconds": None}, None),
        ({"usage_consumed_seconds": 1.5, "usage_limit_seconds": 600}, 598.5),
    ],
)
def test_a_limit_that_is_reached_leaves_nothing(usage, left):
    assert seconds_left(usage) == left
