"""Inputs that reach the outputs past the circuits, and a head that ridge fits at every step."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.linear_model import Ridge

from circuits.zoo.registry import architecture
from qrnn_hw.answers.in_words import said_of
from qrnn_hw.answers.model_file import Model
from qrnn_hw.answers.prediction import predict
from qrnn_hw.data.inputs import Inputs
from qrnn_hw.data.loss import loss
from qrnn_hw.data.read_options import ReadOptions
from qrnn_hw.data.scaling import Scaling
from qrnn_hw.data.sequences import Sequences
from qrnn_hw.data.target import Classes, Numbers
from qrnn_hw.errors import UsageError
from qrnn_hw.estimator import QRNNRegressor
from qrnn_hw.networks.head_options import HeadOptions
from qrnn_hw.networks.network import network_of
from qrnn_hw.networks.step_readings import StepReadings
from qrnn_hw.networks.trained import TrainedNetwork
from qrnn_hw.training.adam import Adam
from qrnn_hw.training.options import TrainingOptions
from qrnn_hw.training.reservoir import exact_readings, fit_reservoir
from qrnn_hw.training.trainer import start, train
from qrnn_hw.training.variable_projection import VariableProjection, left_over

LINE = architecture("dynamic-line")
LENGTHS = np.array([3, 2, 3, 1])


def rows_of(lengths, k=1, per_step=False, seed=1):
    rng = np.random.default_rng(seed)
    n, longest = len(lengths), int(max(lengths))
    values = rng.uniform(-1, 1, (n, longest, 2))
    values[np.arange(longest) >= np.asarray(lengths)[:, None]] = 0.0
    shape = (n, longest, k) if per_step else (n, k)
    return Sequences(values, np.asarray(lengths), rng.normal(size=shape))


def network(direct, *, per_step=False, k=1, steps=None):
    target = Numbers(tuple("ab"[:k]), per_step)
    return network_of(LINE, 2, target=target, steps=steps, direct=direct)


def drawn_direct(made, seed=3):
    parameters, rng = made.initial(seed), np.random.default_rng(seed)
    return {**parameters, "direct": jnp.asarray(rng.normal(size=parameters["direct"].shape))}


@pytest.mark.parametrize("per_step", [False, True])
def test_an_answer_is_what_the_circuits_say_and_a_line_through_what_was_seen(per_step):
    rows, steps = rows_of(LENGTHS), StepReadings(2, 1)
    made = network(2, per_step=per_step, k=2, steps=steps)
    parameters = drawn_direct(made)
    trained = TrainedNetwork(made, parameters)
    r = exact_readings(made, parameters, rows)
    circuits = r @ np.asarray(parameters["head"])
    d = np.asarray(parameters["direct"]).reshape(2, 2, 2)  # the step before, and the last one
    wanted = np.array(circuits)
    for row, length in enumerate(LENGTHS):
        for end in range(1, 4) if per_step else (length,):
            at = (row, end - 1) if per_step else row
            for lag in (0, 1):
                if end - 1 - lag >= 0:
                    wanted[at] += rows.values[row, end - 1 - lag] @ d[1 - lag]
    given = rows.values, rows.lengths
    found = trained.outputs(*given)
    alive = rows.mask if per_step else slice(None)
    np.testing.assert_allclose(found[alive], wanted[alive], atol=1e-12)
    np.testing.assert_allclose(trained.circuit_outputs(*given)[alive], circuits[alive], atol=1e-12)


def test_gradients_by_what_is_direct_are_those_of_finite_differences():
    rows, made = rows_of(LENGTHS, k=2), network(2, k=2)
    parameters = drawn_direct(made)

    @jax.jit
    def of(direct):
        outputs = made.outputs({**parameters, "direct": direct}, rows.values, rows.lengths)
        return loss(made.target, outputs, rows.targets, rows.lengths)

    found, at = jax.grad(of)(parameters["direct"]), np.asarray(parameters["direct"])
    for place in np.ndindex(at.shape):
        moved = np.zeros_like(at)
        moved[place] = 1e-5
        numeric = (of(at + moved) - of(at - moved)) / 2e-5
        assert float(found[place]) == pytest.approx(float(numeric), abs=1e-8)


@pytest.mark.parametrize("per_step", [False, True])
def test_an_answer_is_missed_by_the_ridge_of_all_others_and_slopes_are_numeric_ones(per_step):
    lengths = np.resize([4, 3], 40)
    rows, steps = rows_of(lengths, 2, per_step), StepReadings(1, 1)
    made = network(2, per_step=per_step, k=2, steps=steps)
    alpha, rng = 0.3, np.random.default_rng(0)
    shape = (40, 4, made.n_readings) if per_step else (40, made.n_readings)
    read, along = rng.normal(size=(2, *shape))

    def of(readings):
        given = jnp.asarray(rows.values), jnp.asarray(rows.lengths), jnp.asarray(rows.targets)
        return left_over(made, readings, *given, alpha)

    alive = rows.mask if per_step else np.ones(40, bool)
    before = np.concatenate([np.zeros((40, 1, 2)), rows.values[:, :-1]], axis=1)
    both = np.concatenate([before, rows.values], axis=2)
    x = both if per_step else both[np.arange(40), lengths - 1]
    x = np.concatenate([read[..., 1:], x], axis=-1)[alive]
    y = rows.targets[alive]
    others = ~np.eye(len(y), dtype=bool)
    missed = [
        y[one] - Ridge(alpha).fit(x[rest], y[rest]).predict(x[one : one + 1])[0]
        for one, rest in enumerate(others)
    ]
    assert float(of(jnp.asarray(read))) == pytest.approx(np.log(np.mean(np.square(missed))))
    slope = float(jnp.sum(jax.grad(of)(jnp.asarray(read)) * along))
    numeric = (of(read + 1e-5 * along) - of(read - 1e-5 * along)) / 2e-5
    assert slope == pytest.approx(float(numeric), rel=1e-5)


def test_ridge_at_every_step_leaves_less_than_the_frozen_circuit_and_goes_on_where_it_stopped():
    """A product of two inputs, which no line has; the head of a law of outcomes, from ridge."""
    rng = np.random.default_rng(2)
    values = rng.uniform(-1, 1, (160, 2, 2))
    wanted = values[:, 0, :1] * values[:, 1, 1:] + 0.5 * values[:, 1, :1]
    rows = Sequences(values, np.full(160, 2), wanted)
    parts = [rows.take(np.arange(*ends)) for ends in ((0, 90), (90, 120), (120, 160))]
    made = network(2)
    options = TrainingOptions(6, batch_size=45, learning_rate=0.05, averaging=0.5, patience=None)
    stepper = VariableProjection(made, [parts[0]], [parts[1]], options, [4])
    first = [made.initial(4)]
    whole = train(stepper, options, start(stepper, first))
    kept = []
    half = train(stepper, replace(options, epochs=3), start(stepper, first), kept.append)
    again = train(stepper, options, kept[-1])
    assert half.finished_epochs == 3
    for name, value in whole.of().items():
        np.testing.assert_array_equal(value, again.of()[name])
    readings = [exact_readings(made, first[0], part) for part in parts[:2]]
    frozen = fit_reservoir(made, first[0], parts[:2], readings, alphas=(1e-10,))
    trained = TrainedNetwork(made, whole.of())
    given = [(one, part) for part in parts for one in (frozen, trained)]
    errors = [((one.outputs(p.values, p.lengths) - p.targets) ** 2).mean() for one, p in given]
    assert errors[1] < 0.8 * errors[0]
    assert errors[5] < 0.8 * errors[4]  # of rows that nothing has seen
    # The frozen head is the least-squares one: the referee has the law's four columns as they are.
    x = np.concatenate([readings[0], parts[0].values.reshape(90, -1)], axis=1)
    best = x @ np.linalg.lstsq(x, parts[0].targets, rcond=None)[0]
    assert errors[0] == pytest.approx(((best - parts[0].targets) ** 2).mean(), rel=1e-3)
    # By gradients alone the same head is learnt too.
    slow = Adam(made, [parts[0]], [parts[1]], options, [4])
    by_slopes = TrainedNetwork(made, train(slow, options, start(slow, first)).of())
    assert np.abs(by_slopes.parameters["direct"]).max() > 0.01
    few = replace(options, variance_penalty=0.1)
    with pytest.raises(UsageError, match="without variance_penalty"):
        VariableProjection(made, [parts[0]], [parts[1]], few, [4])


@pytest.mark.parametrize("steps", [None, StepReadings(2, 1)])
def test_a_kept_model_answers_with_both_parts_and_shots_move_one(tmp_path, steps):
    made = network_of(LINE, 1, target=Numbers(("change of x",)), steps=steps, direct=2)
    ones = {"mean": 0.0, "deviation": 2.0, "target_mean": 10.0, "target_deviation": 4.0}
    scaling = Scaling(*(np.array([one]) for one in (*ones.values(), -1.0, 1.0)))
    parameters = {**made.initial(1), "direct": jnp.array([[3.0], [50.0]])}
    reading = ReadOptions(target=("x",), window=2, changes=True)
    model = Model("dynamic-line", TrainedNetwork(made, parameters), ("x",), reading, scaling)
    again = Model.load(model.save(tmp_path / "m.qrnn"))
    assert again.reading.changes
    values = np.array([[[0.5], [-0.5]], [[0.5], [0.25]]])
    inputs = Inputs(Sequences(values, np.array([2, 2])), ("a", "b"), ("", ""))
    exact, drawn = predict(again, inputs), predict(again, inputs, shots=3000)
    said = " ".join(said_of(again))
    assert "An answer is the change of x over the next 1 step, from the last row" in said
    assert "a part that no circuit computed" in said
    circuits = again.trained.circuit_outputs(values / 2.0, np.array([2, 2]))[:, 0]
    line = 3.0 * values[:, 0, 0] / 2 + 50.0 * values[:, 1, 0] / 2
    np.testing.assert_allclose([one.answer[0] for one in exact], 10 + 4 * (circuits + line))
    assert exact[0].outputs == ("change of x",)
    largest = 4 * np.ptp(again.trained.coefficients) if steps is None else 20.0
    for one, truth in zip(drawn, exact, strict=True):
        assert one.low[0] - 0.3 < truth.answer[0] < one.high[0] + 0.3
        assert 0 < one.high[0] - one.low[0] < largest  # none of the line's 50


def test_what_has_no_direct_part_is_one_line_and_what_is_unsaid_stays_as_it_was():
    with pytest.raises(UsageError, match="direct connections should be of numbers"):
        network_of(LINE, 2, target=Classes(("a", "b")), direct=1)
    options, rows = HeadOptions(direct=True), rows_of(LENGTHS)
    assert options.direct_steps(Numbers(("a",)), rows) == 1  # as many as every row has
    assert options.direct_steps(Numbers(("a",), per_step=True), rows) == 3
    assert "direct" not in HeadOptions("steps").to_json()
    assert HeadOptions.from_json(options.to_json()) == options


def test_a_regressor_has_its_line_and_its_circuit():
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, (120, 4))
    y = 20 * X[:, 2] - 30 * X[:, 1] + 100
    found = QRNNRegressor(n_steps=2, max_iter=15, alpha=1e-6, random_state=0, direct=True).fit(X, y)
    assert found.score(X, y) > 0.999
    assert found.direct_.shape == (4, 1)
    engine, parameters = found._engine, {
        "projection": found.projection_, "offset": found.offset_, "circuit": found.angles_,
        "head": found.scores_, "direct": found.direct_,
    }  # fmt: skip
    steps, targets = X.reshape(120, 2, 2), (y[:, None] - found.mean_) / found.scale_
    parameters["direct"] = parameters["direct"] + 0.1
    _, slopes = engine.loss(parameters, steps, targets)
    for place in ((0, 0), (3, 0)):
        moved = np.zeros((4, 1))
        moved[place] = 1e-5
        ends = [
            engine.loss({**parameters, "direct": parameters["direct"] + sign * moved}, steps,
                        targets)[0]
            for sign in (1, -1)
        ]  # fmt: skip
        assert slopes["direct"][place] == pytest.approx((ends[0] - ends[1]) / 2e-5, rel=1e-5)
