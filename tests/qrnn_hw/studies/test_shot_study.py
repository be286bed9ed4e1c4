"""`qrnn-hw study shots` on a network that was trained for a moment, as a user runs it."""

import csv
import json
import re
from dataclasses import replace

import jax.numpy as jnp
import numpy as np
import pytest

from jobs.transpile.lifted_step import ExactExecutor
from qrnn_hw.cli import invoke
from qrnn_hw.statistics.decisions import UNDECIDED
from qrnn_hw.statistics.sequential import Betting
from qrnn_hw.studies.adaptive import label_in_batches
from qrnn_hw.studies.live import batch_draw
from qrnn_hw.studies.shots import ShotStudy

ARGUMENTS = ("--dataset", "amazon", "--epochs", "1", "--sentences", "14", "--shots", "10,1000")


def trained(folder):
    """Return the model of the finished study, with two sentences."""
    from qrnn_hw.experiment.settings import RunSettings
    from qrnn_hw.studies.trained import trained_model
    from qrnn_hw.training.options import TrainingOptions

    class Silent:
        def stage(self, text): ...

        def advance(self, done, total, note=""): ...

    settings = RunSettings(
        dataset="amazon", sentences=2, training=TrainingOptions(epochs=1), output=folder
    )
    return trained_model(settings, Silent())


def test_a_notebook_shows_the_findings(finished):
    """What the command studies is the object that a notebook gets."""
    from qrnn_hw.report.shot_report import findings
    from qrnn_hw.studies.shot_experiment import study_shots_of
    from qrnn_hw.studies.shots import ShotStudyPlan

    model = trained(finished)
    experiment = study_shots_of(model, ShotStudyPlan((10, 1000), n_repeats=5))
    shown = experiment._repr_html_()
    assert shown.startswith('<div class="qrnn-hw"')
    for line in findings(experiment):
        assert line.replace("'", "&#x27;") in shown
    assert shown.count("<svg") == 1
    assert shown.count("<table") == 1


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shots")
    code = invoke(["study", "shots", *ARGUMENTS, "--max-shots", "2000", "--output", str(folder)])
    assert code == 0
    return folder


def test_documents_agree(finished, capsys, documented_columns):
    document = json.loads((finished / "study.json").read_text())
    study = ShotStudy.from_json(document["study"])
    assert study.conditions == ("ideal", "noisy")
    rows = list(csv.DictReader((finished / "rows.csv").open()))
    assert len(rows) == len(study.rows) == 28
    assert {re.sub(r"_\d+$", "_N", name) for name in rows[0]} <= documented_columns
    point = document["summary"]["conditions"]["noisy"]["shots"][1]
    flips = [float(row["flip_at_1000"]) for row in rows if row["condition"] == "noisy"]
    assert np.mean(flips) == pytest.approx(point["flip_rate"]["value"])
    assert f"1,000 shots are enough for {point['certain']['value']:.0%}" in document["findings"][0]
    markdown = (finished / "report.md").read_text()
    for line in document["findings"]:
        assert line in markdown
    assert [one["cause"] for one in document["causes"]["flips"]] == ["shots", "jitter"]
    assert "--training-seeds" in document["causes"]["not_varied"]["seed"]
    share = document["causes"]["split"][0]["share"]
    for text in (markdown, (finished / "report.html").read_text()):
        assert "Why labels flip" in text
        assert f"{share:.1%}" in text


def test_page_is_self_contained(finished):
    page = (finished / "report.html").read_text()
    assert "<script" not in page
    assert re.findall(r"(?:src|href|url)\s*[=(]\s*[\"']?(?!#)(\w+:[^\"')]*)", page) == []
    assert page.count("<svg") >= 2
    assert page.index('class="lead"') < page.index("<h2>")


def test_again_resumes_from_the_checkpoint_and_prints_json(finished, capsys):
    before = json.loads((finished / "study.json").read_text())
    assert (
        invoke(["study", "shots", *ARGUMENTS, "--no-adaptive", "--json", "--output", str(finished)])
        == 0
    )
    captured = capsys.readouterr()
    assert "resuming after epoch 1" in captured.err
    assert json.loads(captured.out)["summary"] == before["summary"]


def test_live_batches_on_an_executor(finished):
    """The same rule on circuits that an executor runs: labels of the exact distributions."""
    model = trained(finished)
    # Wide decisions, so that few shots suffice.
    parameters = {**model.trained.parameters, "head": jnp.asarray(model.decision - 0.3)}
    model = type(model)(model.prepared, replace(model.trained, parameters=parameters))
    circuit = model.prepared.circuit
    draw = batch_draw(
        ExactExecutor(circuit.noise),
        circuit.transpiled,
        model.encoded,
        seed=1,
    )
    stopped = label_in_batches(Betting(model.rule, 0.01), draw, 2, (50, 2000))
    expected = (model.noisy @ model.decision > 0).astype(int)
    answered = stopped.labels != UNDECIDED
    assert answered.any()
    np.testing.assert_array_equal(stopped.labels[answered], expected[answered])


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--run", "nowhere"), 3, "result.json of a finished"),
        (("--shots", "10,1"), 2, "shot counts rise"),
        (("--shots", "many"), 2, "whole numbers with commas"),
        (("--max-shots", "0"), 2, "--max-shots should be at least 1"),
        (("--delta", "0.7"), 2, "between 0 and 0.5"),
        (("--model", "dynamic-lin"), 2, "did you mean dynamic-line"),
        (("--run", "x", "--model", "v1", "--epochs", "3"), 2, "Got --model, --epochs too"),
        (("--sentences", "1"), 2, "--sentences should be at least 2. Got 1"),
        (("--shots", "9" * 23), 2, "at most 1,000,000,000"),
        (("--shots", "²"), 2, "whole numbers with commas"),
    ],
)
def test_misuse_is_one_line(arguments, code, words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert invoke(["study", "shots", *arguments]) == code
    captured = capsys.readouterr()
    assert words in captured.err
    assert captured.out == ""
    assert list(tmp_path.iterdir()) == []


def test_the_folder_of_a_training_is_no_run(tmp_path, capsys):
    (tmp_path / "result.json").write_text('{"model": "v1"}')
    assert invoke(["study", "shots", "--run", str(tmp_path)]) == 3
    assert "result.json, which has no 'settings'; give the --output of" in capsys.readouterr().err


def test_numbers_in_tables_are_not_broken_but_digests_are():
    from qrnn_hw.report.page import table

    html = table(("shots", ""), [("100,000", "0" * 64)])
    assert "<td>100,000</td>" in html
    assert f'<td class="long">{"0" * 64}</td>' in html
