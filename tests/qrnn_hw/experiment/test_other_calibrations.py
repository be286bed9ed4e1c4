"""Runs that train under several calibrations of their device."""

import json
from dataclasses import replace

import pytest

from calibration.errors import CalibrationError
from calibration.files import write_snapshot
from calibration.library import snapshot
from qrnn_hw.cli import invoke
from qrnn_hw.experiment.kept_calibration import keep_snapshots, with_learned_of
from qrnn_hw.experiment.prepare import prepare
from qrnn_hw.experiment.progress import Quiet
from qrnn_hw.experiment.settings import RunSettings
from qrnn_hw.submission.machine import Machine

BOSTON = snapshot("fake_boston")
SMALL = ("--dataset", "amazon", "--sentences", "6", "--shots", "300", "--epochs", "1")


def other_day(path, day=1, p01=0.2):
    instructions = tuple(
        one if one.p01 is None else replace(one, p01=p01) for one in BOSTON.instructions
    )
    changed = replace(BOSTON, instructions=instructions, taken=f"2026-01-{day:02}T00:00:00+00:00")
    write_snapshot(changed, path)
    return path


def test_a_run_knows_its_other_calibrations_and_keeps_them(tmp_path):
    path = other_day(tmp_path / "monday.json")
    again = other_day(tmp_path / "same.json")
    write_snapshot(BOSTON, tmp_path / "today.json")
    folder = tmp_path / "out"
    plain = RunSettings(dataset="amazon", output=folder)
    settings = replace(plain, snapshots=(path, again, tmp_path / "today.json"))
    rows = settings.read()
    prepared = prepare(settings, rows, Quiet())
    (noise,) = prepared.circuit.other_noises  # equal ones once, today's own not again
    assert noise.snapshot.taken.startswith("2026-01-01")
    assert noise.snapshot.physical == prepared.circuit.transpiled.snapshot.physical
    assert noise.readout("measure", 0)[0, 1] == pytest.approx(0.2)
    without = replace(prepared, execution=replace(prepared.circuit, other_noises=()))
    known = prepared.training.identity.digest
    assert known != without.training.identity.digest
    assert prepared.circuit.training_noises == (prepared.circuit.noise, noise)
    ideal = without.told(replace(plain, training_noise="none"))
    assert ideal.circuit.training_noises == ()
    assert ideal.training.identity.digest != without.training.identity.digest

    keep_snapshots(settings)
    for file in (path, again):
        file.unlink()
    document = json.loads(json.dumps(settings.to_json()))
    moved = folder.rename(tmp_path / "moved")
    reopened = RunSettings.from_json(document, moved)
    assert prepare(reopened, rows, Quiet()).training.identity.digest == known


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--snapshots", "missing.json"), 3, "missing.json"),
        (("--snapshots", "torino.json"), 3, "all be of fake_boston. Got one of fake_torino"),
        (("--training-shots", "1"), 2, "should come with --engine aer. Got exact"),
        (("--engine", "aer", "--training-shots", "-1"), 2, "--training-shots should be at least 1"),
        (("--margin", "-1"), 2, "--margin should be at least 0. Got -1"),
        (("--margin", "1.2"), 2, "the score of an outcome that is sure. Got 1.2"),
        (("--variance-penalty", "nan"), 2, "--variance-penalty should be a number. Got nan"),
        (("--model", "v1", "--wiring", "repaired", "--margin", "0.1"), 2, "Got --margin;"),
    ],
)
def test_options_that_cannot_be_are_one_line(arguments, code, words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write_snapshot(snapshot("fake_torino"), tmp_path / "torino.json")
    assert invoke(["run", "--dataset", "amazon", *arguments]) == code
    assert words in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()


@pytest.mark.slow
def test_training_for_drift_changes_the_weights_and_says_so(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("QRNN_HW_HOME", str(tmp_path / "home"))
    path = other_day(tmp_path / "monday.json")
    found = {}
    for name, more in (
        ("plain", ()),
        ("drift", ("--snapshots", str(path), "--margin", "0.2")),
        ("ideal", ("--training-noise", "none")),
    ):
        assert invoke(["run", *SMALL, "--json", "--output", name, *more]) == 0
        found[name] = json.loads(capsys.readouterr().out)
    assert len(found["plain"]["training"]["calibrations"]) == 1
    assert len(found["drift"]["training"]["calibrations"]) == 2
    assert found["ideal"]["training"]["calibrations"] == []
    assert "none, without noise" in (tmp_path / "ideal" / "report.html").read_text()
    for other in ("drift", "ideal"):
        assert found["plain"]["training"]["history"] != found[other]["training"]["history"]
    path.unlink()
    assert invoke(["mitigate", "--run", "drift", "--json"]) == 0
    again = json.loads(capsys.readouterr().out)
    assert again["stacks"]["terminal"]["accuracy"] == found["drift"]["accuracy"]["terminal"]


def test_what_was_learned_of_another_machine_is_refused(tmp_path):
    path, machine = tmp_path / "learned.json", Machine("fake_boston", BOSTON, is_real=False)
    settings = RunSettings(learned=(path,))
    row = {"qubit": 3, "p01": 0.01, "p10": 0.02, "reset": 0.015}
    for backend in ("fake_kingston", "twin:fake_boston:reset=0.015:0", "fake_boston"):
        document = {"backend": backend, "instruction": "measure_2", "qubits": [row]}
        path.write_text(json.dumps(document))
        if backend != "fake_boston":
            with pytest.raises(CalibrationError, match="of fake_boston. Got .* of .*; measure it"):
                with_learned_of(machine, settings)
    learned = with_learned_of(machine, settings).snapshot
    assert learned.record("measure_2", (3,)).p10 == 0.02
