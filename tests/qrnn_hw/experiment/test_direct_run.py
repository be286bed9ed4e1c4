"""A run whose answers have a part that no circuit computed."""

import json

import numpy as np
import pytest

import qrnn_hw as qh
from jobs.store.store import Store
from qrnn_hw.answers.runs import keep_model
from qrnn_hw.config import store_path
from qrnn_hw.data.read_options import ReadOptions
from qrnn_hw.experiment.pipeline import run
from qrnn_hw.experiment.progress import Quiet
from qrnn_hw.experiment.recompute import recompute
from qrnn_hw.experiment.settings import RunSettings
from qrnn_hw.experiment.stored import open_run
from qrnn_hw.networks.head_options import HeadOptions
from qrnn_hw.report.output_shot_report import findings
from qrnn_hw.report.run_report import write_report
from qrnn_hw.studies.output_shots import study_outputs
from qrnn_hw.studies.shots import ShotStudyPlan
from qrnn_hw.studies.trained import TrainedModel
from qrnn_hw.training.options import TrainingOptions


@pytest.mark.slow
def test_jobs_reports_studies_and_predictions_have_both_parts(tmp_path, monkeypatch):
    monkeypatch.setenv("QRNN_HW_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("qrnn_hw.experiment.task.ModelTask.classical", lambda *_, **__: ())
    folder = tmp_path / "run"
    settings = RunSettings(
        dataset="mackey-glass",
        reading=ReadOptions(length=70, window=2, changes=True),
        head=HeadOptions("steps", 1, True),
        training=TrainingOptions(epochs=2),
        plans=("none",),
        shots=300,
        sentences=8,
        repetitions=1,
        canaries=0,
        output=folder,
    )
    data = settings.read()
    outcome = run(settings, data, Quiet(), lambda spending: None)
    write_report(outcome)
    network, parts = outcome.trained, data.parts(42)
    rows = parts.test.take(np.arange(8))
    line = rows.values.reshape(8, -1) @ np.asarray(network.parameters["direct"])
    read = np.asarray(network.network.readings(network.parameters, rows.values, rows.lengths))
    wanted = parts.scaling.unscaled(read @ np.asarray(network.parameters["head"]) + line)
    np.testing.assert_allclose(outcome.outputs["ideal"], wanted, atol=1e-9)
    # Shots scatter about the noisy answers by what R adds up, and D is not in that.
    exact, drawn = outcome.outputs["noisy_exact"], outcome.outputs["none"]
    width = outcome.simulated.noisy.half_widths(300) * parts.scaling.target_deviation
    assert (np.abs(drawn - exact) < 2.5 * width).all()
    assert not np.allclose(drawn, exact)
    # The same answers from a file, from the store, and in a study.
    said = qh.load(keep_model(outcome)).predict(data)[parts.rows.test[0]]
    np.testing.assert_allclose(said.answer, wanted[0], atol=1e-9)
    assert said.outputs == ("change of x",)
    with Store(store_path()) as store:
        stored = open_run(folder, store)
        found = {row.stack: row for row in recompute(stored).rows}
    for name in ("ideal", "none"):
        assert found[name].quality["nrmse"].value == outcome.quality["nrmse"][name].value
    model = TrainedModel(stored.prepared, stored.trained)
    study = study_outputs(model, ShotStudyPlan((300,), max_shots=1000))
    values = np.array([row["answer"] for row in study.rows() if row["condition"] == "ideal"])
    np.testing.assert_allclose(values, wanted[:, 0], atol=1e-9)
    assert any("which no circuit computed" in line for line in findings(study))
    # Said: how much of the answers is the line's, and what they are without the circuits.
    document = json.loads((folder / "result.json").read_text())["head"]["direct"]
    scaled, moved = (exact - parts.scaling.target_mean) / parts.scaling.target_deviation, line
    share = np.cov(scaled[:, 0], moved[:, 0])[0, 1] / np.var(scaled[:, 0], ddof=1)
    np.testing.assert_allclose(document["share_of_variance"], [share])
    truth = data.sequences.targets[parts.rows.test[:8]]
    still = parts.scaling.unscaled(line + (scaled - line).mean())
    missed = np.sqrt(((still - truth) ** 2).mean()) / truth.std()
    np.testing.assert_allclose(document["without_circuits"]["nrmse"]["value"], missed)
    report = (folder / "report.html").read_text()
    assert "which no circuit computed" in report
    assert "errors are in deviations of that change" in report
