"""A series in changes from row to row."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from qrnn_hw.classical.forecasts import last_value, seasonal_last_value
from qrnn_hw.data.inputs import read_inputs
from qrnn_hw.data.named import read_named
from qrnn_hw.data.reading import read, read_windows
from qrnn_hw.data.series import Series
from qrnn_hw.errors import DataError, UsageError

numbers = st.floats(-1e6, 1e6, allow_nan=False, width=32)


@settings(max_examples=60, deadline=None)
@given(
    arrays(np.float64, (24, 2), elements=numbers),
    st.integers(1, 5),
    st.integers(1, 6),
    st.booleans(),
)
def test_steps_and_targets_are_differences(values, window, horizon, per_step):
    try:
        series = Series("s", ("x", "y"), values, ("x",), ("y", "x"), window, horizon, changes=True)
    except DataError as error:
        assert "should vary" in str(error)  # noqa: PT017
        changed = values[window + horizon :] - values[window:-horizon]
        assert np.ptp(changed, axis=0).min() <= 1e-12 * np.abs(values).max()
        return
    data = read_windows(series, per_step=per_step)
    found, steps = data.sequences, np.diff(values, axis=0)
    assert data.target.names == ("change of y", "change of x")
    if per_step:
        steps_of = found.values.reshape(-1)
        np.testing.assert_array_equal(steps_of, steps[: len(steps_of), 0])
        known = np.arange(1, len(steps_of) + 1)
        wanted = (values[known + horizon] - values[known])[:, ::-1]
        np.testing.assert_array_equal(found.targets.reshape(-1, 2), wanted)
        return
    assert len(found) == 24 - 1 - window - horizon + 1
    for row in range(len(found)):
        np.testing.assert_array_equal(found.values[row, :, 0], steps[row : row + window, 0])
        # What the window's last row has is known; the target is what comes on top of it.
        last = row + window
        np.testing.assert_array_equal(
            found.targets[row], (values[last + horizon] - values[last])[::-1]
        )
        np.testing.assert_allclose(
            found.targets[row], steps[last : last + horizon, ::-1].sum(axis=0), atol=1e-3
        )


@pytest.fixture
def path(tmp_path):
    """A level that wanders off, with a season of six rows and a gap."""
    level = np.arange(60) ** 1.5 + 5 * np.sin(np.arange(60) * np.pi / 3)
    cells = [f"{value:.6f}" for value in level]
    cells[30] = ""
    found = tmp_path / "a.csv"
    found.write_text("day,y\n" + "".join(f"{n},{one}\n" for n, one in enumerate(cells)))
    return found


def test_a_file_is_read_and_asked_in_changes(path):
    given = {"target": "y", "window": 4, "horizon": 2, "time": "day", "gaps": "last"}
    data = read(path, changes=True, **given)
    level = read(path, **given).series.values[:, 0]
    np.testing.assert_array_equal(data.sequences.targets[:, 0], level[6:] - level[4:-2])
    assert data.series.steps[29, 0] == 0.0  # the gap is the number before it
    assert "the change of y over the next 2 steps is forecast" in data.notes[0]
    parts = data.parts(0)
    train = parts.rows.train
    np.testing.assert_allclose(parts.scaling.mean, data.sequences.values[train].mean())
    np.testing.assert_allclose(parts.scaling.target_mean, data.sequences.targets[train].mean())
    asked = read_inputs(path, features=("y",), changes=True, **{**given, "horizon": None})
    assert asked.names[-1] == "59"
    np.testing.assert_array_equal(asked.sequences.values[-1, :, 0], np.diff(level[-5:]))
    few = path.with_name("few.csv")
    few.write_text("day,y\n" + "".join(f"{n},{n * n}\n" for n in range(4)))
    with pytest.raises(DataError, match="4 steps of a window, and the row before it. Got 4"):
        read_inputs(few, features=("y",), changes=True, **{**given, "horizon": None})


def test_classical_forecasts_are_changes_too(path):
    data = read(path, target="y", window=4, horizon=2, gaps="last", changes=True)
    test = data.sequences.take(data.split(0).test)
    steps = data.series.last_steps()[data.split(0).test]
    level = data.series.values[:, 0]
    none = last_value(data.series, steps, test, data.target)
    assert (none.name, np.abs(none.predictions).max()) == ("no change", 0.0)
    season = seasonal_last_value(data.series, steps, test, data.target, n_fit=40)
    assert season.name == "change of a season before, 6 steps"
    last = steps + 1
    np.testing.assert_array_equal(season.predictions[:, 0], level[last - 4] - level[last - 6])


def test_what_has_no_changes_is_one_line(path, tmp_path):
    with pytest.raises(UsageError, match="forecast 1 step ahead or more.*horizon of 0"):
        read_named("narma10", length=50, horizon=0, changes=True)
    straight = tmp_path / "b.csv"
    straight.write_text("y\n" + "".join(f"{0.1 * n}\n" for n in range(40)))
    with pytest.raises(DataError, match="the change of the target 'y' should vary. Got 0.1"):
        read(straight, target="y", changes=True)
    with pytest.raises(DataError, match="Got 13 changes, a window of 12 and a horizon of 1"):
        Series("s", ("y",), np.arange(14.0)[:, None] ** 2, ("y",), ("y",), changes=True)
    for name in ("amazon", "japanese-vowels"):
        with pytest.raises(UsageError, match="without --changes"):
            read_named(name, changes=True)
    with pytest.raises(UsageError, match="table of sequences should be read without --changes"):
        read(path, sequence="day", target="y", changes=True)
    archive = tmp_path / "a.npz"
    np.savez(archive, X=np.zeros((30, 2, 1)), y=np.arange(30) % 2)
    with pytest.raises(UsageError, match="npz archive should be read without --changes"):
        read(archive, changes=True)
