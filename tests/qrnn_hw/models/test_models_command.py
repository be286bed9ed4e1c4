"""The command `qrnn-hw models` as a user types it."""

import errno
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from qiskit import qasm3, qpy
from typer.testing import CliRunner

import circuits
from circuits.errors import CircuitsError, UnknownNameError
from qrnn_hw.cli import invoke
from qrnn_hw.cli.models import app
from qrnn_hw.errors import DataError, UsageError
from qrnn_hw.experiment.label_share import LabelShare, label_share
from qrnn_hw.experiment.recipe_settings import RecipeSettings
from qrnn_hw.experiment.recipe_training import prepare_recipe
from qrnn_hw.models.facts import costs, markdown


def run(*arguments):
    result = CliRunner().invoke(app, list(arguments))
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


def test_list_gives_every_model_with_its_facts():
    records = json.loads(run("list", "--json"))
    assert tuple(record["name"] for record in records) == circuits.architectures()
    by_name = {record["name"]: record for record in records}
    assert by_name["v5"]["n_weights"] == 16
    assert by_name["v5"]["modes"] == ["expectation", "sampled"]
    assert by_name["sim-v6"]["reading"] is True
    assert by_name["sim-v9"]["reading"] is False
    assert by_name["v1"]["options"]["wiring"] == ["faithful", "repaired"]
    assert by_name["hybrid"]["options"]["n_qubits"] == list(range(2, 15))
    assert all({"n_qubits", "n_features", "source", "summary"} <= set(one) for one in records)
    assert "sim-v9" in run("list")


def test_show_counts_what_the_circuit_holds():
    document = json.loads(run("show", "dynamic-line", "--steps", "2", "--json"))
    (record,) = document["circuits"]
    assert (document["n_weights"], document["steps"]) == (18, 2)
    assert record["two_qubit_gates"] == 10
    assert record["measurements"] == 2 * 2 + 2
    assert record["branches"] == 4
    assert record["resets"] == 4
    document = json.loads(run("show", "qlstm", "--json"))
    assert [one["two_qubit_gates"] for one in document["circuits"]] == [14] * 4
    document = json.loads(run("show", "v1", "--wiring", "repaired", "--json"))
    assert document["circuits"][0]["two_qubit_gates"] == 6
    assert document["options"] == {"wiring": "repaired", "mode": "expectation"}
    text = run("show", "v3a")
    assert "two qubit gates" in text
    (mode,) = [line for line in text.splitlines() if " mode" in line]
    assert "option mode" in mode
    assert "expectation (one of expectation, sampled)" in mode
    assert "4 (one of 2 to 14)" in run("show", "hybrid", "--steps", "1")


def test_branches_count_by_the_larger_one():
    model = circuits.architecture("hybrid", mode="sampled", n_qubits=3, n_layers=1, n_bits=1)
    (record,) = costs([circuits.unroll(model, 2).circuit])
    # Three CZ in the first step and three in each of the two exclusive branches of the second.
    assert record["two_qubit_gates"] == 9
    assert record["branches"] == 2


def test_drawings_are_text_or_svg(tmp_path):
    text = run("draw", "v4")
    assert "q_5" in text
    assert "Ry(f30)" in text
    assert "sign" not in text
    written = run("draw", "adapted", "--output", str(tmp_path / "a.svg")).strip()
    assert "<svg" in (tmp_path / "a.svg").read_text()
    assert written == str(tmp_path / "a.svg")
    with pytest.raises(UsageError, match=r"named \.svg\. Got a\.png"):
        run("draw", "adapted", "--output", "a.png")


def test_exports_read_back_as_the_same_circuit(tmp_path):
    path = tmp_path / "m.qpy"
    run("export", "v1", "--mode", "sampled", "--steps", "3", "--output", str(path))
    with path.open("rb") as file:
        (loaded,) = qpy.load(file)
    model = circuits.architecture("v1", mode="sampled")
    own = circuits.unroll(model, 3).circuit
    renamed = dict(zip(own.parameters, loaded.parameters, strict=True))
    assert [p.name for p in renamed] == [p.name for p in renamed.values()]
    assert own.assign_parameters(renamed) == loaded
    path = tmp_path / "m.qasm"
    run("export", "adapted", "--mode", "sampled", "--steps", "2", "--output", str(path))
    assert qasm3.loads(path.read_text()).num_parameters == 24
    run("export", "qlstm", "--seed", "1", "--output", str(path))
    for gate in range(4):
        assert qasm3.loads((tmp_path / f"m-{gate}.qasm").read_text()).num_qubits == 8
    with pytest.raises(UsageError, match=r"cannot read back.* Got v4; export it as \.qpy"):
        run("export", "v4", "--output", str(path))
    with pytest.raises(UsageError, match=r"named \.qasm, \.qasm3 or \.qpy\. Got 'm\.txt'"):
        run("export", "v3a", "--output", "m.txt")


def test_the_circuits_of_one_round_are_bound_to_the_same_numbers(tmp_path):
    run("export", "qlstm", "--seed", "5", "--output", str(tmp_path / "q.qpy"))
    with (tmp_path / "q.qpy").open("rb") as file:
        gates = qpy.load(file)
    # What comes before the barrier encodes the features and h, the same for every gate.
    encoders = []
    for gate in gates:
        names = [item.operation.name for item in gate.data]
        encoded = gate.data[: names.index("barrier")]
        encoders.append([(one.operation.name, *one.operation.params) for one in encoded])
    assert len(encoders) == 4
    assert all(encoder == encoders[0] for encoder in encoders)
    assert {angle for _, *angles in encoders[0] for angle in angles}


@pytest.mark.parametrize("words", [("export", "a.qpy"), ("export", "a.qasm"), ("draw", "a.svg")])
def test_a_full_disk_leaves_the_file_of_before(words, tmp_path, monkeypatch, capsys):
    command, name = words
    path = tmp_path / name
    path.write_text("before")

    def fill(self, content):
        with self.open("wb") as file:
            file.write(content[:10])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", fill)
    assert invoke(["models", command, "adapted", "--steps", "1", "--output", str(path)]) == 3
    assert "should find room on its disk" in capsys.readouterr().err
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_audit_reports_one_model_and_writes_a_table_row():
    report = json.loads(run("audit", "v1", "--steps", "2", "--json"))
    assert report["input_blind"] is True
    assert report["n_weights"] == 6
    assert report["features_in_cone"] == 0
    repaired = json.loads(run("audit", "v1", "-o", "wiring=repaired", "--steps", "2", "--json"))
    assert repaired["input_blind"] is False
    table = markdown([report, repaired]).splitlines()
    assert len({line.count("|") for line in table}) == 1
    assert table[2].startswith("| v1 | expectation | 6 | 5 | 6 | 1 | **no** |")
    assert table[3].startswith("| v1, wiring repaired | expectation | 6 | 5 | 6 | 1 | yes |")


def sentences(folder):
    words = ("good", "bad", "nice", "awful", "sound", "price", "case", "great")
    path = folder / "mine.tsv"
    lines = [f"{i % 2}\t{words[i % 8]} {words[i // 8 % 8]} {words[i % 5]}" for i in range(60)]
    path.write_text("label\ttext\n" + "\n".join(lines) + "\n")
    return path


def test_an_audit_on_sentences_finds_the_constant_predictors(tmp_path):
    path = sentences(tmp_path)
    reports = [
        json.loads(run("audit", name, "--steps", "1", "--data", str(path), "--json"))
        for name in ("v1", "adapted")
    ]
    blind, reading = (report["label_share"] for report in reports)
    assert blind["smallest"] == blind["largest"] == 1
    assert 0.5 <= reading["smallest"] < reading["mean"] < reading["largest"] <= 1
    assert reading["dataset"] == str(path)
    assert reading["sentences"] == blind["sentences"] == 12
    cells = [[cell.strip() for cell in line.split("|")] for line in markdown(reports).splitlines()]
    assert cells[2][cells[0].index(f"one label on {path}")] == "100 %"


def test_a_hybrid_is_audited_from_the_projection_that_training_starts_with(tmp_path, monkeypatch):
    monkeypatch.setattr("qrnn_hw.experiment.label_share.DRAWS", 1)
    path = sentences(tmp_path)
    settings = RecipeSettings("hybrid", data=path, seed=2)
    text = settings.read()
    training = prepare_recipe(settings, text).training
    test = training.test[0]

    def share(parameters):
        scores = training.network.outputs(parameters, test.values, test.lengths)
        ones = float((np.asarray(scores) > 0).mean())
        return max(ones, 1 - ones)

    assert label_share(settings, text).mean == share(training.initial[0])
    given = test.values, test.lengths
    outputs = [
        training.network.outputs(parameters, *given)
        for parameters in (training.network.initial(2), training.initial[0])
    ]
    assert not np.allclose(*outputs)  # another projection is another answer


def test_what_is_printed_tells_the_variants_and_their_shares(tmp_path, monkeypatch):
    def audited(model, **_):
        facts = {"name": model.name, "options": dict(model.options), "n_weights": 6}
        return facts | {"jacobian_rank": 1, "input_blind": False}

    def shared(settings, text):
        share = 0.75 if settings.options["mode"] == "sampled" else 1.0
        return LabelShare("mine", 12, 8, share, 0.5, 1.0)

    monkeypatch.setattr("circuits.architectures", lambda: ["v3a"])
    monkeypatch.setattr("qrnn_hw.models.facts.audited", audited)
    monkeypatch.setattr("qrnn_hw.experiment.label_share.label_share", shared)
    path = str(sentences(tmp_path))
    lines = [line.split("│") for line in run("audit", "--all", "--data", path).splitlines()]
    rows = [[cell.strip() for cell in line[1:-1]] for line in lines if len(line) > 1]
    assert [(row[0], row[-1]) for row in rows] == [("v3a", "100 %"), ("v3a, mode sampled", "75 %")]
    assert "label share, smallest" in run("audit", "v3a", "--data", path)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (("show", "v9"), UnknownNameError, "no model is called 'v9'"),
        (("show", "v1", "-o", "wiring"), UsageError, r"NAME=VALUE\. Got 'wiring'"),
        (("show", "v1", "-o", "colour=red"), CircuitsError, r"options of v1 .*Got colour"),
        (("show", "v1", "--mode", "coherent"), CircuitsError, r"expectation, sampled\. Got"),
        (("show", "hybrid", "-o", "n_qubits=99"), CircuitsError, r"2 to 14\. Got 99"),
        (("audit",), UsageError, "one model name, or --all"),
        (("audit", "--all", "--mode", "sampled"), UsageError, "--all should stand without options"),
        (("audit", "v1", "--json", "--markdown"), UsageError, "Got both; leave one out"),
        (("audit", "v1", "--dataset", "amazn"), UsageError, "Did you mean amazon"),
        (("audit", "v1", "--dataset", "imdb", "--data", "a"), UsageError, "leave one of them out"),
        (("audit", "v1", "--data", "missing.tsv"), DataError, "missing.tsv"),
    ],
)
def test_mistakes_are_one_line_that_names_the_rule(arguments, error, message):
    with pytest.raises(error, match=message):
        run(*arguments)


def test_help_imports_nothing_heavy():
    code = (
        "import sys; from typer.testing import CliRunner; from qrnn_hw.cli.models import app;"
        "assert CliRunner().invoke(app, ['audit', '--help']).exit_code == 0;"
        "sys.exit(','.join({'qiskit', 'jax', 'matplotlib', 'scipy'} & set(sys.modules)) or 0)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ("show v1 --backend fake_armonk", 2, "v1 needs 6 qubits. Got fake_armonk with 1;"),
        ("audit v3a --steps 1 --backend fake_armonk", 2, "v3a needs 4 qubits. Got fake_armonk"),
        ("show dynamic-line --steps 2 --backend fake_berlin", 2, "Got fake_berlin without it"),
        ("show v1 --backend fake_oursense", 3, "did you mean fake_ourense"),
        ("show v1 --seed 99999999999999999999", 2, "--seed should be at most"),
        ("audit v3a --seed -1", 2, "--seed should be at least 0. Got -1"),
        ("export v3a --output a.qpy --seed -1", 2, "--seed should be at least 0. Got -1"),
        ("audit v3a --shots 99999999999999", 2, "at most 10,000,000. Got 99999999999999"),
        ("show dynamic-line --steps 1000000000", 2, "at most 10,000. Got 1000000000"),
        ("show v1 --steps 0", 2, "at least 1. Got 0"),
        ("audit v1 --shots 0", 2, "at least 1. Got 0"),
        ("draw v3a --output /proc/none/a.svg", 3, "choose another --output"),
        ("draw v3a --output {}/new/a.svg --steps 0", 2, "at least 1. Got 0"),
        ("export v3a --output {}/new/a.qpy --steps 0", 2, "at least 1. Got 0"),
        ("export v4 --output {}/new/a.qasm", 2, "Got v4; export it as .qpy"),
        ("export v3a --output /proc/none/a.qpy", 3, "choose another --output"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(arguments, code, said, capsys, tmp_path):
    typed = arguments.replace(" a.qpy", f" {tmp_path}/a.qpy").replace("{}", str(tmp_path))
    assert invoke(["models", *typed.split()]) == code
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
