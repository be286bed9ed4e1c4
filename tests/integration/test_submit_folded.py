"""One circuit sent folded by several factors: one question, a job each, and what mitigate makes."""

import json
import shlex

import pytest
from qiskit import ClassicalRegister, QuantumCircuit, qpy
from qiskit.circuit import Parameter

from calibration.library import snapshot
from jobs.service.backoff import Backoff
from jobs.store.store import Store
from qrnn_hw.cli import invoke
from qrnn_hw.config import store_path
from qrnn_hw.mitigation.folding import count_folded


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("QRNN_HW_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("qrnn_hw.submission.following.POLLING", Backoff(0.05, 0.2, 10.0))


@pytest.fixture
def written(tmp_path):
    """Return a writer of circuit files, which gives the path."""

    def write(circuit, name="circuit"):
        path = tmp_path / f"{name}.qpy"
        with path.open("wb") as file:
            qpy.dump(circuit, file)
        return str(path)

    return write


def fed_forward(n_qubits=12, last="out"):
    """Return a circuit with gates outside and inside a branch, whose last bit is always 1."""
    middle, out = ClassicalRegister(1, "m"), ClassicalRegister(1, last)
    circuit = QuantumCircuit(n_qubits)
    circuit.add_register(middle, out)
    circuit.x(0)
    circuit.cz(0, 1)
    circuit.measure(0, middle)
    with circuit.if_test((middle, 1)):
        circuit.x(1)
        circuit.cz(0, 1)
    circuit.measure(1, out)
    return circuit


def submit(path, *more, backend="ibm_boston"):
    return ["submit", path, "--backend", backend, "--shots", "200", *more]


def command(capsys, *words):
    assert invoke([*words, "--json"]) == 0, capsys.readouterr().err
    captured = capsys.readouterr()
    return json.loads(captured.out), captured.err


def refused(capsys, code, *words):
    assert invoke(list(words)) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    return captured.err.splitlines()[-1]


def test_a_job_for_each_factor_is_one_question_and_mitigate_takes_them(
    emulator, capsys, written, monkeypatch
):
    path, asked = written(fed_forward()), []
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("typer.confirm", lambda text, err: asked.append(text) or True)
    document, said = command(capsys, *submit(path, "--fold", "1,3", "--wait"))
    assert len(asked) == 1
    assert said.count("QPU time") == 1
    sent = list(emulator.service.jobs.values())
    assert [count_folded(one.program.circuits[0][0]) for one in sent] == [4, 12]
    assert [one["scale_factor"] for one in document["folded"]] == [1, 3]
    single, _ = command(capsys, "estimate", path, "--backend", "ibm_boston", "--shots", "200")
    best = document["estimate"]["best_seconds"]
    assert best == pytest.approx(sum(one.seconds for one in sent), rel=0.1)
    assert best > 1.9 * single["estimate"]["best_seconds"]
    # The command as it is printed, and the same circuit alone, which is known by now.
    assert invoke(submit(path, "--fold", "1,3", "--wait")) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == f"next: {document['mitigate']}"
    program, *words = shlex.split(document["mitigate"])
    assert program == "qrnn-hw"
    found, _ = command(capsys, *words)
    assert found["plan"] == "linear(1,3)"
    assert [one["mitigated"]["value"] for one in found["values"]] == [-1.0]
    command(capsys, *submit(path, "--wait"))
    assert len(emulator.service.jobs) == 2
    # Another list sends only what is new.
    document, _ = command(capsys, *submit(path, "--fold", "1,3,5", "--wait", "--yes"))
    assert len(emulator.service.jobs) == 3
    assert document["mitigate"].endswith('--plan "richardson(1,3,5)"')
    assert command(capsys, *shlex.split(document["mitigate"])[1:])
    assert len(asked) == 1


def test_jobs_in_the_queue_are_watched_first(emulator, capsys, written):
    emulator.service.settings.queue_seconds = 120
    try:
        assert invoke(submit(written(fed_forward()), "--fold", "1,3", "--yes")) == 0
        watch, mitigate = capsys.readouterr().out.splitlines()[-2:]
    finally:
        emulator.service.settings.queue_seconds = 0
    assert watch.startswith("next: qrnn-hw jobs watch ")
    assert mitigate.startswith("then: qrnn-hw mitigate ")
    assert watch.split()[-2:] == mitigate.split()[3:5]
    assert invoke(shlex.split(watch)[2:]) == 0
    assert invoke(shlex.split(mitigate)[2:]) == 0


def test_all_jobs_are_priced_before_the_first_is_sent(emulator, capsys, written):
    path = written(fed_forward())
    plain, _ = command(capsys, "estimate", path, "--backend", "ibm_boston", "--shots", "200")
    one = plain["estimate"]
    words = submit(path, "--fold", "1,3", "--yes")
    budget = str(1.5 * one["high_seconds"])
    assert "within the budget" in refused(capsys, 8, *words, "--budget", budget)
    assert "within the budget" in refused(capsys, 8, *words, "--budget", budget, "--dry-run")
    settings = emulator.service.settings
    settings.usage_consumed_seconds = settings.usage_limit_seconds - 1.5 * one["best_seconds"]
    line = refused(capsys, 4, *words)
    assert line.startswith("error: plan-exhausted")
    assert f"an estimate of {2 * one['best_seconds']:.1f} s" in line  # of both together
    assert emulator.service.jobs == {}


def test_what_folding_makes_is_checked_by_preflight(emulator, capsys, written, monkeypatch):
    from qrnn_hw.submission import folded

    own = folded.fold

    def with_foreign_gate(circuit, factor):
        result = own(circuit, factor)
        result.h(2)
        return result

    monkeypatch.setattr(folded, "fold", with_foreign_gate)
    line = refused(capsys, 4, *submit(written(fed_forward()), "--fold", "1,3,5", "--yes"))
    assert "Got h" in line
    assert "folded by 3" in line
    assert emulator.service.jobs == {}


@pytest.mark.parametrize("factors", ["3", "1,1", "2,4", "1,2.5", "1,-3", "1,,3", "1,101", "x", ""])
def test_factors_that_are_none_are_refused_before_the_machine_is_asked(emulator, capsys, factors):
    line = refused(capsys, 2, *submit("dynamic-line", f"--fold={factors}", "--yes"))
    assert f"such as 1,3,5. Got {factors!r}" in line
    assert emulator.log == []


def test_circuits_that_cannot_be_folded_are_refused(emulator, capsys, written):
    empty = QuantumCircuit(12, 1)
    empty.measure(0, 0)
    free = fed_forward()
    free.rz(Parameter("x"), 2)
    unknown = fed_forward()
    unknown.initialize("1", [3])
    for circuit, words in (
        (empty, "should have gates that take time. Got none in circuit.qpy; leave --fold out"),
        (free, "should have numbers for all their parameters"),
        (unknown, "Got 'initialize'. Decompose it first"),
    ):
        line = refused(capsys, 2, *submit(written(circuit), "--fold", "1,3", "--yes"))
        assert words in line
    assert emulator.service.jobs == {}


def test_a_register_that_is_not_clear_is_left_to_fill_in(capsys, written):
    circuit = fed_forward(156, "last")
    document, _ = command(capsys, *submit(written(circuit), "--fold", "1,3", backend="fake_boston"))
    assert document["mitigate"].endswith(" --register REGISTER")
    words = shlex.split(document["mitigate"])[1:-1]
    assert command(capsys, *words, "last")


def test_a_recorded_device_shows_noise_that_grows_and_is_extrapolated(capsys, written):
    """A qubit in |1> decays during a delay by exp(-t / T1): <Z> = 1 - 2 exp(-f t / T1)."""
    device = snapshot("fake_boston")
    qubit = max(range(156), key=lambda q: device.qubits[q].t1_seconds or 0)
    circuit = QuantumCircuit(156)
    circuit.add_register(ClassicalRegister(1, "out"))
    circuit.x(qubit)
    n_dt = 8 * round(0.05 * device.qubits[qubit].t1_seconds / device.dt_seconds / 8)
    circuit.delay(n_dt, qubit, unit="dt")
    circuit.measure(qubit, 0)
    words = submit(written(circuit), "--fold", "1,3,5", backend="fake_boston")
    document, _ = command(capsys, *words, "--shots", "10000")
    keys = [one["key"] for one in document["folded"]]
    raw = [command(capsys, "mitigate", key)[0]["values"][0]["raw"]["value"] for key in keys]
    assert -1 < raw[0] < raw[1] - 0.1 < raw[2] - 0.2
    found, _ = command(capsys, *shlex.split(document["mitigate"])[1:])
    assert abs(found["values"][0]["mitigated"]["value"] + 1) < abs(raw[0] + 1) / 2
    with Store(store_path()) as store:
        assert len({store.spec(key).seed for key in keys}) == 3
