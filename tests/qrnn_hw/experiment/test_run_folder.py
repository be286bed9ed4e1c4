import os
from dataclasses import fields, replace
from pathlib import Path

import pytest

from qrnn_hw.cli import invoke
from qrnn_hw.data import lines
from qrnn_hw.data.read_options import ReadOptions
from qrnn_hw.data.tables import open_table
from qrnn_hw.data.vectors import load_vectors
from qrnn_hw.errors import DataError
from qrnn_hw.experiment.run_folder import LATEST, default_folder, followed, point_latest
from qrnn_hw.experiment.settings import RunSettings
from qrnn_hw.networks.head_options import HeadOptions
from qrnn_hw.training.options import TrainingOptions

OTHERS = {
    "head": HeadOptions("steps"),
    "model": "v4",
    "dataset": "imdb",
    "backend": "fake_kingston",
    "shots": 999,
    "training_shots": 64,
    "sentences": 5,
    "seed": 1,
    "engine": "aer",
    "training": TrainingOptions(epochs=3),
    "training_seed": 5,
    "decoupling": "xx",
    "options": (("wiring", "repaired"),),
    "training_noise": "none",
    "plans": ("none",),
    "repetitions": 1,
    "canaries": 0,
    "reading": ReadOptions(window=5),
    "tiles": 0,
    "rep_delay_seconds": 2e-5,
    "minutes": 3.0,
}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_each_setting_but_the_budget_gives_a_folder_of_its_own():
    plain = RunSettings()
    found = [default_folder(replace(plain, **{name: value})) for name, value in OTHERS.items()]
    assert len({default_folder(plain), *found}) == len(OTHERS) + 1
    told = set(OTHERS) | {"data", "embeddings", "snapshots", "output", "budget_seconds"}
    told |= {"learned", "placement", "guard"}
    assert {field.name for field in fields(RunSettings)} == told
    tiled = replace(plain, tiles=0)
    assert default_folder(tiled) != default_folder(replace(tiled, guard=2))
    for name, value in (("output", Path("elsewhere")), ("budget_seconds", 3.0)):
        assert default_folder(replace(plain, **{name: value})) == default_folder(plain)


def test_a_file_counts_by_its_content(folder):
    first, second = folder / "a.tsv", folder / "b.tsv"
    first.write_text("label\ttext\n")
    second.write_text("label\ttext\n")
    assert default_folder(RunSettings(data=first)) == default_folder(RunSettings(data=second))
    days = [RunSettings(snapshots=(path,)) for path in (first, second)]
    assert default_folder(days[0]) == default_folder(days[1])
    assert default_folder(days[0]) != default_folder(RunSettings())
    tested = [RunSettings(reading=ReadOptions(test=path)) for path in (first, second)]
    assert default_folder(tested[0]) == default_folder(tested[1])
    second.write_text("label\ttext\n1\tgood\n")
    assert default_folder(tested[0]) != default_folder(tested[1])
    assert default_folder(days[0]) != default_folder(days[1])
    assert default_folder(RunSettings(data=first)) != default_folder(RunSettings(data=second))


def test_latest_is_a_link_to_the_last_and_a_real_folder_stays(folder):
    for name in ("one", "two"):
        (folder / "runs" / name).mkdir(parents=True)
        point_latest(Path("runs") / name)
        assert (folder / "runs/latest").resolve() == folder / "runs" / name
    (folder / "runs/latest").unlink()
    (folder / "runs/latest").mkdir()
    point_latest(Path("runs/one"))
    assert not (folder / "runs/latest").is_symlink()


def test_where_links_cannot_be_made_latest_is_a_file_with_the_name(folder, monkeypatch):
    def refused(*_, **__):
        raise OSError(1314, "A required privilege is not held by the client")

    monkeypatch.setattr("os.symlink", refused)
    for name in ("one", "two"):
        (folder / "runs" / name).mkdir(parents=True)
        point_latest(Path("runs") / name)
        assert LATEST.read_text() == f"{name}\n"
        assert followed(LATEST) == Path("runs") / name
    assert followed(Path("runs/one")) == Path("runs/one")
    assert sorted(path.name for path in Path("runs").iterdir()) == ["latest", "one", "two"]


@pytest.mark.parametrize(
    "command", [["run"], ["study", "shots"], ["study", "device"], ["train", "dynamic-line"]]
)
def test_two_data_sets_at_once_are_refused(command, capsys):
    assert invoke([*command, "--data", "mine.tsv", "--dataset", "amazon"]) == 2
    assert "leave one of them out" in capsys.readouterr().err


@pytest.mark.parametrize("read", [open_table, load_vectors])
def test_what_is_no_regular_file_is_refused_before_it_is_opened(read, folder):
    os.mkfifo(folder / "pipe")
    os.mkfifo(folder / "pipe.npz")
    for path in (folder / "pipe", folder / "pipe.npz", Path("/dev/zero")):
        with pytest.raises(DataError, match="regular file"):
            read(path)


def test_a_line_without_an_end_is_refused_when_it_is_too_long(folder):
    path = folder / "long.txt"
    path.write_bytes(b"a" * 1000 + b"\n" + b"b" * 1001)
    found = lines.numbered_lines(path, longest_bytes=1000)
    with pytest.raises(DataError, match=r"line 1: should have at most 1,000 bytes"):
        next(found)
    path.write_bytes(b"a" * 999 + b"\n" + b"b" * 1000)
    assert [number for number, _ in lines.numbered_lines(path, longest_bytes=1000)] == [1, 2]


@pytest.mark.parametrize(
    "words",
    [["predict", "t", "--text", "a"], ["export", "t", "m.qrnn"], ["mitigate", "--run", "t"]],
)
def test_a_folder_of_a_tasks_core_is_called_so(words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("t").mkdir()
    Path("t/result.json").write_text('{"task": "copy", "core": "gru", "settings": {}}')
    assert invoke(words) == 3
    assert "of `qrnn-hw train --task copy`" in capsys.readouterr().err
