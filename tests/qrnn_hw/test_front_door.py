"""A plan of a trained model keeps its circuits: what would change them is refused, not ignored."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import qrnn_hw as qh
from jobs.cost import Estimate
from qrnn_hw.data.target import Classes
from qrnn_hw.errors import UsageError
from qrnn_hw.experiment import pipeline
from qrnn_hw.experiment.settings import RunSettings
from qrnn_hw.front_door import Planned, Trained


@pytest.mark.parametrize("setting", ["tiles", "placement", "backend", "no_such"])
def test_a_plan_takes_no_setting_that_makes_other_circuits(setting):
    trained = Trained(model=None, prepared=SimpleNamespace())
    with pytest.raises(UsageError, match=rf"Got {setting}; what makes the circuits"):
        trained.plan(stacks=["none"], **{setting: 0})


@pytest.mark.parametrize("stacks", [("auto",), ("none", "AUTO")])
def test_a_plan_that_is_yet_to_be_chosen_has_no_price(stacks):
    prepared = SimpleNamespace(settings=RunSettings(plans=stacks), training=None)
    with pytest.raises(UsageError, match="name its stacks.*Got auto, which tries some"):
        pipeline.priced(prepared)


@pytest.mark.parametrize(
    ("model", "said"),
    [("v1", "300 shots of each circuit in each round"), ("sim-v1", "300 shots per prediction")],
)
def test_a_plan_says_what_its_shots_are_of(model, said):
    prepared = SimpleNamespace(
        settings=RunSettings(model=model, shots=300),
        machine=SimpleNamespace(name="fake_fez"),
        test=range(4),
    )
    priced = SimpleNamespace(estimate=Estimate(0, 2, 3, 1200, 1e-5), specs=[0], roles=["round 1"])
    text = str(Planned(prepared, priced))
    assert text.splitlines() == [
        f"{model} on fake_fez: 1 job, 4 rows, {said}",
        "  round 1",
        "about 2 s of QPU time (0 to 3 s)",
    ]


def trained_here():
    model = SimpleNamespace(target=Classes(("bad", "good")), vectors=object(), name="dynamic-line")
    return Trained(model=model)


@pytest.mark.parametrize(
    ("rows", "more", "said"),
    [
        (["a"], {"shots": 0}, "a whole number from 1 to 10,000,000. Got 0"),
        (["a"], {"shots": -5}, "Got -5"),
        (["a"], {"shots": 1.5}, "Got 1.5"),
        (["a"], {"shots": True}, "Got True"),
        (["a"], {"shots": "many"}, "Got 'many'"),
        (["a"], {"shots": 10, "machine": "fake_boston", "delta": 0}, "delta should be"),
        (["a"], {"delta": float("nan")}, "delta should be a probability.*Got nan"),
        ("great sound", {}, "put sentences in a list"),
        (None, {}, "Got the type NoneType"),
        (["a", 1], {}, "Got 1 as number 2"),
    ],
)
def test_what_cannot_be_predicted_is_said_in_words(rows, more, said):
    with pytest.raises(UsageError, match=said):
        trained_here().predict(rows, **more)


def test_data_and_models_show_themselves_in_a_line(tmp_path):
    (tmp_path / "a.csv").write_text("x\n" + "\n".join(str(n % 7) for n in range(40)))
    data = qh.read(tmp_path / "a.csv", target="x", window=4)
    assert repr(data) == "Dataset('a': 36 rows of 4 steps of 1; numbers x)"
    assert repr(trained_here()) == "Trained('dynamic-line' of bad, good)"
    for wrong in ({"data": str(tmp_path / "a.csv")}, {"data": data, "machine": 3}):
        with pytest.raises(UsageError, match="data as qh.read returns it"):
            qh.train("dynamic-line", **wrong)


def test_what_is_said_of_reading_is_kept_by_the_model_and_by_the_run(tmp_path, monkeypatch):
    """Windows of 4: a model that forgot them would read 12, and a run could not be opened again."""
    monkeypatch.chdir(tmp_path)
    said = {"length": 80, "window": 4, "horizon": 2, "data_seed": 3}
    data = qh.read("mackey-glass", **said)
    trained = qh.train("dynamic-line", data, epochs=1, folder=tmp_path / "run")
    kept = qh.load(trained.save("m.qrnn")).model.reading
    assert {name: getattr(kept, name) for name in said} == said
    again = RunSettings.from_json(trained.prepared.settings.to_json(), tmp_path).read()
    np.testing.assert_array_equal(again.sequences.values, data.sequences.values)
    Path("b.csv").write_text("word,mood\n" + "fine,good\npoor,bad\n" * 40)
    told = qh.read("b.csv", text="word", label="mood", steps=3)
    assert (told.reading.text, told.reading.steps, told.path) == ("word", 3, tmp_path / "b.csv")
