"""What was trained moves to where its own outputs lose least; its training and its jobs stay."""

import json
from dataclasses import replace

import numpy as np
import pytest

from calibration.library import snapshot
from calibration.noise import DeviceNoise
from jobs.aer.recorded_device import RecordedDeviceExecutor
from jobs.store.store import Store
from jobs.transpile import scores
from jobs.transpile.isa import transpile_step
from jobs.transpile.lifted_step import sequence_model
from jobs.transpile.probe import Probe
from qrnn_hw.answers.placed import placed_for_rows
from qrnn_hw.answers.runs import settings_on
from qrnn_hw.config import store_path
from qrnn_hw.data.dataset import Dataset
from qrnn_hw.data.sequences import Sequences
from qrnn_hw.data.target import Classes
from qrnn_hw.experiment import place_for_trained, stored
from qrnn_hw.experiment.exact import exact_distributions
from qrnn_hw.experiment.pipeline import run_prepared
from qrnn_hw.experiment.place_for_trained import FILE_NAME, placed_for
from qrnn_hw.experiment.prepare import prepare
from qrnn_hw.experiment.progress import Quiet
from qrnn_hw.experiment.settings import RunSettings
from qrnn_hw.experiment.stored import open_run
from qrnn_hw.report.run_report import write_report
from qrnn_hw.submission.machine import Machine
from qrnn_hw.training.options import TrainingOptions

REGION = (*range(8), 16, 17, 19, 35)
PART = replace(snapshot("fake_boston").restrict(REGION), physical=tuple(range(len(REGION))))
MACHINE = Machine("fake_boston", PART, is_real=False)


def signs():
    values = np.random.default_rng(1).normal(size=(60, 2, 2))
    sequences = Sequences(values, np.full(60, 2), (values.sum(axis=(1, 2)) > 0).astype(int))
    return Dataset("signs", sequences, Classes(("0", "1")), ("a", "b"), "random", is_scaled=False)


@pytest.fixture
def begun(tmp_path, monkeypatch):
    """Return the settings of a small run, one placement being the best for random weights."""
    monkeypatch.setenv("QRNN_HW_HOME", str(tmp_path / "home"))
    one = Probe.random(RunSettings().architecture, n=1, steps=1)
    monkeypatch.setattr(
        scores.Probe, "random", classmethod(lambda cls, architecture, seed=0, lengths=None: one)
    )
    return RunSettings(
        placement="auto",
        sentences=2,
        shots=20,
        plans=("none",),
        canaries=0,
        repetitions=1,
        training=TrainingOptions(epochs=1, batch_size=16),
        output=tmp_path / "run",
    )


def outputs_lost(qubits, encoded, trained):
    """Compile one place by itself, and return how far its outputs are from those without noise."""
    step = transpile_step(trained.network.architecture, PART, seed=7, qubits=tuple(qubits))
    noisy, ideal = (
        exact_distributions(sequence_model(step, noise), encoded)
        for noise in (DeviceNoise(step.snapshot), None)
    )
    return np.abs((noisy - ideal) @ trained.coefficients).mean()


def test_a_run_measures_where_its_network_loses_least_and_pays_nothing_twice(begun, monkeypatch):
    ran, run = [], RecordedDeviceExecutor.run
    monkeypatch.setattr(
        RecordedDeviceExecutor, "run", lambda self, spec: ran.append(spec.key) or run(self, spec)
    )
    monkeypatch.setattr(scores, "SURE", 0.0)
    first = prepare(begun, signs(), Quiet(), MACHINE)
    outcome = run_prepared(first, Quiet(), lambda spending: None)
    write_report(outcome)
    document = outcome.prepared.circuit.placed.document
    _, *fresh = place_for_trained._rows(
        outcome.trained, first.task.training, first.task.validation, begun.seed
    )
    for one in (document["placements"][0], document["placements"][5], document["placed_again"]):
        each = [outputs_lost(one["qubits"], rows, outcome.trained) for rows in fresh]
        assert one["error"] == pytest.approx(np.mean(each), abs=1e-12)
    assert document["placed_again"]["qubits"] == list(first.circuit.qubits)
    assert document["placements"][0]["error"] < document["placed_again"]["error"]
    assert outcome.prepared.circuit.qubits == tuple(document["placements"][0]["qubits"])
    # The training is the one that began.
    assert outcome.prepared.training.identity == first.training.identity
    said = json.loads((begun.output / "result.json").read_text())["calibration"]
    assert said["qubits"] == document["placements"][0]["qubits"]
    assert said["trained_on"]["qubits"] == list(first.circuit.qubits)
    # Whoever opens the folder again finds the choice in it, and the jobs in the store.
    monkeypatch.setattr(place_for_trained, "scores_on", None)
    monkeypatch.setattr(scores, "score_placements", None)
    again = run_prepared(prepare(begun, signs(), Quiet(), MACHINE), Quiet(), lambda spending: None)
    assert again.jobs == outcome.jobs
    assert len(ran) == len(outcome.jobs)
    monkeypatch.setattr(stored.RunSettings, "read", lambda self: signs())
    with Store(store_path()) as store:
        opened = open_run(begun.output, store)
    assert opened.prepared.circuit.qubits == outcome.prepared.circuit.qubits
    # Predictions on the same recorded machine are made there.
    model = outcome_model(outcome)
    assert settings_on(model, "fake_boston", begun).placement == ",".join(map(str, said["qubits"]))


def outcome_model(outcome):
    from qrnn_hw.answers.model_file import Model

    settings = outcome.settings
    return Model.of(settings.model, outcome.trained, outcome.prepared.task)


def test_a_run_of_before_stays_where_it_is_and_rows_that_are_asked_choose_a_place(begun, tmp_path):
    prepared = prepare(begun, signs(), Quiet(), MACHINE)
    trained = prepared.training.untrained
    old = {k: v for k, v in prepared.circuit.placed.document.items() if k != "placed_again"}
    before = replace(
        prepared,
        execution=replace(prepared.circuit, placed=replace(prepared.circuit.placed, document=old)),
    )
    assert placed_for(before, trained, Quiet()) is before
    assert not (begun.output / FILE_NAME).exists()
    # Rows that are asked: exactly those choose, and the choice stays in the folder.
    encoded = trained.encoded(prepared.test)
    settings = replace(begun, output=tmp_path)
    found = placed_for_rows(trained, encoded, MACHINE, settings, tmp_path)
    placed = found.placed.document["placements"]
    lost = [outputs_lost(one["qubits"], encoded, trained) for one in placed[:3]]
    assert [one["error"] for one in placed[:3]] == pytest.approx(lost, abs=1e-12)
    assert found.qubits == tuple(placed[0]["qubits"])
    assert lost == sorted(lost)
    broken = replace(MACHINE, faulty_qubits=(found.qubits[0],))
    assert placed_for_rows(trained, encoded, broken, settings, tmp_path).qubits == found.qubits
