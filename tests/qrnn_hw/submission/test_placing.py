"""Where a model is put: qubits that it cannot lie on are refused, and a choice stays a choice."""

import json
from dataclasses import replace

import pytest

import circuits
from calibration.library import snapshot
from jobs.transpile import scores
from jobs.transpile.probe import Probe
from qrnn_hw.errors import ConfigurationError, UsageError
from qrnn_hw.experiment.one_circuit import OneCircuit
from qrnn_hw.experiment.run_folder import default_folder
from qrnn_hw.experiment.settings import RunSettings
from qrnn_hw.studies.grid import Cell, grid, placed
from qrnn_hw.studies.model_cache import TRAINING
from qrnn_hw.submission.machine import Machine
from qrnn_hw.submission.placing import place, placement_name
from qrnn_hw.submission.workload import load_workload

LINE = circuits.architecture("dynamic-line")
# A device of its own: five qubits in a line and one apart.
PART = replace(snapshot("fake_boston").restrict((11, 12, 13, 14, 15, 16)), physical=tuple(range(6)))
MACHINE = Machine("fake_boston", PART, is_real=False, faulty_qubits=(0,))


@pytest.fixture
def short_probe(monkeypatch):
    one = Probe.random(LINE, n=1, steps=1)
    monkeypatch.setattr(
        scores.Probe, "random", classmethod(lambda cls, architecture, seed=0, lengths=None: one)
    )


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ("1,2,3", "should name 4 qubits, one for each wire. Got 3"),
        ("1,2,3,4,5", "should name 4 qubits, one for each wire. Got 5"),
        ("1,2,3,3", "at most once. Got 1,2,3,3"),
        ("3,4,5,6", "0 to 5"),
        ("0,1,2,3", "work and are calibrated. Got 0,1,2,3, of which 0"),
        ("1,2,3,5", "connected"),
        ("1;2", "should be auto, level-3, or qubits"),
        ("1,2,-3,4", "should be auto, level-3, or qubits"),
    ],
)
def test_qubits_that_cannot_hold_the_model_are_a_usage_error(given, fault):
    with pytest.raises(UsageError, match=fault):
        place(LINE, MACHINE, given, seed=7)


def test_wires_lie_on_the_qubits_named_in_any_order_that_hangs_together():
    for given in ("4,3,2,1", "2,1,3,4"):  # along the line, and so that swaps are needed
        found = place(LINE, MACHINE, given, seed=7)
        assert found.step.snapshot.physical == tuple(map(int, given.split(",")))
        assert found.document is None
    level_3 = place(LINE, MACHINE, "level-3", seed=7)
    own = ",".join(map(str, level_3.step.snapshot.physical))
    assert place(LINE, MACHINE, own, seed=7).is_level_3


def test_a_run_that_goes_on_keeps_its_qubits_and_says_what_they_scored(tmp_path, short_probe):
    settings = RunSettings(placement="AUTO", output=tmp_path)
    begun = OneCircuit.on(MACHINE, settings)
    document = begun.placed.document
    assert document["snapshot"] == PART.digest
    best = document["placements"][0]
    assert best["error"] == min(one["error"] for one in document["placements"])
    assert best["error"] <= document["level_3"]["error"]
    assert 0 not in best["qubits"]
    begun.keep(tmp_path)
    (tmp_path / "checkpoint.npz").touch()
    # One of its qubits is reported broken since: another would be chosen today.
    later = replace(MACHINE, faulty_qubits=(0, best["qubits"][0]))
    again = OneCircuit.on(later, settings)
    assert again.placed.step.snapshot.physical == begun.placed.step.snapshot.physical
    assert again.described()["placement"] == document
    (tmp_path / "placement.json").write_text('{"placements": []}')
    with pytest.raises(
        ConfigurationError, match=r"placement.json, which cannot be read.*remove it"
    ):
        OneCircuit.on(MACHINE, settings)
    for damaged in ([1, 2, 3, 999], [1, 2, 3, -1], [1, 2, 3, 3], [1, 2, 3]):
        text = json.dumps(document | {"placements": [best | {"qubits": damaged}]})
        (tmp_path / "placement.json").write_text(text)
        with pytest.raises(ConfigurationError, match=r"4 or more different qubits of the 6.*Got 1"):
            OneCircuit.on(MACHINE, settings)


def test_only_other_circuits_make_another_training(tmp_path):
    plain = OneCircuit.on(MACHINE, RunSettings(output=tmp_path))
    own = ",".join(map(str, plain.transpiled.snapshot.physical))
    same = OneCircuit.on(MACHINE, RunSettings(placement=own, output=tmp_path))
    assert same.calibration == plain.calibration
    assert "qubits" not in plain.calibration
    moved = OneCircuit.on(MACHINE, RunSettings(placement="2,1,3,4", output=tmp_path))
    assert moved.calibration["qubits"] == [2, 1, 3, 4]


def test_folders_and_cells_of_level_3_keep_the_names_of_before(tmp_path):
    assert default_folder(RunSettings()).name == "dynamic-line-6f259fa9"
    assert default_folder(RunSettings(placement="auto")) != default_folder(RunSettings())
    before = {name: value for name, value in TRAINING.items() if name != "placement"}
    old = Cell("noise", tuple(before.items()))
    assert Cell("noise", tuple(TRAINING.items())).key == old.key
    moved = Cell("noise", tuple((TRAINING | {"placement": "auto"}).items()))
    assert moved.key != old.key
    design = grid("noise", {"seed": [0, 1]}, {}, TRAINING)
    assert {cell.values["placement"] for cell in placed(design, "auto").cells()} == {"auto"}
    assert placed(design, "level-3") == design
    with pytest.raises(UsageError, match="one placement"):
        placed(grid("noise", {"placement": ["auto", "level-3"]}, {}, TRAINING), "1,2,3,4")


def test_a_job_on_other_qubits_is_another_request_and_files_and_rounds_take_none():
    plain, moved = (
        load_workload("dynamic-line", MACHINE, steps=1, placement=name)
        for name in ("level-3", "2,1,3,4")
    )
    assert plain.asked == {k: v for k, v in moved.asked.items() if k != "placement"}
    assert moved.asked["placement"] == "2,1,3,4"
    with pytest.raises(UsageError, match="in rounds is placed by level 3"):
        load_workload("v1", MACHINE, options=["mode=expectation"], steps=1, placement="auto")
    assert placement_name(" 02, 3 ") == "2,3"
    assert json.dumps(plain.placement) == "null"
