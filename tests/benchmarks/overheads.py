"""What this package adds to a call: listing a large store, and the Runtime's local mode.

    python tests/benchmarks/overheads.py

Process seconds (user and system), since the machine may be busy; medians of fresh processes.
`make faults` adds these lines to its own.
"""

import os
import sqlite3
import statistics
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from jobs.store.store import Store  # noqa: E402

REPEATS = 5
N_JOBS = 10_000
LIST = "from qrnn_hw.cli import main; main()"
LOCAL_CALL = """
import sys, time
from jobs.aer.recorded_device import RecordedDeviceExecutor
from jobs.spec import JobSpec
from qrnn_hw.submission.machine import open_machine
from qrnn_hw.submission.workload import load_workload
machine = open_machine("fake_boston")
place = RecordedDeviceExecutor(machine.snapshot)
pubs = load_workload("dynamic-line", machine, steps=10).pubs
spent = []
for seed in range(3):
    before = time.process_time()
    place.run(JobSpec(pubs, 1, "aer", "fake_boston", seed=seed))
    spent.append(time.process_time() - before)
print(*spent)
"""


def fill(path, n_jobs=N_JOBS):
    """Write a store with many jobs, half of them done, each with a history."""
    Store(path).close()
    start = datetime(2026, 1, 1, tzinfo=UTC)
    jobs, states = [], []
    for index in range(n_jobs):
        key, at = f"{index:064x}", (start + timedelta(minutes=index)).isoformat()
        fields = f'{{"at": "{at}", "tag": "qrnn-hw-{index}", "id": "d{index}"}}'
        name = "submitted" if index % 2 else "running"
        jobs.append((key, "{}", "ibm", "ibm_boston", 1000, at, name, fields, at))
        states += [(key, "submitted", fields), (key, name, fields)]
    with sqlite3.connect(path) as connection:
        connection.executemany(
            "INSERT INTO jobs (key, hashed, executor, backend, shots, created_at, state, "
            "state_fields, changed_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            jobs,
        )
        connection.executemany("INSERT INTO states (key, state, fields) VALUES (?, ?, ?)", states)
    connection.close()


def spent_by(code, arguments=(), **environment):
    """Return (process seconds, what it printed) of one fresh interpreter."""
    reading, writing = os.pipe()
    words = [sys.executable, "-c", code, *arguments]
    inherited = {**os.environ, "PYTHONPATH": str(ROOT), "NO_COLOR": "1", **environment}
    actions = [(os.POSIX_SPAWN_DUP2, writing, 1), (os.POSIX_SPAWN_CLOSE, reading)]
    child = os.posix_spawn(sys.executable, words, inherited, file_actions=actions)
    os.close(writing)
    with os.fdopen(reading) as stream:
        said = stream.read()
    _, status, usage = os.wait4(child, 0)
    if os.waitstatus_to_exitcode(status):
        raise RuntimeError(f"a benchmark's process should end well. Got status {status}.")
    return usage.ru_utime + usage.ru_stime, said


def listing_seconds():
    """Return the median process seconds of `qrnn-hw jobs list` with many jobs in the store."""
    with tempfile.TemporaryDirectory() as home:
        fill(Path(home) / "jobs.sqlite3")
        spent = []
        for _ in range(REPEATS):
            seconds, said = spent_by(LIST, ["jobs", "list"], QRNN_HW_HOME=home)
            if f"{N_JOBS - 1:064x}"[:12] not in said:
                raise RuntimeError("the list should show the newest job")
            spent.append(seconds)
    return statistics.median(spent)


def local_call_seconds():
    """Return the median process seconds of one shot in the Runtime's local mode, with noise.

    The first call of a process is left out: it builds the noise model, once.
    """
    calls = []
    for _ in range(REPEATS):
        _, said = spent_by(LOCAL_CALL)
        calls.append(statistics.median(map(float, said.split()[1:])))
    return statistics.median(calls)


def rows():
    """Yield (name, measured, target) of each overhead, in seconds."""
    yield f"process seconds of jobs list, {N_JOBS:,} jobs", round(listing_seconds(), 3), 0.5
    yield "process seconds of one local-mode call", round(local_call_seconds(), 3), 0.3


if __name__ == "__main__":
    for name, measured, target in rows():
        print(f"{name:52} {measured:6} (target {target})")
