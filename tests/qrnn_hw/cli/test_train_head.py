"""A reservoir by the command line: a drawn circuit, a head by ridge, jobs in the store."""

import json

import numpy as np
import pytest

from jobs.aer.recorded_device import RecordedDeviceExecutor
from qrnn_hw.answers.model_file import Model
from qrnn_hw.cli import invoke
from qrnn_hw.data.named import read_named
from qrnn_hw.data.read_options import ReadOptions


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("QRNN_HW_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)


def train(capsys, *words):
    code = invoke(["train", "dynamic-line", "--train", "head", "--draws", "1", "--json", *words])
    captured = capsys.readouterr()
    assert code == 0, captured.err
    return json.loads(captured.out)


def test_the_capacity_is_the_squared_correlation_of_what_the_kept_model_says(capsys, tmp_path):
    words = ("--dataset", "stm", "--length", "150", "--window", "6", "--output", "stm")
    document = train(capsys, *words)
    data = read_named("stm", ReadOptions(length=150, window=6))
    model, rows = Model.load(tmp_path / "stm" / "model.qrnn"), data.split(42).test
    test = data.parts(42).test
    said = model.scaling.unscaled(model.trained.outputs(test.values, test.lengths))
    wanted = data.sequences.targets[rows]
    own = [np.corrcoef(said[:, k], wanted[:, k])[0, 1] ** 2 for k in range(10)]
    found = document["quality"]["exact"]["capacity"]
    np.testing.assert_allclose(found["of_each"], own, atol=1e-6)
    assert found["sum"] == pytest.approx(sum(own))
    # The head reads one step: of that input and of the last ones the circuit alone tells.
    assert document["reading"]["n_steps"] == 1
    names = {one["name"].split(",")[0] for one in document["controls"]}
    assert {"last value", "echo-state network", "ridge on 6 steps"} <= names
    assert any(name.startswith("GRU") for name in names)


def test_a_head_on_a_machine_is_fitted_to_stored_jobs_once(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr("qrnn_hw.experiment.task.ModelTask.classical", lambda *_, **__: ())
    ran, run = [], RecordedDeviceExecutor.run
    monkeypatch.setattr(
        RecordedDeviceExecutor, "run", lambda self, spec: ran.append(spec) or run(self, spec)
    )
    words = ("--dataset", "narma10", "--length", "120", "--per-step", "--window", "10")
    words += ("--washout", "3", "--backend", "fake_boston", "--on-machine", "--output", "head")
    priced = train(capsys, *words, "--shots", "200", "--dry-run")
    assert (priced["n_jobs"], ran) == (3, [])
    first = train(capsys, *words, "--shots", "200")
    assert [spec.shots for spec in ran] == [200] * 3
    assert sum(first["rows"].values()) == sum(spec.pubs[0].n_rows for spec in ran)
    weights = Model.load(tmp_path / "head" / "model.qrnn").trained.parameters
    assert train(capsys, *words, "--shots", "200")["jobs"] == first["jobs"]
    assert len(ran) == 3
    same = Model.load(tmp_path / "head" / "model.qrnn").trained.parameters
    np.testing.assert_array_equal(weights["head"], same["head"])
    # Shots scatter around the exact readings: the heads are near each other, not the same.
    found = first["quality"]
    assert found["machine"]["nrmse"]["value"] != found["exact"]["nrmse"]["value"]


def test_what_a_head_cannot_be_is_one_line(capsys):
    for words, said in (
        (["dynamic-line", "--train", "tail"], "all or head"),
        (["dynamic-line", "--washout", "3"], "--train head"),
        (["dynamic-line", "--train", "head", "--epochs", "3"], "leave that out"),
        (["dynamic-line", "--train", "head", "--on-machine"], "--backend"),
        (["dynamic-line", "--train", "head", "--shots", "100"], "--on-machine"),
        (["dynamic-line", "--train", "head", "--washout", "3", "--length", "100"], "--per-step"),
        (["v1", "--train", "head", "--length", "100"], "bits"),
        (["dynamic-line", "--train", "head", "--read-steps", "90", "--length", "100"], "20 steps"),
        (["dynamic-line", "--train", "head", "--backend", "fake_no", "--length", "100"], "fake_no"),
    ):
        assert invoke(["train", *words]) == 2, words
        (line,) = [one for one in capsys.readouterr().err.splitlines() if one.startswith("error")]
        assert said in line, line
