"""An account with several instances: a job is looked for where it was sent, and only there."""

import pytest
from emulator.account import CRN
from emulator.faults import Fault
from emulator.worker import QUICK, answered, job

from jobs.errors import AuthenticationError
from jobs.runner import run
from jobs.service.giving_up import cancel
from jobs.service.retrieval import collect, watch
from jobs.service.runtime import ServiceExecutor
from jobs.service.submission import adopt, submit
from jobs.states import Cancelled, Intended, Submitted
from jobs.store.store import Store


@pytest.fixture
def store(tmp_path):
    with Store(tmp_path / "jobs.db") as opened:
        yield opened


@pytest.fixture
def other(emulator):
    """Give the account a second instance and return its CRN."""
    return emulator.service.add_instance(name="second", plan="premium")


@pytest.fixture
def orphan(emulator, other, store, monkeypatch):
    """Send a job to the first instance, lose the answer, and change to the second."""
    emulator.service.settings.queue_seconds = 60.0
    emulator.faults = [Fault("drop after", "POST", "/jobs$")]
    emulator.faults += [Fault("status", "GET", "/jobs$", status=403, times=99)]
    spec = job(1)
    with pytest.raises(AuthenticationError):
        submit(spec, ServiceExecutor("ibm_boston"), store, backoff=QUICK)
    assert store.instance(spec.key) == CRN
    emulator.faults = []
    monkeypatch.setenv("QISKIT_IBM_INSTANCE", other)
    yield spec
    emulator.service.settings.queue_seconds = 0.0


def test_an_orphan_is_found_after_the_instance_was_changed(emulator, store, orphan):
    submit(orphan, ServiceExecutor("ibm_boston"), store, backoff=QUICK)
    assert isinstance(store.state(orphan.key), Submitted)
    emulator.service.settings.queue_seconds = 0.0
    watch([orphan.key], ServiceExecutor("ibm_boston"), store, backoff=QUICK)
    assert answered(collect(orphan.key, store), orphan)
    assert [one.crn for one in emulator.service.jobs.values()] == [CRN]


def test_an_orphan_is_cancelled_where_it_runs(emulator, store, orphan):
    assert cancel([orphan.key], ServiceExecutor("ibm_boston"), store) == (orphan.key,)
    (sent,) = emulator.service.jobs.values()
    assert sent.state["status"] == "Cancelled"


def test_nothing_is_concluded_while_its_instance_is_closed(emulator, store, orphan):
    emulator.service.settings.forbidden = True
    executor = ServiceExecutor("ibm_boston")
    for act in (
        lambda: submit(orphan, executor, store, backoff=QUICK),
        lambda: cancel([orphan.key], executor, store),
        lambda: adopt(executor, store),
        lambda: watch([orphan.key], executor, store, backoff=QUICK),
    ):
        with pytest.raises(AuthenticationError, match="look up jobs by tag"):
            act()
    assert isinstance(store.state(orphan.key), Intended)
    assert len(emulator.service.jobs) == 1


def test_an_instance_that_is_listed_no_more_is_looked_at_all_the_same(emulator, store, orphan):
    emulator.service.settings.listed = False
    assert adopt(ServiceExecutor("ibm_boston"), store) == (orphan.key,)


def test_jobs_of_two_instances_are_followed_together(emulator, other, store, monkeypatch):
    first, second = job(2), job(3)
    submit(first, ServiceExecutor("ibm_boston"), store, backoff=QUICK)
    monkeypatch.setenv("QISKIT_IBM_INSTANCE", other)
    executor = ServiceExecutor("ibm_boston")
    submit(second, executor, store, backoff=QUICK)
    assert [one.crn for one in emulator.service.jobs.values()] == [CRN, other]
    watch([first.key, second.key], executor, store, backoff=QUICK)
    assert answered(collect(first.key, store), first)
    assert answered(collect(second.key, store), second)


def test_a_closed_instance_does_not_keep_the_jobs_of_another(emulator, other, store, monkeypatch):
    first, second = job(2), job(3)
    submit(first, ServiceExecutor("ibm_boston"), store, backoff=QUICK)
    monkeypatch.setenv("QISKIT_IBM_INSTANCE", other)
    submit(second, ServiceExecutor("ibm_boston"), store, backoff=QUICK)
    emulator.service.settings.forbidden = True
    with pytest.raises(AuthenticationError):
        watch([first.key, second.key], ServiceExecutor("ibm_boston"), store, backoff=QUICK)
    assert answered(collect(second.key, store), second)
    emulator.service.settings.forbidden = False
    watch([first.key], ServiceExecutor("ibm_boston"), store, backoff=QUICK)
    assert answered(collect(first.key, store), first)


def test_a_job_of_an_older_store_is_looked_for_in_all_instances(
    emulator, other, store, monkeypatch
):
    emulator.service.settings.queue_seconds = 60.0
    monkeypatch.setenv("QISKIT_IBM_INSTANCE", other)
    spec = job(4)
    submit(spec, ServiceExecutor("ibm_boston"), store, backoff=QUICK)
    sent = store.state(spec.key)
    store.put_instance(spec.key, "")  # as the migration leaves it
    store.set_state(spec.key, Intended(sent.at, sent.tag))
    monkeypatch.setenv("QISKIT_IBM_INSTANCE", CRN)
    emulator.service.instances[other].forbidden = True
    with pytest.raises(AuthenticationError):
        cancel([spec.key], ServiceExecutor("ibm_boston"), store)
    emulator.service.instances[other].forbidden = False
    assert cancel([spec.key], ServiceExecutor("ibm_boston"), store) == (spec.key,)
    assert isinstance(store.state(spec.key), Cancelled)
    (live,) = emulator.service.jobs.values()
    assert live.state["status"] == "Cancelled"
    emulator.service.settings.queue_seconds = 0.0


def test_without_an_instance_the_plan_is_that_of_the_one_that_is_sent_to(
    emulator, other, store, monkeypatch
):
    monkeypatch.delenv("QISKIT_IBM_INSTANCE")
    emulator.service.settings.usage_consumed_seconds = 450.0
    emulator.service.instances[other].usage_limit_seconds = 9_000.0
    executor = ServiceExecutor("ibm_boston")
    assert (executor.plan(), executor.remaining_seconds()) == ("open", 150.0)
    spec = job(5)
    assert answered(run(spec, executor, store, backoff=QUICK), spec)
    assert store.instance(spec.key) == executor.instance == CRN
