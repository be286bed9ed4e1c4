import json
from dataclasses import replace
from datetime import datetime

import numpy as np
import pytest

from calibration.drift import changes, shifts
from calibration.files import read_snapshot, write_snapshot
from calibration.library import snapshot
from calibration.snapshot import InstructionRecord, QubitRecord, Snapshot
from jobs.service.backoff import Backoff
from qrnn_hw.cli import invoke


def device(t1=1e-4, error=0.01, backend="ibm_small"):
    return Snapshot(
        backend=backend,
        taken="2026-01-01T00:00:00+00:00",
        dt_seconds=4e-9,
        timing={"granularity": 1},
        qubits=(QubitRecord(t1, 1e-4), QubitRecord(2e-4, None)),
        instructions=(
            InstructionRecord("cz", (0, 1), 7e-8, error),
            InstructionRecord("measure", (0,), 2e-6, 0.02, 0.01, 0.03),
        ),
        control_flow=("if_else",),
        rep_delay_seconds=250e-6,
        rep_delay_range_seconds=(20e-6, 2e-3),
        physical=(7, 9),
    )


def test_changes_are_the_values_that_differ_largest_ratio_first():
    found = changes(device(), device(t1=2e-4, error=0.03))
    assert [(c.quantity, c.qubits, c.before, c.after) for c in found] == [
        ("cz error", (7, 9), 0.01, 0.03),
        ("t1 (s)", (7,), 1e-4, 2e-4),
    ]
    assert changes(device(), device()) == ()


def test_a_value_that_vanished_comes_first():
    assert changes(device(), device(t1=None, error=0.03))[0].quantity == "t1 (s)"


def test_medians_are_over_the_device():
    moved = {shift.quantity: shift for shift in shifts(device(), device(t1=4e-4))}
    assert moved["t1 (s)"].before == pytest.approx(1.5e-4)
    assert moved["t1 (s)"].after == pytest.approx(3e-4)
    assert (moved["t1 (s)"].n_values, moved["t1 (s)"].n_changed) == (2, 1)
    assert moved["t2 (s)"].n_changed == 0


def test_diff_prints_one_document(tmp_path, capsys):
    for name, own in (("a.json", device()), ("b.json", device(error=0.02))):
        write_snapshot(own, tmp_path / name)
    assert read_snapshot(tmp_path / "a.json") == device()
    assert invoke(["calibrate", "diff", str(tmp_path / "a.json"), str(tmp_path / "b.json")]) == 0
    assert "1 values changed" in capsys.readouterr().out
    arguments = ["calibrate", "diff", str(tmp_path / "a.json"), str(tmp_path / "b.json"), "--json"]
    assert invoke(arguments) == 0
    (change,) = json.loads(capsys.readouterr().out)["changes"]
    assert change == {"quantity": "cz error", "qubits": [7, 9], "before": 0.01, "after": 0.02}


def test_snapshots_that_cannot_be_compared_are_one_line(tmp_path, capsys):
    good, other, bad = (tmp_path / name for name in ("good.json", "other.json", "bad.json"))
    write_snapshot(device(), good)
    write_snapshot(replace(device(), backend="ibm_other"), other)
    bad.write_text("[1, 2]")
    for second, words in (
        (other, "Got ibm_small and ibm_other"),
        (bad, "JSON object"),
        (tmp_path / "missing.json", "missing.json"),
    ):
        assert invoke(["calibrate", "diff", str(good), str(second)]) == 3
        captured = capsys.readouterr()
        assert captured.out == ""
        assert words in captured.err
        assert captured.err.count("\n") == 1


def test_a_snapshot_of_a_real_machine_reads_back(emulator, tmp_path, capsys):
    path = tmp_path / "deep" / "now.json"
    assert invoke(["calibrate", "snapshot", "--backend", "ibm_boston", "--output", str(path)]) == 0
    assert capsys.readouterr().out.strip() == str(path)
    own = read_snapshot(path)
    assert (own.backend, own.n_qubits) == ("ibm_boston", 12)


def test_readout_errors_are_measured_with_their_standard_errors(
    emulator, tmp_path, capsys, monkeypatch
):
    monkeypatch.setenv("QRNN_HW_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("qrnn_hw.submission.following.POLLING", Backoff(0.05, 0.2, 10.0))
    words = ["calibrate", "readout", "--backend", "ibm_boston", "--qubits", "0,2-3", "--shots"]
    path = tmp_path / "readout.json"
    assert invoke([*words, "500", "--yes", "--json", "--output", str(path)]) == 0
    document = json.loads(capsys.readouterr().out)
    assert json.loads(path.read_text()) == document
    assert [one["qubit"] for one in document["qubits"]] == [0, 2, 3]
    # The loopback machine reads without error: 0 of 500, and an error that is not 0.
    assert [one["p01"] for one in document["qubits"]] == [0.0] * 3
    assert 0 < document["qubits"][0]["p10_standard_error"] < 0.005
    assert document["age_seconds"] < 60
    (sent,) = emulator.service.jobs.values()
    assert document["measured_at_kind"] == "finished"
    ended = datetime.fromisoformat(sent.finished)
    assert datetime.fromisoformat(document["measured_at"]) == ended
    assert invoke([*words, "500", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["measured_at"] == document["measured_at"]
    assert len(emulator.service.jobs) == 1
    assert invoke([*words, "500", "--yes", "--fresh"]) == 0
    assert "P(1 | 0)" in capsys.readouterr().out
    assert len(emulator.service.jobs) == 2


def test_readout_errors_of_a_recorded_device_are_those_of_its_snapshot(
    tmp_path, capsys, monkeypatch
):
    monkeypatch.setenv("QRNN_HW_HOME", str(tmp_path / "home"))
    words = [
        "calibrate",
        "readout",
        "--backend",
        "fake_boston",
        "--qubits",
        "5",
        "--shots",
        "20000",
    ]
    assert invoke([*words, "--shots", "20000", "--json"]) == 0
    (one,) = json.loads(capsys.readouterr().out)["qubits"]
    record = snapshot("fake_boston").record("measure", (5,))
    assert one["p01"] == pytest.approx(record.p01, abs=5 * one["p01_standard_error"])


def test_many_qubits_that_nothing_joins_are_read(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("QRNN_HW_HOME", str(tmp_path / "home"))
    words = ["calibrate", "readout", "--backend", "fake_boston", "--shots", "2000", "--json"]
    assert invoke([*words, "--qubits", "0-13"]) == 0
    for one in json.loads(capsys.readouterr().out)["qubits"]:
        record = snapshot("fake_boston").record("measure", (one["qubit"],))
        for name in ("p01", "p10"):
            deviation = 5 * one[f"{name}_standard_error"]
            # What is prepared in |1> decays a little before it is read.
            assert one[name] == pytest.approx(getattr(record, name), abs=deviation + 0.01)


def test_mid_circuit_readout_is_measured_apart(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("QRNN_HW_HOME", str(tmp_path / "home"))
    whole = snapshot("fake_boston")
    worst = max(range(156), key=lambda q: whole.record("measure_2", (q,)).error)
    words = ["calibrate", "readout", "--qubits", str(worst), "--shots", "4000"]
    found = {}
    for option, instruction in (((), "measure"), (("--mid-circuit",), "measure_2")):
        assert invoke([*words, "--backend", "fake_boston", "--json", *option]) == 0
        document = json.loads(capsys.readouterr().out)
        assert document["instruction"] == instruction
        (found[option],) = document["qubits"]
    one = found["--mid-circuit",]
    # Of measure_2 the device reports the mean of both errors alone.
    deviation = 5 * np.hypot(one["p01_standard_error"], one["p10_standard_error"]) / 2
    reported = whole.record("measure_2", (worst,)).error
    assert (one["p01"] + one["p10"]) / 2 == pytest.approx(reported, abs=deviation)
    assert one["p01"] != found[()]["p01"]
    assert invoke([*words, "--backend", "fake_torino", "--mid-circuit"]) == 2
    assert "fake_torino, where" in capsys.readouterr().err


@pytest.mark.parametrize("qubits", ["", "a", "1-", "-1", "1,,2"])
def test_a_list_of_qubits_that_is_none_is_one_line(capsys, qubits):
    assert invoke(["calibrate", "readout", "--backend", "fake_boston", f"--qubits={qubits}"]) == 2
    assert "0,3,5-7" in capsys.readouterr().err


@pytest.mark.parametrize("qubits", ["3-1", "0-99999999999"])
def test_a_range_of_qubits_goes_up_to_a_real_one(capsys, qubits):
    assert invoke(["calibrate", "readout", "--backend", "fake_boston", f"--qubits={qubits}"]) == 2
    assert qubits in capsys.readouterr().err
