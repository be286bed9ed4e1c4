"""Repeats on a machine: a recorded device, then the loopback service that real jobs go to."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from emulator.faults import Fault
from refused_cell import CELL
from scipy import stats

from jobs.aer.executor import AerExecutor
from jobs.store.store import Store
from qrnn_hw.cli import invoke
from qrnn_hw.errors import UsageError
from qrnn_hw.experiment.settings import RunSettings
from qrnn_hw.report.device_report import findings
from qrnn_hw.statistics.drift import set_design_effect
from qrnn_hw.studies.device import DevicePlan, _repeat, device_jobs, first_day, run_rounds
from qrnn_hw.studies.device_findings import summarise_rounds
from qrnn_hw.studies.round_sums import answered
from qrnn_hw.studies.trained import trained_model
from qrnn_hw.training.options import TrainingOptions


class Silent:
    def stage(self, text): ...

    def advance(self, done, total, note=""): ...


def some_text(folder):
    words = ["good", "bad", "phone", "great", "poor", "works", "never", "battery", "terrible"]
    generator = np.random.default_rng(0)
    lines = [f"{n % 2}\t{' '.join(generator.choice(words, 4))}" for n in range(60)]
    (folder / "some.tsv").write_text("label\ttext\n" + "\n".join(lines) + "\n")
    return folder / "some.tsv"


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("device")
    options = TrainingOptions(epochs=1)
    settings = RunSettings(data=some_text(folder), sentences=4, training=options, output=folder)
    return trained_model(settings, Silent())


class Counting:
    """The recorded device, which counts what it is asked and can be unplugged."""

    name = "aer"

    def __init__(self, model):
        self.place = model.prepared.machine.executor()
        self.shots, self.left = [], 10**6

    def run(self, spec):
        if self.left == 0:
            raise KeyboardInterrupt
        self.left -= 1
        self.shots.append(spec.shots)
        return self.place.run(spec)


PLAN = DevicePlan(shot_counts=(20, 50), n_rounds=3)


def go(model, plan, store, executor, clock=lambda: datetime.now(UTC)):
    sentences, jobs = device_jobs(model, plan)
    head = model.trained.head
    return run_rounds(jobs, sentences, head, plan, executor, store, Silent(), clock)


def outputs(one):
    return answered([one.sums]).value


def bits(found):
    return [(one.round, one.shots, one.key, outputs(one).tolist()) for one in found.measured]


def test_rounds_are_interleaved_and_an_interrupted_study_goes_on_to_the_same_rows(model, tmp_path):
    whole_executor, executor = Counting(model), Counting(model)
    with Store(tmp_path / "whole") as store:
        whole = go(model, PLAN, store, whole_executor)
    assert whole.is_complete
    assert whole_executor.shots == [20, 50, 50, 20, 20, 50]
    executor.left = 4
    with Store(tmp_path / "killed") as store, pytest.raises(KeyboardInterrupt):
        go(model, PLAN, store, executor)
    executor.left = 10
    with Store(tmp_path / "killed") as store:
        resumed = go(model, PLAN, store, executor)
        assert executor.shots == whole_executor.shots  # no job twice
        go(model, PLAN, store, executor)
        assert len(executor.shots) == 6
    assert bits(resumed) == bits(whole)
    # Repeats are repeats: no two rounds have the same bits.
    by_round = [outputs(one) for one in whole.measured if one.shots == 50]
    assert not np.array_equal(by_round[0], by_round[1])


def test_the_budget_is_never_passed_and_a_larger_one_goes_on(model, tmp_path):
    _, jobs = device_jobs(model, PLAN)
    budget = 2.5 * max(job.estimate.high_seconds for job in jobs)
    plan, executor = replace(PLAN, budget_seconds=budget), Counting(model)
    with Store(tmp_path / "s") as store:
        found = go(model, plan, store, executor)
        assert 0 < len(executor.shots) < 6
        assert found.spent_seconds <= budget < found.over_budget
        assert go(model, plan, store, executor).spent_seconds == found.spent_seconds
        n_before = len(executor.shots)
        assert n_before == len(found.measured)
        assert go(model, replace(PLAN, budget_seconds=10 * budget), store, executor).is_complete


def test_a_round_waits_for_its_time(model, tmp_path):
    plan, executor = replace(PLAN, hours_between=6), Counting(model)
    with Store(tmp_path / "s") as store:
        first = go(model, plan, store, executor)
        assert executor.shots == [20, 50]
        last = max(datetime.fromisoformat(one.ended) for one in first.measured)
        assert first.due == last + timedelta(hours=6)
        early, late = first.due - timedelta(seconds=1), first.due
        assert go(model, plan, store, executor, lambda: early).due == first.due
        assert executor.shots == [20, 50]
        second = go(model, plan, store, executor, lambda: late)
        assert len(second.measured) == 4


def test_the_first_day_is_kept(model, tmp_path):
    machine = model.prepared.machine
    assert first_day(machine, tmp_path) is machine
    tomorrow = replace(machine, snapshot=replace(machine.snapshot, taken="2030-01-01T00:00:00"))
    assert first_day(tomorrow, tmp_path).snapshot == machine.snapshot
    other = replace(machine, name="fake_other")
    with pytest.raises(UsageError, match="go on where it began. Got fake_other"):
        first_day(other, tmp_path)


def test_the_summary_is_what_the_counts_say(model, tmp_path):
    with Store(tmp_path / "s") as store:
        found = go(model, replace(PLAN, n_rounds=4), store, Counting(model))
    (_, fifty) = summarise_rounds(model, found.measured)
    rounds = [one for one in found.measured if one.shots == 50]
    labels = [outputs(one)[:, 0] > 0 for one in rounds]
    pairs = [(a != b).mean() for i, a in enumerate(labels) for b in labels[:i]]
    assert fifty["disagreement"]["value"] == pytest.approx(np.mean(pairs))
    exact = model.noisy @ model.decision > 0
    assert fifty["flip_rate"]["value"] == pytest.approx(np.mean([one != exact for one in labels]))
    assert fifty["rounds"] == 4
    # From the bits themselves.
    sentences, jobs = device_jobs(model, replace(PLAN, n_rounds=4))
    place = model.prepared.machine.executor()
    specs = [job.spec for job in jobs if job.shots == 50]
    counts = np.stack([sentences.outcome_counts(place.run(spec)) for spec in specs])
    scores = counts @ model.decision / 50
    scatter = stats.t.ppf(0.975, 3) * stats.sem(scores)
    whole = counts.sum(0) / 200
    shot = np.sqrt((whole @ model.decision**2 - (whole @ model.decision) ** 2) / 199)
    wide = np.maximum(scatter, stats.norm.ppf(0.975) * shot)
    assert not fifty["certified"]["disagree"]
    assert fifty["certified"]["share"] == pytest.approx(np.mean(np.abs(scores.mean(0)) > wide))
    assert fifty["drift"] == set_design_effect(counts, model.decision).to_json()


def test_no_label_is_certified_while_the_rounds_disagree(model, tmp_path):
    with Store(tmp_path / "s") as store:
        found = go(model, replace(PLAN, n_rounds=4), store, Counting(model))
    best, worst = max(model.decision), min(model.decision)
    moved = []
    for one in found.measured:
        given = best if one.round % 2 else worst
        sums = tuple(
            replace(part, total=part.shots * given, squares=part.shots * given**2)
            for part in one.sums.outputs
        )
        moved.append(replace(one, sums=replace(one.sums, outputs=sums, means=sums)))
    summary = summarise_rounds(model, moved)
    assert [one["certified"]["share"] for one in summary] == [None, None]
    said = findings(summary, found)
    assert sum("No label is certified" in line for line in said) == 2


def test_any_executor_will_do(model, tmp_path):
    """Aer on the active qubits: the sentences' circuits without the embedding."""
    from qrnn_hw.predict import sentence_pubs

    sentences, jobs = device_jobs(model, PLAN)
    small = sentence_pubs(model.prepared.circuit.transpiled, model.encoded)
    jobs = [
        replace(job, assessed=_repeat(job.assessed, replace(job.spec, pubs=small.pubs)))
        for job in jobs
    ]
    with Store(tmp_path / "s") as store:
        executor = AerExecutor(model.prepared.circuit.noise)
        found = run_rounds(jobs, sentences, model.trained.head, PLAN, executor, store, Silent())
    assert found.is_complete


@pytest.mark.parametrize(
    "wrong", [{"n_rounds": 1}, {"shot_counts": (9, 3)}, {"budget_seconds": -1.0}]
)
def test_wrong_plans_are_refused(wrong):
    with pytest.raises(UsageError, match="Got"):
        DevicePlan(**wrong)


def test_what_the_machine_refuses_is_said_before_the_training(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cell.py").write_text(CELL)
    asked = ["study", "device", "--data", str(some_text(tmp_path)), "--output", "study"]
    for more, code, said in (
        (["--model", "cell.py:step"], 4, "reset-in-branch: A branch may hold no reset"),
        (["--model", "v1"], 2, "Got v1, which is run in rounds; choose --option mode=sampled"),
        (["--head-shots", "10"], 2, "--head-shots should come with --direct"),
    ):
        assert invoke([*asked, *more]) == code
        captured = capsys.readouterr()
        assert said in captured.err
        assert "training" not in captured.err


@pytest.mark.slow
def test_on_the_service_no_job_is_sent_twice_and_money_stops_at_the_budget(
    emulator, tmp_path, monkeypatch, capsys
):
    """The command against the loopback service: a lost answer, the budget, then the rest."""
    monkeypatch.setenv("QRNN_HW_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HOME", str(tmp_path))
    output = tmp_path / "study"
    command = ["study", "device", "--backend", "ibm_boston", "--data", str(some_text(tmp_path)),
               "--sentences", "2", "--epochs", "1", "--shots", "16,32", "--rounds", "2",
               "--yes", "--json", "--output", str(output)]  # fmt: skip
    emulator.faults = [Fault("drop after", "POST", "/jobs$")]
    assert invoke([*command, "--budget", "8"]) == 8
    captured = capsys.readouterr()
    document = json.loads(captured.out)
    n_sent = len(emulator.service.jobs)
    assert 0 < document["jobs_done"] == n_sent < 4
    assert "run again with a larger --budget" in captured.err
    assert document["qpu_seconds"] <= 8
    assert "Traceback" not in captured.err

    assert invoke(command) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["complete"]
    assert len(emulator.service.jobs) == 4
    assert [row["shots"] for row in document["measured"]] == [16, 32, 32, 16]
    before = (output / "rows.csv").read_bytes()
    assert invoke(command) == 0
    assert len(emulator.service.jobs) == 4
    assert (output / "rows.csv").read_bytes() == before
