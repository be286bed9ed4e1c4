"""Heads that know from how many shots they will answer."""

from dataclasses import replace

import jax.numpy as jnp
import numpy as np
import pytest

import circuits
from circuits.exact.logical import logical_model
from qrnn_hw.cli import invoke
from qrnn_hw.data.named import read_named
from qrnn_hw.data.sequences import Sequences
from qrnn_hw.data.target import Numbers
from qrnn_hw.errors import UsageError
from qrnn_hw.networks.head_options import HeadOptions, head_of
from qrnn_hw.networks.network import network_of
from qrnn_hw.networks.recorded import drawn as drawn_bits
from qrnn_hw.networks.step_readings import StepReadings
from qrnn_hw.networks.trained import TrainedNetwork
from qrnn_hw.training.options import TrainingOptions
from qrnn_hw.training.reservoir import exact_readings, fit_reservoir
from qrnn_hw.training.ridge import fit_head
from qrnn_hw.training.shot_noise import drawn_readings, of_one_shot, of_outputs
from qrnn_hw.training.trainer import start, train
from qrnn_hw.training.variable_projection import VariableProjection, left_over

LINE = circuits.architecture("dynamic-line")
NUMBERS = Numbers(("a", "b"))


def network(steps=None, direct=0, per_step=False):
    target = replace(NUMBERS, per_step=per_step)
    return network_of(LINE, 2, target=target, steps=steps, direct=direct)


def readings_of(made, n, seed=1):
    rng = np.random.default_rng(seed)
    rows = Sequences(rng.uniform(-1, 1, (n, 3, 2)), np.full(n, 3), rng.normal(size=(n, 2)))
    return exact_readings(made, made.initial(seed), rows), rows


@pytest.mark.parametrize("steps", [None, StepReadings(3, 2)])
def test_the_variance_of_outputs_is_that_of_many_draws(steps):
    """The same readings drawn 20,000 times from 50 shots; the law's covariance, too, of one row."""
    made = network(steps)
    r, _ = readings_of(made, 1)
    rng = np.random.default_rng(5)
    many = drawn_readings(made, np.repeat(r, 20_000, axis=0), 50, rng)
    assert np.all(many[:, 0] == 1) == (steps is not None)
    np.testing.assert_allclose(many.mean(axis=0), r[0], atol=5 / np.sqrt(50 * 20_000))
    factors = rng.normal(size=(r.shape[1], 2))
    found = np.asarray(of_outputs(made, r[0], factors)) / 50
    np.testing.assert_allclose(found, (many @ factors).var(axis=0), rtol=0.05)
    one = np.asarray(of_one_shot(made, r, np.ones(1))) / 50
    np.testing.assert_allclose(one, np.cov(many[:, 1:].T), atol=0.05 * one.max())


def test_ridge_with_what_shots_add_is_ridge_of_many_noisy_copies():
    rng = np.random.default_rng(0)
    x, y = np.c_[np.ones(40), rng.normal(size=(40, 3))], rng.normal(size=(40, 2))
    root = rng.normal(size=(3, 3)) / 2
    penalty = 40 * root.T @ root
    found = fit_head(NUMBERS, x, y, alpha=2.0, penalty=penalty)
    copies = np.tile(x, (5000, 1))
    copies[:, 1:] += rng.normal(size=(len(copies), 3)) @ root
    of_copies = fit_head(NUMBERS, copies, np.tile(y, (5000, 1)), alpha=2.0 * 5000)
    np.testing.assert_allclose(found, of_copies, atol=0.01)
    whole = np.pad(penalty + 2.0 * np.eye(3), (1, 0))  # the bias is free
    np.testing.assert_allclose(found, np.linalg.solve(x.T @ x + whole, x.T @ y), atol=1e-10)


@pytest.mark.parametrize("steps", [None, StepReadings(2, 1)])
def test_left_out_rows_are_missed_by_the_ridge_that_weighs_shots_and_by_what_they_add(steps):
    made = network(steps, direct=1)
    r, rows = readings_of(made, 40)
    alpha, n_shots = 0.3, 20
    given = jnp.asarray(rows.values), jnp.asarray(rows.lengths), jnp.asarray(rows.targets)
    found = float(left_over(made, jnp.asarray(r), *given, alpha, n_shots=n_shots))
    rest = r[:, 1:]
    if steps is None:
        one = np.mean([np.diag(p) - np.outer(p, p) for p in rest], axis=0)
    else:
        one = np.diag((1 - rest**2).mean(axis=0))
    added = np.pad(one / n_shots, (0, 2))
    x, y = np.c_[np.ones(40), rest, rows.values[:, -1]], rows.targets
    whole = np.pad(40 * added + alpha * np.eye(len(added)), ((1, 0), (1, 0)))

    def head(kept):
        return np.linalg.solve(x[kept].T @ x[kept] + whole, x[kept].T @ y[kept])

    others = ~np.eye(40, dtype=bool)
    missed = [y[row] - x[row] @ head(kept) for row, kept in enumerate(others)]
    own = head(np.ones(40, bool))[1:]
    squares = np.mean(np.square(missed)) + np.mean([one @ added @ one for one in own.T])
    assert found == pytest.approx(np.log(squares), rel=1e-9)


def test_a_network_fitted_for_few_shots_forecasts_from_as_many():
    """Bits of whole trajectories are drawn, with what goes together in them, which no ridge saw."""
    parts = read_named("mackey-glass", length=300, window=5, horizon=20).parts(seed=0)
    target = Numbers(("x",))
    made = network_of(LINE, 1, target=target, steps=StepReadings(5, 2), direct=5)
    options = TrainingOptions(6, batch_size=64, learning_rate=0.03, averaging=0.5)
    rows, n_shots = ([parts.training], [parts.validation]), 300
    stepper = VariableProjection(made, *rows, options, [0], n_shots=n_shots)
    state = train(stepper, options, start(stepper, [made.initial(0)]))
    kept, both = TrainedNetwork(made, state.of()), (parts.training, parts.validation)
    read = [exact_readings(made, kept.parameters, part) for part in both]
    test = parts.test
    deviation, error = test.known_targets.std(), {}
    for name, found in (("few", kept), ("many", fit_reservoir(made, kept.parameters, both, read))):
        given = logical_model(LINE), found.encoded(test), n_shots, np.random.default_rng(1)
        seen = drawn_bits(*given).readings(made.steps, per_step=False) @ found.coefficients
        line = found.direct_part(test.values, test.lengths)
        error[name] = np.sqrt(np.mean((seen + line - test.known_targets) ** 2)) / deviation
    assert error["many"] > 2
    assert error["few"] < 0.8
    # The validation loss, which stops the training, has what shots add in it.
    held = parts.validation.values, parts.validation.lengths
    miss = np.mean((kept.outputs(*held) - parts.validation.known_targets) ** 2)
    added = np.mean(of_outputs(made, read[1], kept.coefficients)) / n_shots
    average = {name: value[None] for name, value in state.of().items()}
    assert stepper.validate(average)[0, 0] == pytest.approx(float(miss + added), rel=1e-9)


def test_a_reservoir_is_fitted_and_its_alpha_chosen_for_as_many_shots():
    made = network(StepReadings(3, 2))
    (of_fit, fit), (of_held, held) = readings_of(made, 60), readings_of(made, 40, 2)
    parts, read = (fit, held), (of_fit, of_held)
    found = fit_reservoir(made, made.initial(1), parts, read, n_shots=50)
    rng = np.random.default_rng(7)
    errors = []
    for one in (fit_reservoir(made, made.initial(1), parts, read, alphas=(1e-8,)), found):
        each = [drawn_readings(made, read[0], 50, rng) @ one.coefficients for _ in range(20)]
        errors.append(np.mean([((seen - parts[0].targets) ** 2).mean() for seen in each]))
    assert errors[1] < 0.3 * errors[0]


def test_shots_of_a_head_are_those_of_the_answers_and_need_one_that_ridge_fits(capsys):
    assert head_of(None, None, True, shots=500).shots == 500
    assert head_of(None, None, True, 20, shots=500).shots == 20
    assert head_of(None, None, True, 0).shots is None
    assert head_of(None, None).shots is None
    old = HeadOptions("steps", 1, direct=True)  # of before: meant for infinitely many
    assert "shots" not in old.to_json()
    assert HeadOptions.from_json(old.to_json()) == old
    with pytest.raises(UsageError, match="with direct connections. Got 5"):
        HeadOptions(shots=5)
    words = ["--dataset", "mackey-glass", "--head-shots", "100"]
    assert invoke(["run", *words]) == 2
    assert "--head-shots should come with --direct" in capsys.readouterr().err
    for other in (("--engine", "aer"), ("--variance-penalty", "0.1")):
        assert invoke(["run", *words, "--direct", *other]) == 2
        assert f"Got {other[0]}" in capsys.readouterr().err
