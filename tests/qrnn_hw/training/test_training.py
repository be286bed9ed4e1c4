"""Training learns, stops, and resumes to the very same numbers, whatever takes its steps."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import circuits
from calibration.library import snapshot
from calibration.noise import DeviceNoise
from circuits.definition import Architecture
from circuits.layers.cells import Entangle, Rotations
from circuits.layers.encoders import RotationEncoding
from jobs.transpile.isa import transpile_step
from jobs.transpile.lifted_step import sequence_model
from qrnn_hw.data.sequences import Sequences
from qrnn_hw.data.target import Classes, Numbers, score
from qrnn_hw.errors import ConfigurationError, UsageError
from qrnn_hw.networks.network import network_of
from qrnn_hw.networks.trained import TrainedNetwork
from qrnn_hw.training.adam import Adam
from qrnn_hw.training.checkpoint import Identity, load, save
from qrnn_hw.training.options import TrainingOptions
from qrnn_hw.training.spsa import SPSA, AerReadings
from qrnn_hw.training.trainer import start, stopped, train

OPTIONS = TrainingOptions(epochs=4, batch_size=16, learning_rate=0.03, averaging=0.8, seed=3)
RUN = Identity({"data": "some"})
TINY = Architecture(
    name="tiny",
    n_qubits=2,
    n_features=2,
    encoder=(RotationEncoding(((0, "y", 0, 1.0), (1, "y", 1, 1.0))),),
    cell=(Entangle(((0, 1),)), Rotations((0, 1), "y")),
    readout=(0, 1),
)


@pytest.fixture(scope="module")
def setup():
    architecture = circuits.architecture("dynamic-line")
    transpiled = transpile_step(architecture, snapshot("fake_boston"), seed=7)
    noise = DeviceNoise(transpiled.snapshot)
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(96, 4, 6))
    vectors /= np.linalg.norm(vectors, axis=-1, keepdims=True)
    lengths = rng.integers(1, 5, 96)
    mask = np.arange(4) < lengths[:, None]
    labels = ((vectors[:, :, 0] * mask).sum(1) > 0).astype(np.int64)
    examples = Sequences(vectors * mask[:, :, None], lengths, labels)
    network = network_of(architecture, 6)
    first = network.initial(1, rng.normal(size=(6, 4)) * 0.3)
    parts = examples.take(np.arange(64)), examples.take(np.arange(64, 96))
    return transpiled, noise, sequence_model(transpiled, noise), parts, network, first


def adam(setup, options=OPTIONS):
    *_, model, (training, validation), network, _ = setup
    readers = [model.distributions]
    return Adam(network, [training], [validation], options, [options.seed], readers=readers)


def begun(stepper, setup):
    return start(stepper, [setup[-1]])


def leaves(state):
    return jax.tree.leaves((state.parameters, state.optimiser, state.average, state.best))


def assert_same(ours, theirs):
    np.testing.assert_array_equal(ours.history, theirs.history)
    np.testing.assert_array_equal(ours.best_epoch, theirs.best_epoch)
    for one, other in zip(leaves(ours), leaves(theirs), strict=True):
        np.testing.assert_array_equal(one, other)


def test_training_under_noise_lowers_the_loss_and_learns(setup):
    *_, model, (training, _), network, _ = setup
    options = dataclasses.replace(OPTIONS, epochs=12)
    stepper = adam(setup, options)
    state = train(stepper, options, begun(stepper, setup))
    first, *_, last = state.epochs()
    assert last.training_loss < 0.8 * first.training_loss
    trained = TrainedNetwork(network, state.of())
    outputs = trained.outputs(training.values, training.lengths, model.distributions)
    assert score(network.target, outputs, training.targets) > 0.85


def test_a_resumed_run_gives_the_numbers_of_an_uninterrupted_one(setup, tmp_path):
    stepper, path = adam(setup), tmp_path / "checkpoint.npz"
    whole = train(stepper, OPTIONS, begun(stepper, setup))

    class Interrupted(Exception):
        pass

    def stop_after_two(state):
        save(path, state, RUN)
        if state.finished_epochs == 2:
            raise Interrupted

    with pytest.raises(Interrupted):
        train(stepper, OPTIONS, begun(stepper, setup), stop_after_two)
    resumed = load(path, begun(stepper, setup), RUN)
    assert resumed.finished_epochs == 2
    assert_same(train(stepper, OPTIONS, resumed), whole)


@pytest.mark.slow
def test_training_on_aer_resumes_to_the_same_numbers_too(setup, tmp_path):
    transpiled, noise, _, (training, validation), network, first = setup
    options = TrainingOptions(epochs=2, batch_size=4, seed=5)
    few = training.take(np.arange(8)), validation.take(np.arange(6))
    stepper = SPSA(network, AerReadings(transpiled, (noise,), shots=20), *few, options)
    states = []
    whole = train(stepper, options, begun(stepper, setup), states.append)
    path = tmp_path / "checkpoint.npz"
    save(path, states[0], RUN)
    assert_same(train(stepper, options, load(path, begun(stepper, setup), RUN)), whole)
    moved = {name: np.abs(whole.parameters[name][0] - first[name]).max() for name in first}
    assert moved.pop("projection") == 0
    assert min(moved.values()) > 0


@pytest.mark.parametrize("shots", [0, 4000])
def test_aer_gives_the_exact_readings_row_by_row_or_measures_them(setup, shots):
    transpiled, noise, model, (training, _), network, first = setup
    few, trained = training.take(np.arange(6)), TrainedNetwork(network, first)
    by_aer = AerReadings(transpiled, (noise,), shots).mean(trained.encoded(few), seed=1)
    exact = trained.scores(few.values, few.lengths, model.distributions)
    spread = 5 * 2 * np.abs(trained.decision).max() / np.sqrt(shots) if shots else 1e-11
    np.testing.assert_allclose(by_aer @ trained.decision, exact, atol=spread)


def test_early_stopping_waits_for_its_patience(setup):
    stepper = adam(setup)
    history = np.array([[[1.0, loss, 0.5]] for loss in (0.9, 0.7, 0.8, 0.75)])
    state = dataclasses.replace(begun(stepper, setup), best_epoch=np.array([1]))
    assert not stopped(dataclasses.replace(state, history=history[:3]), TrainingOptions(patience=2))
    waited = dataclasses.replace(state, history=history)
    assert stopped(waited, TrainingOptions(patience=2))
    assert not stopped(waited, TrainingOptions(patience=None))


def test_a_diverging_loss_is_one_clear_error(setup):
    stepper = adam(setup)
    broken = {**setup[-1], "head": setup[-1]["head"] * np.nan}
    with pytest.raises(ConfigurationError, match="loss should stay finite. Got nan in epoch 1"):
        train(stepper, OPTIONS, start(stepper, [broken]))


def test_unusable_checkpoints_are_named_with_a_remedy(setup, tmp_path):
    stepper, path = adam(setup), tmp_path / "checkpoint.npz"
    state = begun(stepper, setup)
    save(path, state, Identity({"data": "others", "circuit": "a"}))
    with pytest.raises(
        ConfigurationError, match=r"other circuit, data: put that back.*remove it.*--output"
    ):
        load(path, state, RUN)
    circuit = state.parameters["circuit"].at[0, 0].set(np.inf)
    save(path, dataclasses.replace(state, best={**state.best, "circuit": circuit}), RUN)
    with pytest.raises(ConfigurationError, match="finite. Got NaN or infinity; remove it"):
        load(path, state, RUN)
    other = start(stepper, [{**setup[-1], "head": jnp.zeros(3)}])
    save(path, other, RUN)
    with pytest.raises(ConfigurationError, match="this model's shapes. Got others; remove it"):
        load(path, state, RUN)
    for content in (path.read_bytes()[:100], b""):
        path.write_bytes(content)
        with pytest.raises(ConfigurationError, match="cannot be read"):
            load(path, state, RUN)


def test_an_identity_depends_on_content_not_on_order():
    assert Identity({"a": 1, "b": 2}).digest == Identity({"b": 2, "a": 1}).digest
    assert Identity({"a": 1}).digest != Identity({"a": 2}).digest
    assert Identity({"a": (1, 2), "b": 2}).differences({"a": [1, 2], "c": 0}) == ["b", "c"]


def toy(k):
    """Return rows whose label is the sign of their first number, for k seeds."""
    rng = np.random.default_rng(9)
    parts = []
    for inputs in rng.uniform(-1, 1, (k, 24, 2, 3)):
        labels = (inputs[:, 0, 0] > 0).astype(np.int64)
        parts.append(Sequences(inputs, np.full(24, 2), labels))
    return parts


@pytest.mark.slow
def test_seeds_trained_together_are_those_trained_alone_and_freezing_freezes():
    network = network_of(TINY, 3)
    options = TrainingOptions(3, batch_size=8, learning_rate=0.05, averaging=0.5, patience=5)
    rows, initial = toy(2), [network.initial(1), network.initial(2)]
    together = Adam(network, rows, rows, options, (1, 2))
    both = train(together, options, start(together, initial))
    single = Adam(network, rows[1:], rows[1:], options, (2,))
    alone = train(single, options, start(single, initial[1:]))
    for name, value in alone.of(0).items():
        np.testing.assert_allclose(both.of(1)[name], value, atol=1e-9)
    assert both.history[-1, :, 0].mean() < both.history[0, :, 0].mean()
    still = Adam(network, rows, rows, options, (1, 2), frozen=True)
    held = train(still, options, start(still, initial))
    np.testing.assert_array_equal(held.parameters["circuit"][0], initial[0]["circuit"])
    assert np.abs(held.parameters["projection"][0] - initial[0]["projection"]).max() > 1e-3


def test_several_seeds_that_are_interrupted_end_with_the_same_numbers(tmp_path):
    network, rows = network_of(TINY, 3), toy(2)
    options = TrainingOptions(3, batch_size=8, learning_rate=0.05, averaging=0.0, patience=1)
    stepper = Adam(network, rows, rows, options, (1, 2))
    fresh, seen = start(stepper, [network.initial(1), network.initial(2)]), []
    whole = train(stepper, options, fresh, seen.append)
    save(tmp_path / "a.npz", seen[0], RUN)
    resumed = load(tmp_path / "a.npz", fresh, RUN)
    assert resumed.finished_epochs == 1
    assert_same(train(stepper, options, resumed), whole)


@pytest.mark.parametrize("kind", ["classes", "numbers"])
def test_other_targets_train_and_are_validated_by_their_own_quality(kind):
    inputs = np.random.default_rng(4).uniform(-1, 1, (120, 2, 1))
    both = inputs[:, :, 0]
    if kind == "classes":
        target, wanted = Classes(("neither", "one", "both")), (both > 0).sum(axis=1)
    else:
        target, wanted = Numbers(("sum", "difference")), 0.5 * np.c_[both.sum(1), both @ [1, -1]]
    rows = Sequences(inputs, np.full(120, 2), wanted)
    parts = rows.take(np.arange(80)), rows.take(np.arange(80, 120))
    network = network_of(TINY, 1, target=target)
    assert network.initial(1)["head"].shape == (4, target.n_outputs)
    options = TrainingOptions(40, batch_size=16, learning_rate=0.05, averaging=0.8, patience=40)
    stepper = Adam(network, parts[:1], parts[1:], options, [0])
    state = train(stepper, options, start(stepper, [network.initial(1)]))
    trained = TrainedNetwork(network, state.of())
    outputs = trained.outputs(parts[1].values, parts[1].lengths)
    assert outputs.shape == (40, target.n_outputs)
    kept = state.epochs()[int(state.best_epoch[0])]
    held = score(target, outputs, parts[1].targets)
    assert kept.validation_accuracy == pytest.approx(held)
    assert held > 0.75
    with pytest.raises(UsageError, match=f"one output, of two classes. Got {target.n_outputs}"):
        trained.scores(parts[1].values, parts[1].lengths)


def test_rows_without_the_networks_targets_are_refused():
    (rows,), options = toy(1), TrainingOptions()
    with pytest.raises(UsageError, match=r"shape \(24, 1\). Got \(24,\)"):
        Adam(network_of(TINY, 3, target=Numbers(("x",))), [rows], None, options, (1,))
    bare = dataclasses.replace(rows, targets=None)
    with pytest.raises(UsageError, match=r"shape \(24,\). Got none"):
        SPSA(network_of(TINY, 3), None, bare, bare, options)


def test_without_validation_rows_the_last_epoch_is_kept():
    network, rows = network_of(TINY, 3), toy(1)
    options = TrainingOptions(2, batch_size=8, averaging=0.0, patience=None)
    stepper = Adam(network, rows, None, options, (1,))
    state = train(stepper, options, start(stepper, [network.initial(1)]))
    assert state.best_epoch.tolist() == [1]
    np.testing.assert_array_equal(state.best["circuit"], state.parameters["circuit"])
    np.testing.assert_array_equal(state.history[..., 0], state.history[..., 1])


@pytest.mark.parametrize(
    "wrong",
    [{"epochs": 0}, {"batch_size": 0}, {"learning_rate": 0.0}, {"averaging": 1.0}, {"patience": 0}],
)
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(UsageError, match=f"{next(iter(wrong))} should be"):
        TrainingOptions(**wrong)
