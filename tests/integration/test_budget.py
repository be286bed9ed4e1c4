"""Money over HTTP: what is asked, what the limits are, and what every end was charged."""

import json
import time
from dataclasses import replace

import numpy as np
import pytest
from emulator.faults import Fault
from emulator.job_routes import post_job
from emulator.records import Request
from qiskit import QuantumCircuit, qpy

from jobs.service.backoff import Backoff
from qrnn_hw.cli import invoke

QUICK = Backoff(0.05, 0.2, 10.0, listing_seconds=0.4)


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("QRNN_HW_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("qrnn_hw.submission.following.POLLING", QUICK)
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    return tmp_path


def command(capsys, words, code=0):
    assert invoke([*map(str, words), "--json"]) == code, capsys.readouterr().err
    captured = capsys.readouterr()
    assert "Traceback" not in captured.err
    return json.loads(captured.out) if captured.out else None, captured.err


def file(folder):
    """Write a circuit of one measurement: 64 shots of it are charged 2.0 s."""
    circuit = QuantumCircuit(12, 1)
    circuit.x(0)
    circuit.measure(0, 0)
    with (folder / "one.qpy").open("wb") as written:
        qpy.dump(circuit, written)
    return ["submit", folder / "one.qpy", "--backend", "ibm_boston", "--shots", 64]


def charged(emulator):
    """Return what the service itself metered, over all jobs."""
    return sum(job.seconds for job in emulator.service.jobs.values())


def limits(emulator):
    return [job.request["cost"] for job in emulator.service.jobs.values()]


def fail_after_a_charge(emulator, monkeypatch, seconds):
    """Let every job run, be charged and fail, as a fault of the machine does."""
    end = type(emulator.service).end

    def failing(self, job, state, code, metered, result=""):
        failed = {"status": "Failed", "reason": "A fault of the machine."}
        end(self, job, failed, 9999, seconds, "A fault of the machine.")

    monkeypatch.setattr(type(emulator.service), "end", failing)
    return lambda: monkeypatch.setattr(type(emulator.service), "end", end)


def test_a_failed_job_is_charged_asked_about_and_counted(emulator, capsys, home, monkeypatch):
    words = [*file(home), "--wait"]
    heal = fail_after_a_charge(emulator, monkeypatch, 5.5)
    command(capsys, [*words, "--yes", "--budget", 8], code=7)
    assert charged(emulator) == 5.5
    heal()
    # 5.5 s are gone, and the next could take up to 3 s.
    _, said = command(capsys, [*words, "--yes", "--budget", 8], code=8)
    assert "5.5 s" in said
    _, said = command(capsys, words, code=8)
    assert "add --yes" in said
    assert len(emulator.service.jobs) == 1
    document, _ = command(capsys, [*words, "--yes", "--budget", 9])
    assert charged(emulator) <= 9
    shown, _ = command(capsys, ["jobs", "show", document["jobs"][0]["key"]])
    assert shown["quantum_seconds"] == pytest.approx(charged(emulator))
    assert [one["seconds"] for one in shown["charges"]] == [
        pytest.approx(job.seconds) for job in emulator.service.jobs.values()
    ]


def test_a_cancelled_job_and_one_that_ran_too_long_are_counted(emulator, capsys, home):
    words = [*file(home), "--shots", 4000, "--wait"]
    emulator.service.lengths["ibm_boston"]["measure", (0,)] = 2e-3  # slower than the machine says
    _, said = command(capsys, [*words, "--yes", "--budget", 6], code=7)
    assert charged(emulator) == limits(emulator)[0] <= 6
    _, said = command(capsys, [*words, "--yes", "--budget", 6], code=8)
    assert f"{charged(emulator):.1f} s" in said
    assert len(emulator.service.jobs) == 1


def test_what_is_still_open_counts_as_its_limit(emulator, capsys, home):
    emulator.service.settings.queue_seconds = 120
    words = ["submit", "dynamic-line", "--backend", "ibm_boston", "--steps", 1, "--shots", 64]
    one, _ = command(capsys, [*words, "--yes", "--budget", 9])
    both = [*words, "--fold", "1,3", "--yes", "--budget"]
    (reserved,) = limits(emulator)
    assert reserved == 9
    command(capsys, [*both, 11], code=8)
    command(capsys, [*both, 12])
    emulator.service.settings.queue_seconds = 0
    assert sum(limits(emulator)) <= 12
    assert one["jobs"][0]["key"]


def test_a_double_that_had_run_as_well_is_counted(emulator, capsys, home):
    """Something on the way repeats the POST, and both jobs run before we look."""
    words = file(home)
    emulator.service.settings.queue_seconds = 120
    document, _ = command(capsys, [*words, "--yes"])
    (sent,) = emulator.service.jobs.values()
    post_job(emulator.service, Request(sent.crn, {}, sent.request))
    emulator.service.settings.queue_seconds = 0
    while not all(job.finished for job in emulator.service.jobs.values()):
        time.sleep(0.01)
    key = document["jobs"][0]["key"]
    command(capsys, ["jobs", "watch", key])
    shown, _ = command(capsys, ["jobs", "show", key])
    assert any("had run as well" in note["text"] for note in shown["notes"])
    spent = charged(emulator)
    assert spent > 4
    _, said = command(capsys, [*words, "--fold", "1,3", "--yes", "--budget", spent + 1], code=8)
    assert f"{spent:.1f} s" in said


@pytest.mark.parametrize("budget", [9, 10, 14, 40])
def test_the_limits_of_all_jobs_together_stay_within_the_budget(emulator, capsys, budget):
    words = ["submit", "dynamic-line", "--backend", "ibm_boston", "--steps", 1, "--shots", 50]
    command(capsys, [*words, "--fold", "1,3,5", "--yes", "--wait", "--budget", budget])
    assert len(limits(emulator)) == 3
    assert sum(limits(emulator)) <= budget
    assert charged(emulator) <= budget


def test_a_budget_between_the_estimate_and_whole_seconds_sends_nothing(emulator, capsys):
    words = ["submit", "dynamic-line", "--backend", "ibm_boston", "--steps", 1, "--shots", 50]
    _, said = command(capsys, [*words, "--fold", "1,3,5", "--yes", "--budget", 8], code=8)
    assert "whole seconds" in said
    assert emulator.service.jobs == {}


def test_parts_of_one_job_share_the_budget(emulator, capsys, monkeypatch):
    from jobs.limits import Limits
    from jobs.splitting import split

    small = Limits(executions=100)
    monkeypatch.setattr("qrnn_hw.submission.assessment.split", lambda spec: split(spec, small))
    monkeypatch.setattr("jobs.service.submission.split", lambda spec, limits: split(spec, small))
    words = ["submit", "dynamic-line", "--backend", "ibm_boston", "--steps", 1, "--rows", 6]
    words += ["--shots", 50, "--wait"]
    heal = fail_after_a_charge(emulator, monkeypatch, 3.0)
    command(capsys, [*words, "--yes", "--budget", 20], code=7)
    heal()
    assert sum(limits(emulator)) <= 20
    # Three parts failed at 3 s each, and three more may take 3 s each.
    command(capsys, [*words, "--yes", "--budget", 17], code=8)
    assert len(emulator.service.jobs) == 3
    command(capsys, [*words, "--yes", "--budget", 18])
    assert charged(emulator) <= 18


def some_text(folder):
    rows = [f"{n % 2}\t{'good great' if n % 2 else 'bad poor'} phone {n}" for n in range(60)]
    (folder / "some.tsv").write_text("label\ttext\n" + "\n".join(rows) + "\n")
    return folder / "some.tsv"


def one_epoch(stepper, options, state, after_epoch):
    """Leave the weights as they are: what is trained does not matter to its price."""
    if not state.finished_epochs:
        state = replace(state, history=np.full((1, 1, 3), 0.7))
        after_epoch(state)
    return state


@pytest.fixture
def run(home, monkeypatch):
    monkeypatch.setattr("qrnn_hw.experiment.training.train", one_epoch)
    words = ["run", "--model", "stacked-3-minimal", "--backend", "ibm_boston", "--epochs", 1]
    words += ["--repetitions", 1, "--canaries", 0]  # a job for each scale factor
    return [*words, "--data", some_text(home), "--sentences", 4, "--shots", 40,
            "--output", home / "run"]  # fmt: skip


def test_a_run_shares_its_budget_resumes_and_is_read_from_the_store(
    emulator, capsys, run, monkeypatch
):
    """Three jobs: their limits are within the budget, and a failed one is paid from it too."""
    _, said = command(capsys, [*run, "--yes", "--budget", 8], code=8)
    assert "training" not in said
    emulator.faults = [Fault("status", "GET", "/results$", status=503, times=10_000)]
    with monkeypatch.context() as impatient:
        impatient.setattr("qrnn_hw.submission.following.POLLING", Backoff(0.02, 0.05, 0.2))
        command(capsys, [*run, "--yes", "--budget", 13], code=6)  # one is sent, and stays open
    assert len(limits(emulator)) == 1
    emulator.faults = []
    command(capsys, [*run, "--yes", "--budget", 13])
    assert len(limits(emulator)) == 3
    assert charged(emulator) <= sum(limits(emulator)) <= 13
    emulator.service.settings.usage_consumed_seconds = 600.0
    _, said = command(capsys, run)
    assert "QPU" not in said
    assert len(limits(emulator)) == 3


@pytest.mark.slow
def test_a_run_that_failed_asks_again_and_counts_what_it_was_charged(
    emulator, capsys, run, monkeypatch
):
    heal = fail_after_a_charge(emulator, monkeypatch, 4.0)
    command(capsys, [*run, "--yes", "--budget", 12], code=7)
    heal()
    _, said = command(capsys, run, code=8)
    assert "add --yes" in said
    _, said = command(capsys, [*run, "--yes", "--budget", 12], code=8)
    assert "4.0 s" in said
    assert len(limits(emulator)) == 1
    command(capsys, [*run, "--yes", "--budget", 13])
    assert charged(emulator) <= 13


@pytest.fixture
def rounds(home, monkeypatch):
    monkeypatch.setattr("qrnn_hw.experiment.training.train", one_epoch)
    words = ["run", "--model", "v1", "--wiring", "repaired", "--backend", "ibm_boston"]
    return [*words, "--data", some_text(home), "--sentences", 3, "--shots", 40, "--epochs", 1,
            "--output", home / "rounds"]  # fmt: skip


def test_a_run_in_rounds_keeps_to_its_budget_and_is_read_from_the_store(emulator, capsys, rounds):
    document, _ = command(capsys, [*rounds, "--yes", "--budget", 100])
    n = document["rounds"]
    assert len(limits(emulator)) == n > 1
    assert charged(emulator) <= sum(limits(emulator)) <= 100
    emulator.service.settings.usage_consumed_seconds = 600.0
    again, said = command(capsys, rounds)
    assert "QPU" not in said
    assert again["accuracy"] == document["accuracy"]
    assert len(limits(emulator)) == n
    # What was fired for each prediction, of which each round and circuit has 40; as much for each
    # of the eight canaries.
    fired = sum(job.program.shots * rows for job in emulator.service.jobs.values()
                for rows in [sum(len(r) for _, r in job.program.circuits)])  # fmt: skip
    assert document["shots_per_prediction"] == pytest.approx(fired / (3 + 8))


def test_a_study_counts_failed_jobs_and_asks_before_it_sends_them_again(
    emulator, capsys, home, monkeypatch
):
    monkeypatch.setattr("qrnn_hw.experiment.training.train", one_epoch)
    words = ["study", "device", "--backend", "ibm_boston", "--model", "stacked-3-minimal",
             "--data", some_text(home), "--sentences", 2, "--epochs", 1, "--shots", "16",
             "--rounds", 2, "--output", home / "study"]  # fmt: skip
    heal = fail_after_a_charge(emulator, monkeypatch, 5.0)
    command(capsys, [*words, "--yes", "--budget", 12], code=7)
    _, said = command(capsys, words, code=8)
    assert "add --yes" in said
    command(capsys, [*words, "--yes", "--budget", 12], code=7)
    assert charged(emulator) == 10.0
    heal()
    document, said = command(capsys, [*words, "--yes", "--budget", 12], code=8)
    assert len(emulator.service.jobs) == 2
    assert document["qpu_seconds"] == pytest.approx(10.0)
    document, _ = command(capsys, [*words, "--yes", "--budget", 16])
    assert document["complete"]
    assert document["qpu_seconds"] == pytest.approx(charged(emulator))
    assert charged(emulator) <= 16


def test_a_readout_calibration_counts_its_failures(emulator, capsys, monkeypatch):
    words = ["calibrate", "readout", "--backend", "ibm_boston", "--qubits", "0", "--shots", 30]
    heal = fail_after_a_charge(emulator, monkeypatch, 5.0)
    command(capsys, [*words, "--yes", "--budget", 7], code=7)
    heal()
    _, said = command(capsys, words, code=8)
    assert "add --yes" in said
    _, said = command(capsys, [*words, "--yes", "--budget", 7], code=8)
    assert "5.0 s" in said
    command(capsys, [*words, "--yes", "--budget", 8])
    assert charged(emulator) <= 8


def recalibrate(emulator):
    """Let every qubit relax faster than yesterday."""
    configuration, properties = emulator.service.backends["ibm_boston"]
    properties = json.loads(json.dumps(properties))
    properties["last_update_date"] = "2030-01-01T00:00:00+00:00"
    for number, qubit in enumerate(properties["qubits"]):
        for value in qubit:
            if value["name"] in ("T1", "T2"):
                value["value"] *= 0.3 + 0.05 * number
    emulator.service.backends["ibm_boston"] = (configuration, properties)


def lose_the_first_answer(emulator, capsys, monkeypatch, words):
    """Send a job whose answer is lost, and nothing can be looked up; then a new calibration."""
    emulator.faults = [
        Fault("drop after", "POST", "/jobs$"),
        Fault("drop", "GET", "/jobs$", times=10_000),
    ]
    with monkeypatch.context() as impatient:
        impatient.setattr("qrnn_hw.submission.following.POLLING", Backoff(0.02, 0.05, 0.1))
        command(capsys, words, code=6)
    emulator.faults = []
    assert len(emulator.service.jobs) == 1
    recalibrate(emulator)


@pytest.mark.slow
def test_a_run_is_the_same_jobs_after_a_lost_answer_and_a_recalibration(
    emulator, capsys, run, monkeypatch
):
    lose_the_first_answer(emulator, capsys, monkeypatch, [*run, "--yes"])
    _, said = command(capsys, [*run, "--yes"])
    assert "going on with the calibration" in said
    assert len(emulator.service.jobs) == 3
    command(capsys, run)
    assert len(emulator.service.jobs) == 3


@pytest.mark.slow
def test_a_run_in_rounds_is_the_same_jobs_after_a_recalibration(
    emulator, capsys, rounds, monkeypatch
):
    lose_the_first_answer(emulator, capsys, monkeypatch, [*rounds, "--yes"])
    document, _ = command(capsys, [*rounds, "--yes"])
    assert len(emulator.service.jobs) == document["rounds"]


@pytest.mark.slow
def test_a_study_is_the_same_jobs_after_a_lost_answer_and_a_recalibration(
    emulator, capsys, home, monkeypatch
):
    words = ["study", "device", "--backend", "ibm_boston", "--model", "stacked-3-minimal",
             "--data", some_text(home), "--sentences", 2, "--epochs", 1, "--shots", "16",
             "--rounds", 2, "--output", home / "study"]  # fmt: skip
    monkeypatch.setattr("qrnn_hw.experiment.training.train", one_epoch)
    lose_the_first_answer(emulator, capsys, monkeypatch, [*words, "--yes"])
    document, _ = command(capsys, [*words, "--yes"])
    assert document["complete"]
    assert len(emulator.service.jobs) == 2
    # More repeats are asked for by their number, and are the only ones sent.
    command(capsys, [*words, "--yes", "--rounds", 3])
    assert len(emulator.service.jobs) == 3
