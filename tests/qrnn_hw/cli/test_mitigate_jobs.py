"""Stored jobs mitigated through the command, and each refusal in one line."""

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from qiskit import QuantumCircuit

from calibration.readout import readout_circuits
from jobs.spec import JobSpec, Pub, PubResult
from jobs.states import Done
from jobs.store import Store
from qrnn_hw.cli import invoke
from qrnn_hw.config import store_path

SHOTS = 4000
Z = {1: (0.5, -0.2), 3: (0.26, -0.1), 5: (0.1, -0.05)}  # <Z> of two bits at each scale factor
ERRORS = (0.02, 0.05)


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("QRNN_HW_HOME", str(tmp_path / "home"))


def stored(circuits, bits, name):
    spec = JobSpec(
        tuple(map(Pub.bound, circuits)), SHOTS, "aer", "fake_boston", options={"n": name}
    )
    moment = datetime.now(UTC).isoformat()
    with Store(store_path()) as store:
        store.put_spec(spec)
        store.put_raw(spec.key, [PubResult({"out": one[None]}) for one in bits], Done(moment))
    return spec.key


def drawn(ones, generator):
    """Return bits with exact numbers of ones, in random order. Shape: (SHOTS, n_bits)."""
    columns = [np.arange(SHOTS) < round(SHOTS * one) for one in ones]
    return np.array([generator.permutation(c) for c in columns]).T.astype(np.uint8)


def read(ones):
    p01, p10 = ERRORS
    return [one * (1 - p10) + (1 - one) * p01 for one in ones]


@pytest.fixture
def jobs():
    generator = np.random.default_rng(6)
    found = {}
    for factor, values in Z.items():
        circuit = QuantumCircuit(2, 2)
        circuit.measure([0, 1], [0, 1])
        ones = read([(1 - z) / 2 for z in values])
        found[factor] = stored([circuit], [drawn(ones, generator)], f"scale {factor}")
    calibration = [drawn(read([one, one]), generator) for one in (0, 1)]
    found["readout"] = stored(readout_circuits(2, [0, 1]), calibration, "readout")
    blind = [drawn([0.5, 0.5], generator)] * 2
    found["blind"] = stored(readout_circuits(2, [0, 1]), blind, "blind")
    return found


def document(capsys, *words):
    assert invoke(["mitigate", *words, "--json"]) == 0, capsys.readouterr().err
    return json.loads(capsys.readouterr().out)


def error(capsys, code, *words):
    assert invoke(["mitigate", *words]) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    (line,) = captured.err.splitlines()
    return line


def test_readout_and_noise_are_taken_out_of_stored_bits(capsys, jobs):
    keys = [jobs[factor][:12] for factor in (1, 3, 5)]
    plan = ["--plan", "richardson(1,3,5) + terminal", "--readout", jobs["readout"]]
    found = document(capsys, *keys, *plan)
    weights = np.array([15, -10, 3]) / 8  # of a parabola through 1, 3, 5
    for bit, one in enumerate(found["values"]):
        expected = weights @ [Z[factor][bit] for factor in (1, 3, 5)]
        assert one["mitigated"]["value"] == pytest.approx(expected, abs=2e-3)
        contrast = 1 - sum(ERRORS)
        raw = contrast * Z[1][bit] + ERRORS[1] - ERRORS[0]
        assert one["raw"]["value"] == pytest.approx(raw, abs=1e-3)
        scatter = np.sqrt(weights**2 @ [1 - Z[factor][bit] ** 2 for factor in (1, 3, 5)] / SHOTS)
        assert one["mitigated"]["standard_error"] == pytest.approx(scatter / contrast, rel=0.06)
    assert found["shots"] == {"plan": [SHOTS] * 3, "raw": SHOTS}
    fewer = document(capsys, *keys, *plan, "--shots", "1000")
    assert sum(fewer["shots"]["plan"]) == fewer["shots"]["raw"] == 1000
    assert fewer["values"][0]["mitigated"]["standard_error"] > 0.03


def test_the_table_names_the_plan(capsys, jobs):
    assert invoke(["mitigate", jobs[1], "--plan", "terminal", "--readout", jobs["readout"]]) == 0
    shown = capsys.readouterr().out
    assert "terminal with 4000 shots a row" in shown
    assert "0.5" in shown


def test_what_cannot_be_mitigated_is_one_line(capsys, jobs, monkeypatch):
    three = [jobs[1], jobs[3], jobs[5]]
    richardson = ["--plan", "richardson(1,3,5)"]
    terminal = ["--plan", "terminal", "--readout"]
    for code, words, message in (
        (2, [jobs[1], "--plan", "relabel"], "the branch that a misread bit chose has already run"),
        (2, [jobs[1], "--plan", "exp(1,3,5)"], "a stack such as"),
        (2, [*three[:2], *richardson], "one job for each scale factor (1, 3, 5). Got 2"),
        (2, [*three, *richardson, "--shots", "2"], "at least one for each circuit (3). Got 2"),
        (2, [*three, *richardson, "--shots", "4"], "2 shots or more"),
        (2, [*three, *richardson, "--shots", "100000"], "at most those stored"),
        (2, [jobs[1], "--plan", "terminal"], "should have a readout calibration"),
        (2, [jobs[1], *terminal, jobs[3]], "two circuits with the register out"),
        (3, [jobs[1], *terminal, jobs["blind"]], "1 - p01 - p10 should be above 0"),
        (3, ["feed" * 16], "fits 0 jobs"),
        (2, [jobs[1], "--register", "c"], "the register should be one of: out. Got c"),
        (2, [jobs[1], "--explain"], "should come with a finished run"),
        (2, [jobs[1], "--max-age", "nan"], "hours of at least 0. Got nan"),
        (2, ["--readout", jobs["readout"]], "should come with JOB arguments"),
        (2, ["--plan", "richardson(1,3,5)"], "needs circuits that it did not run"),
    ):
        assert message in error(capsys, code, *words)
    # A calibration of the day before yesterday.
    later = datetime.now(UTC) + timedelta(hours=48)
    monkeypatch.setattr("qrnn_hw.submission.stored_jobs.sent_last", lambda keys, store: later)
    line = error(capsys, 3, jobs[1], *terminal, jobs["readout"])
    assert "at most 24.0 h old. Got 48.0 h" in line
    earlier = datetime.now(UTC) - timedelta(hours=30)
    monkeypatch.setattr("qrnn_hw.submission.stored_jobs.sent_last", lambda keys, store: earlier)
    assert "Got 30.0 h" in error(capsys, 3, jobs[1], *terminal, jobs["readout"])
    assert document(capsys, jobs[1], *terminal, jobs["readout"], "--max-age", "72")


def test_help_says_what_each_option_does(capsys):
    assert invoke(["mitigate", "--help"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    for words in ("--plan", "--explain", "--json", "[JOB]", "nothing is run or sent"):
        assert words in shown
