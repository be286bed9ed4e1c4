"""Stored jobs mitigated through the command, and each refusal in one line."""

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from qiskit import ClassicalRegister, QuantumCircuit
from qiskit_ibm_runtime.circuit import MidCircuitMeasure

from calibration.readout import readout_circuits
from jobs.spec import JobSpec, Pub, PubResult
from jobs.states import Done
from jobs.store.store import Store
from qrnn_hw.cli import invoke
from qrnn_hw.config import store_path
from qrnn_hw.mitigation.folding import fold

SHOTS = 4000
Z = {1: (0.5, -0.2), 3: (0.26, -0.1), 5: (0.1, -0.05)}  # <Z> of two bits at each scale factor
ERRORS = (0.02, 0.05)


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("QRNN_HW_HOME", str(tmp_path / "home"))


def stored(circuits, bits, name, backend="fake_boston"):
    spec = JobSpec(tuple(map(Pub.bound, circuits)), SHOTS, "aer", backend, options={"n": name})
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


def folded(factor, branch=False):
    """Return a circuit that reads the qubits 1 and 0 of three into bits 0 and 1 of `out`."""
    circuit = QuantumCircuit(3)
    out = ClassicalRegister(2, "out")
    circuit.add_register(out)
    circuit.cz(0, 1)
    circuit.measure(1, out[0])
    if branch:
        with circuit.if_test((out[0], 1)):
            circuit.measure(0, out[1])
    else:
        circuit.measure(0, out[1])
    return fold(circuit, factor)


@pytest.fixture
def jobs():
    generator = np.random.default_rng(6)
    found = {}
    for factor, values in Z.items():
        ones = read([(1 - z) / 2 for z in values])
        found[factor] = stored([folded(factor)], [drawn(ones, generator)], f"scale {factor}")
    calibration = [drawn(read([one, one]), generator) for one in (0, 1)]
    found["readout"] = stored(readout_circuits(3, [1, 0]), calibration, "readout")
    blind = [drawn([0.5, 0.5], generator)] * 2
    found["blind"] = stored(readout_circuits(3, [1, 0]), blind, "blind")
    few = [np.array([[1, 0]], np.uint8), np.array([[0, 1]], np.uint8)]
    found["few"] = stored(readout_circuits(3, [1, 0]), few, "few")
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
    assert "terminal with 4000 shots, raw with 4000 shots a row" in shown
    assert "0.5" in shown


def test_without_a_plan_each_value_is_printed_once(capsys, jobs):
    found = document(capsys, jobs[1])
    assert found["plan"] == "none"
    for words in ([], ["--plan", "none"]):
        assert invoke(["mitigate", jobs[1], *words]) == 0
        first, *table = capsys.readouterr().out.splitlines()
        assert first == "<Z> of the bits of out, from stored bits; raw with 4000 shots a row"
        for one in found["values"]:
            assert one["mitigated"] == one["raw"]
            number = f"{one['raw']['value']:.4f} +- {one['raw']['standard_error']:.4f}"
            assert " ".join(" ".join(table).split()).count(number) == 1
    assert invoke(["mitigate", jobs[1], jobs[3], "--plan", "linear(1,3)"]) == 0
    assert capsys.readouterr().out.count("+-") == 4


def test_what_cannot_be_mitigated_is_one_line(capsys, jobs):
    three = [jobs[1], jobs[3], jobs[5]]
    richardson = ["--plan", "richardson(1,3,5)"]
    terminal = ["--plan", "terminal", "--readout"]
    for code, words, message in (
        (2, [jobs[1], "--plan", "relabel"], "the branch that a misread bit chose has already run"),
        (2, [jobs[1], "--plan", "exp(1,3,5)"], "a stack such as"),
        (2, [*three[:2], *richardson], "one job for each scale factor (1, 3, 5). Got 2"),
        (2, [*three, *richardson, "--shots", "2"], "at least one for each circuit (3). Got 2"),
        (2, [*three, *richardson, "--shots", "4"], "2 shots or more"),
        (2, [*three, *richardson, "--shots", "11000"], "at most those stored"),
        (2, [*three, *richardson, "--shots", "9" * 30], "at most 10,000,000"),
        (2, [jobs[1], "--plan", "terminal"], "should have a readout calibration"),
        (2, [jobs[1], *terminal, jobs[3]], "two circuits with the register out"),
        (3, [jobs[1], *terminal, jobs["blind"]], "bit 0. Choose another qubit"),
        (3, [jobs[1], *terminal, jobs["few"]], "Got 1 of 1 and 1 of 1 read wrongly for bit 0"),
        (3, ["feed" * 16], "fits 0 jobs"),
        (2, [jobs[1], "--register", "c"], "the register should be one of: out. Got c"),
        (2, [jobs[1], "--explain"], "should come with a finished run"),
        (2, [jobs[1], "--max-age", "nan"], "--max-age should be a number. Got nan"),
        (2, [jobs[1], "--run", "runs/x"], "should not come with JOB arguments. Got runs/x"),
        (2, ["--readout", jobs["readout"]], "should come with JOB arguments"),
        (2, ["--plan", "zne"], "a stack such as"),
    ):
        assert message in error(capsys, code, *words)


def finished(key, hours):
    """Let the service say that a job, which is stored now, ran so many hours from now."""
    moment = (datetime.now(UTC) + timedelta(hours=hours)).isoformat()
    with Store(store_path()) as store:
        store.put_finished_at(key, moment)
    return moment


def test_the_age_of_a_readout_is_between_the_runs_not_between_the_storings(capsys, jobs):
    words = [jobs[1], jobs[3], "--plan", "linear(1,3) + terminal", "--readout", jobs["readout"]]
    found = document(capsys, *words)
    assert [one["kind"] for one in found["ran"]] == ["done", "done"]
    assert found["readout"]["distance_seconds"] < 60
    # Queued for two days: the readout is of the day before yesterday.
    moment = finished(jobs[1], 48)
    line = error(capsys, 3, *words)
    assert "at most 24.0 h old. Got 48.0 h" in line
    found = document(capsys, *words, "--max-age", "72")
    assert found["ran"][0] == {"at": moment, "kind": "finished"}
    assert found["readout"]["job"] == jobs["readout"]
    assert found["readout"]["kind"] == "done"
    assert found["readout"]["distance_seconds"] == pytest.approx(48 * 3600, abs=60)
    assert invoke(["mitigate", *words, "--max-age", "72"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[1].endswith("is 48.0 h from the farthest job, by the end of the run")
    # A readout after the bits is as stale, and one job of two is enough.
    finished(jobs[1], -30)
    assert "Got 30.0 h" in error(capsys, 3, *words)
    finished(jobs[3], 10)
    finished(jobs["readout"], 10)
    assert "Got 40.0 h" in error(capsys, 3, *words)
    # All of them ran in one hour, whenever they were stored.
    finished(jobs[1], 9.5)
    assert document(capsys, *words)["readout"]["distance_seconds"] < 3600


def test_jobs_that_are_not_one_circuit_folded_are_refused(capsys, jobs):
    linear = ["--plan", "linear(1,3)"]
    line = error(capsys, 2, jobs[1], jobs[1], *linear)
    assert "a job of its own. Got one job twice" in line
    line = error(capsys, 2, jobs[3], jobs[1], *linear)
    assert (
        f"folded by 1, 3, in this order. Got another one for the factor 3 (job {jobs[1][:12]})"
        in line
    )
    bits = drawn([0.5, 0.5], np.random.default_rng(1))
    elsewhere = stored([folded(3)], [bits], "elsewhere", "fake_torino")
    line = error(capsys, 2, jobs[1], elsewhere, *linear)
    assert "of one machine. Got fake_boston, fake_torino" in line


def one_qubit(angle=0.3, stretched=100):
    """Return a circuit without two-qubit gates, whose number they say nothing of."""
    circuit = QuantumCircuit(3, name="one")
    circuit.add_register(ClassicalRegister(1, "out"))
    circuit.sx(0)
    circuit.rz(angle, 0)
    circuit.delay(stretched, 0)
    circuit.sx(0)
    circuit.measure(0, 0)
    return circuit


def test_a_job_belongs_by_its_circuits_not_by_their_numbers_of_gates(capsys):
    bits = drawn([0.5], np.random.default_rng(4))
    plain = {factor: fold(one_qubit(), factor) for factor in (1, 3, 5, 7)}
    keys = {factor: stored([one], [bits], f"f{factor}") for factor, one in plain.items()}
    other = stored([fold(one_qubit(angle=0.4), 3)], [bits], "other angle")
    longer = stored([fold(one_qubit(stretched=104), 3)], [bits], "other delay")
    for names, plan, strangers in (
        ((3, 1), "linear(1,3)", [1]),
        ((1, 5), "linear(1,3)", [5]),
        ((1, 5, 3), "richardson(1,3,5)", [5, 3]),
        ((3, 7), "linear(3,5)", [7]),
        ((5, 3), "linear(5,3)", [3]),
    ):
        line = error(capsys, 2, *(keys[name] for name in names), "--plan", plan)
        assert "should be one circuit folded by" in line
        assert all(keys[name][:12] in line for name in strangers)
    for stranger in (other, longer):
        line = error(capsys, 2, keys[1], stranger, "--plan", "linear(1,3)")
        assert f"another one for the factor 3 (job {stranger[:12]})" in line
    for names, plan in (((1, 3), "linear(1,3)"), ((3, 5), "linear(3,5)"), ((3, 5), "linear(5,3)")):
        assert document(capsys, *(keys[name] for name in names), "--plan", plan)["values"]


def test_jobs_folded_in_another_way_belong_where_all_are(capsys):
    bits = drawn([0.5], np.random.default_rng(5))
    first = stored([one_qubit()], [bits], "first")
    still = [
        stored([fold(one_qubit(), factor, stretch_delays=False)], [bits], f"still {factor}")
        for factor in (3, 5)
    ]
    plan = ["--plan", "richardson(1,3,5)"]
    assert document(capsys, first, *still, *plan)["values"]
    stretched = stored([fold(one_qubit(), 5)], [bits], "stretched")
    assert "another one for" in error(capsys, 2, first, still[0], stretched, *plan)


def test_a_job_of_two_circuits_that_measures_no_readout_is_refused(capsys, jobs):
    generator = np.random.default_rng(7)
    bits = [drawn([0.03, 0.03], generator), drawn([0.97, 0.97], generator)]
    zeros, ones = readout_circuits(3, [1, 0])
    for circuits in ((ones, zeros), (zeros, zeros), (folded(1), folded(1))):
        key = stored(circuits, bits, "no readout")
        line = error(capsys, 2, jobs[1], "--plan", "terminal", "--readout", key)
        assert "all qubits in 0 and all in 1" in line


def test_a_readout_of_other_qubits_is_refused(capsys, jobs):
    generator = np.random.default_rng(2)
    rates = [0.02, 0.05, 0.1]
    flips = [drawn([abs(one - rate) for rate in rates], generator) for one in (0, 1)]
    terminal = ["--plan", "terminal", "--readout"]
    one, other = (
        stored(readout_circuits(3, qubits), [table[:, : len(qubits)] for table in flips], "other")
        for qubits in ([0, 2], [2, 0, 1])
    )
    line = error(capsys, 2, jobs[1], *terminal, one)
    assert "should have measured qubits 1, 0. Got 0, 2." in line
    assert "--backend fake_boston --qubits 0,1" in line
    # Qubits in another order, and more of them: each bit gets those of its own qubit.
    found = document(capsys, jobs[1], *terminal, other)["values"]
    for bit, rate in ((0, rates[2]), (1, rates[1])):
        expected = found[bit]["raw"]["value"] / (1 - 2 * rate)
        assert found[bit]["mitigated"]["value"] == pytest.approx(expected, rel=1e-12)
    elsewhere = stored(readout_circuits(3, [1, 0]), [f[:, :2] for f in flips], "x", "fake_torino")
    line = error(capsys, 2, jobs[1], *terminal, elsewhere)
    assert "of one machine. Got fake_boston, fake_torino" in line


def test_a_bit_that_a_branch_reads_is_known_by_its_qubit(capsys, jobs):
    bits = drawn([0.5, 0.5], np.random.default_rng(3))
    inside = stored([folded(1, branch=True)], [bits], "inside")
    assert document(capsys, inside, "--plan", "terminal", "--readout", jobs["readout"])
    kinds, within = folded(1), MidCircuitMeasure("measure_2")
    kinds.data[-1] = kinds.data[-1].replace(operation=within)
    mixed = stored([kinds], [bits], "mixed")
    line = error(capsys, 2, mixed, "--plan", "terminal", "--readout", jobs["readout"])
    assert "read by measure and measure_2; it cannot be corrected from one job" in line
    kinds.data[-2] = kinds.data[-2].replace(operation=within)
    other = stored([kinds], [bits], "measure_2")
    line = error(capsys, 2, other, "--plan", "terminal", "--readout", jobs["readout"])
    assert "should have measured qubits 1 by measure_2, 0 by measure_2. Got 1, 0." in line
    assert "--qubits 0,1 --mid-circuit` measures them" in line


def test_help_says_what_each_option_does(capsys):
    assert invoke(["mitigate", "--help"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    for words in ("--plan", "--explain", "--json", "[JOB]", "nothing is run or sent"):
        assert words in shown
