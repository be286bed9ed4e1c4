"""The main job on a real machine: what is said before the training, and what a pause keeps."""

import json
from dataclasses import replace

import numpy as np
import pytest

from calibration.files import read_snapshot
from jobs.service.backoff import Backoff
from qrnn_hw.cli import invoke
from qrnn_hw.config import store_path
from qrnn_hw.errors import ConfigurationError
from qrnn_hw.experiment.pipeline import train
from qrnn_hw.experiment.prepare import prepare
from qrnn_hw.experiment.settings import RunSettings
from qrnn_hw.studies.trained import trained_model
from qrnn_hw.training.options import TrainingOptions

MODEL = "stacked-3-minimal"


class Said:
    """Progress that is read afterwards."""

    def __init__(self):
        self.stages = []

    def stage(self, text):
        self.stages.append(text)

    def advance(self, done, total, note=""):
        pass


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("QRNN_HW_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("qrnn_hw.submission.following.POLLING", Backoff(0.05, 0.2, 10.0))


def test_what_may_not_be_spent_is_said_before_the_training(emulator, capsys, tmp_path, monkeypatch):
    words = ["run", "--model", MODEL, "--dataset", "amazon", "--backend", "ibm_boston"]
    words += ["--sentences", "8", "--shots", "300", "--output", str(tmp_path / "run")]
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    assert invoke([*words, "--budget", "1", "--yes"]) == 8
    assert "within the budget of 1 s" in capsys.readouterr().err
    assert invoke(words) == 8
    assert "add --yes" in capsys.readouterr().err
    emulator.service.settings.usage_consumed_seconds = 599.0
    assert invoke([*words, "--yes"]) == 4
    captured = capsys.readouterr()
    assert "plan-exhausted" in captured.err
    assert "training" not in captured.err
    store_path().write_bytes(b"no store" * 1000)
    assert invoke([*words, "--yes"]) == 3
    captured = capsys.readouterr()
    assert "QRNN_HW_HOME" in captured.err
    assert "training" not in captured.err
    assert list((tmp_path / "run").iterdir()) == []
    assert emulator.service.jobs == {}


def recalibrate(emulator):
    configuration, properties = emulator.service.backends["ibm_boston"]
    properties = json.loads(json.dumps(properties))
    properties["last_update_date"] = "2030-01-01T00:00:00+00:00"
    for qubit in properties["qubits"]:
        for value in qubit:
            if value["name"] in ("T1", "T2"):
                value["value"] *= 0.9
    emulator.service.backends["ibm_boston"] = (configuration, properties)


def one_epoch(stepper, options, state, after_epoch):
    """Leave the weights as they are: what is trained does not matter here, only when."""
    if not state.finished_epochs:
        state = replace(state, history=np.full((1, 1, 3), 0.7))
        after_epoch(state)
    return state


def test_a_run_goes_on_with_the_calibration_that_it_began_with(emulator, tmp_path, monkeypatch):
    monkeypatch.setattr("qrnn_hw.experiment.training.train", one_epoch)
    settings = RunSettings(
        model=MODEL,
        dataset="amazon",
        backend="ibm_boston",
        training=TrainingOptions(epochs=1),
        output=tmp_path / "run",
    )
    rows = settings.read()
    before = prepare(settings, rows, Said())
    first = train(before, Said())
    recalibrate(emulator)
    said = Said()
    after = prepare(settings, rows, said)
    assert after.machine.snapshot.digest == before.machine.snapshot.digest
    assert any("not with that of 2030-01-01" in stage for stage in said.stages)
    assert (train(after, said).history == first.history).all()
    # What is only studied asks no service.
    n_asked = len(emulator.log)
    studied = trained_model(settings, Said())
    assert studied.prepared.machine.snapshot.digest == before.machine.snapshot.digest
    assert len(emulator.log) == n_asked
    # Without what was kept the very same run is another one.
    kept = settings.output / "calibration.json"
    assert read_snapshot(kept).digest == before.machine.snapshot.digest
    kept.unlink()
    with pytest.raises(ConfigurationError, match="checkpoint of the same run"):
        train(prepare(settings, rows, Said()), Said())


def test_a_damaged_calibration_is_one_line(emulator, capsys, tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "checkpoint.npz").write_bytes(b"")
    (folder / "calibration.json").write_text("{")
    words = ["run", "--model", MODEL, "--dataset", "amazon", "--backend", "ibm_boston", "--yes"]
    assert invoke([*words, "--output", str(folder)]) == 3
    (line,) = [one for one in capsys.readouterr().err.splitlines() if one.startswith("error")]
    assert "calibration.json" in line
