"""What `estimate`, `preflight` and `submit` say is what the loopback service meters."""

import json
import re
import subprocess
import sys

import numpy as np
import pytest
from qiskit import QuantumCircuit, qpy

from jobs.service.backoff import Backoff
from jobs.service.pace import paced, sending_seconds
from jobs.store.store import Store
from qrnn_hw.cli import invoke

ON = ["--backend", "ibm_boston"]


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("QRNN_HW_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("qrnn_hw.submission.following.POLLING", Backoff(0.05, 0.2, 10.0))


def command(capsys, words, code=0):
    assert invoke([*map(str, words), "--json"]) == code, capsys.readouterr().err
    return json.loads(capsys.readouterr().out)


def file(folder):
    circuit = QuantumCircuit(12, 1)
    circuit.x(0)
    circuit.measure(0, 0)
    with (folder / "one.qpy").open("wb") as written:
        qpy.dump(circuit, written)
    return folder / "one.qpy"


WORKLOADS = {
    "rounds": (["v1", "-o", "mode=expectation", "--steps", 3, "--rows", 2], 3, 3 * 2),
    "four circuits a round": (["qlstm", "--steps", 2, "--rows", 3], 2, 2 * 4 * 3),
    "prefixes": (["hybrid", "-o", "mode=expectation", "--steps", 2, "--rows", 2], 2, 2 * 2),
    "three bases": (["hybrid", "-o", "mode=expectation", "-o", "readout=xyz", "--steps", 2], 2, 6),
    "one circuit": (["dynamic-line", "--steps", 2, "--rows", 5], 1, 5),
    "file": ([None, "--rows", 28], 1, 28),
}


@pytest.mark.parametrize("kind", WORKLOADS)
def test_the_estimate_is_what_the_service_meters(emulator, capsys, tmp_path, kind):
    words, n_jobs, rows = WORKLOADS[kind]
    words = [file(tmp_path) if word is None else word for word in words]
    words = [*words, *ON, "--shots", 40]
    estimate = command(capsys, ["estimate", *words])
    assert (estimate["n_jobs"], estimate["estimate"]["executions"]) == (n_jobs, 40 * rows)
    assert command(capsys, ["preflight", *words])["estimate"] == estimate["estimate"]
    dry = command(capsys, ["submit", *words, "--dry-run"])
    assert (dry["jobs"], dry["estimate"]) == ([], estimate["estimate"])
    sent = command(capsys, ["submit", *words, "--yes", "--wait"])
    assert sent["estimate"] == estimate["estimate"]
    jobs = list(emulator.service.jobs.values())
    assert len(jobs) == n_jobs
    metered = sum(job.seconds for job in jobs)
    assert estimate["estimate"]["best_seconds"] == pytest.approx(metered, rel=0.02)
    assert estimate["estimate"]["low_seconds"] <= metered <= estimate["estimate"]["high_seconds"]


def test_every_command_prices_by_what_this_account_was_charged(emulator, capsys, tmp_path):
    """A machine that takes three times as long: after three jobs every price knows it."""
    words = ["submit", file(tmp_path), *ON, "--yes", "--wait"]
    emulator.service.lengths["ibm_boston"]["measure", (0,)] = 5e-4
    for shots in (4000, 5000, 6000):
        command(capsys, [*words, "--shots", shots])
    emulator.service.posted_at.clear()
    metered = [job.seconds for job in emulator.service.jobs.values()]
    with_one = command(capsys, ["estimate", file(tmp_path), *ON, "--shots", 5000])["estimate"]
    assert with_one["best_seconds"] == pytest.approx(metered[1], rel=0.01)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stdin.isatty", lambda: False, raising=False)
        readout = ["calibrate", "readout", *ON, "--qubits", "0", "--shots", 2500]
        assert invoke([*map(str, readout)]) == 8
    said = capsys.readouterr().err
    (price,) = re.findall(r"about ([\d.]+) s", said)  # of four circuits of 2,500 shots
    each_thousand = metered[1] - metered[0]
    assert float(price) == pytest.approx(metered[0] + 6 * each_thousand, rel=0.03)


def test_a_used_up_plan_has_a_price_all_the_same(emulator, capsys, tmp_path):
    emulator.service.settings.usage_consumed_seconds = 600.0
    document = command(capsys, ["estimate", file(tmp_path), *ON])
    assert document["share_of_plan"] is None
    assert document["estimate"]["best_seconds"] > 2


def test_the_pace_is_kept_said_and_in_the_estimate(emulator, capsys, tmp_path, monkeypatch):
    monkeypatch.setattr("jobs.service.pace.PERIOD_SECONDS", 3.0)
    settings = emulator.service.settings
    settings.posts_per_minute, settings.post_window_seconds = 5, 2.8
    words = ["v1", "-o", "mode=expectation", "--steps", 7, *ON, "--shots", 5]
    assert command(capsys, ["estimate", *words])["sending_seconds"] == 60
    assert invoke(["submit", *map(str, words), "--yes"]) == 0
    said = capsys.readouterr().err
    assert "1 min or more to send 7 jobs" in said
    assert "the service takes 5 jobs a minute" in said
    posts = [one for one in emulator.log if one[:2] == ["POST", "/experimental/api/v1/jobs"]]
    assert len(posts) == len(emulator.service.jobs) == 7  # none was refused


def test_several_processes_share_the_pace(tmp_path):
    """Twelve posts from three processes: in no window of a period are there more than five."""
    code = (
        "import sys, time\n"
        "import jobs.service.pace\n"
        "from jobs.service.backoff import Backoff\n"
        "from jobs.store.store import Store\n"
        "jobs.service.pace.PERIOD_SECONDS = 1.0\n"
        "with Store(sys.argv[1]) as store:\n"
        "    for number in range(4):\n"
        "        with jobs.service.pace.paced('k', store, Backoff()):\n"
        "            print(time.time(), flush=True)\n"
    )
    path = str(tmp_path / "jobs.db")
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code, path],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        for _ in range(3)
    ]
    times = np.sort(
        [float(t) for one in processes for t in one.communicate(timeout=120)[0].split()]
    )
    assert len(times) == 12
    assert (times[5:] - times[:-5]).min() > 0.95


def test_a_clock_that_was_wrong_holds_nobody_up(tmp_path, capsys):
    waits = []
    with Store(tmp_path / "jobs.db") as store:
        with store._database.transaction() as connection:
            rows = [("k", 4e9)] * 9
            connection.executemany("INSERT INTO posts (key, at) VALUES (?, ?)", rows)
        with paced("k", store, Backoff(sleep=waits.append)):
            pass
    assert waits == []
    assert capsys.readouterr().err == ""


def test_the_time_to_send_jobs():
    assert [sending_seconds(n) for n in (0, 1, 5, 6, 10, 11)] == [0, 0, 0, 60, 60, 120]
