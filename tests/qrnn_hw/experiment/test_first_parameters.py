"""Where a training starts: several classes told by every step from ridge, others as drawn."""

from dataclasses import replace

import numpy as np
import pytest

import circuits
from circuits.exact.logical import logical_model
from qrnn_hw.data.dataset import Dataset
from qrnn_hw.data.sequences import Sequences
from qrnn_hw.data.target import Classes, Numbers, score
from qrnn_hw.experiment.task import load_task
from qrnn_hw.experiment.training import Training
from qrnn_hw.networks.network import network_of
from qrnn_hw.networks.step_readings import StepReadings
from qrnn_hw.networks.trained import TrainedNetwork
from qrnn_hw.training.options import TrainingOptions
from qrnn_hw.training.reservoir import AT_ONCE, exact_readings, fit_reservoir

LINE = circuits.architecture("dynamic-line")
THREE, TWO = Classes(("low", "middle", "high")), Classes(("low", "high"))
NUMBER = Numbers(("square",))


def rows(n, seed):
    values = np.random.default_rng(seed).uniform(-1, 1, (n, 3, 1))
    return Sequences(values, np.full(n, 3), np.digitize(values[:, 1, 0], [-0.33, 0.33]))


def training_of(target=THREE, steps=True, **given):
    network = network_of(LINE, 1, target=target, steps=StepReadings(3) if steps else None)
    parts = [rows(90, 0), rows(40, 1)]
    if target is TWO:
        parts = [replace(one, targets=np.minimum(one.targets, 1)) for one in parts]
    if target is NUMBER:
        parts = [replace(one, targets=one.values[:, 1] ** 2) for one in parts]
    drawn = tuple(network.initial(seed) for seed in (0, 1))
    own = (network.reader(logical_model(LINE)),)
    each = [(one, one) for one in parts]
    made = Training(network, TrainingOptions(1), (0, 1), drawn, *each, (), {}, readers=own)
    return replace(made, **given)


def by_ridge(made, seed, factor=1.0):
    """Return the head of readings that are `factor` times those without noise."""
    both, drawn = (made.training[seed], made.validation[seed]), made.initial[seed]
    read = [factor * exact_readings(made.network, drawn, part) for part in both]
    return fit_reservoir(made.network, drawn, both, read, n_shots=1000).parameters["head"]


def test_several_classes_start_from_what_ridge_tells_apart_at_a_thousand_shots():
    made, held = training_of(), rows(200, 2)
    for seed, (first, drawn) in enumerate(zip(made.first, made.initial, strict=True)):
        np.testing.assert_array_equal(first["circuit"], drawn["circuit"])
        np.testing.assert_allclose(first["head"], by_ridge(made, seed), atol=1e-8)
        fitted, random = (
            TrainedNetwork(made.network, one).outputs(held.values, held.lengths)
            for one in (first, drawn)
        )
        assert score(THREE, fitted, held.targets) > score(THREE, random, held.targets) + 0.2


def test_readers_are_read_in_the_mean():
    made = training_of()
    whole = made.readers[0]
    two = replace(made, readers=(whole, lambda *given: whole(*given) * 0.5))
    np.testing.assert_allclose(two.first[0]["head"], by_ridge(made, 0, factor=0.75), atol=1e-8)


@pytest.mark.parametrize(
    "given",
    [{"target": TWO}, {"steps": False}, {"validation": None}, {"target": NUMBER}],
)
def test_all_others_start_as_they_are_drawn(given):
    made = training_of(**given)
    assert made.first is made.initial


def test_readings_of_many_rows_are_those_of_each():
    network, many = training_of().network, rows(AT_ONCE + 44, 3)
    drawn = network.initial(5)
    read = exact_readings(network, drawn, many)
    assert read.shape[0] == len(many)
    few = [exact_readings(network, drawn, many.take(np.array([i]))) for i in (0, 255, 256, 299)]
    np.testing.assert_allclose(read[[0, 255, 256, 299]], np.concatenate(few), atol=1e-12)


@pytest.mark.parametrize("unit", [1e-3, 40.0])
def test_steps_of_any_unit_start_with_small_angles(unit):
    values = unit * np.random.default_rng(4).normal(size=(60, 3, 5))
    labels = np.digitize(values[:, 1, 0], unit * np.array([-0.4, 0.4]))
    given = Sequences(values, np.full(60, 3), labels)
    data = Dataset("steps", given, THREE, tuple("abcde"), "random", is_scaled=False)
    task = load_task(data, 0)

    def spread(**of):
        network = network_of(LINE, 5, target=THREE, **of)
        started = task.start(network, 3)
        return (task.training.values[task.training.mask] @ started["projection"]).std(axis=0)

    np.testing.assert_allclose(spread(steps=StepReadings(3)), 0.2)
    drawn = task.training.values[task.training.mask] @ task.projection
    np.testing.assert_allclose(spread(), drawn.std(axis=0)[: spread().size])
