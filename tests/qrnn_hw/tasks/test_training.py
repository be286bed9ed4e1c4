"""Training of tasks, decoding, and the command."""

import json
import re
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qrnn_hw.cli import invoke
from qrnn_hw.errors import ConfigurationError
from qrnn_hw.tasks.catalogue import TASKS
from qrnn_hw.tasks.classical_cores import gru
from qrnn_hw.tasks.controlled_cores import CircuitSize, frozen, qrnn
from qrnn_hw.tasks.decoding import decode
from qrnn_hw.tasks.fit import FitOptions, fit, learning_rates
from qrnn_hw.tasks.fit_state import Checkpoint
from qrnn_hw.tasks.kept_parameters import load_parameters, save_parameters
from qrnn_hw.tasks.memory import within_memory
from qrnn_hw.tasks.task import pooled
from qrnn_hw.tasks.translation import bleu


def test_the_hybrid_learns_to_copy_and_its_parameters_are_kept(tmp_path):
    size = CircuitSize(n_qubits=4, n_hidden=16)
    settings = {"delay": 2, "n_copied": 1, "n_symbols": 3, "n_batches": 50}
    task = TASKS["copy"].make(None, settings)(lambda d: qrnn(d, size))
    fitted = fit(task, FitOptions(epochs=4, learning_rate=1e-2))
    assert fitted.test["recalled"] > 0.95  # chance is a third
    assert fitted.n_steps == 200
    assert len(fitted.curve) == 4
    path = tmp_path / "parameters.npz"
    save_parameters(path, fitted.parameters)
    again = load_parameters(path, jax.eval_shape(task.init, jax.random.key(0)))
    assert task.evaluate(again, "test") == fitted.test


def test_what_is_frozen_stays_and_the_head_learns():
    size = CircuitSize(n_qubits=2, n_hidden=4)
    task = TASKS["copy"].make(None, {"delay": 2, "n_copied": 1})(lambda d: frozen(d, size))
    before = task.init(jax.random.key(5))
    fitted = fit(task, FitOptions(seed=5, max_steps=3, evaluations=1))
    for name, value in before["core"].items():
        np.testing.assert_array_equal(fitted.parameters["core"][name], value)
    assert np.abs(fitted.parameters["head"]["w"] - before["head"]["w"]).max() > 1e-3


def test_the_rate_rises_for_a_twentieth_of_the_steps_and_falls_to_a_fiftieth():
    of_step = learning_rates(0.1, 200)
    found = [float(of_step(step)) for step in range(200)]
    np.testing.assert_allclose(found[:10], 0.01 * np.arange(1, 11), rtol=1e-5)
    assert np.argmax(found) in (9, 10)
    assert found[-1] == pytest.approx(0.002, rel=0.3)
    assert float(learning_rates(0.1, 1)(0)) == pytest.approx(0.1)


def test_angles_learn_at_a_rate_of_their_own():
    moved = {}
    for rate in (1.0, 0.25):
        size = CircuitSize(n_qubits=2, n_hidden=4, angle_rate=rate)
        task = TASKS["copy"].make(None, {"delay": 2, "n_copied": 1})(lambda d, s=size: qrnn(d, s))
        before = task.init(jax.random.key(5))["core"]
        fitted = fit(task, FitOptions(seed=5, max_steps=1, evaluations=1))
        moved[rate] = {name: fitted.parameters["core"][name] - before[name] for name in before}
    assert set(moved[1.0]) == {"in", "in_bias", "out", "out_bias"}
    for name, whole in moved[1.0].items():
        factor = 0.25 if name.startswith("out") else 1.0
        np.testing.assert_allclose(moved[0.25][name], factor * whole, rtol=2e-3, atol=1e-7)
        assert np.abs(whole).max() > 1e-3


def test_a_language_window_goes_on_from_the_state_of_the_one_before():
    task = TASKS["language"].make(None, {"n_steps": 5, "batch": 2})(lambda d: gru(d, 3))
    p = task.init(jax.random.key(0))
    windows = list(zip(task.epoch(np.random.default_rng(0)), range(2), strict=False))
    (first, _), (second, _) = windows
    np.testing.assert_array_equal(first[:, -1], second[:, 0])
    whole = np.concatenate([first, second[:, 1:]], axis=1)
    loss = jax.jit(task.loss)
    one, state = loss(p, first, None, task.state(p))
    two, _ = loss(p, second, None, state)
    together, _ = loss(p, whole, None, task.state(p))
    assert float(one + two) / 2 == pytest.approx(float(together), rel=1e-5)
    fresh = TASKS["language"].make(None, {"n_steps": 5, "batch": 2, "state": "fresh"})
    task = fresh(lambda d: gru(d, 3))
    _, state = jax.jit(task.loss)(p, first, None, task.state(p))
    alone, _ = loss(p, second, None, task.state(p))
    anew, _ = task.loss(p, second, None, state)
    assert float(anew) == pytest.approx(float(alone), rel=1e-6)
    assert abs(float(anew - two)) > 1e-4


def test_heads_take_the_last_or_the_mean_of_the_steps_that_count():
    z = jnp.arange(12.0).reshape(2, 3, 2)
    lengths = jnp.array([2, 3])
    np.testing.assert_allclose(pooled(z, lengths, "last"), [[2, 3], [10, 11]])
    np.testing.assert_allclose(pooled(z, lengths, "mean"), [[1, 2], [8, 9]])
    for head in ("last", "mean"):  # a sequence that has read nothing
        np.testing.assert_array_equal(pooled(z, jnp.array([0, 3]), head)[0], [0, 0])


def test_dropout_reaches_both_sides_of_a_translation():
    dropped = CircuitSize(n_qubits=2, n_hidden=4, dropout=0.5)
    task = TASKS["translation"].make(None, {"batch": 2, "longest": 3})(lambda d: qrnn(d, dropped))
    p = task.init(jax.random.key(0))
    batch, loss = next(task.epoch(np.random.default_rng(0))), jax.jit(task.loss)
    for side in ("encoder", "decoder"):  # the other one's angles do not depend on hidden units
        other = {"encoder": "decoder", "decoder": "encoder"}[side]
        still = p["core"] | {f"{other} out": 0 * p["core"][f"{other} out"]}
        losses = {
            float(loss({**p, "core": still}, batch, jax.random.key(seed), None)[0])
            for seed in range(4)
        }
        assert len(losses) > 1


def test_weights_that_are_no_numbers_are_no_result():
    """The last step gives them, after the last loss that is looked at."""
    size = CircuitSize(n_qubits=2, n_hidden=4)
    task = TASKS["copy"].make(None, {"delay": 2, "n_copied": 1})(lambda d: frozen(d, size))
    with pytest.raises(ConfigurationError, match="weights should stay finite.* after 1 batches"):
        fit(task, FitOptions(max_steps=1, learning_rate=float("nan")))


def test_what_does_not_fit_into_memory_is_said_before_it_starts(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr("qrnn_hw.tasks.memory.memory_bytes", lambda: 2**20)
    words = ["train", "--task", "copy", "--core", "gru", "-o", "batch=2000"]
    assert invoke([*words, "--output", str(tmp_path)]) == 3
    error = capsys.readouterr().err.replace("\n", " ")
    assert re.search(r"should fit into memory\. Got a batch that needs .* of the 0\.0 GiB", error)
    assert "use a smaller batch" in error
    with pytest.raises(ConfigurationError, match="that memory was refused for"), within_memory():
        np.empty(2**55)
    with pytest.raises(ConfigurationError, match="that memory was refused for"), within_memory():
        raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory")


def test_beams_find_the_likeliest_sentence_where_greed_does_not():
    """A first word of .6 leads to halves, one of .4 to certainty."""
    begin, end = 0, 1
    law = np.full((6, 6), 1e-9)
    law[0, [2, 3]] = 0.6, 0.4
    law[2, [4, 5]] = 0.5, 0.5
    law[3, 4] = law[4, end] = law[5, end] = 1.0
    log = jnp.log(jnp.asarray(law))

    def advance(state, words):
        return state + 1, log[words]

    marks = {"begin": begin, "end": end, "longest": 5}
    greedy = decode(advance, jnp.zeros(2), 2, **marks)
    beams = decode(advance, jnp.zeros(2), 2, n_beams=3, **marks)
    assert greedy.tolist() == [[2, 4, 1, 1, 1]] * 2
    assert beams.tolist() == [[3, 4, 1, 1, 1]] * 2


def test_bleu_has_an_interval_of_other_sentences():
    """The referee resamples the sentences itself and scores each draw with sacrebleu."""
    from sacrebleu import corpus_bleu

    rng = np.random.default_rng(3)
    wanted = [" ".join(rng.choice(list("abcdef"), 9)) for _ in range(60)]
    kept = rng.random((60, 9)) < 0.8
    found = [
        " ".join(np.where(keep, sentence.split(), "z"))
        for keep, sentence in zip(kept, wanted, strict=True)
    ]
    scored = bleu(found, tuple(wanted))
    draws = rng.integers(0, 60, (200, 60))
    scores = [
        corpus_bleu(
            [found[i] for i in draw],
            [[wanted[i] for i in draw]],
            tokenize="none",
            force=True,
        ).score
        for draw in draws
    ]
    low, high = np.quantile(scores, (0.025, 0.975))
    assert scored["bleu_half_width"] == pytest.approx((high - low) / 2, rel=0.25)
    assert bleu(["a b c d"], ("a b c d",))["bleu"] == pytest.approx(100)
    assert bleu(["a b c e"], ("a b c d",))["bleu"] < 100
    assert bleu(["z"], ("a b c d",)) == {"bleu": 0.0, "bleu_half_width": 0.0}


@pytest.mark.parametrize("task", ["mnist", "translation"])
def test_the_command_trains_a_task(task, tmp_path, capsys, monkeypatch):
    short = replace(TASKS[task].fit, max_steps=2, evaluations=1)
    monkeypatch.setitem(TASKS, task, replace(TASKS[task], fit=short))
    small = ["-o", "n_qubits=2", "-o", "n_hidden=2", "-o", "batch=9"]
    words = ["train", "--task", task, *small, "--output", str(tmp_path / "out"), "--json"]
    assert invoke(words) == 0
    document = json.loads(capsys.readouterr().out)
    assert document == json.loads((tmp_path / "out" / "result.json").read_text())
    (seed,) = document["seeds"]
    assert (seed["seed"], seed["steps"]) == (0, 2)
    assert 0 <= seed["test"][document["quality"]] <= 100
    assert (tmp_path / "out" / "parameters-0.npz").exists()
    assert document["settings"]["task"] == {"batch": 9}
    # Other seeds may join; the result of anything else is not written over.
    whole = (tmp_path / "out" / "result.json").read_bytes()
    for others in (["--core", "gru"], ["--epochs", "3"], ["-o", "n_layers=1"]):
        assert invoke([*words, "--seed", "5", *others]) == 3
        assert (tmp_path / "out" / "result.json").read_bytes() == whole
    (tmp_path / "out" / "result.json").write_text('{"schema_version": 7}')
    assert invoke(words) == 3
    assert "Got one with other task, core, settings, data" in capsys.readouterr().err
    (tmp_path / "out" / "result.json").unlink()
    assert invoke(words[:-1]) == 0
    table = capsys.readouterr().out
    assert ("±" in table) == (task == "translation")
    assert "half width" not in table


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ([], 2, "should be given a model, or --task. Got neither"),
        (["dynamic-line", "--core", "gru"], 2, "Got --core gru without --task"),
        (["hybrid", "--task", "copy"], 2, "Got the model hybrid"),
        (["--task", "copy", "--freeze", "--shots", "5"], 2, "Got --shots, --freeze"),
        (["--task", "copies"], 2, "should be one of copy, language, mnist"),
        (["--task", "copy", "--core", "grus"], 2, "the core should be one of"),
        (["--task", "copy", "--data", "x"], 2, "draws its data"),
        (["--task", "mnist", "--embeddings", "x"], 2, "trains its own"),
        (["--task", "mnist", "-o", "delay=3"], 2, "option of the task mnist should be one of"),
        (["--task", "mnist", "--data", "nowhere"], 3, "nowhere, where nothing is"),
        (["--task", "copy", "--test", "x", "--per-step"], 2, "Got --per-step, --test."),
        (["--task", "copy", "--core", "gru", "-o", "dropout=.5"], 2, "--core qrnn or frozen"),
        (["--task", "language", "--data", "nowhere"], 3, "nowhere"),
    ],
)
def test_what_is_no_task_ends_in_one_line(words, code, said, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert invoke(["train", *words]) == code
    error = capsys.readouterr().err
    assert said in error.replace("\n", " ")
    assert "Traceback" not in error
    assert not (tmp_path / "runs").exists() or code == 3


def test_an_interrupted_training_goes_on_to_the_numbers_of_a_whole_one(
    tmp_path, capsys, monkeypatch
):
    """Stopped in the middle of an epoch, with a state carried from window to window."""
    short = replace(TASKS["language"].fit, max_steps=8, evaluations=2)
    monkeypatch.setitem(TASKS, "language", replace(TASKS["language"], fit=short))
    monkeypatch.setattr("qrnn_hw.tasks.fit.SAVE_SECONDS", 0.0)
    text = tmp_path / "text.txt"
    text.write_text("".join(np.random.default_rng(0).choice(list("abcd"), 1200)))
    words = ["train", "--task", "language", "--data", str(text), "-o", "n_qubits=2"]
    words += ["-o", "n_hidden=2", "-o", "n_steps=10", "-o", "dropout=0.2", "--json"]

    def trained(folder, code=0, others=("-o", "batch=20")):
        assert invoke([*words, "--output", str(tmp_path / folder), *others]) == code
        said = capsys.readouterr()
        return said.err if code else json.loads(said.out)

    (whole,) = trained("whole")["seeds"]
    save, saved = Checkpoint.save, []

    def then_stopped(checkpoint, state):
        save(checkpoint, state)
        saved.append(state.done)
        if state.done in (3, 7):  # of 5 batches an epoch
            raise KeyboardInterrupt

    monkeypatch.setattr(Checkpoint, "save", then_stopped)
    for _ in range(2):
        assert "run the same command again to go on" in trained("cut", 130)
    (again,) = trained("cut")["seeds"]
    assert saved == list(range(1, 9))
    assert (again["curve"], again["test"]) == (whole["curve"], whole["test"])
    assert trained("cut")["seeds"] == [again]
    assert len(saved) == 8  # nothing is trained twice
    for others in (["--core", "frozen", "-o", "batch=20"], ["-o", "batch=10"]):
        assert "of the same run. Got one with other" in trained("cut", 3, others)
    text.write_text(text.read_text()[::-1])
    assert "Got one with other data" in trained("cut", 3)
