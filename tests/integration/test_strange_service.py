"""What the commands say and do when the service is strange, over HTTP."""

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from emulator.faults import Fault
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister, qpy

from jobs.service.backoff import Backoff
from qrnn_hw.cli import invoke


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("QRNN_HW_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(
        "qrnn_hw.submission.following.POLLING", Backoff(0.02, 0.05, 1.0, doubt_seconds=0.2)
    )
    monkeypatch.setattr("jobs.service.giving_up.DOUBLE_CHECK", Backoff(0.02, 0.05, 0.2))
    monkeypatch.chdir(tmp_path)


def submit(name="c", *more):
    circuit = QuantumCircuit(QuantumRegister(12), ClassicalRegister(1, name))
    circuit.x(0)
    circuit.measure(0, 0)
    with Path(f"{name}.qpy").open("wb") as written:
        qpy.dump(circuit, written)
    return ["submit", f"{name}.qpy", "--backend", "ibm_boston", "--shots", "8", "--yes", *more]


def said(capsys, code, *words):
    """Run a command, and return its document, if it has one, and what it said on stderr."""
    assert invoke([*words]) == code, capsys.readouterr().err
    captured = capsys.readouterr()
    assert "Traceback" not in captured.err
    return captured.out, captured.err


def test_a_damaged_result_is_code_6_and_the_next_fetch_brings_it(emulator, capsys):
    said(capsys, 0, *submit())
    (sent,) = emulator.service.jobs
    emulator.faults = [Fault("damage", "GET", "/results$", damage="shots short", times=99)]
    out, err = said(capsys, 6, "jobs", "watch", sent)
    assert "running" in out or "submitted" in out
    assert "jobs fetch" in err
    assert "jobs.sqlite3.answers" in err
    emulator.faults = []
    assert "8" in said(capsys, 0, "jobs", "fetch", sent)[0]
    said(capsys, 0, *submit())
    assert len(emulator.service.jobs) == 1


def test_a_deleted_job_is_code_7_and_is_cleared_by_forget(emulator, capsys):
    emulator.service.settings.queue_seconds = 60.0
    said(capsys, 0, *submit())
    (sent,) = emulator.service.jobs
    emulator.service.jobs.clear()
    assert f"jobs forget {sent}" in said(capsys, 7, "jobs", "watch")[1]
    assert f"jobs forget {sent}" in said(capsys, 7, "jobs", "cancel", sent)[1]
    assert "cancelled" in said(capsys, 0, "jobs", "forget", sent)[0]
    said(capsys, 0, "jobs", "watch")
    emulator.service.settings.queue_seconds = 0.0
    said(capsys, 0, *submit("c", "--wait"))


def test_a_live_job_is_not_forgotten_unless_anyway(emulator, capsys):
    emulator.service.settings.queue_seconds = 60.0
    said(capsys, 0, *submit())
    (sent,) = emulator.service.jobs
    assert "Cancel it" in said(capsys, 10, "jobs", "forget", sent)[1]
    assert "cancelled" in said(capsys, 0, "jobs", "forget", sent, "--anyway")[0]
    emulator.service.settings.queue_seconds = 0.0


def test_an_unknown_status_is_code_10_in_its_own_words(emulator, capsys):
    settings = emulator.service.settings
    settings.queue_seconds, settings.live_status = 60.0, "Parked\x1b[31m"
    said(capsys, 0, *submit())
    out, err = said(capsys, 10, "jobs", "watch")
    assert "Parked" in err
    assert "\x1b" not in out + err
    settings.queue_seconds = 0.0


def test_a_machine_out_of_service_is_said_before_anything_is_sent(emulator, capsys):
    settings = emulator.service.settings
    settings.operational, settings.status_message = False, "maintenance"
    assert "out of service now (maintenance)" in said(capsys, 0, *submit())[1]
    settings.operational, settings.status_message = True, "internal"
    assert "out of service now (internal)" in said(capsys, 0, *submit("d"))[1]
    settings.status_message = "active"
    assert "out of service" not in said(capsys, 0, *submit("e"))[1]


@pytest.mark.parametrize("path", ["/identity/token$", "/resources/search$", "/api/v1/"])
@pytest.mark.parametrize("kind", ["page", "portal"])
def test_a_captive_portal_is_code_6(emulator, capsys, path, kind):
    emulator.faults = [
        Fault(kind, method, path, status=200, times=999) for method in ("GET", "POST")
    ]
    _, err = said(capsys, 6, "backends", "--remote")
    assert err.count("\n") == 1
    assert emulator.keys_shown == 0


def test_a_closed_instance_concludes_nothing(emulator, capsys, monkeypatch):
    emulator.service.settings.queue_seconds = 60.0
    emulator.faults = [Fault("drop after", "POST", "/jobs$")]
    emulator.faults += [Fault("status", "GET", "/jobs$", status=403, times=99)]
    assert invoke(submit()) == 5
    monkeypatch.setenv("QISKIT_IBM_INSTANCE", emulator.service.add_instance())
    (sent,) = emulator.service.jobs.values()
    key = json.loads(said_list(capsys))["jobs"][0]["key"]
    for words in (["cancel", key], ["adopt"], ["watch", key]):
        said(capsys, 5, "jobs", *words)
    assert invoke(submit()) == 5
    emulator.faults = []
    capsys.readouterr()
    assert "cancelled" in said(capsys, 0, "jobs", "cancel", key)[0]
    assert sent.state["status"] == "Cancelled"
    assert len(emulator.service.jobs) == 1
    emulator.service.settings.queue_seconds = 0.0


def said_list(capsys):
    capsys.readouterr()
    assert invoke(["jobs", "list", "--json"]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("name", ["file", "allow_pickle", "manifest"])
def test_a_register_of_any_plain_name_is_read_and_exported(emulator, capsys, name):
    said(capsys, 0, *submit(name, "--wait"))
    (sent,) = emulator.service.jobs
    assert name in said(capsys, 0, "jobs", "fetch", sent)[0]
    said(capsys, 0, "jobs", "export", sent, "--output", "all.zip")
    with zipfile.ZipFile("all.zip") as archive:
        bits = np.load(io.BytesIO(archive.read("bits/0.npz")))
    np.testing.assert_array_equal(bits[name], np.ones((1, 8, 1)))


@pytest.mark.parametrize("name", ["self", "keys", "shape", "values", "class", "if"])
def test_a_register_that_could_not_be_read_is_refused_before_anything_is_sent(
    emulator, capsys, name
):
    assert repr(name) in said(capsys, 4, *submit(name))[1]
    assert not emulator.service.jobs
