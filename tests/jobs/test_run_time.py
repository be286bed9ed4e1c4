"""When a job ran: of the most exact kind that is stored, never when its parts were joined."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from emulator.simulated import FINISHED_AT, SimulatedService, bits_of
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter

from jobs.errors import StoreError
from jobs.executor import ServiceMetrics
from jobs.limits import Limits
from jobs.runner import run
from jobs.service.backoff import Backoff
from jobs.service.usage import finished_at
from jobs.spec import JobSpec, Pub
from jobs.splitting import split
from jobs.states import Done
from jobs.store.migrations import MIGRATIONS
from jobs.store.run_time import RunTime, run_time
from jobs.store.store import Store

QUICK = Backoff(0.0, 0.0, 1.0)
ENDED = datetime.fromisoformat(FINISHED_AT)


def job(rows=1):
    circuit = QuantumCircuit(1, 8)
    circuit.rz(Parameter("x"), 0)
    circuit.measure(0, 0)
    return JobSpec((Pub(circuit, np.arange(rows)[:, None]),), 10, "ibm", "ibm_boston")


@pytest.fixture
def store(tmp_path):
    with Store(tmp_path / "jobs.db") as opened:
        yield opened


def test_the_service_says_when_the_run_ended(store):
    run(job(), SimulatedService(), store, backoff=QUICK)
    assert run_time(job().key, store) == RunTime(ENDED, "finished")
    assert datetime.fromisoformat(store.state(job().key).at) > ENDED + timedelta(days=1)


def test_a_service_that_does_not_say_it_leaves_when_the_bits_were_fetched(store):
    fault = iter(["before"])
    service = SimulatedService(lambda action: next(fault, "") if action == "metrics" else "")
    run(job(), service, store, backoff=QUICK)
    fetched = datetime.fromisoformat(store.state(job().key).at)
    assert run_time(job().key, store) == RunTime(fetched, "fetched")


def test_what_ran_in_this_process_ended_when_it_was_done(store):
    class Here:
        name = "aer"

        def run(self, spec):
            return bits_of(spec)

    before = datetime.now(UTC)
    run(job(), Here(), store)
    found = run_time(job().key, store)
    assert found.kind == "done"
    assert before <= found.at <= datetime.now(UTC)


def test_bits_without_a_state_leave_when_the_job_was_stored(store):
    key = store.put_spec(job())
    store.put_raw(key, bits_of(job()))
    created = datetime.fromisoformat(store.record(key).created_at)
    assert run_time(key, store) == RunTime(created, "created")
    with pytest.raises(StoreError, match="should hold the job none"):
        run_time("none", store)


def test_a_job_in_parts_ended_with_the_last_and_is_known_as_the_least_exact(store):
    whole, limits = job(rows=3), Limits(executions=10)
    parts = split(whole, limits)
    assert len(parts) == 3
    run(whole, SimulatedService(), store, limits=limits, backoff=QUICK)
    assert isinstance(store.state(whole.key), Done)
    assert run_time(whole.key, store) == RunTime(ENDED, "finished")
    later = ENDED + timedelta(hours=3)
    store.put_finished_at(parts[1].key, later.isoformat())
    assert run_time(whole.key, store) == RunTime(later, "finished")
    fault = iter(["before"])
    service = SimulatedService(lambda action: next(fault, "") if action == "metrics" else "")
    other = job(rows=2)
    run(other, service, store, limits=limits, backoff=QUICK)
    assert run_time(other.key, store).kind == "fetched"


def test_an_older_store_is_given_the_place_for_it(tmp_path, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr("jobs.store.migrations.MIGRATIONS", MIGRATIONS[:1])
        with Store(tmp_path / "old.db") as store:
            key = store.put_spec(job())
    with Store(tmp_path / "old.db") as store:
        assert store.finished_at(key) is None
        store.put_finished_at(key, FINISHED_AT)
        assert store.finished_at(key) == ENDED


@pytest.mark.parametrize(
    "answer",
    [
        None,
        [],
        {},
        {"timestamps": None},
        {"timestamps": {"finished": None}},
        {"timestamps": {"finished": 3}},
        {"timestamps": {"finished": "soon"}},
        {"timestamps": {"finished": "2026-01-01T09:00:00"}},
    ],
)
def test_a_time_that_is_none_is_not_taken(answer):
    assert finished_at(answer) is None


def test_a_time_is_taken_in_its_zone():
    for text in ("2026-01-01T09:00:00Z", "2026-01-01T10:00:00+01:00"):
        assert finished_at({"timestamps": {"finished": text}}) == FINISHED_AT
    assert ServiceMetrics().finished_at is None
