"""Processes of a user, killed with SIGKILL and started again, against the loopback service."""

import time

import pytest
from emulator.faults import Fault
from emulator.processes import finish, start
from emulator.worker import KILL_POINTS, job

from jobs.states import Done
from jobs.store.store import Store


@pytest.mark.parametrize("point", KILL_POINTS)
def test_a_process_killed_at_any_point_is_resumed_by_the_next(emulator, tmp_path, point):
    path = tmp_path / "jobs.db"
    assert finish(*start(emulator.environment(), path, [21], point)) == ("killed", "")
    assert finish(*start(emulator.environment(), path, [21])) == ("right", "")
    assert len(emulator.service.jobs) == 1
    with Store(path) as store:
        assert isinstance(store.state(job(21).key), Done)


def test_a_process_killed_between_the_request_and_its_answer_is_resumed(emulator, tmp_path):
    emulator.faults = [Fault("hold after", "POST", "/jobs$")]
    process, answers = start(emulator.environment(), tmp_path / "jobs.db", [22])
    deadline = time.monotonic() + 120
    while not emulator.service.jobs and time.monotonic() < deadline:
        time.sleep(0.01)
    process.kill()
    assert finish(process, answers)[0] == "killed"
    assert finish(*start(emulator.environment(), tmp_path / "jobs.db", [22])) == ("right", "")
    assert len(emulator.service.jobs) == 1


def test_two_processes_that_want_the_same_job_send_it_once(emulator, tmp_path):
    path = tmp_path / "jobs.db"
    workers = [start(emulator.environment(), path, [23]) for _ in range(4)]
    assert [finish(*worker) for worker in workers] == [("right", "")] * 4
    assert len(emulator.service.jobs) == 1


@pytest.mark.slow
def test_two_hundred_jobs_in_flight_from_four_processes(emulator, tmp_path):
    emulator.service.settings.queue_seconds = 0.02
    path = tmp_path / "jobs.db"
    shares = [range(50 * n, 50 * (n + 1)) for n in range(4)]
    workers = [start(emulator.environment(), path, share, act="together") for share in shares]
    assert [finish(*worker, timeout_seconds=400) for worker in workers] == [("right", "")] * 4
    assert len(emulator.service.jobs) == 200
    with Store(path) as store:
        records = store.jobs(limit=None)
    assert len(records) == 200
    assert all(isinstance(record.state, Done) for record in records)
