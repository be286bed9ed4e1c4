"""Submission through the command line, the real client and the loopback service."""

import json
import os
import signal
import subprocess
import sys
import time
import zipfile

import pytest
from emulator.faults import Fault
from qiskit import QuantumCircuit, qpy

from jobs.service.backoff import Backoff
from qrnn_hw.cli import invoke

QUICK = Backoff(first_seconds=0.05, ceiling_seconds=0.2, patience_seconds=10.0)
CANARY = "canary-7d2c51-token"


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("QRNN_HW_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("qrnn_hw.submission.following.POLLING", QUICK)
    return tmp_path


@pytest.fixture
def queue(emulator):
    """Hold all jobs in the queue until the test is over."""
    emulator.service.settings.queue_seconds = 120
    yield
    emulator.service.settings.queue_seconds = 0


@pytest.fixture
def file(tmp_path):
    """Write a circuit that always reads 3: the bit fed forward turns the second qubit."""
    circuit = QuantumCircuit(12, 2)
    circuit.x(0)
    circuit.measure(0, 0)
    with circuit.if_test((circuit.clbits[0], 1)):
        circuit.x(1)
    circuit.measure(1, 1)
    path = tmp_path / "three.qpy"
    with path.open("wb") as written:
        qpy.dump(circuit, written)
    return str(path)


def command(capsys, *arguments, code=0):
    """Run a command and return its JSON document and what it said on stderr."""
    assert invoke([*map(str, arguments), "--json"]) == code, capsys.readouterr().err
    captured = capsys.readouterr()
    assert "Traceback" not in captured.err
    return json.loads(captured.out), captured.err


def submit(file, *more):
    return ["submit", file, "--backend", "ibm_boston", "--shots", 64, "--yes", *more]


def test_a_job_is_sent_watched_and_fetched(emulator, queue, capsys, file):
    document, said = command(capsys, *submit(file))
    (job,) = document["jobs"]
    assert set(job) == {"key", "id", "state"}
    assert job["state"] == "submitted"
    assert "600 s are left on the plan" in said
    (sent,) = emulator.service.jobs.values()
    assert sent.id == job["id"]
    assert 10 <= sent.request["cost"] < 30
    emulator.service.settings.queue_seconds = 0
    watched, _ = command(capsys, "jobs", "watch", job["key"][:12])
    assert [one["state"] for one in watched["jobs"]] == ["done"]
    emulator.log.clear()
    fetched, _ = command(capsys, "jobs", "fetch", job["id"])
    assert fetched["circuits"][0]["rows"][0]["c"] == {"11": 64}
    shown, _ = command(capsys, "jobs", "show", job["key"][:12])
    assert [one["state"] for one in shown["history"]][:2] == ["intended", "submitted"]
    assert shown["quantum_seconds"] == pytest.approx(sent.seconds)
    assert shown["estimate_seconds"][1] == pytest.approx(sent.seconds, rel=0.1)
    assert emulator.log == []


def test_the_same_command_again_sends_nothing_and_asks_nothing(emulator, capsys, file):
    first, _ = command(capsys, *submit(file, "--wait"))
    again, said = command(
        capsys, "submit", file, "--backend", "ibm_boston", "--shots", 64, "--wait"
    )
    assert again["jobs"] == first["jobs"]
    assert again["jobs"][0]["state"] == "done"
    assert "QPU" not in said
    assert len(emulator.service.jobs) == 1


def test_a_job_that_is_cancelled_has_its_exit_code(emulator, queue, capsys, file):
    document, _ = command(capsys, *submit(file))
    key = document["jobs"][0]["key"]
    cancelled, _ = command(capsys, "jobs", "cancel", key[:12])
    assert cancelled["jobs"][0]["state"] == "cancelled"
    (sent,) = emulator.service.jobs.values()
    assert sent.state["status"] == "Cancelled"
    assert invoke(["jobs", "fetch", key[:12]]) == 7
    assert "cancelled" in capsys.readouterr().err.lower()


def test_what_is_pending_has_its_exit_code(emulator, queue, capsys, file):
    document, _ = command(capsys, *submit(file))
    assert invoke(["jobs", "fetch", document["jobs"][0]["key"][:12]]) == 10
    assert "Watch it, or fetch it later" in capsys.readouterr().err


def test_a_dropped_answer_leaves_an_intent_that_is_adopted(emulator, capsys, file, monkeypatch):
    # The service takes the job, the answer is lost, and then nothing answers any more.
    monkeypatch.setattr("qrnn_hw.submission.following.POLLING", Backoff(0.02, 0.05, 0.1))
    emulator.faults = [
        Fault("drop after", "POST", "/jobs$"),
        Fault("drop", "GET", "/jobs$", times=1000),
    ]
    assert invoke([str(word) for word in submit(file)]) == 6
    assert "Run the same command again" in capsys.readouterr().err
    listed, _ = command(capsys, "jobs", "list")
    assert [job["state"] for job in listed["jobs"]] == ["intended"]
    emulator.faults = []
    adopted, _ = command(capsys, "jobs", "adopt")
    (job,) = adopted["jobs"]
    assert list(emulator.service.jobs) == [job["id"]]
    document, _ = command(capsys, *submit(file, "--wait"))
    assert document["jobs"][0]["id"] == job["id"]
    assert len(emulator.service.jobs) == 1


def test_watching_a_job_that_never_reached_the_service_ends_with_a_code_of_its_own(
    emulator, capsys, file, monkeypatch
):
    monkeypatch.setattr("qrnn_hw.submission.following.POLLING", Backoff(0.02, 0.05, 0.1))
    emulator.faults = [Fault("drop", verb, "/jobs$", times=1000) for verb in ("POST", "GET")]
    assert invoke([str(word) for word in submit(file)]) == 6
    emulator.faults = []
    capsys.readouterr()
    assert invoke(["jobs", "watch"]) == 10
    captured = capsys.readouterr()
    assert "never reached the service: there is nothing to wait for" in captured.err
    assert "intended" in captured.out
    assert emulator.service.jobs == {}


def test_a_batch_holds_the_job_and_a_session_is_refused(emulator, capsys, file):
    assert invoke([str(word) for word in submit(file, "--mode", "session")]) == 4
    assert "session" in capsys.readouterr().err
    assert emulator.service.jobs == {}
    command(capsys, *submit(file, "--mode", "batch", "--wait"))
    (session,) = emulator.service.sessions.values()
    assert session["mode"] == "batch"
    assert session["accepting_jobs"] is False
    (sent,) = emulator.service.jobs.values()
    assert sent.request["session_id"] == session["id"]


def test_nothing_is_spent_unasked(emulator, capsys, file, monkeypatch):
    arguments = ["submit", file, "--backend", "ibm_boston", "--shots", "64"]
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    assert invoke(arguments) == 8
    assert "add --yes" in capsys.readouterr().err
    assert invoke([*arguments, "--yes", "--budget", "1"]) == 8
    assert "within the budget of 1 s" in capsys.readouterr().err
    assert invoke([*arguments, "--yes", "--budget", "nan"]) == 2
    capsys.readouterr()
    document, _ = command(capsys, *arguments, "--dry-run")
    assert document["jobs"] == []
    assert document["estimate"]["best_seconds"] > 2
    assert emulator.service.jobs == {}


def test_a_recorded_device_runs_here_and_now(capsys, tmp_path, monkeypatch):
    monkeypatch.delenv("QISKIT_IBM_TOKEN", raising=False)
    arguments = ["submit", "dynamic-line", "--backend", "fake_boston", "--shots", 50]
    document, _ = command(capsys, *arguments, "--steps", 2, "--rows", 2)
    (job,) = document["jobs"]
    assert (job["state"], job["id"]) == ("done", None)
    fetched, _ = command(capsys, "jobs", "fetch", job["key"])
    rows = fetched["circuits"][0]["rows"]
    assert len(rows) == 2
    assert sum(rows[0]["out"].values()) == 50
    again, _ = command(capsys, *arguments, "--steps", 2, "--rows", 2)
    assert again["jobs"] == document["jobs"]


def interrupted(process):
    """Interrupt a process as a user does, who presses again where nothing happens.

    Python drops an interrupt that falls into a finalizer, such as that of a response of urllib3.
    """
    for _ in range(6):
        process.send_signal(signal.SIGINT)
        try:
            return process.communicate(timeout=10)
        except subprocess.TimeoutExpired:
            continue
    process.kill()
    raise AssertionError(process.communicate())


def test_an_interrupt_leaves_the_job_and_a_new_process_comes_back(emulator, queue, home, file):
    words = [str(word) for word in submit(file, "--wait", "--json")]
    code = "from qrnn_hw.cli import main; main()"
    # A suite that was started in the background hands down that interrupts are ignored.
    heeding = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    process = subprocess.Popen(
        [sys.executable, "-c", heeding + code, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "NO_COLOR": "1"},
    )
    deadline = time.monotonic() + 60
    # A poll after the submission shows that the process is waiting.
    while time.monotonic() < deadline:
        posted = [i for i, (verb, path, _) in enumerate(emulator.log) if verb == "POST"]
        jobs = list(emulator.service.jobs)
        polled = jobs and any(
            verb == "GET" and path.endswith(jobs[0]) for verb, path, _ in emulator.log[posted[-1] :]
        )
        if polled or process.poll() is not None:
            break
        time.sleep(0.05)
    out, err = interrupted(process)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    (job,) = json.loads(out)["jobs"]
    assert f"qrnn-hw jobs watch {job['key'][:12]}" in err
    assert err.count("interrupted") == 1
    (sent,) = emulator.service.jobs.values()
    assert sent.state["status"] == "Queued"
    done = subprocess.run(
        [sys.executable, "-c", code, "jobs", "cancel", job["key"][:12], "--json"],
        capture_output=True,
        text=True,
        env=dict(os.environ),
        timeout=60,
    )
    assert json.loads(done.stdout)["jobs"][0]["state"] == "cancelled"
    assert sent.state["status"] == "Cancelled"
    assert (home / "home" / "jobs.sqlite3").stat().st_mode & 0o077 == 0


def test_a_job_that_is_too_large_is_sent_in_parts_and_rejoined(emulator, capsys, file, monkeypatch):
    from jobs.limits import Limits
    from jobs.splitting import split

    small = Limits(executions=100)
    monkeypatch.setattr("qrnn_hw.submission.assessment.split", lambda spec: split(spec, small))
    monkeypatch.setattr("jobs.service.submission.split", lambda spec, limits: split(spec, small))
    words = ["submit", "dynamic-line", "--backend", "ibm_boston", "--steps", 1, "--rows", 3]
    document, _ = command(capsys, *words, "--shots", 50, "--yes", "--wait")
    assert [job["state"] for job in document["jobs"]] == ["done", "done"]
    assert len(emulator.service.jobs) == 2
    listed, _ = command(capsys, "jobs", "list")
    (whole,) = [
        job["key"]
        for job in listed["jobs"]
        if job["key"] not in {part["key"] for part in document["jobs"]}
    ]
    fetched, _ = command(capsys, "jobs", "fetch", whole)
    rows = fetched["circuits"][0]["rows"]
    assert [sum(row["out"].values()) for row in rows] == [50, 50, 50]


def test_a_post_that_was_taken_and_answered_with_an_error_is_not_repeated(
    emulator, capsys, file, queue
):
    emulator.faults = [Fault("status after", "POST", "/jobs$", status=503)]
    document, _ = command(capsys, *submit(file))
    (job,) = document["jobs"]
    (sent,) = emulator.service.jobs.values()
    assert (sent.id, sent.state["status"]) == (job["id"], "Queued")


def test_a_service_that_refuses_the_account_has_its_exit_code(emulator, capsys, file, monkeypatch):
    monkeypatch.setenv("QISKIT_IBM_TOKEN", "refused")
    assert invoke([str(word) for word in submit(file)]) == 5
    assert capsys.readouterr().err.count("\n") == 1


def test_a_job_that_the_machine_ends_has_its_reason(emulator, capsys, file, monkeypatch):
    from emulator import service as loopback

    def refuse(circuits, shots, configuration):
        raise loopback.Refusal("the compiler's own reason")

    monkeypatch.setattr(loopback, "check", refuse)
    words = [str(word) for word in submit(file, "--wait", "--json")]
    assert invoke(words) == 7
    captured = capsys.readouterr()
    assert json.loads(captured.out)["jobs"][0]["state"] == "failed"
    assert "the compiler's own reason" in captured.err
    assert invoke(["jobs", "watch", json.loads(captured.out)["jobs"][0]["key"]]) == 7


def test_no_token_reaches_an_output_or_a_file(emulator, capsys, file, home, monkeypatch):
    monkeypatch.setenv("QISKIT_IBM_TOKEN", CANARY)
    key = command(capsys, *submit(file, "--wait"))[0]["jobs"][0]["key"]
    said = ""
    for words, fault in (
        (["backends", "--remote"], None),
        (["calibrate", "snapshot", "--backend", "ibm_boston", "--output", str(home / "s")], None),
        (["preflight", file, "--backend", "ibm_boston"], None),
        (["estimate", file, "--backend", "ibm_boston", "--json"], None),
        (["jobs", "list", "--json"], None),
        (["jobs", "show", key], None),
        (["jobs", "fetch", key, "--json"], None),
        (["jobs", "export", key, "--output", str(home / "job.zip")], None),
        (["auth", "status", "--remote", "--json"], None),
        (["config", "show", "--json"], None),
        (["doctor", "--remote"], None),
        (
            ["preflight", file, "--backend", "ibm_boston"],
            Fault("status", "GET", status=400, times=99),
        ),
        (
            [str(word) for word in submit(file, "--seed", "1", "--shots", "9")],
            Fault("status", "POST", "/jobs$", status=400),
        ),
    ):
        emulator.faults = [] if fault is None else [fault]
        code = invoke(words)
        captured = capsys.readouterr()
        assert (code == 0) == (fault is None), captured.err
        said += captured.out + captured.err
    assert CANARY not in said
    files = [path for path in home.rglob("*") if path.is_file()]
    assert {path.name for path in files} >= {"jobs.sqlite3", "job.zip", "s"}
    for path in files:
        assert CANARY.encode() not in path.read_bytes()
    with zipfile.ZipFile(home / "job.zip") as archive:
        assert all(CANARY.encode() not in archive.read(name) for name in archive.namelist())


def test_the_time_of_a_job_is_that_of_its_run_not_of_its_sending(emulator, capsys, file):
    document, _ = command(capsys, *submit(file))
    key = document["jobs"][0]["key"]
    (sent,) = emulator.service.jobs.values()
    deadline = time.monotonic() + 30
    while not sent.finished and time.monotonic() < deadline:
        time.sleep(0.01)
    # As after two days in the queue, and fetched an hour after the run.
    sent.finished = "2026-03-04T05:06:07.000008Z"
    command(capsys, "jobs", "fetch", key[:12])
    found, _ = command(capsys, "mitigate", key[:12])
    assert found["ran"] == [{"at": "2026-03-04T05:06:07.000008+00:00", "kind": "finished"}]
    shown, _ = command(capsys, "jobs", "show", key[:12])
    assert shown["finished_at"] == found["ran"][0]["at"]
