"""A head that reads the bits of every step: exact, from shots, from jobs; any length."""

from types import SimpleNamespace

import jax.numpy as jnp
import numpy as np
import pytest

import circuits
from calibration.library import snapshot
from calibration.noise import DeviceNoise
from circuits.exact.logical import logical_model
from circuits.exact.step_laws import step_laws
from jobs.aer.executor import AerExecutor
from jobs.spec import JobSpec
from jobs.transpile.isa import transpile_step
from jobs.transpile.lifted_step import sequence_model
from qrnn_hw.data.sequences import Sequences
from qrnn_hw.data.target import Classes, Numbers, score
from qrnn_hw.errors import DataError, UsageError
from qrnn_hw.networks.finite_shots import sampled_outputs
from qrnn_hw.networks.identity import network_content
from qrnn_hw.networks.network import network_of
from qrnn_hw.networks.recorded import drawn, estimated, from_results
from qrnn_hw.networks.step_readings import StepReadings, products_of, signs
from qrnn_hw.networks.trained import TrainedNetwork
from qrnn_hw.predict import sentence_pubs
from qrnn_hw.training.adam import Adam
from qrnn_hw.training.options import TrainingOptions
from qrnn_hw.training.ridge import fit_head
from qrnn_hw.training.spsa import SPSA
from qrnn_hw.training.trainer import start, train

LINE = circuits.architecture("dynamic-line")


def rows(n, lengths, n_inputs=2, seed=1):
    values = np.random.default_rng(seed).uniform(-1, 1, (n, max(lengths), n_inputs))
    ends = np.resize(lengths, n)
    return Sequences(values * (np.arange(max(lengths)) < ends[:, None])[..., None], ends)


def test_readings_are_one_then_products_of_bits_counted_from_the_end():
    read = StepReadings(3, degree=2)
    steps = jnp.arange(1.0, 13.0).reshape(2, 2, 3)
    last = jnp.array([[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]])
    found = read.joined(steps, last, jnp.array([2, 1]), per_step=False)
    np.testing.assert_array_equal(found[0], [1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 0.1, 0.2, 0.3])
    np.testing.assert_array_equal(found[1], [1, 0, 0, 0, 0, 0, 0, 7, 8, 9, 0.4, 0.5, 0.6])
    assert found.shape[1] == read.n_readings(2, 2, per_step=False)
    short = StepReadings(1).joined(steps, last, jnp.array([2, 1]), per_step=False)
    np.testing.assert_array_equal(short[0], [1, 4, 5, 6, 0.1, 0.2, 0.3])
    whole = StepReadings(1, segments=1).joined(steps, last, jnp.array([2, 1]), per_step=False)
    np.testing.assert_array_equal(whole[0], [1, 4, 5, 6, 2.5, 3.5, 4.5, 0.1, 0.2, 0.3])
    thirds = StepReadings(1, segments=3).joined(steps, last, jnp.array([2, 1]), per_step=False)
    # Two steps in three parts: the middle one holds half of each.
    np.testing.assert_allclose(thirds[0, 4:13], [1, 2, 3, 2.5, 3.5, 4.5, 4, 5, 6])
    np.testing.assert_allclose(thirds[1, 4:13], [7, 8, 9] * 3)
    assert thirds.shape[1] == StepReadings(1, segments=3).n_readings(2, 2, per_step=False)
    slid = StepReadings(2).joined(steps, last, jnp.array([2, 2]), per_step=True)
    np.testing.assert_array_equal(slid[1], [[1, 0, 0, 0, 7, 8, 9], [1, 7, 8, 9, 10, 11, 12]])
    assert slid.shape[2] == StepReadings(2).n_readings(2, 2, per_step=True)
    # bit 0 set, bit 1 not: z = (-1, 1)
    np.testing.assert_array_equal(signs(2, 2)[1], [-1, 1, -1])
    np.testing.assert_array_equal(products_of(np.array([1, 1, 0]), 3), [-1, -1, 1, 1, -1, -1, 1])


def test_a_job_of_a_noisy_machine_gives_the_exact_outputs_within_its_covariance():
    transpiled = transpile_step(LINE, snapshot("fake_boston"), seed=7)
    noise, given, shots = DeviceNoise(transpiled.snapshot), rows(4, [3, 2]), 2000
    parameters = network_of(LINE, 2).initial(3)
    encoded = TrainedNetwork(network_of(LINE, 2), parameters).encoded(given)
    sentences = sentence_pubs(transpiled, encoded)
    spec = JobSpec(sentences.pubs, shots, "aer", "fake_boston", seed=3)
    recorded = from_results(AerExecutor(noise).run(spec), sentences.rows, given.lengths)
    laws, outcome = step_laws(
        sequence_model(transpiled, noise),
        *map(jnp.asarray, (encoded.circuit, encoded.features)),
        jnp.asarray(given.lengths),
    )
    read, rng = StepReadings(3), np.random.default_rng(8)
    for per_step in (False, True):
        head = rng.normal(size=(read.n_readings(2, 2, per_step=per_step), 2))
        found = estimated(recorded, read, head, per_step=per_step)
        steps = laws @ signs(2, 2), outcome @ signs(2, 2), jnp.asarray(given.lengths)
        exact = np.asarray(read.joined(*steps, per_step=per_step)) @ head
        sd = np.sqrt(np.diagonal(found.covariance, axis1=-2, axis2=-1))
        alive = given.mask if per_step else np.ones(4, bool)
        z = ((found.value - exact) / np.where(sd > 0, sd, 1))[alive]
        assert np.abs(z).max() < 4
        assert z.std() > 0.3  # nor is the interval far too wide
        mean = recorded.readings(read, per_step=per_step) @ head
        np.testing.assert_allclose(mean, found.value, atol=1e-12)


def test_outputs_drawn_without_noise_scatter_about_the_exact_ones():
    network = network_of(LINE, 2, steps=StepReadings(3))
    trained = TrainedNetwork(network, network.initial(3))
    given = rows(60, [3, 2])
    found = sampled_outputs(trained, given, shots=900, generator=np.random.default_rng(0))
    exact = trained.outputs(given.values, given.lengths)
    spread = np.abs(trained.coefficients).sum() / 30
    assert found.shape == (60, 1)
    assert 0 < np.abs(found - exact).max() < 3 * spread
    assert np.abs((found - exact).mean()) < 4 * spread / np.sqrt(60)


def test_the_covariance_is_that_of_repeated_runs_steps_together():
    network = network_of(LINE, 2, target=Numbers(("a",)), steps=StepReadings(3))
    trained = TrainedNetwork(network, network.initial(0))
    encoded, model = trained.encoded(rows(1, [3])), logical_model(LINE)
    rng, repeats, shots = np.random.default_rng(5), 400, 50
    many = drawn(model, encoded, repeats * shots, rng)
    one = estimated(many, network.steps, trained.coefficients, per_step=False)
    readings = many.shot_readings(0, network.steps, per_step=False) @ trained.coefficients
    means = readings.reshape(repeats, shots).mean(axis=1)
    ratio = means.var(ddof=1) / (one.covariance[0, 0, 0] * repeats)
    assert 0.75 < ratio < 1.3  # five sigma of a variance of 400
    assert np.abs(readings).max() <= one.largest[0]


def test_a_head_on_every_step_learns_what_the_outcome_forgets():
    given = rows(150, [2, 3], n_inputs=1, seed=3)
    last = given.values[np.arange(150), given.lengths - 2, 0]  # the last step but one
    target = Classes(("low", "middle", "high"))
    given = Sequences(given.values, given.lengths, np.digitize(last, [-0.33, 0.33]))
    network = network_of(LINE, 1, target=target, steps=StepReadings(3))
    options = TrainingOptions(20, batch_size=30, learning_rate=0.05, averaging=0.8, patience=None)
    stepper = Adam(network, [given], None, options, [0])
    state = train(stepper, options, start(stepper, [network.initial(0)]))
    trained = TrainedNetwork(network, state.of())
    outputs = trained.outputs(given.values, given.lengths)
    assert score(target, outputs, given.targets) > 0.9
    # Of the outcome alone, the best linear head tells them apart no better than this.
    read = network.compiled_readings(trained.parameters, given.values, given.lengths)
    alone = np.c_[np.ones(150), np.asarray(read)[:, -3:]]
    own = fit_head(target, alone, given.targets, alpha=1e-6)
    assert score(target, alone @ own, given.targets) < 0.8


def test_a_target_per_step_trains_on_the_bits_of_each_step():
    given = rows(120, [2, 3], n_inputs=1, seed=4)
    target = Classes(("down", "up"), per_step=True)
    labelled = Sequences(given.values, given.lengths, (given.values[..., 0] > 0).astype(np.int64))
    network = network_of(LINE, 1, target=target, steps=StepReadings(3))
    options = TrainingOptions(15, batch_size=32, learning_rate=0.05, averaging=0.8, patience=None)
    stepper = Adam(network, [labelled], None, options, [0])
    state = train(stepper, options, start(stepper, [network.initial(0)]))
    outputs = TrainedNetwork(network, state.of()).outputs(given.values, given.lengths)
    assert outputs.shape == (120, 3, 1)
    assert score(target, outputs, labelled.targets, given.lengths) > 0.9


def test_what_cannot_read_its_steps_is_refused_and_what_reads_them_is_another_network():
    with pytest.raises(UsageError, match="measures within its steps.*Got sim-v1 in coherent"):
        network_of(circuits.architecture("sim-v1"), 2, steps=StepReadings(3))
    with pytest.raises(UsageError, match="without segments. Got none"):
        network_of(LINE, 2, target=Numbers(("a",), per_step=True))
    with pytest.raises(UsageError, match="Got 0 steps, degree 2 and 0 segments"):
        StepReadings(0)
    plain = network_content(network_of(LINE, 2))
    assert set(plain) == {"circuit", "encoding", "head"}
    other = network_content(network_of(LINE, 2, target=Numbers(("a",)), steps=StepReadings(3)))
    assert other.pop("target") == ["Numbers", 1, False]
    assert other.pop("steps") == {"n_steps": 3, "degree": 2, "segments": 0}
    assert other.pop("encoding") != plain.pop("encoding")  # it starts near a right angle
    assert other == plain
    options = TrainingOptions(margin=0.1)
    network = network_of(LINE, 2, steps=StepReadings(3))
    trained = TrainedNetwork(network, network.initial(0))
    with pytest.raises(UsageError, match="reads the outcome alone. Got one that reads the bits"):
        _ = trained.decision
    labelled = Sequences(np.zeros((4, 3, 2)), np.full(4, 3), np.arange(4) % 2)
    with pytest.raises(UsageError, match="law of a whole shot"):
        Adam(network, [labelled], None, options, [0])
    with pytest.raises(UsageError, match="Aer's training reads the outcome alone"):
        SPSA(network, None, labelled, labelled, TrainingOptions())


def test_a_job_without_the_steps_bits_and_a_single_shot_are_refused():
    result = SimpleNamespace(registers={"out": np.zeros((1, 5, 2), dtype=np.uint8)})
    with pytest.raises(DataError, match="registers m0, m1, ... of a job. Got out"):
        from_results([result], [np.array([0])], np.array([2]))
    recorded = drawn(
        logical_model(LINE),
        TrainedNetwork(network := network_of(LINE, 2), network.initial(0)).encoded(rows(1, [2])),
        1,
        np.random.default_rng(0),
    )
    with pytest.raises(DataError, match="two shots or more. Got 1"):
        estimated(recorded, StepReadings(2), np.zeros((10, 1)), per_step=False)
