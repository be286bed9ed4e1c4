import json
import math

import pytest
from qiskit import QuantumCircuit, qasm3, qpy
from qiskit.circuit import Parameter

from qrnn_hw.cli import invoke

ON = ["--backend", "ibm_boston"]


@pytest.fixture(autouse=True)
def own_home(tmp_path, monkeypatch):
    monkeypatch.setenv("QRNN_HW_HOME", str(tmp_path / "home"))


def write(circuit, path):
    if path.suffix == ".qpy":
        with path.open("wb") as file:
            qpy.dump(circuit, file)
    else:
        path.write_text(qasm3.dumps(circuit))
    return str(path)


def feed_forward(in_branch="x"):
    circuit = QuantumCircuit(12, 2)
    circuit.sx(0)
    circuit.measure(0, 0)
    with circuit.if_test((circuit.clbits[0], 1)):
        getattr(circuit, in_branch)(1)
    circuit.measure(1, 1)
    return circuit


def run(capsys, *arguments):
    code = invoke([*map(str, arguments), "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_a_legal_file_passes_with_its_price(emulator, tmp_path, capsys):
    path = write(feed_forward(), tmp_path / "good.qpy")
    code, document = run(capsys, "preflight", path, *ON, "--shots", 2000)
    assert code == 0
    assert document["ok"]
    assert document["findings"] == []
    estimate = document["estimate"]
    assert estimate["executions"] == 2000
    assert estimate["low_seconds"] < estimate["best_seconds"] < estimate["high_seconds"]
    assert document["share_of_plan"] == pytest.approx(estimate["best_seconds"] / 600)
    assert emulator.service.jobs == {}


@pytest.mark.parametrize("name", ["bad.qpy", "bad.qasm"])
def test_an_illegal_file_is_named_by_its_rule_with_code_4(emulator, tmp_path, capsys, name):
    path = write(feed_forward("reset"), tmp_path / name)
    code, document = run(capsys, "preflight", path, *ON)
    assert code == 4
    assert not document["ok"]
    (finding,) = [one for one in document["findings"] if one["severity"] == "error"]
    assert "reset" in finding["rule"]
    assert "branch 0" in finding["where"]
    assert all(finding[part] for part in ("found", "why", "remedy", "source"))


def test_free_parameters_are_a_finding(emulator, tmp_path, capsys):
    circuit = QuantumCircuit(12, 1)
    circuit.rz(Parameter("angle"), 0)
    circuit.measure(0, 0)
    code, document = run(capsys, "preflight", write(circuit, tmp_path / "free.qpy"), *ON)
    assert code == 4
    assert document["estimate"] is None
    assert "angle" in json.dumps(document["findings"])


def test_a_session_on_the_open_plan_is_refused_before_anything_is_sent(emulator, tmp_path, capsys):
    path = write(feed_forward(), tmp_path / "good.qpy")
    code, document = run(capsys, "preflight", path, *ON, "--mode", "session")
    assert code == 4
    assert [one["rule"] for one in document["findings"]] == ["session-on-open-plan"]


def test_an_exhausted_plan_is_a_finding(emulator, tmp_path, capsys):
    emulator.service.settings.usage_consumed_seconds = 599.0
    path = write(feed_forward(), tmp_path / "good.qpy")
    code, document = run(capsys, "preflight", path, *ON)
    assert code == 4
    assert [one["rule"] for one in document["findings"]] == ["plan-exhausted"]
    assert document["plan"] == {"name": "open", "remaining_seconds": 1.0}


def test_a_model_is_made_for_the_machine(emulator, capsys):
    code, short = run(capsys, "estimate", "dynamic-line", *ON, "--steps", 2, "--rows", 3)
    assert code == 0
    assert short["estimate"]["executions"] == 3000
    code, long = run(capsys, "estimate", "dynamic-line", *ON, "--steps", 4, "--rows", 3)
    ratio = long["estimate"]["longest_path_seconds"] / short["estimate"]["longest_path_seconds"]
    assert math.isclose(ratio, 2, rel_tol=0.35)


def test_a_model_in_rounds_is_checked_as_the_circuit_of_a_round(emulator, capsys):
    code, document = run(capsys, "preflight", "qlstm", *ON)
    assert code == 0
    assert document["n_circuits"] == 4


def test_the_price_is_also_a_table(emulator, tmp_path, capsys):
    path = write(feed_forward(), tmp_path / "good.qpy")
    assert invoke(["estimate", path, *ON]) == 0
    out = capsys.readouterr().out
    assert "longest path" in out
    assert "600 s left" in out


def test_a_dry_run_of_the_service_is_refused_on_the_open_plan(emulator, tmp_path, capsys):
    path = write(feed_forward(), tmp_path / "good.qpy")
    assert invoke(["preflight", path, *ON, "--remote"]) == 4
    assert "Dry runs should be part of the plan" in capsys.readouterr().err
    assert emulator.service.jobs == {}


def test_a_dry_run_of_the_service_says_what_it_refuses(emulator, tmp_path, capsys, monkeypatch):
    from emulator import service as loopback

    emulator.service = loopback.Service(n_qubits=12, settings=loopback.Settings(plan="premium"))
    path = write(feed_forward(), tmp_path / "good.qpy")
    code, document = run(capsys, "preflight", path, *ON, "--remote")
    assert (code, document["findings"]) == (0, [])

    def refuse(circuits, shots, configuration):
        raise loopback.Refusal("the compiler's own reason")

    monkeypatch.setattr(loopback, "check", refuse)
    code, document = run(capsys, "preflight", path, *ON, "--remote")
    assert code == 4
    assert "the compiler's own reason" in document["findings"][0]["found"]


WRONG = [
    (["dynamic-lin"], 2, "did you mean dynamic-line"),
    (["missing.qpy"], 2, "missing.qpy"),
    (["dynamic-line", "--shots", "0"], 2, "at least 1. Got 0"),
    (["dynamic-line", "--steps", "0"], 2, "steps should be at least 1"),
    (["dynamic-line", "--rows", "0"], 2, "rows should be at least 1"),
    (["dynamic-line", "--seed", "-1"], 2, "seed should be at least 0"),
    (["dynamic-line", "--mode", "sesion"], 2, "batch, job, session"),
]


@pytest.mark.parametrize(("arguments", "code", "words"), WRONG)
def test_bad_input_is_one_line_and_its_code(emulator, capsys, arguments, code, words):
    assert invoke(["preflight", *arguments, *ON]) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    assert words in captured.err
    assert captured.err.count("\n") == 1


@pytest.mark.parametrize("content", [b"", b"QISKIT\x01", b"OPENQASM 3.0; nonsense"])
@pytest.mark.parametrize("suffix", [".qpy", ".qasm"])
def test_a_damaged_file_is_one_line(emulator, tmp_path, capsys, content, suffix):
    path = tmp_path / f"damaged{suffix}"
    path.write_bytes(content)
    if suffix == ".qasm" and not content:
        path.write_bytes(b"\xff\xfe")
    assert invoke(["preflight", str(path), *ON]) == 2
    captured = capsys.readouterr()
    assert captured.err.count("\n") == 1
    assert str(path) in captured.err
