"""Measures of a task's answers, in the targets' own units."""

import numpy as np
import pytest

from circuits.zoo.registry import architecture
from qrnn_hw.data.scaling import Scaling, moments
from qrnn_hw.data.target import Classes, Numbers
from qrnn_hw.experiment.quality import Judge
from qrnn_hw.experiment.settings import RunSettings
from qrnn_hw.experiment.task import load_task
from qrnn_hw.networks.network import network_of
from qrnn_hw.networks.trained import TrainedNetwork
from qrnn_hw.report.labels import between


def test_accuracy_counts_signs_and_zero_is_class_0():
    judge = Judge(Classes(("a", "b")), np.array([1, 0, 0, 0]), None, 1)
    answers = judge.answers(np.array([[0.5], [-0.2], [0.0], [0.1]]))
    interval = judge.intervals(answers)["accuracy"]
    assert interval.value == 0.75
    assert interval.n == 4
    assert interval.low < 0.75 < interval.high


def test_numbers_are_judged_in_their_own_units():
    wanted = np.random.default_rng(0).normal(50.0, 4.0, (40, 1))
    unit = Scaling(*(np.array([one]) for one in (0.0, 1.0, 50.0, 4.0, 0.0, 0.0)))
    judge = Judge(Numbers(("x",)), wanted, unit, 5)
    found = judge.intervals(judge.answers((wanted + 1.0 - 50.0) / 4.0))
    assert found["nrmse"].value == pytest.approx(1.0 / wanted.std())
    assert found["r2"].value == pytest.approx(1.0 - 1.0 / wanted.var())
    assert judge.difference(wanted, wanted + 1.0).value == pytest.approx(-1.0 / wanted.std())
    assert judge.intervals(wanted[:1] * 0 + wanted)["nrmse"].high == 0.0
    still = Judge(Numbers(("x",)), np.ones((9, 1)), None, 5)
    assert still.intervals(np.ones((9, 1))) == {}
    assert still.unmeasured == (
        "The target does not vary over the 9 test rows: no NRMSE or R2. Test on more rows.",
    )
    assert judge.unmeasured == ()


def test_very_small_numbers_are_scaled_as_any_others():
    rows = np.random.default_rng(0).normal(3.0, 2.0, (40, 2))
    for size in (1e-300, 1e-150, 1.0):
        mean, deviation = moments(rows * [size, 0.0])
        assert mean[0] / size == pytest.approx(rows[:, 0].mean())
        assert deviation[0] / size == pytest.approx(rows[:, 0].std())
        assert (mean[1], deviation[1]) == (0.0, 1.0)


def test_rows_that_share_steps_are_drawn_together():
    """The windows of a series overlap: their interval is wider than that of rows apart."""
    task = load_task(RunSettings(dataset="mackey-glass").read(), 42)
    line = network_of(architecture("dynamic-line"), 1, target=task.target)
    judge = Judge.of(task, 300, TrainedNetwork(line, {}))
    assert judge.block == 13
    found = judge.answers(task.parts.test.known_targets[:300])
    np.testing.assert_allclose(found, judge.wanted)
    apart = Judge(judge.target, judge.wanted, judge.scaling, 1)
    moved = judge.wanted + 0.3 * judge.wanted**2
    wide, narrow = (one.intervals(moved)["nrmse"] for one in (judge, apart))
    assert wide.value == narrow.value
    assert wide.high - wide.low > 1.5 * (narrow.high - narrow.low)


def test_rows_that_share_steps_and_are_too_few_have_a_value_and_no_interval():
    """Eight windows of seven steps are little more than one: no shorter block makes them more."""
    wanted = np.sin(np.arange(8.0))[:, None]
    judge, answers = Judge(Numbers(("x",)), wanted, None, 7), wanted + 0.1
    found = judge.intervals(answers)
    assert found["nrmse"].value == pytest.approx(0.1 / wanted.std())
    assert found["r2"].value == pytest.approx(1 - 0.01 / wanted.var())
    assert found["nrmse"].to_json() == {**found["nrmse"].to_json(), "low": None, "high": None}
    assert judge.difference(answers, wanted) is None
    assert between(found["r2"].low, found["r2"].high) == between(None, None) == "too few rows"
    assert Judge(Numbers(("x",)), wanted, None, 4).difference(answers, wanted) is not None
