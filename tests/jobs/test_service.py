"""The real client against the loopback service, over HTTP."""

import threading
import time

import numpy as np
import pytest
from emulator.faults import Fault
from emulator.records import Settings
from emulator.service import Service
from emulator.worker import QUICK, answered, job
from qiskit import QuantumCircuit

from jobs.cost import qpu_seconds
from jobs.errors import (
    AuthenticationError,
    JobFailedError,
    JobNotFoundError,
    MisreadAnswerError,
    PreflightError,
    ServiceUnavailableError,
)
from jobs.limits import Limits
from jobs.runner import run
from jobs.service.backoff import Backoff
from jobs.service.giving_up import cancel
from jobs.service.retrieval import collect, watch
from jobs.service.runtime import ServiceExecutor
from jobs.service.submission import adopt, submit
from jobs.spec import JobSpec, Pub
from jobs.states import Cancelled, Failed, Intended, Running, Submitted
from jobs.store.store import Store

IMPATIENT = Backoff(0.05, 0.1, 0.3)


@pytest.fixture
def store(tmp_path):
    with Store(tmp_path / "jobs.db") as opened:
        yield opened


def reset_in_branch():
    circuit = QuantumCircuit(12, 1)
    circuit.measure(0, 0)
    with circuit.if_test((circuit.clbits[0], 1)):
        circuit.reset(0)
    return circuit


def live(emulator):
    return [j for j in emulator.service.jobs.values() if j.state["status"] != "Cancelled"]


def test_a_job_goes_there_and_its_bits_come_back(emulator, store):
    executor = ServiceExecutor("ibm_boston", max_execution_seconds=30)
    spec = job(1)
    assert answered(run(spec, executor, store, backoff=QUICK), spec)
    (sent,) = emulator.service.jobs.values()
    assert sent.request["tags"] == [store.states(spec.key)[0].tag]
    assert sent.request["cost"] == 30
    assert store.quantum_seconds(spec.key) == pytest.approx(sent.seconds)
    assert answered(run(spec, executor, store), spec)
    assert len(emulator.service.jobs) == 1


def test_the_estimate_is_within_a_tenth_of_the_metered_time(emulator, store):
    executor = ServiceExecutor("ibm_boston")
    for shots in (1, 100, 4000):
        spec = job(2, shots)
        run(spec, executor, store, backoff=QUICK)
        estimate = qpu_seconds(spec.pubs, executor.backend.target, shots=shots)
        charged = store.quantum_seconds(spec.key)
        assert estimate.best_seconds == pytest.approx(charged, rel=0.1)
        assert estimate.low_seconds <= charged <= estimate.high_seconds


@pytest.mark.parametrize("seconds", [100e-6, 1e-3])
def test_the_repetition_delay_is_passed_on(emulator, store, seconds):
    spec = JobSpec(job(3).pubs, 1000, "ibm", "ibm_boston", options={"rep_delay_seconds": seconds})
    executor = ServiceExecutor("ibm_boston")
    run(spec, executor, store, backoff=QUICK)
    estimate = qpu_seconds(
        spec.pubs, executor.backend.target, shots=1000, rep_delay_seconds=seconds
    )
    assert estimate.best_seconds == pytest.approx(store.quantum_seconds(spec.key), rel=0.02)


def test_a_batch_holds_all_jobs_and_a_session_is_refused_on_the_open_plan(emulator, store):
    executor = ServiceExecutor("ibm_boston", mode="batch")
    for seed in (4, 5):
        run(job(seed), executor, store, backoff=QUICK)
    executor.close()
    assert len({j.request["session_id"] for j in emulator.service.jobs.values()}) == 1
    (session,) = emulator.service.sessions.values()
    assert session["mode"] == "batch"
    assert session["accepting_jobs"] is False
    with pytest.raises(PreflightError, match="Open plan"):
        submit(job(6), ServiceExecutor("ibm_boston", mode="session"), store, backoff=IMPATIENT)
    assert len(emulator.service.jobs) == 2


def test_a_dry_run_checks_at_no_cost_where_the_plan_has_it(emulator):
    executor = ServiceExecutor("ibm_boston")
    with pytest.raises(PreflightError, match="plan 'open'"):
        executor.submit(job(25), "tag", dry_run=True)
    emulator.service = Service(n_qubits=12, settings=Settings(plan="premium"))
    executor = ServiceExecutor("ibm_boston")
    illegal = JobSpec((Pub.bound(reset_in_branch()),), 10, "ibm", "ibm_boston")
    phases = []
    for spec in (job(25), illegal):
        job_id = executor.submit(spec, "tag", dry_run=True)
        while (answer := executor.at(executor.instance).look_up(job_id)).phase in (
            "queued",
            "running",
        ):
            time.sleep(0.02)
        phases.append(answer.phase)
    assert phases == ["done", "failed"]
    assert {j.request["backend"] for j in emulator.service.jobs.values()} == {"mock_boston"}
    assert emulator.service.settings.usage_consumed_seconds == 0.0


def test_the_plan_and_what_it_has_left_are_read(emulator, store):
    emulator.service.settings.usage_consumed_seconds = 450.0
    executor = ServiceExecutor("ibm_boston")
    assert executor.plan() == "open"
    assert executor.remaining_seconds() == 150.0
    assert executor.backends() == ("ibm_boston",)


def test_a_job_that_was_taken_in_spite_of_a_503_is_not_sent_again(emulator, store):
    emulator.faults = [Fault("status after", "POST", "/jobs$", status=503)]
    spec = job(7)
    assert answered(run(spec, ServiceExecutor("ibm_boston"), store, backoff=QUICK), spec)
    assert len(emulator.service.jobs) == 1


@pytest.mark.parametrize("kind", ["twice", "twice lost"])
def test_a_job_accepted_twice_is_cancelled_once_and_reported(emulator, store, kind):
    emulator.service.settings.queue_seconds = 60.0
    emulator.faults = [Fault(kind, "POST", "/jobs$")]
    executor, spec = ServiceExecutor("ibm_boston"), job(7)
    submit(spec, executor, store, backoff=QUICK)
    assert len(emulator.service.jobs) == 2
    emulator.service.settings.queue_seconds = 0.0
    (kept,) = live(emulator)
    (double,) = set(emulator.service.jobs) - {kept.id}
    (note,) = [text for _, text in store.notes(spec.key)]
    assert f"kept {kept.id}, cancelled {double}" in note
    assert answered(run(spec, executor, store, backoff=QUICK), spec)


@pytest.mark.parametrize("kind", ["drop", "drop after", "truncate"])
def test_a_post_without_an_answer_is_looked_up(emulator, store, kind):
    emulator.faults = [Fault(kind, "POST", "/jobs$")]
    spec = job(8)
    assert answered(run(spec, ServiceExecutor("ibm_boston"), store, backoff=QUICK), spec)
    assert len(emulator.service.jobs) == 1


def test_an_answer_that_never_comes_is_not_waited_for(emulator, store, monkeypatch):
    monkeypatch.setattr("jobs.service.transport.TIMEOUT_SECONDS", (2.0, 2.0))
    emulator.faults = [Fault("hold after", "GET", "/results")]
    spec = job(26)
    assert answered(run(spec, ServiceExecutor("ibm_boston"), store, backoff=QUICK), spec)
    assert len(emulator.service.jobs) == 1


@pytest.mark.parametrize("retry_after", [None, 0])
def test_too_many_requests_are_waited_out(emulator, store, retry_after):
    emulator.faults = [
        Fault("status", method, "/jobs", status=429, retry_after=retry_after)
        for method in ("POST", "GET")
    ]
    spec = job(9)
    assert answered(run(spec, ServiceExecutor("ibm_boston"), store, backoff=QUICK), spec)
    assert len(emulator.service.jobs) == 1


@pytest.mark.parametrize("path", ["/results$", "/jobs/[^/]+$", "/metrics$", "/jobs$"])
@pytest.mark.parametrize("kind", ["drop", "truncate"])
def test_faults_while_waiting_lose_nothing(emulator, store, path, kind):
    emulator.faults = [Fault(kind, "GET", path)]
    spec = job(10)
    assert answered(run(spec, ServiceExecutor("ibm_boston"), store, backoff=QUICK), spec)
    assert len(emulator.service.jobs) == 1


def test_a_restart_of_the_service_is_outlived(emulator, store):
    emulator.service.settings.queue_seconds = 0.3
    executor = ServiceExecutor("ibm_boston")
    spec = job(11)
    keys = submit(spec, executor, store, backoff=QUICK)
    threading.Thread(target=emulator.restart, args=(0.5,)).start()
    time.sleep(0.1)
    watch(keys, executor, store, backoff=QUICK)
    assert answered(collect(spec.key, store), spec)


def test_a_refused_account_is_told_in_one_line(emulator, store, monkeypatch):
    emulator.faults = [Fault("status", "POST", "/jobs$", status=401, times=99)]
    with pytest.raises(AuthenticationError, match="auth status") as caught:
        submit(job(12), ServiceExecutor("ibm_boston"), store, backoff=IMPATIENT)
    assert "\n" not in str(caught.value)
    assert isinstance(store.state(job(12).key), Intended)
    monkeypatch.setenv("QISKIT_IBM_TOKEN", "refused")
    with pytest.raises(AuthenticationError):
        ServiceExecutor("ibm_boston").backends()


def test_an_answer_to_another_job_is_not_taken(emulator, store):
    executor = ServiceExecutor("ibm_boston")
    (key,) = submit(job(27), executor, store, backoff=QUICK)
    (other,) = submit(job(28, shots=9), executor, store, backoff=QUICK)
    swapped = store.state(other)
    store.set_state(key, Submitted(swapped.at, swapped.tag, swapped.id))
    with pytest.raises(MisreadAnswerError, match="that of another"):
        watch([key], executor, store, backoff=QUICK)
    assert store.raw(key) is None
    assert isinstance(store.state(key), Submitted | Running)


def test_a_job_of_another_account_stays_where_it_was(emulator, store):
    executor = ServiceExecutor("ibm_boston")
    (key,) = submit(job(29), executor, store, backoff=QUICK)
    emulator.service.jobs.clear()
    with pytest.raises(JobNotFoundError, match=r"look up job.*jobs forget"):
        watch([key], ServiceExecutor("ibm_boston"), store, backoff=QUICK)
    assert isinstance(store.state(key), Submitted | Running)


def test_an_unknown_backend_is_refused_by_name(emulator, store):
    with pytest.raises(JobFailedError, match=r"backend.*qrnn-hw backends"):
        submit(job(13), ServiceExecutor("ibm_nowhere"), store, backoff=IMPATIENT)


def test_a_silent_service_keeps_the_intent(emulator, store):
    executor = ServiceExecutor("ibm_boston")
    assert executor.backend is not None
    emulator.faults = [Fault("drop", "POST", "/jobs$", times=99)]
    with pytest.raises(ServiceUnavailableError, match="Run the same command again"):
        submit(job(14), executor, store, backoff=IMPATIENT)
    assert isinstance(store.state(job(14).key), Intended)
    assert adopt(executor, store) == ()


def test_an_orphan_is_adopted_by_another_process(emulator, store):
    emulator.faults = [Fault("drop after", "POST", "/jobs$")]
    executor = ServiceExecutor("ibm_boston")
    spec = job(15)
    emulator.faults += [Fault("drop", "GET", "/jobs$", times=99)]
    with pytest.raises(ServiceUnavailableError):
        submit(spec, executor, store, backoff=IMPATIENT)
    emulator.faults = []
    assert adopt(ServiceExecutor("ibm_boston"), store) == (spec.key,)
    watch([spec.key], executor, store, backoff=QUICK)
    assert answered(collect(spec.key, store), spec)


def test_a_queued_job_is_cancelled_and_a_finished_one_is_not(emulator, store):
    emulator.service.settings.queue_seconds = 60.0
    executor = ServiceExecutor("ibm_boston")
    (key,) = submit(job(16), executor, store, backoff=QUICK)
    assert isinstance(store.state(key), Submitted)
    assert cancel([key], executor, store) == (key,)
    assert isinstance(store.state(key), Cancelled)
    emulator.service.settings.queue_seconds = 0.0
    run(job(17), executor, store, backoff=QUICK)
    assert cancel([job(17).key], executor, store) == ()
    assert executor.at("").cancel(store.state(job(17).key).id) is False


def test_what_the_machine_refuses_fails_with_its_reason(emulator, store):
    spec = JobSpec((Pub.bound(reset_in_branch()),), 10, "ibm", "ibm_boston")
    with pytest.raises(JobFailedError, match="reset inside a conditional"):
        run(spec, ServiceExecutor("ibm_boston"), store, backoff=QUICK)
    assert isinstance(store.state(spec.key), Failed)


def test_a_job_over_its_maximum_execution_time_fails_and_says_so(emulator, store):
    executor = ServiceExecutor("ibm_boston", max_execution_seconds=1)
    with pytest.raises(JobFailedError, match="longer than maximum execution time"):
        run(job(18), executor, store, backoff=QUICK)


def test_no_token_reaches_the_store_or_a_message(emulator, tmp_path, monkeypatch):
    canary = "canary-9f1d7b-token"
    monkeypatch.setenv("QISKIT_IBM_TOKEN", canary)
    emulator.faults = [Fault("status", "POST", "/jobs$", status=400)]
    with Store(tmp_path / "jobs.db") as store:
        executor = ServiceExecutor("ibm_boston")
        with pytest.raises(JobFailedError) as caught:
            run(job(19), executor, store, backoff=QUICK)
        run(job(20), executor, store, backoff=QUICK)
    assert canary not in str(caught.value)
    for path in tmp_path.rglob("*"):
        if path.is_file():
            assert canary.encode() not in path.read_bytes()


def test_rows_are_rejoined_in_order_when_a_job_is_split(emulator, store):
    spec = job(24, shots=8)
    executor = ServiceExecutor("ibm_boston")
    result = run(spec, executor, store, limits=Limits(executions=16), backoff=QUICK)
    assert len(emulator.service.jobs) == 2
    assert answered(result, spec)
    np.testing.assert_array_equal(result[0].registers["c"], store.raw(spec.key)[0].registers["c"])
