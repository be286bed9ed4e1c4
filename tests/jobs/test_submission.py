from threading import Thread

import numpy as np
import pytest
from emulator.simulated import Killed, SimulatedService, bits_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from qiskit import QuantumCircuit
from qiskit.circuit import ParameterVector

from jobs.errors import (
    BudgetError,
    JobFailedError,
    PartialResultError,
    PendingError,
    ServiceUnavailableError,
)
from jobs.limits import Limits
from jobs.runner import run
from jobs.service.backoff import Backoff
from jobs.service.giving_up import cancel
from jobs.service.retrieval import collect, watch
from jobs.service.submission import Terms, adopt, submit
from jobs.spec import JobSpec, Pub
from jobs.splitting import join, split
from jobs.states import Cancelled, Done, Failed, Intended, Submitted
from jobs.store.store import Store


class Clock:
    """Time that passes only by sleeping, and never in fact."""

    def __init__(self):
        self.now, self.waits = 0.0, []

    def sleep(self, seconds):
        self.now += seconds
        self.waits.append(seconds)

    def backoff(self, patience=120.0):
        return Backoff(1.0, 16.0, patience, clock=lambda: self.now, sleep=self.sleep)


def job(rows=5, shots=10, seed=1):
    x = ParameterVector("x", 2)
    circuit = QuantumCircuit(1, 8)
    circuit.rz(x[0] + x[1], 0)
    circuit.measure(0, 0)
    with circuit.if_test((circuit.clbits[0], 1)):
        circuit.x(0)
    values = np.random.default_rng(seed).normal(size=(rows, 2))
    return JobSpec((Pub(circuit, values), Pub(circuit, values[:2])), shots, "ibm", "ibm_boston")


def assert_same(left, right):
    for one, other in zip(left, right, strict=True):
        np.testing.assert_array_equal(one.registers["c"], other.registers["c"])


@pytest.fixture
def store(tmp_path):
    with Store(tmp_path / "jobs.db") as opened:
        yield opened


def once(action, fault):
    """Make `fault` happen at the first `action`."""
    left = [fault]
    return lambda done: left.pop() if done == action and left else ""


def live(service):
    return [j for _, _, j in service.jobs.values() if j.phase in ("queued", "running", "done")]


def test_a_job_is_sent_once_and_answered_from_the_store_after(store):
    service = SimulatedService()
    first = run(job(), service, store, backoff=Clock().backoff())
    assert_same(first, bits_of(job()))
    assert_same(run(job(), service, store), first)
    assert len(service.jobs) == 1
    record = store.jobs(limit=1)[0]
    assert isinstance(record.state, Done)
    assert record.quantum_seconds == 2.5
    kinds = [type(state).__name__ for state in store.states(job().key)]
    assert kinds == ["Intended", "Submitted", "Running", "Done"]


@pytest.mark.parametrize("action", ["submit", "find", "look_up", "fetch", "metrics"])
@pytest.mark.parametrize("fault", ["before", "after", "twice"])
def test_one_fault_anywhere_loses_and_doubles_nothing(store, action, fault):
    service = SimulatedService(once(action, fault))
    assert_same(run(job(), service, store, backoff=Clock().backoff()), bits_of(job()))
    assert len(live(service)) == 1
    if fault == "twice" and action == "submit":
        assert len(service.jobs) == 2
        assert [text for _, text in store.notes(job().key)] == [
            "The service held this job 2 times: kept d0, cancelled d1."
        ]


@pytest.mark.parametrize("fault", ["kill before", "kill after"])
@pytest.mark.parametrize("action", ["submit", "find", "look_up", "fetch", "metrics"])
def test_a_kill_anywhere_is_resumed_by_the_same_call(tmp_path, action, fault):
    service = SimulatedService(once(action, fault))
    with pytest.raises(Killed), Store(tmp_path / "jobs.db") as store:
        run(job(), service, store, backoff=Clock().backoff())
    with Store(tmp_path / "jobs.db") as store:
        assert_same(run(job(), service, store, backoff=Clock().backoff()), bits_of(job()))
    assert len(service.jobs) == 1


FAULTS = ["", "", "before", "after", "twice", "kill before", "kill after"]


@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(schedule=st.lists(st.sampled_from(FAULTS), max_size=14), rows=st.integers(1, 5))
def test_any_schedule_of_faults_ends_in_the_right_bits(tmp_path_factory, schedule, rows):
    path = tmp_path_factory.mktemp("store") / "jobs.db"
    left = list(schedule)
    service = SimulatedService(lambda action: left.pop(0) if left else "")
    for _ in range(len(schedule) + 1):
        try:
            with Store(path) as store:
                answer = run(job(rows), service, store, backoff=Clock().backoff())
            break
        except (Killed, ServiceUnavailableError):
            continue
    assert_same(answer, bits_of(job(rows)))
    with Store(path) as store:
        noted = " ".join(text for _, text in store.notes(job(rows).key))
        assert isinstance(store.state(job(rows).key), Done)
    extra = [j for _, _, j in service.jobs.values() if j.id != store_id(path, job(rows).key)]
    for double in extra:
        assert double.phase == "cancelled", schedule
        assert double.id in noted, schedule


def store_id(path, key):
    with Store(path) as store:
        return store.state(key).id


def test_a_service_that_stays_silent_leaves_the_intent_and_says_so(store):
    service = SimulatedService(lambda action: "before")
    clock = Clock()
    with pytest.raises(ServiceUnavailableError, match="Run the same command again"):
        submit(job(), service, store, backoff=clock.backoff())
    assert isinstance(store.state(job().key), Intended)
    assert clock.waits[:5] == [1.0, 2.0, 4.0, 8.0, 16.0]
    assert max(clock.waits) == 16.0
    service.faults = lambda action: ""
    submit(job(), service, store, backoff=clock.backoff())
    assert isinstance(store.state(job().key), Submitted)


def test_an_orphan_is_adopted(store):
    service = SimulatedService(once("submit", "kill after"))
    with pytest.raises(Killed):
        submit(job(), service, store, backoff=Clock().backoff())
    other = job(seed=2)
    service.faults = once("submit", "kill before")
    with pytest.raises(Killed):
        submit(other, service, store, backoff=Clock().backoff())
    service.faults = lambda action: ""
    assert adopt(service, store) == (job().key,)
    assert store.state(job().key).id == "d0"
    assert isinstance(store.state(other.key), Intended)


def test_polling_doubles_its_wait_for_all_jobs_together(store):
    service = SimulatedService(n_polls=9)
    keys = [submit(job(seed=seed), service, store)[0] for seed in range(3)]
    clock = Clock()
    seen = []
    watch(keys, service, store, backoff=clock.backoff(), report=lambda key, s: seen.append(key))
    assert clock.waits == [1.0, 2.0, 4.0, 8.0, 16.0, 16.0, 16.0, 16.0]
    assert sorted(set(seen)) == sorted(keys)


def test_watching_a_silent_service_ends_but_loses_nothing(store):
    service = SimulatedService()
    (key,) = submit(job(), service, store)
    service.faults = lambda action: "before"
    with pytest.raises(ServiceUnavailableError):
        watch([key], service, store, backoff=Clock().backoff())
    with pytest.raises(PendingError, match="1 of 1"):
        collect(key, store)
    service.faults = lambda action: ""
    watch([key], service, store, backoff=Clock().backoff())
    assert_same(collect(key, store), bits_of(job()))


def test_a_failed_job_raises_and_is_sent_anew_when_asked_again(store):
    service = SimulatedService()
    (key,) = submit(job(), service, store)
    service._set("d0", "failed")
    watch([key], service, store, backoff=Clock().backoff())
    assert isinstance(store.state(key), Failed)
    with pytest.raises(JobFailedError, match="1 of 1"):
        collect(key, store)
    assert_same(run(job(), service, store, backoff=Clock().backoff()), bits_of(job()))
    assert service.jobs["d0"][0] != service.jobs["d1"][0]


def test_a_refusal_is_recorded_and_raised(store):
    class Refusing(SimulatedService):
        def submit(self, spec, tag):
            raise JobFailedError("no such backend.")

    with pytest.raises(JobFailedError, match="no such backend"):
        submit(job(), Refusing(), store)
    assert store.state(job().key).reason == "no such backend."


def test_cancelling_reaches_jobs_whose_sending_was_cut_short(store):
    service = SimulatedService(once("submit", "kill after"))
    with pytest.raises(Killed):
        submit(job(), service, store)
    assert cancel([job().key], service, store, backoff=Clock().backoff()) == (job().key,)
    assert service.jobs["d0"][2].phase == "cancelled"
    assert isinstance(store.state(job().key), Cancelled)
    assert cancel([job().key], service, store) == ()


def test_cancelling_waits_for_whoever_is_sending_the_job(store, tmp_path):
    cancelled = []

    def cancel_elsewhere():
        with Store(tmp_path / "jobs.db") as other:
            cancelled.extend(cancel([job().key], service, other))

    class Slow(SimulatedService):
        def submit(self, spec, tag):
            rival.start()
            rival.join(0.3)  # without the lock it ends here, with "cancelled before it was sent"
            return super().submit(spec, tag)

    service, rival = Slow(), Thread(target=cancel_elsewhere)
    submit(job(), service, store)
    rival.join(30)
    assert cancelled == [job().key]
    assert service.jobs["d0"][2].phase == "cancelled"
    assert isinstance(store.state(job().key), Cancelled)


@settings(max_examples=60, deadline=None)
@given(
    rows=st.integers(1, 9),
    executions=st.integers(10, 100),
    slots=st.integers(1, 12),
    instructions=st.integers(64, 700),
)
def test_parts_are_within_the_limits_and_join_to_the_whole(rows, executions, slots, instructions):
    spec = job(rows)
    limits = Limits(
        executions=executions, broadcast_slots=slots, instructions_per_qubit=instructions
    )
    parts = split(spec, limits)
    assert len({part.key for part in parts}) == len(parts)
    for part in parts:
        n_rows = sum(pub.n_rows for pub in part.pubs)
        alone = n_rows == 1
        assert part.n_executions <= executions or alone
        assert n_rows <= slots or alone
        assert n_rows * (50 + 1 + 10 + 2) <= instructions or alone
    assert_same(join(spec, parts, [bits_of(part) for part in parts]), bits_of(spec))


def test_a_split_job_is_rejoined_and_a_lost_part_is_sent_alone(store):
    service = SimulatedService()
    limits = Limits(executions=30)
    keys = submit(job(), service, store, limits=limits)
    assert len(keys) == 3
    service._set("d1", "failed")
    watch(keys, service, store, backoff=Clock().backoff())
    with pytest.raises(PartialResultError, match="1 of 3"):
        collect(job().key, store)
    # A resumed job keeps its cut, although these limits would not cut it at all.
    assert_same(run(job(), service, store, backoff=Clock().backoff()), bits_of(job()))
    assert len(service.jobs) == 4


def test_what_ended_since_it_was_agreed_to_is_not_sent_again(store):
    """Another process sees the failure first: nobody was asked about a second job."""
    service = SimulatedService()
    (key,) = submit(job(), service, store, backoff=Clock().backoff())
    submit(job(), service, store, terms=(None,), backoff=Clock().backoff())
    store.set_state(key, Failed("2026-01-01T00:00:00+00:00", "a fault", "d0"))
    with pytest.raises(BudgetError, match="Run the same command again"):
        submit(job(), service, store, terms=(None,), backoff=Clock().backoff())
    assert len(service.jobs) == 1
    submit(job(), service, store, terms=(Terms(10),), backoff=Clock().backoff())
    assert len(service.jobs) == 2
