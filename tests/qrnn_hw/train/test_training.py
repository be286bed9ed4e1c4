"""Training learns, stops, and resumes to the very same numbers."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import circuits
from calibration.library import snapshot
from calibration.noise import DeviceNoise
from jobs.exact import sequence_model
from jobs.isa import transpile_step
from qrnn_hw.errors import ConfigurationError, UsageError
from qrnn_hw.networks.classifier import Examples, accuracy, initial_weights, scores
from qrnn_hw.train.aer import AerTrainer
from qrnn_hw.train.checkpoint import fingerprint, load, save
from qrnn_hw.train.exact import Epoch, TrainingState, start, stopped, train
from qrnn_hw.train.options import TrainingOptions

OPTIONS = TrainingOptions(epochs=4, batch_size=16, learning_rate=0.03, averaging=0.8, seed=3)


@pytest.fixture(scope="module")
def setup():
    network = circuits.architecture("dynamic-line")
    transpiled = transpile_step(network, snapshot("fake_boston"), seed=7)
    noise = DeviceNoise(transpiled.snapshot)
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(96, 4, 6))
    vectors /= np.linalg.norm(vectors, axis=-1, keepdims=True)
    lengths = rng.integers(1, 5, 96)
    mask = np.arange(4) < lengths[:, None]
    labels = ((vectors[:, :, 0] * mask).sum(1) > 0).astype(np.int64)
    examples = Examples(vectors * mask[:, :, None], lengths, labels)
    weights = initial_weights(network, rng.normal(size=(6, 4)) * 0.3, seed=1)
    parts = examples.take(np.arange(64)), examples.take(np.arange(64, 96))
    return transpiled, noise, sequence_model(transpiled, noise), parts, weights


def leaves(state: TrainingState):
    return jax.tree.leaves((state.weights, state.optimiser, state.average, state.best))


def test_training_under_noise_lowers_the_loss_and_learns(setup):
    _, _, model, (training, validation), weights = setup
    options = dataclasses.replace(OPTIONS, epochs=12)
    state = train(model, training, validation, options, start(weights, options))
    assert state.history[-1].training_loss < 0.8 * state.history[0].training_loss
    score = scores(model, state.best, jnp.asarray(training.vectors), jnp.asarray(training.lengths))
    assert accuracy(np.asarray(score), training.labels) > 0.85


def test_a_resumed_run_gives_the_numbers_of_an_uninterrupted_one(setup, tmp_path):
    _, _, model, (training, validation), weights = setup
    whole = train(model, training, validation, OPTIONS, start(weights, OPTIONS))
    path = tmp_path / "checkpoint.npz"

    class Interrupted(Exception):
        pass

    def stop_after_two(state):
        save(path, state, "run")
        if state.finished_epochs == 2:
            raise Interrupted

    with pytest.raises(Interrupted):
        train(model, training, validation, OPTIONS, start(weights, OPTIONS), stop_after_two)
    resumed = load(path, start(weights, OPTIONS), "run")
    assert resumed.finished_epochs == 2
    finished = train(model, training, validation, OPTIONS, resumed)
    assert finished.history == whole.history
    assert finished.best_epoch == whole.best_epoch
    for ours, theirs in zip(leaves(finished), leaves(whole), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.slow
def test_training_on_aer_resumes_to_the_same_numbers_too(setup, tmp_path):
    transpiled, noise, _, (training, validation), weights = setup
    trainer = AerTrainer(transpiled, (noise,), shots=20)
    options = TrainingOptions(epochs=2, batch_size=4, seed=5)
    few = training.take(np.arange(8)), validation.take(np.arange(6))
    whole = trainer.train(*few, options, start(weights, options))
    states = []
    trainer.train(
        *few, dataclasses.replace(options, epochs=1), start(weights, options), states.append
    )
    path = tmp_path / "checkpoint.npz"
    save(path, states[-1], "run")
    finished = trainer.train(*few, options, load(path, start(weights, options), "run"))
    assert finished.history == whole.history
    for ours, theirs in zip(leaves(finished), leaves(whole), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert np.abs(np.asarray(whole.weights.quantum - weights.quantum)).max() > 0


def test_measured_scores_follow_the_exact_ones(setup):
    transpiled, noise, model, (training, _), weights = setup
    few, shots = training.take(np.arange(6)), 4000
    measured = AerTrainer(transpiled, (noise,), shots).scores(weights, few, seed=1)
    exact = scores(model, weights, jnp.asarray(few.vectors), jnp.asarray(few.lengths))
    spread = 2 * float(jnp.abs(weights.decision).max()) / np.sqrt(shots)
    assert np.abs(measured - np.asarray(exact)).max() < 5 * spread


def test_without_shots_aer_gives_the_exact_scores_row_by_row(setup):
    transpiled, noise, model, (training, _), weights = setup
    few = training.take(np.arange(6))
    by_aer = AerTrainer(transpiled, (noise,), shots=0).scores(weights, few, seed=1)
    exact = scores(model, weights, jnp.asarray(few.vectors), jnp.asarray(few.lengths))
    np.testing.assert_allclose(by_aer, exact, atol=1e-11)


def test_early_stopping_waits_for_its_patience():
    options = TrainingOptions(patience=2)
    losses = [0.9, 0.7, 0.8, 0.75]
    history = tuple(Epoch(1.0, loss, 0.5) for loss in losses)
    none = TrainingState(None, None, None, None, 1, history[:3])
    assert not stopped(none, options)
    assert stopped(dataclasses.replace(none, history=history), options)


def test_a_diverging_loss_is_one_clear_error(setup):
    _, _, model, (training, validation), weights = setup
    broken = weights._replace(decision=weights.decision * np.nan)
    with pytest.raises(ConfigurationError, match="loss should stay finite. Got nan in epoch 1"):
        train(model, training, validation, OPTIONS, start(broken, OPTIONS))


def test_unusable_checkpoints_are_named_with_a_remedy(setup, tmp_path):
    weights = setup[-1]
    state, path = start(weights, OPTIONS), tmp_path / "checkpoint.npz"
    save(path, state, "another run")
    with pytest.raises(ConfigurationError, match="checkpoint of the same run.*--output"):
        load(path, state, "this run")
    poisoned = dataclasses.replace(
        state, weights=weights._replace(quantum=weights.quantum.at[0].set(np.inf))
    )
    save(path, poisoned, "run")
    with pytest.raises(ConfigurationError, match="finite. Got NaN or infinity; remove it"):
        load(path, state, "run")
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load(path, state, "run")
    path.write_bytes(b"")
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load(path, state, "run")


def test_fingerprints_depend_on_content_not_on_order():
    assert fingerprint({"a": 1, "b": 2}) == fingerprint({"b": 2, "a": 1})
    assert fingerprint({"a": 1}) != fingerprint({"a": 2})


@pytest.mark.parametrize(
    "wrong",
    [{"epochs": 0}, {"batch_size": 0}, {"learning_rate": 0.0}, {"averaging": 1.0}, {"patience": 0}],
)
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(UsageError, match=f"{next(iter(wrong))} should be"):
        TrainingOptions(**wrong)
