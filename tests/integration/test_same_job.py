"""What "the same job" is: through recalibrations, lost answers and used-up plans, over HTTP."""

import copy
import json

import numpy as np
import pytest
from emulator.faults import Fault
from qiskit import QuantumCircuit, qpy

from jobs.digest import former_digest
from jobs.service.backoff import Backoff
from qrnn_hw.cli import invoke
from qrnn_hw.submission.consent import Consent

QUICK = Backoff(0.05, 0.2, 10.0, listing_seconds=0.4)
IMPATIENT = Backoff(0.02, 0.05, 0.1)
POLLING = "qrnn_hw.submission.following.POLLING"


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("QRNN_HW_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(POLLING, QUICK)


def recalibrate(emulator, seed):
    """Let the machine be calibrated anew: every qubit and gate is another, and so is the layout."""
    generator = np.random.default_rng(seed)
    configuration, properties = emulator.service.backends["ibm_boston"]
    properties = json.loads(json.dumps(properties))
    properties["last_update_date"] = f"2030-01-{seed + 1:02d}T00:00:00+00:00"
    values = [one for qubit in properties["qubits"] for one in qubit]
    values += [one for gate in properties["gates"] for one in gate["parameters"]]
    for value in values:
        if value["name"] in ("T1", "T2", "gate_error", "readout_error"):
            value["value"] = min(value["value"] * generator.uniform(0.2, 2.0), 400.0)
    emulator.service.backends["ibm_boston"] = (configuration, properties)


def command(capsys, words, code=0):
    """Run a command and return its JSON document, if it has one, and what it said on stderr."""
    assert invoke([*map(str, words), "--json"]) == code, capsys.readouterr().err
    captured = capsys.readouterr()
    assert "Traceback" not in captured.err
    return json.loads(captured.out) if captured.out else None, captured.err


MODEL = ["submit", "dynamic-line", "--backend", "ibm_boston", "--steps", 1, "--shots", 20]
ROUNDS = ["submit", "v1", "--option", "mode=expectation", "--backend", "ibm_boston", "--steps", 2]
READOUT = ["calibrate", "readout", "--backend", "ibm_boston", "--qubits", "0-2", "--shots", 30]


def file(folder):
    circuit = QuantumCircuit(12, 1)
    circuit.x(3)
    circuit.measure(3, 0)
    with (folder / "one.qpy").open("wb") as written:
        qpy.dump(circuit, written)
    return ["submit", folder / "one.qpy", "--backend", "ibm_boston", "--shots", 25]


def commands(folder):
    return {
        "model": [*MODEL, "--wait"],
        "folded": [*MODEL, "--wait", "--fold", "1,3"],
        "rounds": [*ROUNDS, "--wait", "--shots", 20],
        "file": [*file(folder), "--wait"],
        "readout": READOUT,
    }


def branching(folder):
    """Return the command for a circuit whose branch older versions knew by its list of qubits."""
    circuit = QuantumCircuit(12, 2)
    circuit.measure(3, 0)
    with circuit.if_test((circuit.clbits[0], 1)):
        circuit.x(5)
        circuit.x(4)
    circuit.measure(4, 1)
    place = next(i for i, one in enumerate(circuit.data) if one.name == "if_else")
    branch = circuit.data[place]
    block = branch.operation.blocks[0]
    relisted = QuantumCircuit([*reversed(block.qubits)], block.clbits)
    relisted.data = list(block.data)
    circuit.data[place] = branch.replace(
        operation=branch.operation.replace_blocks([relisted]), qubits=[*reversed(branch.qubits)]
    )
    with (folder / "branching.qpy").open("wb") as written:
        qpy.dump(circuit, written)
    return ["submit", folder / "branching.qpy", "--backend", "ibm_boston", "--shots", 25, "--wait"]


def n_jobs(emulator):
    return len(emulator.service.jobs)


@pytest.mark.parametrize("kind", ["model", "folded", "rounds", "file", "readout"])
def test_a_recalibration_after_a_lost_answer_makes_no_second_job(
    emulator, capsys, tmp_path, monkeypatch, kind
):
    words = [*commands(tmp_path)[kind], "--yes"]
    monkeypatch.setattr(POLLING, IMPATIENT)
    emulator.faults = [
        Fault("drop after", "POST", "/jobs$"),
        Fault("drop", "GET", "/jobs$", times=1000),
    ]
    command(capsys, words, code=6)
    assert n_jobs(emulator) == 1
    emulator.faults = []
    recalibrate(emulator, 1)
    monkeypatch.setattr(POLLING, QUICK)
    command(capsys, words)
    sent = n_jobs(emulator)
    assert sent == {"folded": 2, "rounds": 2}.get(kind, 1)
    # The next day after success, and the day after that; nothing is asked either.
    for day in (2, 3):
        recalibrate(emulator, day)
        _, said = command(capsys, commands(tmp_path)[kind])
        assert "QPU" not in said
    assert n_jobs(emulator) == sent


@pytest.mark.parametrize("kind", ["model", "readout", "file"])
def test_another_job_is_asked_for_by_name_and_that_too_is_sent_once(
    emulator, capsys, tmp_path, monkeypatch, kind
):
    words = commands(tmp_path)[kind]
    command(capsys, [*words, "--yes", "--fresh"])  # the first is fresh in any case
    assert n_jobs(emulator) == 1
    recalibrate(emulator, 1)
    monkeypatch.setattr(POLLING, IMPATIENT)
    emulator.faults = [
        Fault("drop after", "POST", "/jobs$"),
        Fault("drop", "GET", "/jobs$", times=1000),
    ]
    command(capsys, [*words, "--yes", "--fresh"], code=6)
    emulator.faults = []
    assert n_jobs(emulator) == 2
    recalibrate(emulator, 2)
    monkeypatch.setattr(POLLING, QUICK)
    again, said = command(capsys, [*words, "--fresh"])
    assert n_jobs(emulator) == 2
    assert "QPU" not in said
    # Without the word the last one is meant.
    last, _ = command(capsys, words)
    if kind == "readout":
        assert last["job"] == again["job"]
    else:
        assert last["jobs"] == again["jobs"]
    command(capsys, [*words, "--yes", "--fresh"])
    assert n_jobs(emulator) == 3


def test_other_shots_rows_steps_seeds_and_folds_are_other_jobs(emulator, capsys):
    base = [*MODEL, "--yes", "--wait"]
    variants = [[], ["--rows", 2], ["--seed", 3], ["--steps", 2]]
    keys = {command(capsys, [*base, *more])[0]["jobs"][0]["key"] for more in variants}
    assert len(keys) == n_jobs(emulator) == len(variants)
    folded, _ = command(capsys, [*base, "--fold", "1,3"])
    assert folded["jobs"][0]["key"] in keys
    assert n_jobs(emulator) == len(variants) + 1


@pytest.mark.parametrize("kind", ["model", "folded", "rounds", "file", "readout"])
def test_a_used_up_plan_refuses_nothing_that_is_in_the_store(emulator, capsys, tmp_path, kind):
    words = commands(tmp_path)[kind]
    first, _ = command(capsys, [*words, "--yes"])
    sent = n_jobs(emulator)
    emulator.service.settings.usage_consumed_seconds = 600.0
    recalibrate(emulator, 1)
    again, _ = command(capsys, words)
    assert again.get("jobs") == first.get("jobs")
    assert n_jobs(emulator) == sent
    _, said = command(capsys, [*words, "--shots", 77, "--yes"], code=4)
    assert "plan-exhausted" in said


def test_a_plan_that_the_lost_job_used_up_does_not_hide_it(emulator, capsys, monkeypatch):
    monkeypatch.setattr(POLLING, IMPATIENT)
    emulator.faults = [
        Fault("drop after", "POST", "/jobs$"),
        Fault("drop", "GET", "/jobs$", times=1000),
    ]
    command(capsys, [*MODEL, "--yes"], code=6)
    emulator.faults = []
    monkeypatch.setattr(POLLING, QUICK)
    emulator.service.settings.usage_consumed_seconds = 600.0
    document, _ = command(capsys, [*MODEL, "--wait"])
    assert document["jobs"][0]["state"] == "done"
    assert n_jobs(emulator) == 1


def test_a_qubit_that_is_faulty_today_refuses_nothing_that_ran_before(emulator, capsys, tmp_path):
    words = file(tmp_path)
    command(capsys, [*words, "--yes", "--wait"])
    _, properties = emulator.service.backends["ibm_boston"]
    fault = {"name": "operational", "value": 0, "unit": "", "date": "2030-01-01T00:00:00+00:00"}
    properties["qubits"][3].append(fault)
    command(capsys, words)
    _, said = command(capsys, [*words, "--shots", 11, "--yes"], code=4)
    assert "on qubits [3]" in said
    assert n_jobs(emulator) == 1


def broken_gate(properties):
    (gate,) = [g for g in properties["gates"] if g["gate"] == "x" and g["qubits"] == [3]]
    gate["parameters"].append({"name": "operational", "value": 0, "unit": "", "date": LATER})


def broken_qubit(properties):
    properties["qubits"][3].append({"name": "operational", "value": 0, "unit": "", "date": LATER})


LATER = "2030-01-01T00:00:00+00:00"


@pytest.mark.parametrize(
    ("breaks", "what"), [(broken_qubit, "qubit 3"), (broken_gate, "Got x on 3")]
)
def test_what_breaks_between_price_and_sending_is_not_paid_for(
    emulator, capsys, tmp_path, monkeypatch, breaks, what
):
    """As during a training, or while a round waits in the queue."""
    words, ask = [*file(tmp_path), "--yes"], Consent.ask
    sound = copy.deepcopy(emulator.service.backends["ibm_boston"][1])

    def breaking(self, jobs, store):
        agreed = ask(self, jobs, store)
        breaks(emulator.service.backends["ibm_boston"][1])
        return agreed

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(Consent, "ask", breaking)
        _, said = command(capsys, words, code=4)
    assert "not operational" in said
    assert what in said
    assert n_jobs(emulator) == 0
    configuration = emulator.service.backends["ibm_boston"][0]
    emulator.service.backends["ibm_boston"] = configuration, sound
    command(capsys, [*words, "--wait"])
    assert n_jobs(emulator) == 1


def test_a_listing_that_lags_is_waited_for_before_anything_is_sent(emulator, capsys, monkeypatch):
    monkeypatch.setattr(POLLING, Backoff(0.05, 0.2, 20.0, listing_seconds=3.0))
    emulator.service.settings.listing_lag_seconds = 1.5
    emulator.faults = [Fault("drop after", "POST", "/jobs$")]
    document, _ = command(capsys, [*MODEL, "--yes", "--wait"])
    assert document["jobs"][0]["state"] == "done"
    assert n_jobs(emulator) == 1


def test_a_listing_that_lags_is_waited_for_by_the_next_process_too(emulator, capsys, monkeypatch):
    monkeypatch.setattr(POLLING, IMPATIENT)
    emulator.service.settings.listing_lag_seconds = 2.5
    emulator.faults = [Fault("drop after", "POST", "/jobs$")]
    command(capsys, [*MODEL, "--yes"], code=6)
    monkeypatch.setattr(POLLING, Backoff(0.05, 0.2, 20.0, listing_seconds=5.0))
    document, _ = command(capsys, [*MODEL, "--yes", "--wait"])
    assert document["jobs"][0]["state"] == "done"
    assert n_jobs(emulator) == 1


@pytest.mark.parametrize("word", ["watch", "adopt", "cancel"])
def test_a_lagging_list_is_no_proof_that_nothing_was_sent(emulator, capsys, monkeypatch, word):
    monkeypatch.setattr(POLLING, IMPATIENT)
    emulator.service.settings.listing_lag_seconds = 2.0
    emulator.service.settings.queue_seconds = 120 if word == "cancel" else 0
    emulator.faults = [Fault("drop after", "POST", "/jobs$")]
    command(capsys, [*MODEL, "--yes"], code=6)
    monkeypatch.setattr(POLLING, Backoff(0.05, 0.2, 20.0, listing_seconds=5.0))
    keys = [one["key"] for one in command(capsys, ["jobs", "list"])[0]["jobs"]]
    command(capsys, ["jobs", word, *keys])
    (sent,) = emulator.service.jobs.values()
    if word == "cancel":
        assert sent.state["status"] == "Cancelled"
        emulator.service.settings.queue_seconds = 0
    found, _ = command(capsys, ["jobs", "show", keys[0]])
    assert found["id"] == sent.id


def test_a_used_up_instance_is_said_at_once_as_over_budget(emulator, capsys, monkeypatch):
    """Between the question for the plan and the POST another user of it used the rest."""
    monkeypatch.setattr(POLLING, Backoff(0.05, 0.2, 60.0))
    settings, answer = emulator.service.settings, emulator.service.answer

    def late(method, path, *rest):
        settings.usage_consumed_seconds = 0.0 if path.endswith("/usage") else 600.0
        return answer(method, path, *rest)

    monkeypatch.setattr(emulator.service, "answer", late)
    _, said = command(capsys, [*MODEL, "--yes"], code=8)
    assert "Usage exceeds instance limit" in said
    posts = [one for one in emulator.log if one[0] == "POST" and one[1].endswith("/jobs")]
    assert len(posts) == 1
    monkeypatch.setattr(emulator.service, "answer", answer)
    settings.usage_consumed_seconds = 0.0
    command(capsys, [*MODEL, "--yes", "--wait"])
    assert n_jobs(emulator) == 1


def test_a_job_that_an_older_version_knew_by_another_digest_is_that_job(
    emulator, capsys, tmp_path, monkeypatch
):
    words = branching(tmp_path)
    with monkeypatch.context() as older:
        older.setattr("jobs.spec.circuit_digest", former_digest)
        first, _ = command(capsys, [*words, "--yes"])
        repeated, _ = command(capsys, [*words, "--yes", "--fresh"])
    keys = [one["jobs"][0]["key"] for one in (first, repeated)]
    assert n_jobs(emulator) == len(set(keys)) == 2
    # Without consent: nothing is asked, since nothing is sent.
    again, said = command(capsys, words)
    assert "QPU" not in said
    assert again["jobs"][0]["key"] == keys[1]  # the last one asked for
    assert n_jobs(emulator) == 2
    third, _ = command(capsys, [*words, "--yes", "--fresh"])
    assert n_jobs(emulator) == 3
    assert third["jobs"][0]["key"] not in keys
    later, _ = command(capsys, words)
    assert later["jobs"][0]["key"] == third["jobs"][0]["key"]
    assert n_jobs(emulator) == 3
