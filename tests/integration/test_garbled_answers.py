"""What the commands on jobs say when the service answers with something else, over HTTP."""

import pytest
from emulator.records import Answer
from qiskit import QuantumCircuit, qpy

from jobs.service.backoff import Backoff
from qrnn_hw.cli import invoke

QUICK = Backoff(first_seconds=0.02, ceiling_seconds=0.05, patience_seconds=0.2)
BODIES = [[], {"usage": None}, {"usage": {"quantum_seconds": "many"}}]


@pytest.fixture
def sent(emulator, tmp_path, monkeypatch, capsys):
    """Send one job and return the beginning of its name in the store."""
    monkeypatch.setenv("QRNN_HW_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("qrnn_hw.submission.following.POLLING", QUICK)
    circuit = QuantumCircuit(12, 1)
    circuit.measure(0, 0)
    with (tmp_path / "one.qpy").open("wb") as written:
        qpy.dump(circuit, written)
    words = ["submit", str(tmp_path / "one.qpy"), "--backend", "ibm_boston", "--shots", "8"]
    assert invoke([*words, "--yes"]) == 0
    capsys.readouterr()
    return next(iter(emulator.service.jobs))


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("end", ["", "/results", "/metrics"])
def test_it_is_one_line_and_the_job_comes_back_later(
    emulator, sent, monkeypatch, capsys, end, body
):
    own = emulator.service.answer

    def answer(method, path, *rest):
        garbled = path.partition("?")[0].endswith(f"/jobs/{sent}{end}") and method == "GET"
        return Answer(body=body) if garbled else own(method, path, *rest)

    with monkeypatch.context() as patched:
        patched.setattr(emulator.service, "answer", answer)
        code = invoke(["jobs", "watch", sent])
    captured = capsys.readouterr()
    assert code in (0, 6), captured.err
    if code:
        assert captured.err.count("\n") == 1
        assert captured.err.startswith("error: ")
    assert invoke(["jobs", "fetch", sent]) == 0
