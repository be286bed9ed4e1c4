from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

from qrnn_hw.classical.forecasts import season_of
from qrnn_hw.classical.gru import n_gru_parameters, nearest_hidden_size
from qrnn_hw.classical.step_models import all_step_logistic
from qrnn_hw.classical.task_baselines import left_out, task_baselines
from qrnn_hw.classical.warping import nearest_neighbour, warped_distances
from qrnn_hw.data.dataset import Dataset
from qrnn_hw.data.reading import read, read_windows
from qrnn_hw.data.sequences import Sequences, joined
from qrnn_hw.data.series import Series
from qrnn_hw.data.target import Classes, Numbers


def wave(*, per_step=False, changed=0):
    """A season with noise that the last values tell of, in two columns; the last steps changed."""
    noise = 0.1 * np.random.default_rng(1).normal(size=240)
    x = 50 + 10 * (np.sin(2 * np.pi * np.arange(240) / 12) + noise)
    x[len(x) - changed :] = 1e3
    names = ("x", "z")
    series = Series("wave", names, np.stack([x, -2 * x], axis=1), ("x",), names, 8, 3)
    return read_windows(series, per_step=per_step)


def found_by_name(data, n_parameters=60):
    parts = data.parts(seed=1)
    found = task_baselines(data, parts, n_parameters=n_parameters, seed=1)
    return {one.name: one for one in found}, parts


@pytest.fixture(scope="module", autouse=True)
def short_trainings():
    """What is shown here needs no long ones."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("qrnn_hw.classical.gru.MORE_UPDATES", 1000)
        yield


@pytest.fixture(scope="module")
def forecasts():
    return found_by_name(wave())


def test_forecasts_are_in_the_target_s_own_units_and_know_no_future(forecasts):
    found, parts = forecasts
    data = wave()
    x, rows = data.series.values, parts.rows.test
    now = rows + 7
    np.testing.assert_array_equal(found["last value"].predictions, x[now])
    seasonal = found["seasonal last value, 12 steps"].predictions
    np.testing.assert_array_equal(seasonal, x[now + 3 - 12])
    # The penalty is small, so that least squares are an independent referee.
    linear = found["ridge on 8 steps"]
    fit = parts.rows.development
    plain = LinearRegression().fit(data.sequences.values[fit, :, 0], x[fit + 7 + 3])
    expected = plain.predict(data.sequences.values[rows, :, 0])
    np.testing.assert_allclose(linear.predictions, expected, atol=3.0)
    assert np.abs(linear.predictions - expected).mean() < 0.5
    missed = ((linear.predictions - x[now + 3]) ** 2).mean(axis=1)
    np.testing.assert_allclose(linear.quality, missed, rtol=1e-9)


def test_networks_forecast_better_than_what_they_saw_last(forecasts):
    found, _ = forecasts
    errors = {name: one.quality.mean() for name, one in found.items()}
    recurrent = next(one for name, one in found.items() if name.startswith("GRU"))
    assert recurrent.quality.mean() < 0.1 * errors["last value"]
    assert recurrent.n_parameters == n_gru_parameters(1, 4, nearest_hidden_size(60, 1, 4, 2), 2)
    assert errors["ridge on 8 steps"] < 0.1 * errors["last value"]


def test_an_echo_state_network_is_among_them(forecasts):
    pytest.importorskip("reservoirpy")
    found, _ = forecasts
    network = found["echo-state network, 29 units"]
    assert network.n_parameters == 60
    assert network.quality.mean() < 0.1 * found["last value"].quality.mean()
    assert list(found)[2:4] == ["ridge on 8 steps", "echo-state network, 29 units"]


def test_what_is_not_installed_is_said(monkeypatch):
    monkeypatch.setattr("qrnn_hw.classical.task_baselines.has_reservoirs", lambda: False)
    assert "qrnn-hw[reservoir]" in left_out(wave())[0]
    assert left_out(shapes()) == ()


def test_what_is_tested_teaches_nothing(forecasts):
    changed = found_by_name(wave(changed=20))[0]
    for name, baseline in forecasts[0].items():
        n_same = len(baseline.predictions) - 20
        assert n_same > 10
        np.testing.assert_allclose(
            baseline.predictions[:n_same], changed[name].predictions[:n_same], rtol=1e-6
        )


def test_each_step_is_forecast():
    data = wave(per_step=True)
    assert data.target == Numbers(("x", "z"), per_step=True)
    found, parts = found_by_name(data)
    wanted = data.series.values[: 8 * 29].reshape(-1, 8, 2)[parts.rows.test]
    np.testing.assert_array_equal(found["last value"].predictions, wanted)
    for baseline in found.values():
        assert baseline.predictions.shape == (len(parts.test), 8, 2)
    assert found["ridge on 8 steps"].quality.mean() < found["last value"].quality.mean()


def shapes(n=90, per_step=False):
    """Rising, falling and flat sequences of several lengths, one feature beside noise."""
    generator = np.random.default_rng(2)
    lengths = generator.integers(4, 9, n)
    labels = np.arange(n) % 3
    slopes = np.array([-1.0, 0.0, 1.0])[labels]
    steps = np.arange(8) - 2.0
    values = np.stack([slopes[:, None] * steps, np.zeros((n, 8))], axis=2)
    values += 0.3 * generator.normal(size=values.shape)
    values[np.arange(8) >= lengths[:, None]] = 0
    targets = labels
    if per_step:
        targets = (values[..., 0] > 0).astype(np.int64) + 2 * (values[..., 0] > 2)
        targets[np.arange(8) >= lengths[:, None]] = 0
        targets = np.minimum(targets, 2)
    target = Classes(("down", "flat", "up"), per_step)
    return Dataset("shapes", Sequences(values, lengths, targets), target, ("a", "b"), "random")


def test_classes_are_told_apart():
    found, parts = found_by_name(shapes(), n_parameters=150)
    assert len(found) == 4
    for name, baseline in found.items():
        assert baseline.predictions.shape == parts.test.targets.shape
        assert baseline.accuracy > (0.85 if "mean" not in name else 0.6), name
    recurrent = next(one for name, one in found.items() if name.startswith("GRU"))
    n_hidden = nearest_hidden_size(150, 2, 4, 3)
    assert recurrent.n_parameters == n_gru_parameters(2, 4, n_hidden, 3)


def test_the_class_of_each_step_is_read_off_the_steps_up_to_it():
    data = shapes(per_step=True)
    parts = data.parts(seed=1)
    fit = joined(parts.training, parts.validation)
    found = all_step_logistic(fit, parts.test, data.target)
    assert found.accuracy > 0.9
    later = parts.test.values.copy()
    later[:, 4:] = 7.0
    changed = all_step_logistic(fit, replace(parts.test, values=later), data.target)
    np.testing.assert_array_equal(found.predictions[:, :4], changed.predictions[:, :4])
    assert (found.predictions != changed.predictions).any()


def test_sentences_of_three_classes(tmp_path):
    moods = ("wonderful", "terrible", "cheap")
    path = tmp_path / "a.csv"
    rows = [f"my {moods[n % 3]} phone number {n},{'abc'[n % 3]}" for n in range(90)]
    path.write_text("\n".join(["text,label", *rows]))
    found, _ = found_by_name(read(path), n_parameters=450)
    assert list(found)[:3] == [
        "logistic regression, TF-IDF",
        "logistic regression, mean word vector",
        "logistic regression, 10 words x PLS-4",
    ]
    for baseline in found.values():
        assert baseline.accuracy > 0.9
    assert found["logistic regression, 10 words x PLS-4"].n_parameters == 101 * 4 + 40 * 3 + 3


def slow_warping(first, second):
    """The textbook's table for one pair."""
    table = np.full((len(first) + 1, len(second) + 1), np.inf)
    table[0, 0] = 0
    for i, a in enumerate(first):
        for j, b in enumerate(second):
            least = min(table[i, j], table[i, j + 1], table[i + 1, j])
            table[i + 1, j + 1] = ((a - b) ** 2).sum() + least
    return table[-1, -1]


def test_warped_distances_are_those_of_the_table():
    generator = np.random.default_rng(4)
    first, second = (
        Sequences(generator.normal(size=(n, n_steps, 2)), generator.integers(1, n_steps + 1, n))
        for n, n_steps in ((7, 5), (4, 6))
    )
    expected = [
        [slow_warping(a[:m], b[:k]) for b, k in zip(second.values, second.lengths, strict=True)]
        for a, m in zip(first.values, first.lengths, strict=True)
    ]
    np.testing.assert_allclose(warped_distances(first, second), expected)


def test_the_nearest_neighbour_is_one_that_is_late():
    bump = np.zeros((2, 9, 1))
    bump[0, 1:3] = 1
    late = np.roll(bump[:1], 5, axis=1)
    training = Sequences(bump, np.full(2, 9), np.array([1, 0]))
    test = Sequences(late, np.full(1, 9), np.array([1]))
    assert nearest_neighbour(training, test, Classes(("no", "yes"))).predictions.tolist() == [1]


def test_a_season_is_found_and_none_where_there_is_none():
    steps = np.arange(200)
    noise = np.random.default_rng(5).normal(size=200)
    assert season_of(np.sin(2 * np.pi * steps / 17) + 0.2 * noise) == 17
    assert season_of(steps + 0.0) == 1
    # The first 63 of 90 months that rise by as much as they swing, every year.
    months = np.arange(63)
    swing = np.sin(2 * np.pi * months / 12) + 0.1 * noise[:63]
    assert season_of(months / 6 + swing) == 12
    assert season_of(3000 - 40.0 * months + swing) == 12
    assert season_of(np.ones(5)) == 1
