import json
from dataclasses import replace
from pathlib import Path

import pytest

from calibration.library import NOT_RECOMMENDED, snapshot
from circuits import architecture
from jobs.transpile.probe import Probe
from qrnn_hw.cli import invoke
from qrnn_hw.submission import machine
from qrnn_hw.submission.machine import Machine


@pytest.fixture
def no_account(monkeypatch, tmp_path):
    monkeypatch.delenv("QISKIT_IBM_TOKEN", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))


def test_recorded_devices_come_recommended_first_and_with_their_reasons(capsys, no_account):
    assert invoke(["backends", "--json"]) == 0
    records = json.loads(capsys.readouterr().out)
    assert records[0]["name"] == "fake_boston"
    recommended = [record["recommended"] for record in records]
    assert recommended == sorted(recommended, reverse=True)
    assert not any(record["is_real"] for record in records)
    by_name = {record["name"]: record for record in records}
    for name, reason in NOT_RECOMMENDED.items():
        assert by_name[name]["reason"] == reason
    assert by_name["fake_boston"]["n_qubits"] == 156
    assert by_name["fake_lima"]["reason"] == "its target has no if_else"


def test_the_table_names_every_device(capsys, no_account, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    assert invoke(["backends"]) == 0
    out = capsys.readouterr().out
    assert "fake_kingston" in out
    assert "no: its target has no if_else" in out


def test_real_machines_are_asked_for_only_when_wanted(capsys, emulator):
    assert invoke(["backends", "--json"]) == 0
    capsys.readouterr()
    assert emulator.log == []
    assert invoke(["backends", "--remote", "--json"]) == 0
    first = json.loads(capsys.readouterr().out)[0]
    assert (first["name"], first["n_qubits"], first["is_real"]) == ("ibm_boston", 12, True)


def test_a_name_that_nobody_has_is_a_usage_error_with_near_names(capsys, emulator):
    assert invoke(["preflight", "dynamic-line", "--backend", "ibm_bostan"]) == 2
    assert "did you mean ibm_boston?" in capsys.readouterr().err
    assert invoke(["preflight", "dynamic-line", "--backend", "fake_bostan"]) == 2
    assert "did you mean fake_boston" in capsys.readouterr().err


def test_show_describes_a_device_and_draws_where_a_model_lies(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    part = snapshot("fake_boston").restrict((11, 12, 13, 14, 15, 146))
    device = Machine("fake_boston", replace(part, physical=tuple(range(6))), is_real=False)
    monkeypatch.setattr(machine, "open_machine", lambda name: device)
    one = Probe.random(architecture("dynamic-line"), n=1, steps=1)
    monkeypatch.setattr(
        Probe, "random", classmethod(lambda cls, architecture, seed=0, lengths=None: one)
    )
    asked = ["backends", "show", "fake_boston", "--model"]
    assert invoke([*asked, "dynamic-line", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["n_qubits"], document["out"], document["n_pairs"]) == (6, [5], 4)
    placement = document["placement"]
    assert placement["n_placements"] == 4  # two stretches of the line, either way round
    errors = [found["error"] for found in placement["placements"]]
    assert placement["least_error"][5] is None
    assert min(placement["least_error"][:5]) == errors[0] == min(errors)
    page = Path(document["page"]).read_text()
    assert "<svg" in page
    assert "<script" not in page
    assert invoke([*asked, "v1"]) == 2
    assert "Got v1, which runs in rounds" in capsys.readouterr().err
