"""`qrnn-hw study noise` and `study mitigation` on a network that was trained for a moment."""

import csv
import json
import resource

import pytest

from qrnn_hw.cli import invoke
from qrnn_hw.errors import UsageError
from qrnn_hw.studies.engine import run_cells
from qrnn_hw.studies.grid import grid
from qrnn_hw.studies.mitigation import DEFAULTS, mitigation_cell
from qrnn_hw.studies.rows import RowFile

TRAINED = ("--set", "epochs=1", "--set", "sentences=20")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("grids")


def study(folder, kind, *arguments):
    assert invoke(["study", kind, *TRAINED, *arguments, "--json", "--output", str(folder)]) == 0


def document(capsys):
    captured = capsys.readouterr()
    return json.loads(captured.out), captured.err


def test_noise_scaled_to_zero_is_the_ideal_model(folder, capsys, documented_columns):
    study(folder, "noise", "--axis", "source=readout", "--axis", "scale=0,1")
    found, _ = document(capsys)
    off, on = (row["result"] for row in found["rows"])
    assert set(off) <= documented_columns
    assert off["labels_changed"] == 0
    assert off["margin_kept"] == pytest.approx(1, abs=1e-9)
    assert off["contraction"] == pytest.approx(1, abs=1e-9)
    assert on["contraction"] < 1 - 1e-4
    lines = list(csv.DictReader((folder / "rows.csv").open()))
    assert [float(line["accuracy"]) for line in lines] == [
        r["result"]["accuracy"] for r in found["rows"]
    ]


def test_the_same_study_again_does_nothing_and_says_so(folder, capsys):
    before = {name: (folder / name).read_bytes() for name in ("rows.jsonl", "rows.csv")}
    study(folder, "noise", "--axis", "source=readout", "--axis", "scale=0,1")
    assert "nothing to do" in document(capsys)[1]
    assert before == {name: (folder / name).read_bytes() for name in before}


def test_stacks_spend_the_same_and_extrapolation_trades_bias_for_variance(
    folder, capsys, documented_columns
):
    study(folder, "mitigation", "--axis", "shots=20000")
    found, _ = document(capsys)
    rows = {row["parameters"]["stack"]: row["result"] for row in found["rows"]}
    for result in rows.values():
        assert set(result) <= documented_columns
        assert 0.99 * 20_000 * 20 <= result["total_shots"] <= 20_000 * 20
        assert result["rmse"] >= result["bias"]
        assert 0 <= result["accuracy_low"] <= result["accuracy"] <= result["accuracy_high"] <= 1
        assert result["qpu_seconds"] > 0.25e-3 * result["total_shots"]
    variance = {name: r["rmse"] ** 2 - r["bias"] ** 2 for name, r in rows.items()}
    assert rows["linear(1,3)"]["bias"] < rows["none"]["bias"]
    assert variance["linear(1,3)"] > variance["none"]
    # The threshold is moved, not the scores: the same draws, the same cost.
    for name in ("rmse", "bias", "total_shots", "qpu_seconds"):
        assert rows["threshold"][name] == rows["none"][name]
    assert rows["none"]["threshold"] == 0


def test_a_stack_is_known_by_the_name_it_has_everywhere(folder, capsys):
    axis = "stack=linear(1,3),richardson(1,3,5) + terminal"
    study(folder, "mitigation", "--axis", axis, "--axis", "shots=2000")
    found, _ = document(capsys)
    names = [row["parameters"]["stack"] for row in found["rows"]]
    assert names == ["linear(1,3)", "richardson(1,3,5) + terminal"]
    cell = DEFAULTS | {"epochs": 1, "sentences": 20, "repeats": 3}
    for name, words in (("zne", "a plan should be a stack such as"), ("relabel", "run --plan")):
        with pytest.raises(UsageError, match=words):
            mitigation_cell(cell | {"stack": name}, folder)


def test_labels_are_held_against_the_threshold_that_was_fitted(folder, monkeypatch):
    (cell,) = grid(
        "mitigation",
        {"stack": ["threshold"]},
        {"epochs": 1, "sentences": 20, "repeats": 3},
        DEFAULTS,
    ).cells()
    fitted = mitigation_cell(cell.values, folder)
    assert abs(fitted["threshold"]) < 1
    monkeypatch.setattr("qrnn_hw.studies.mitigation.fit_threshold", lambda *_: 1e9)
    high = mitigation_cell(cell.values, folder)
    monkeypatch.setattr("qrnn_hw.studies.mitigation.fit_threshold", lambda *_: -1e9)
    low = mitigation_cell(cell.values, folder)
    assert high["accuracy"] + low["accuracy"] == pytest.approx(1)
    assert high["disagreement"] == low["disagreement"] == 0
    assert high["flips"] + low["flips"] == pytest.approx(1)


def test_a_cell_that_cannot_be_is_a_row_with_its_error(folder):
    cells = grid("mitigation", {"stack": ["all of it"]}, {"epochs": 1}, DEFAULTS).cells()

    class Silent:
        def stage(self, text): ...

        def advance(self, done, total, note=""): ...

    rows = RowFile(folder / "wrong.jsonl")

    def evaluate(values):
        return mitigation_cell(values, folder)

    assert run_cells(cells, rows, evaluate, Silent()).n_failed == 1
    (row,) = rows.read().values()
    assert "a plan should be a stack such as none, terminal" in row.error
    assert row.tries == 1


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("noise", "--axis", "sauce=all"), 2, "Got sauce"),
        (("noise", "--axis", "scale"), 2, "NAME=VALUE"),
        (("noise", "--axis", "scale=much"), 2, "type float"),
        (("noise", "--axis", "scale=nan"), 2, "scale should be finite. Got nan"),
        (("noise", "--axis", "scale=1,2", "--axis", "scale=3"), 2, "Got scale again"),
        (("noise", "--axis", "scale=1", "--set", "scale=3"), 2, "Got scale again"),
        (("noise", "--set", "epochs=2,3"), 2, "Got several of epochs"),
        (("noise", "--shard", "4/3"), 2, "i/n with 1 <= i <= n"),
        (("mitigation", "nowhere.toml"), 3, "cannot be read"),
        (("mitigation", "nowhere.toml", "--set", "seed=1"), 2, "Got both"),
        (("mitigation", "--workers", "0"), 2, "at least 1. Got 0"),
    ],
)
def test_misuse_is_one_line(arguments, code, words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert invoke(["study", *arguments]) == code
    captured = capsys.readouterr()
    assert words in captured.err
    assert captured.out == ""
    assert list(tmp_path.iterdir()) == []


def test_cells_that_failed_are_told_apart_by_the_exit_code(folder, capsys):
    shared = ("study", "noise", *TRAINED, "--axis", "source=all", "--json", "--output", str(folder))
    assert invoke([*shared, "--axis", "scale=0,-1"]) == 9
    captured = capsys.readouterr()
    assert "1 of 2 that failed, the first with CalibrationError" in captured.err
    assert len(json.loads(captured.out)["rows"]) == 2
    assert invoke([*shared, "--axis", "scale=-1"]) == 3
    assert "1 of 1 that failed" in capsys.readouterr().err


def test_a_full_disk_is_one_line_and_loses_no_row(folder, capsys):
    arguments = ["study", "noise", *TRAINED, "--axis", "source=gate", "--output", str(folder)]
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (16_384, before[1]))  # rows fit, the report does not
    try:
        assert invoke([*arguments, "--axis", "scale=0,1,2"]) == 3
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    error = capsys.readouterr().err
    assert "Make room and run the same command again" in error
    assert list(folder.glob(".*.part")) == []
    assert invoke([*arguments, "--axis", "scale=0,1,2"]) == 0
    assert "nothing to do" in capsys.readouterr().err


def test_a_cluster_without_its_package_is_one_line(tmp_path, monkeypatch, capsys):
    import sys

    monkeypatch.setitem(sys.modules, "distributed", None)
    output = str(tmp_path / "cluster")
    assert invoke(["study", "noise", "--cluster", "tcp://x:1", "--output", output]) == 3
    assert "qrnn-hw[dask]" in capsys.readouterr().err
