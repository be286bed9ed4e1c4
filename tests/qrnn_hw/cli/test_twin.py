"""A twin wherever a backend is named: its jobs are its own, its calibration is the device's."""

from __future__ import annotations

import json

import pytest
from qiskit import QuantumCircuit, qasm3

from calibration.library import snapshot
from qrnn_hw.cli import invoke
from qrnn_hw.errors import UsageError
from qrnn_hw.studies.device import first_day
from qrnn_hw.submission.machine import open_machine


@pytest.fixture
def reset_circuit(tmp_path, monkeypatch):
    """A file whose P(1) is what resets leave, on three qubits."""
    monkeypatch.setenv("QRNN_HW_HOME", str(tmp_path / "home"))
    made = QuantumCircuit(3, 3)
    for qubit in range(3):
        made.x(qubit)
        made.reset(qubit)
    made.measure(range(3), range(3))
    path = tmp_path / "reset.qasm"
    path.write_text(qasm3.dumps(made))
    return path


def document(capsys, *arguments):
    assert invoke([*arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def share_of_ones(capsys, path, *backend):
    sent = document(capsys, "submit", str(path), *backend, "--shots", "20000", "--yes", "--wait")
    key = sent["jobs"][0]["key"]
    shown = document(capsys, "jobs", "fetch", key)
    counts = shown["circuits"][0]["rows"][0]["c"]
    ones = sum(text.count("1") * n for text, n in counts.items())
    return key, ones / 60_000


def test_a_twins_jobs_are_its_own(reset_circuit, capsys):
    twin = ("--backend", "twin:fake_boston", "--effects")
    plain = share_of_ones(capsys, reset_circuit, "--backend", "fake_boston")
    strong = share_of_ones(capsys, reset_circuit, *twin, "reset=0.1")
    other = share_of_ones(capsys, reset_circuit, *twin, "reset=0.1", "--machine-seed", "5")
    assert len({plain[0], strong[0], other[0]}) == 3
    reads = [snapshot("fake_boston").record("measure", (q,)) for q in range(3)]
    p01, p10 = (sum(getattr(read, name) for read in reads) / 3 for name in ("p01", "p10"))
    for (_, found), flip in ((plain, 0), (strong, 0.1), (other, 0.1)):
        assert found == pytest.approx((1 - flip) * p01 + flip * (1 - p10), abs=0.004)
    assert share_of_ones(capsys, reset_circuit, *twin, "reset=0.1") == strong  # from the store


def test_what_a_twin_reports_is_the_devices_calibration(tmp_path, capsys):
    machine = open_machine("twin:Fake-Boston:full:7")
    assert machine.name == "twin:fake_boston:full:7"
    assert machine.snapshot.digest == snapshot("fake_boston").digest
    assert machine.executor_name == "twin"
    path = tmp_path / "snapshot.json"
    words = ["calibrate", "snapshot", "--backend", "twin:fake_boston", "--effects", "full"]
    assert invoke([*words, "--output", str(path)]) == 0
    assert json.loads(path.read_text())["backend"] == "fake_boston"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("twin:fake_boston", "--effects", "rset=0.1"), "no effect is called 'rset'"),
        (("twin:fake_boston", "--effects", "reset=7"), "from 0 to 0.5"),
        (("twin:fake_boston", "--effects", ""), "cz-angle"),
        (("twin:fake_boston", "--effects", "reset,reset"), "twice"),
        (("twin:fake_boston:mild", "--effects", "full"), "not in both"),
        (("twin:fake_boston:mild:3", "--machine-seed", "4"), "not in both"),
        (("fake_boston", "--effects", "mild"), "belong to a twin"),
        (("fake_boston", "--machine-seed", "4"), "belong to a twin"),
        (("twin:fake_bosto",), "did you mean fake_boston"),
        (("twin:ibm_boston",), "recorded device"),
        (("twin:fake_boston:mild:1:2",), "twin:DEVICE:EFFECTS:MACHINE"),
    ],
)
def test_what_is_no_twin_ends_in_one_line(arguments, said, capsys):
    assert invoke(["estimate", "dynamic-line", "--backend", *arguments]) == 2
    captured = capsys.readouterr()
    assert said in captured.err
    assert len(captured.err.strip().splitlines()) == 1
    assert not captured.out


def test_effects_are_listed(capsys):
    found = {one["name"]: one for one in document(capsys, "backends", "--effects")}
    assert len(found) == 13
    assert found["reset"]["full"] == 0.015
    assert found["reset"]["mild"] == 0.005


def test_a_study_of_one_twin_does_not_go_on_with_another(tmp_path):
    begun = first_day(open_machine("twin:fake_boston:mild"), tmp_path)
    assert first_day(open_machine("twin:fake_boston:mild"), tmp_path).snapshot == begun.snapshot
    with pytest.raises(UsageError, match="twin:fake_boston:full:0.*twin:fake_boston:mild:0"):
        first_day(open_machine("twin:fake_boston:full"), tmp_path)
