"""Models as files, and answers that hold still."""

import io
import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from circuits.zoo.registry import architecture
from qrnn_hw.answers.asked_rows import from_texts
from qrnn_hw.answers.model_file import Model, _digest
from qrnn_hw.answers.prediction import MOST_AUTO, certain_label, drawn_until_certain, predict
from qrnn_hw.cli import invoke
from qrnn_hw.data.inputs import Inputs
from qrnn_hw.data.read_options import ReadOptions
from qrnn_hw.data.reading import read
from qrnn_hw.data.scaling import Scaling
from qrnn_hw.data.sequences import Sequences
from qrnn_hw.data.target import Classes, Numbers
from qrnn_hw.data.vectors import WordVectors
from qrnn_hw.errors import ConfigurationError, UsageError
from qrnn_hw.front_door import Trained
from qrnn_hw.networks.network import network_of
from qrnn_hw.networks.trained import TrainedNetwork
from qrnn_hw.statistics.decisions import UNDECIDED

WORDS = ("great", "awful", "sound", "case", "nice", "broken")


def text_model(names=("bad", "good")):
    network = network_of(architecture("dynamic-line"), 5, target=Classes(names))
    parameters = network.initial(3)
    vectors = WordVectors(WORDS, np.random.default_rng(0).normal(size=(6, 5)).astype(np.float32))
    trained = TrainedNetwork(network, parameters)
    return Model("dynamic-line", trained, tuple("abcde"), ReadOptions(steps=3), None, vectors)


def number_model():
    network = network_of(architecture("dynamic-line"), 1, target=Numbers(("x",)))
    scaling = Scaling(*(np.array([one]) for one in (0.0, 2.0, 10.0, 4.0, -1.0, 1.0)))
    trained = TrainedNetwork(network, network.initial(1))
    return Model("dynamic-line", trained, ("x",), ReadOptions(target=("x",), window=2), scaling)


def test_a_saved_model_answers_the_same_and_says_what_it_does_not_know(tmp_path):
    model = text_model()
    again = Model.load(model.save(tmp_path / "m.qrnn"))
    texts = ["great sound", "awful case, broken", "great zzz", "zzz"]
    first, second = (predict(one, from_texts(one, texts)) for one in (model, again))
    assert [one.to_json() for one in first] == [one.to_json() for one in second]
    assert [bool(one.note) for one in first] == [False, False, True, True]
    assert "1 of 2 words unknown: 'zzz'" in first[2].note
    score = model.trained.outputs(*_given(model, texts))[:, 0]
    np.testing.assert_allclose([one.score[0] for one in first], score)
    assert [one.answer for one in first] == [("bad", "good")[int(s > 0)] for s in score]


def _given(model, texts):
    sequences = from_texts(model, texts).sequences
    return sequences.values, sequences.lengths


def test_a_number_is_answered_in_its_own_units_and_its_range_is_watched():
    model = number_model()
    values = np.array([[[0.5], [-0.5]], [[0.5], [3.0]]])
    inputs = Inputs(Sequences(values, np.array([2, 2])), ("a", "b"), ("", ""))
    exact = predict(model, inputs)
    scaled = model.trained.outputs(values / 2.0, np.array([2, 2]))
    np.testing.assert_allclose([one.answer for one in exact], 10.0 + 4.0 * scaled)
    assert [bool(one.note) for one in exact] == [False, True]
    assert "outside the range" in exact[1].note
    drawn = predict(model, inputs, shots=4000)
    for one, other in zip(drawn, exact, strict=True):
        assert one.low[0] - 0.2 < other.answer[0] < one.high[0] + 0.2
        assert one.high[0] > one.low[0]
    with pytest.raises(UsageError, match="auto is for labels"):
        predict(model, inputs, shots="auto")


def test_data_that_were_read_otherwise_are_refused_and_sentences_are_read_anew(tmp_path):
    rows = "\n".join(f"{n % 5},{n % 3}" for n in range(40))
    path = tmp_path / "a.csv"
    path.write_text(f"x,z\n{rows}")
    trained = Trained(number_model())
    said = [one.answer for one in trained.predict(path)]
    assert [one.answer for one in trained.predict(read(path, target="x", window=2))] == said[:-1]
    for other, message in (
        ({"inputs": ("z",)}, "the features 'x' that the model reads, in this order. Got 'z'"),
        ({"inputs": ("x", "z")}, "Got 'x', 'z'; read them the same way"),
        ({"changes": True}, "changes=False, per_step=False. Got window=2, changes=True"),
        ({"window": 3}, "with window=2, .*Got window=3"),
        ({"per_step": True}, "Got window=2, changes=False, per_step=True"),
    ):
        with pytest.raises(UsageError, match=message):
            trained.predict(read(path, **{"target": "x", "window": 2, **other}))
    texts = [f"{WORDS[n % 6]} sound" for n in range(20)]
    path.write_text("text,label\n" + "".join(f"{one},{n % 2}\n" for n, one in enumerate(texts)))
    model = text_model()  # its vectors have 5 numbers, the carried ones 100
    found = Trained(model).predict(read(path))
    assert [one.score for one in found] == [
        one.score for one in predict(model, from_texts(model, texts))
    ]
    with pytest.raises(UsageError, match="the features 'x' that the model reads"):
        trained.predict(read(path))


def test_each_score_has_its_class_and_each_line_its_number(tmp_path, capsys, monkeypatch):
    model = text_model(("bad", "good", "so-so"))
    path = str(model.save(tmp_path / "m.qrnn"))
    monkeypatch.setattr("sys.stdin", io.StringIO("great sound\n\nawful case\n"))
    assert invoke(["predict", path, "--shots", "5", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [one["name"] for one in found] == ["line 1", "line 3"]
    assert found[0]["outputs"] == ["bad", "good", "so-so"]
    assert all(
        high > low for one in found for low, high in zip(one["low"], one["high"], strict=True)
    )
    for content, said in (
        ("great".encode("utf-16"), "standard input, line 1: should be UTF-8 text. Got UTF-16"),
        (b"great\ncaf\xe9", "standard input, line 2: should be UTF-8 text. Got the byte 0xe9"),
    ):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content), "latin-1"))
        assert invoke(["predict", path]) == 3
        assert said in capsys.readouterr().err
    assert invoke(["predict", path, "--text", "great sound"]) == 0
    shown, (exact,) = capsys.readouterr().out, predict(model, from_texts(model, ["great sound"]))
    for name, score in zip(exact.outputs, exact.score, strict=True):
        assert f"{name} {score:+.4f}" in shown
    with pytest.raises(UsageError, match="number 2"):
        from_texts(model, ["great", None])


def test_an_answer_depends_on_its_row_alone():
    model = text_model(("a", "b", "c"))
    texts = ["great sound", "awful case", "nice", "broken sound"]
    for shots in (37, "auto"):
        together = predict(model, from_texts(model, texts), shots=shots)
        turned = predict(model, from_texts(model, texts[::-1]), shots=shots)[::-1]
        alone = [predict(model, from_texts(model, [one]), shots=shots)[0] for one in texts]
        for found in (turned, alone):
            assert [(one.answer, one.score, one.shots) for one in together] == [
                (one.answer, one.score, one.shots) for one in found
            ]
    other = predict(model, from_texts(model, texts), shots=37, seed=1)
    assert [one.score for one in other] != [
        one.score for one in predict(model, from_texts(model, texts), shots=37)
    ]


def test_labels_that_are_named_are_rarely_wrong():
    """Two and three classes: wrong names among 400 draws of a near tie stay within delta."""
    generator = np.random.default_rng(0)
    law, columns = np.array([0.40, 0.31, 0.29, 0.0]), np.eye(4)[:, :3]
    wrong = decided = 0
    for _ in range(400):
        _, label = drawn_until_certain(law, columns, 0.05, generator, most=2000)
        decided += label != UNDECIDED
        wrong += label not in (0, UNDECIDED)
    assert decided > 20
    assert wrong <= 0.05 * 400
    counts = np.array([60, 40])
    assert certain_label(counts * 100, np.array([[1.0], [-1.0]]), 0.01, is_sequential=True) == 1
    assert certain_label(counts, np.array([[1.0], [-1.0]]), 0.01, is_sequential=True) == UNDECIDED
    assert certain_label(counts, np.array([[-1.0], [-0.5]]), 0.01, is_sequential=True) == 0
    assert MOST_AUTO >= 100_000


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    return text_model().save(tmp_path_factory.mktemp("model") / "m.qrnn").read_bytes()


def loaded(path):
    try:
        return Model.load(path), ""
    except ConfigurationError as error:
        return None, str(error)


@given(place=st.integers(0, 10**6), value=st.integers(0, 255), cut=st.booleans())
@settings(max_examples=40, deadline=None)
def test_a_damaged_file_is_one_line_or_the_same_model(written, place, value, cut, tmp_path_factory):
    path = tmp_path_factory.mktemp("damaged") / "m.qrnn"
    place %= len(written)
    changed = written[:place] if cut else written[:place] + bytes([value]) + written[place + 1 :]
    path.write_bytes(changed)
    found, said = loaded(path)
    if found is None:
        assert "\n" not in said
        assert "m.qrnn" in said
        return
    for name, array in text_model().trained.parameters.items():
        np.testing.assert_array_equal(found.trained.parameters[name], array)


def test_what_a_file_says_beside_its_numbers_is_checked_too(tmp_path):
    model = text_model()
    with np.load(model.save(tmp_path / "m.qrnn")) as held:
        arrays = dict(held)
    whole = json.loads(arrays.pop("header").tobytes())

    def written(header):
        text = np.frombuffer(json.dumps(header).encode(), dtype=np.uint8)
        np.savez(tmp_path / "m.npz", header=text, **arrays)
        return tmp_path / "m.npz"

    assert Model.load(written(whole)).target == model.target
    swapped = whole | {"target": ["Classes", whole["target"][1][::-1]]}
    with pytest.raises(ConfigurationError, match="cannot be used .ValueError: digest"):
        Model.load(written(swapped))
    # Version 1 has a digest of the numbers and words alone; what it says is of the right kind.
    before = whole | {"version": 1, "digest": _digest(arrays, whole["words"], None)}
    found = Model.load(written(before))
    for name, array in model.trained.parameters.items():
        np.testing.assert_array_equal(found.trained.parameters[name], array)
    for wrong, said in (
        ({"features": [1] * whole["n_inputs"]}, "names of the features"),
        ({"reading": whole["reading"] | {"steps": True}}, "steps should be a whole number. Got Tr"),
        ({"reading": whole["reading"] | {"time": [1]}}, "time should be the name of a column. Got"),
    ):
        with pytest.raises(ConfigurationError, match=said):
            Model.load(written(before | wrong))


def test_files_of_something_else_and_of_newer_versions_are_one_line(tmp_path, monkeypatch, capsys):
    model = text_model()
    monkeypatch.setattr("qrnn_hw.answers.model_file.VERSION", 9)
    newer = model.save(tmp_path / "newer.qrnn")
    monkeypatch.undo()
    with pytest.raises(ConfigurationError, match="version 2 at most. Got version 9"):
        Model.load(newer)
    np.savez(tmp_path / "other.npz", x=np.arange(3))
    (tmp_path / "text.qrnn").write_text("label\ttext\n")
    for name in ("other.npz", "text.qrnn", "none.qrnn"):
        assert invoke(["predict", str(tmp_path / name), "--text", "great"]) == 3
        (line,) = capsys.readouterr().err.splitlines()
        assert name in line
    path = model.save(tmp_path / "m.qrnn")
    for words in (
        ["--text", "a", "--data", "x.csv"],
        ["--text", " "],
        ["--text", "a", "--shots", "0"],
    ):
        assert invoke(["predict", str(path), *words]) == 2
        assert len(capsys.readouterr().err.splitlines()) == 1


def test_two_processes_print_the_same_document(tmp_path):
    path = text_model().save(tmp_path / "m.qrnn")
    command = [sys.executable, "-m", "qrnn_hw", "predict", str(path), "--shots", "auto", "--json"]
    given = "great sound\nawful case\n\nnice\n"
    found = [
        subprocess.run(command, input=given, capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    ]
    assert found[0] == found[1]
    rows = json.loads(found[0])
    assert len(rows) == 3
    assert {"answer", "score", "low", "high", "is_certain", "shots", "note"} <= set(rows[0])


def test_another_circuit_under_the_same_name_is_refused(tmp_path, monkeypatch):
    path = text_model().save(tmp_path / "m.qrnn")
    other = replace(architecture("dynamic-line"), n_qubits=4, readout=(1, 0))
    monkeypatch.setattr("qrnn_hw.answers.model_file.architecture", lambda *_, **__: other)
    with pytest.raises(ConfigurationError, match="should be those that"):
        Model.load(path)
