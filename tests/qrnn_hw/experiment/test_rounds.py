"""Host rounds as stored jobs: on a recorded device, and at the loopback service over HTTP."""

import json
import sqlite3
from dataclasses import replace

import numpy as np
import pytest

import circuits
from calibration.library import snapshot
from jobs.aer.executor import AerExecutor
from jobs.executor import RemoteExecutor
from jobs.service.backoff import Backoff
from jobs.spec import JobSpec
from jobs.store.store import Store
from qrnn_hw.cli import invoke
from qrnn_hw.experiment.canary_rows import Canaries
from qrnn_hw.experiment.in_rounds import InRounds
from qrnn_hw.experiment.measure import Priced, Stored
from qrnn_hw.experiment.prepare import Prepared
from qrnn_hw.experiment.rounds import MeasuredRounds, as_rounds, compiler, pooled
from qrnn_hw.experiment.settings import RunSettings
from qrnn_hw.experiment.task import load_task
from qrnn_hw.networks.encoded import Encoded
from qrnn_hw.networks.expectation import exactly, run_rounds
from qrnn_hw.submission.machine import Machine, open_machine

QUICK = Backoff(first_seconds=0.02, ceiling_seconds=0.1, patience_seconds=20.0)
SHOTS = 4000


@pytest.fixture(autouse=True)
def quick(monkeypatch, tmp_path):
    monkeypatch.setenv("QRNN_HW_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("qrnn_hw.submission.following.POLLING", QUICK)


def draw(name, n_sequences, steps):
    rng = np.random.default_rng(0)
    model = circuits.architecture(name)
    x = rng.uniform(0, 1, (n_sequences, steps, model.n_features))
    return model, x, rng.uniform(-np.pi, np.pi, model.n_weights)


class NoiselessAer(AerExecutor):
    """Aer without noise that counts its jobs."""

    def __init__(self):
        super().__init__(None)
        self.specs = []

    def run(self, spec: JobSpec):
        self.specs.append(spec)
        return super().run(spec)


@pytest.fixture(scope="module")
def machine():
    """Return the first qubits of a recorded device: small enough for Aer without restriction."""
    whole = snapshot("fake_boston")
    return Machine("fake_boston", whole.restrict(tuple(range(8))), is_real=False)


class Drifting(NoiselessAer):
    """Aer without noise, whose bits are turned in the second half of each job."""

    def run(self, spec: JobSpec):
        found = super().run(spec)
        half = len(found) // 2
        late = [replace(one, registers={"out": 1 - one.registers["out"]}) for one in found[half:]]
        return (*found[:half], *late)


def test_repeated_rounds_spend_the_same_shots_and_tell_of_a_machine_that_changed(machine, tmp_path):
    model, x, w = draw("v1", 3, 2)
    expected = run_rounds(model, x, w, exactly)
    compiled = compiler(machine, seed=7)
    ratios = {}
    for executor in (NoiselessAer(), Drifting()):
        scatter = []
        with Store(tmp_path / f"{type(executor).__name__}.db") as store:
            measured = Stored(machine, executor=executor, store=store)
            ask = as_rounds(measured, shots=SHOTS, seed=5, repetitions=6, scatter=scatter.append)
            found = run_rounds(model, x, w, ask, compiled)
        ratios[type(executor)] = pooled(scatter)
        assert {len(spec.pubs) for spec in executor.specs} == {6}
        rows = executor.specs[0].pubs[0].n_rows
        assert executor.specs[0].shots * 6 * rows == pytest.approx(3 * SHOTS, rel=1e-2)
        if type(executor) is NoiselessAer:
            np.testing.assert_allclose(found.values, expected.values, atol=6 / np.sqrt(SHOTS))
    calm, changed = ratios[NoiselessAer], ratios[Drifting]
    assert calm is not None
    assert calm.n_repetitions == 6
    assert not calm.disagree
    assert changed is not None
    assert changed.disagree


def test_canaries_in_rounds_tell_what_a_machine_misses():
    """Outputs that are all 0.1 off, of which shots explain 0.02."""
    generator = np.random.default_rng(3)
    known = generator.uniform(-1, 1, 8)
    encoded = Encoded(np.zeros(1), np.zeros((8, 2, 1)), np.full(8, 2))
    canaries = Canaries(encoded, known, np.full((8, 1), 0.02))
    outputs = generator.uniform(-1, 1, (5, 1))
    (answer,) = MeasuredRounds(
        outputs + 0.1, 100.0, known[:, None] + 0.1, canaries
    ).answers.values()
    assert answer.miss is not None
    assert answer.miss.beyond_shots == pytest.approx(np.sqrt(0.01 - 0.0004))
    assert answer.noiseless is not None
    low, high = answer.noiseless.low, answer.noiseless.high
    assert ((low <= outputs[:, 0]) & (outputs[:, 0] <= high)).all()
    assert answer.machine.high - answer.machine.low == pytest.approx(2 * 1.96 * 0.02, rel=1e-3)
    beside = encoded.beside(Encoded(np.zeros(1), np.ones((2, 3, 1)), np.array([3, 1])))
    assert beside.features.shape == (10, 3, 1)
    assert beside.lengths.tolist() == [2] * 8 + [3, 1]


def test_rounds_on_aer_follow_the_exact_values_and_are_read_from_the_store(machine, tmp_path):
    model, x, w = draw("adapted", 3, 2)
    lengths = np.array([2, 1, 2])
    expected = run_rounds(model, x, w, exactly, lengths=lengths)
    compiled = compiler(machine, seed=7)
    planned = Priced(machine)
    run_rounds(model, x, w, as_rounds(planned, shots=SHOTS, seed=5), compiled, lengths)
    assert [spec.pubs[0].n_rows for spec in planned.specs] == [3, 2]
    assert planned.estimate.executions == 5 * SHOTS
    assert planned.estimate.best_seconds == pytest.approx(
        2 * 2.0 + planned.estimate.low_seconds
    )  # an overhead for each round
    executor = NoiselessAer()
    with Store(tmp_path / "jobs.db") as store:
        for _ in range(2):
            measured = Stored(machine, executor=executor, store=store)
            ask = as_rounds(measured, shots=SHOTS, seed=5)
            found = run_rounds(model, x, w, ask, compiled, lengths)
            np.testing.assert_allclose(found.values, expected.values, atol=6 / np.sqrt(SHOTS))
        assert len(executor.specs) == 2
        assert [store.raw(spec.key) is not None for spec in measured.specs] == [True, True]
        assert measured.roles == ["round 1", "round 2"]
        # A price with the store's answers is that of the jobs that are really sent.
        priced = Priced(machine, store=store)
        run_rounds(model, x, w, as_rounds(priced, shots=SHOTS, seed=5), compiled, lengths)
        assert [spec.key for spec in priced.specs] == [spec.key for spec in measured.specs]
    # The second round was given what the first one measured.
    h = dict(zip(executor.specs[1].pubs[0].circuit.parameters, range(99), strict=False))
    column = next(place for parameter, place in h.items() if parameter.name == "h")
    fed_back = executor.specs[1].pubs[0].parameters[:, column]
    np.testing.assert_allclose(fed_back, np.tanh(found.values[[0, 2], 0].sum(-1)))


class Stopped(BaseException):
    """Stands for a kill between two rounds."""


def test_a_run_that_is_cut_short_at_the_service_pays_no_round_twice(emulator, tmp_path):
    model, x, w = draw("adapted", 2, 2)
    real = open_machine("ibm_boston")
    compiled = compiler(real, seed=7)

    def attempt(stop_after):
        def after_round(done):
            if done == stop_after:
                raise Stopped

        executor = real.executor()
        assert isinstance(executor, RemoteExecutor)
        with Store(tmp_path / "jobs.db") as store:
            measured = Stored(real, executor=executor, store=store, after_job=after_round)
            return run_rounds(model, x, w, as_rounds(measured, shots=SHOTS, seed=0), compiled)

    with pytest.raises(Stopped):
        attempt(1)
    assert len(emulator.service.jobs) == 1
    found = attempt(None)
    assert len(emulator.service.jobs) == 2
    assert attempt(None).values.tolist() == found.values.tolist()
    assert len(emulator.service.jobs) == 2
    expected = run_rounds(model, x, w, exactly).values
    # The service's machine has noise; a missing or swapped value would be further off.
    assert np.abs(found.values - expected).max() < 0.12
    assert np.ptp(expected) > 0.3


@pytest.fixture
def sentences(tmp_path):
    """Write a small text of two classes."""
    good, bad = ("great", "excellent", "love", "nice"), ("terrible", "awful", "waste", "broken")
    rows = [
        (label, f"{words[i % 4]} {other[i // 4 % 3]} item")
        for label, words in (("1", good), ("0", bad))
        for i in range(24)
        for other in (("sound", "case", "price"),)
    ]
    path = tmp_path / "small.tsv"
    path.write_text("label\ttext\n" + "\n".join(f"{a}\t{b}" for a, b in rows) + "\n")
    return path


def test_a_network_scores_under_the_noise_of_the_machine_that_runs_it(machine, sentences):
    settings = RunSettings("adapted", data=sentences, training_noise="machine")
    task = load_task(settings.read(), 42)
    plain, noisy, echoed = (
        Prepared(task, InRounds.on(machine, replace(settings, **changed))).training
        for changed in ({"training_noise": "none"}, {}, {"decoupling": "xx"})
    )
    assert len({one.identity.digest for one in (plain, noisy, echoed)}) == 3
    inputs, lengths = plain.test[0].values[:2, :3], np.array([3, 2])
    assert plain.readers is None
    scores = [
        np.asarray(one.network.outputs(one.initial[0], inputs, lengths, reader))
        for one, reader in ((plain, None), (noisy, noisy.readers[0]))
    ]
    # Noise draws <Z> to 0, and the score to that of the head's bias, here 0.
    assert np.all(np.abs(scores[1]) < np.abs(scores[0]))
    np.testing.assert_allclose(scores[1], scores[0], atol=0.2)


@pytest.mark.slow
def test_training_under_noise_is_asked_for_and_is_another_run(sentences, tmp_path, capsys):
    command = ["run", "--model", "adapted", "--data", str(sentences), "--sentences", "3"]
    command += ["--shots", "50", "--epochs", "1", "--json", "--output", str(tmp_path / "run")]

    def document(*more):
        assert invoke([*command, *more]) == 0
        return json.loads(capsys.readouterr().out)

    noisy = document("--training-noise", "machine")
    assert len(noisy["training"]["calibrations"]) == 1
    assert set(noisy["accuracy"]) == {"ideal", "ideal_shots", "none", "noisy_exact"}
    assert invoke(command) == 3
    assert "checkpoint of the same run" in capsys.readouterr().err
    (tmp_path / "run" / "checkpoint.npz").unlink()
    ideal = document()
    assert ideal["training"]["calibrations"] == []
    assert set(ideal["accuracy"]) == {"ideal", "ideal_shots", "none"}
    assert ideal["training"]["history"] != noisy["training"]["history"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--model", "hybrid", "--training-noise", "machine"), "choose --option mode=sampled"),
        (("--training-noise", "some"), "one of machine, none. Got 'some'"),
        (
            ("--training-noise", "none", "--snapshots", "a.json"),
            "no calibrations to train under. Got 1",
        ),
    ],
)
def test_noise_that_cannot_be_trained_under_is_one_line(arguments, words, sentences, capsys):
    assert invoke(["run", "--data", str(sentences), *arguments]) == 2
    assert words in capsys.readouterr().err


@pytest.mark.slow
def test_the_command_runs_a_model_in_rounds_at_the_service(emulator, sentences, tmp_path, capsys):
    command = ["run", "--model", "v3a", "--data", sentences, "--backend", "ibm_boston"]
    command += ["--sentences", 3, "--shots", 50, "--epochs", 1, "--yes", "--json"]
    command += ["--output", tmp_path / "run"]
    assert invoke([*map(str, command)]) == 0
    captured = capsys.readouterr()
    document = json.loads(captured.out)
    assert document["mode"] == "expectation"
    assert document["rounds"] == len(document["jobs"]) == len(emulator.service.jobs) == 3
    assert "of QPU time" in captured.err
    assert set(document["accuracy"]) == {"ideal", "ideal_shots", "none"}
    assert document["accuracy"]["none"]["n"] == 3
    assert document["qpu_seconds"] > 3 * 2.0
    assert "The rounds" in (tmp_path / "run" / "report.html").read_text()
    # Again: the same numbers, and nothing is sent.
    assert invoke([*map(str, command)]) == 0
    assert json.loads(capsys.readouterr().out)["accuracy"] == document["accuracy"]
    assert len(emulator.service.jobs) == 3
    with sqlite3.connect(tmp_path / "home" / "jobs.sqlite3") as store:
        assert store.execute("select count(*) from jobs").fetchone()[0] == 3


@pytest.mark.slow
def test_a_finished_run_in_rounds_is_read_again_from_the_store(sentences, tmp_path, capsys):
    folder = tmp_path / "run"
    command = ["run", "--model", "adapted", "--data", str(sentences), "--sentences", "3"]
    command += ["--shots", "50", "--epochs", "1", "--json", "--output", str(folder)]
    assert invoke(command) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["roles"] == [f"round {n + 1}" for n in range(document["rounds"])]

    def mitigated(*more):
        code = invoke(["mitigate", "--run", str(folder), *more])
        captured = capsys.readouterr()
        return code, captured.out, captured.err.splitlines()[-1]

    code, out, _ = mitigated("--json", "--plan", "none")
    assert code == 0
    stacks = json.loads(out)["stacks"]
    assert set(stacks) == {"ideal", "none"}
    for name in stacks:
        assert stacks[name]["accuracy"] == document["accuracy"][name]
    # The shots of one circuit in one round are not those of a prediction.
    assert stacks["none"]["shots"] == round(document["shots_per_prediction"]) > 50
    code, out, _ = mitigated()
    assert (code, out.partition(" ")[0]) == (0, f"{stacks['none']['shots']:,}")
    for words, said in (
        (("--plan", "terminal"), "the only plan of a model in rounds is none"),
        (("--plan", "auto"), "the only plan of a model in rounds is none"),
        (("--explain",), "Got --explain"),
        (("--shots", "20"), "should be those that it stored (50)"),
    ):
        code, out, line = mitigated(*words)
        assert (code, out) == (2, "")
        assert said in line
    study = ["study", "shots", "--run", str(folder), "--output", str(tmp_path / "study")]
    assert invoke([*study, "--shots", "1,400", "--repeats", "20", "--json"]) == 0
    few, many = json.loads(capsys.readouterr().out)["points"]
    assert few["flip_rate"] > many["flip_rate"]
    assert (tmp_path / "study" / "report.html").is_file()
    assert invoke([*study, "--training-seeds", "2"]) == 2
    assert "leave them out" in capsys.readouterr().err
    path = folder / "result.json"
    path.write_text(json.dumps(document | {"jobs": document["jobs"][::-1]}))
    code, _, line = mitigated()
    assert code == 3
    assert "should have run the circuits of its trained model" in line
    path.write_text(json.dumps(document | {n: document[n][::-1] for n in ("jobs", "roles")}))
    assert mitigated()[0] == 0


def test_what_does_not_fit_rounds_is_said(sentences, tmp_path, capsys):
    command = ["run", "--data", str(sentences), "--output", str(tmp_path / "run")]
    for plan in ("terminal", "auto", "relabel"):
        assert invoke([*command, "--model", "v3a", "--plan", "none", "--plan", plan]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert "the only plan of a model in rounds is none" in line
        assert line.endswith("leave --plan out, or choose --option mode=sampled.")
    for more in (("--plan", "terminal"), ("--tiles", "2"), ("--margin", "0.1")):
        assert invoke([*command, "--model", "qlstm", *more]) == 2  # it has no other mode
        assert capsys.readouterr().err.endswith(" choose another model.\n")
    assert invoke([*command, "--model", "v3a", "--engine", "aer"]) == 2
    assert "and placed by level 3. Got --engine aer" in capsys.readouterr().err
    assert invoke([*command, "--model", "sim-v1", "--mode", "sampled"]) == 2
    assert "should be one of coherent. Got 'sampled'" in capsys.readouterr().err
    assert invoke([*command, "--model", "v5", "--backend", "fake_manila"]) == 2
    said = capsys.readouterr().err
    assert "v5 needs 8 qubits. Got fake_manila with 5; choose another backend" in said
    assert "training" not in said
    assert invoke([*command, "--model", "v1", "--option", "wiring"]) == 2
    assert "NAME=VALUE. Got 'wiring'" in capsys.readouterr().err
