"""Answers of a machine: batches through the store, only of what is open, nothing paid twice."""

import json

import numpy as np
import pytest

import qrnn_hw as qh
from circuits.zoo.registry import architecture
from jobs.aer.recorded_device import RecordedDeviceExecutor
from jobs.limits import Limits
from jobs.splitting import split
from qrnn_hw.answers.model_file import Model
from qrnn_hw.answers.on_machine import looks_of
from qrnn_hw.cli import invoke
from qrnn_hw.data.read_options import ReadOptions
from qrnn_hw.data.sequences import Sequences
from qrnn_hw.data.target import Classes
from qrnn_hw.data.vectors import WordVectors
from qrnn_hw.networks.network import network_of
from qrnn_hw.networks.step_readings import StepReadings
from qrnn_hw.networks.trained import TrainedNetwork
from qrnn_hw.statistics.certificates import MACHINE, NOISELESS

WORDS = ("great", "awful", "sound", "case", "nice", "broken")
TEXTS = ("great sound", "awful case", "nice", "broken sound case", "great broken", "case")


def held_model(names=("bad", "good"), steps=None):
    """A model of two steps with large answers and 12 held-out rows."""
    generator = np.random.default_rng(0)
    network = network_of(architecture("dynamic-line"), 5, target=Classes(names), steps=steps)
    parameters = network.initial(7)
    parameters["circuit"] = parameters["circuit"] * 3
    parameters["projection"] = parameters["projection"] * 2
    vectors = WordVectors(WORDS, generator.normal(size=(6, 5)).astype(np.float32))
    held = Sequences(generator.normal(size=(12, 2, 5)), np.full(12, 2))
    own, reading = TrainedNetwork(network, parameters), ReadOptions(steps=2)
    return Model("dynamic-line", own, tuple("abcde"), reading, None, vectors, held)


@pytest.fixture
def asked(tmp_path, monkeypatch):
    """Return what predicts on a recorded device by the command line, and the jobs it has run."""
    monkeypatch.setenv("QRNN_HW_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    path, ran = held_model().save(tmp_path / "m.qrnn"), []
    run = RecordedDeviceExecutor.run
    monkeypatch.setattr(
        RecordedDeviceExecutor, "run", lambda self, spec: ran.append(spec) or run(self, spec)
    )

    def ask(*words):
        texts = [word for text in TEXTS for word in ("--text", text)]
        return invoke(["predict", str(path), *texts, "--backend", "fake_boston", "--json", *words])

    return ask, ran


AUTO = ("--shots", "auto", "--delta", "0.001", "--most", "1000", "--repetitions", "3")


def test_each_batch_asks_for_what_is_open_and_a_broken_course_goes_on(asked, capsys, monkeypatch):
    ask, ran = asked
    assert ask(*AUTO, "--dry-run") == 0
    priced = json.loads(capsys.readouterr().out)
    assert ran == []
    assert priced["first"]["best_seconds"] < priced["expected"]["best_seconds"]
    assert priced["expected"]["best_seconds"] < priced["most"]["best_seconds"]
    with monkeypatch.context() as small:  # batches go in parts, and each part has its 2 s
        small.setattr(
            "qrnn_hw.submission.assessment.split", lambda spec: split(spec, Limits(executions=900))
        )
        assert ask(*AUTO, "--dry-run") == 0
        parts = json.loads(capsys.readouterr().out)
        overhead = parts["most"]["best_seconds"] - parts["most"]["low_seconds"]
        assert overhead == pytest.approx(2.0 * parts["n_jobs"])
        assert parts["n_jobs"] > priced["n_jobs"] == len(looks_of(None, 1000))
    whole = RecordedDeviceExecutor.run

    def broken(self, spec):
        if len(ran) == 2:
            raise KeyboardInterrupt
        return whole(self, spec)

    monkeypatch.setattr(RecordedDeviceExecutor, "run", broken)
    assert ask(*AUTO) == 130
    monkeypatch.setattr(RecordedDeviceExecutor, "run", whole)
    capsys.readouterr()
    assert ask(*AUTO) == 0
    found = json.loads(capsys.readouterr().out)
    n_jobs = len(ran)
    assert len({spec.key for spec in ran}) == n_jobs == len(looks_of(None, 1000))
    assert ask(*AUTO) == 0  # all from the store
    assert json.loads(capsys.readouterr().out) == found
    assert len(ran) == n_jobs
    # The rows of a batch are those that no batch before made certain.
    assert {one["shots"] for one in found} == {250, 1000}
    for one in found:
        assert one["is_certain"] == (one["machine"]["certificates"][MACHINE] is not None)
        assert one["is_certain"] or (one["shots"] == 1000 and one["answer"] is None)
    # Batches of the same rows are other shots: a repeat would count one set of bits twice.
    first, second = ran[0], ran[1]
    assert first.seed != second.seed
    assert first.options["batch"] == 0
    exact = _exact(ask, capsys)
    for one, truth in zip(found, exact, strict=True):
        assert abs(one["score"][0] - truth["score"][0]) < 4 * (one["high"][0] - one["low"][0]) / 3.9
        assert not one["is_certain"] or one["answer"] == truth["answer"]


def _exact(ask, capsys):
    assert ask() == 0
    return json.loads(capsys.readouterr().out)


def test_a_fixed_number_answers_with_both_intervals(asked, capsys, tmp_path):
    ask, ran = asked
    assert ask("--shots", "600", "--repetitions", "4") == 0
    found = json.loads(capsys.readouterr().out)
    assert len(ran) == 1
    # From Python the same question is the same job.
    given = {"shots": 600, "machine": "fake_boston", "repetitions": 4}
    again = qh.load(tmp_path / "m.qrnn").predict(list(TEXTS), **given)
    assert json.loads(json.dumps([one.to_json() for one in again])) == found
    assert len(ran) == 1
    exact = _exact(ask, capsys)
    for one, truth in zip(found, exact, strict=True):
        machine = one["machine"]
        assert one["answer"] in ("bad", "good")
        assert one["shots"] == 600
        assert machine["repetitions"]["number"] == 4
        assert machine["canaries"]["n_canaries"] == 8
        assert machine["noiseless"]["low"][0] <= one["low"][0]
        assert abs(one["score"][0] - truth["score"][0]) < one["high"][0] - one["low"][0]
        assert set(machine["certificates"]) == {MACHINE, NOISELESS}
    assert ask("--shots", "600", "--canaries", "0", "--repetitions", "1") == 0
    bare = json.loads(capsys.readouterr().out)
    assert all(one["machine"]["noiseless"] is None for one in bare)
    assert all(one["machine"]["certificates"][NOISELESS] is None for one in bare)


def test_canaries_widen_what_is_asked_once(asked, capsys, tmp_path):
    held_model(steps=StepReadings(2, 1)).save(tmp_path / "m.qrnn")
    ask, ran = asked
    assert ask("--shots", "600", "--repetitions", "4") == 0
    found = json.loads(capsys.readouterr().out)
    assert len(ran) == 1
    for one in found:
        machine = one["machine"]
        assert machine["canaries"]["n_canaries"] == 8
        (low,), (high,) = machine["noiseless"]["low"], machine["noiseless"]["high"]
        assert low <= one["low"][0] < one["high"][0] <= high
        known = machine["certificates"][NOISELESS]
        assert known is None or (known == one["answer"] and (low > 0 or high < 0))
    assert any(one["machine"]["certificates"][NOISELESS] for one in found)


def test_what_a_machine_is_not_asked_is_one_line(asked, capsys, tmp_path):
    ask, ran = asked
    for words, code, said in (
        (("--budget", "5"), 2, "--budget should come with a machine's shots"),
        (("--shots", "100", "--most", "200"), 2, "--most"),
        ((*AUTO, "--noiseless", "--canaries", "2"), 2, "4 canaries or more"),
        ((*AUTO, "--canaries", "1000"), 2, "--canaries should be at most"),
        ((*AUTO, "--budget", "0.1"), 8, "within the budget of 0.1 s"),
        (("--shots", "100", "--backend", "fake_nowhere"), 2, "fake_nowhere"),
        (("--shots", "100", "--placement", "1,2"), 2, "placement"),
    ):
        assert ask(*words) == code, words
        (line,) = [one for one in capsys.readouterr().err.splitlines() if one.startswith("error")]
        assert said in line
    assert ran == []
    # What the model cannot be asked is said before any machine is looked for.
    held_model(steps=StepReadings(2, 1)).save(tmp_path / "m.qrnn")
    assert ask("--shots", "auto", "--backend", "fake_nowhere") == 2
    assert "reads the bits of every step" in capsys.readouterr().err
    held_model().save(tmp_path / "m.qrnn")
    assert ask(*AUTO, "--budget", "6") == 8
    captured = capsys.readouterr()
    assert "run the same command again with a larger --budget" in captured.err
    assert any(one["answer"] is None for one in json.loads(captured.out))
    assert 0 < len(ran) < len(looks_of(None, 1000))
    assert ask(*AUTO) == 0
    assert len(ran) == len(looks_of(None, 1000))
