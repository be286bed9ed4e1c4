"""`run --plan auto`: canaries on the machine choose the plan, and say how strong its noise is."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from qrnn_hw.data.dataset import Dataset
from qrnn_hw.data.sequences import Sequences
from qrnn_hw.data.target import Classes
from qrnn_hw.errors import UsageError
from qrnn_hw.experiment import pipeline
from qrnn_hw.experiment.canaries import canaries_file, candidates
from qrnn_hw.experiment.kept_features import encoded_once
from qrnn_hw.experiment.progress import Quiet
from qrnn_hw.experiment.settings import RunSettings
from qrnn_hw.networks.encoded import Encoded
from qrnn_hw.training.checkpoint import Identity
from qrnn_hw.training.options import TrainingOptions


def rows(n=60):
    generator = np.random.default_rng(3)
    values = generator.normal(size=(n, 2, 2))
    labels = (values[:, 0, 0] > values[:, 1, 1]).astype(int)
    sequences = Sequences(values, np.full(n, 2), labels)
    return Dataset("signs", sequences, Classes(("0", "1")), ("a", "b"), "random", is_scaled=False)


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """A run of four rows of two steps on recorded Boston, whose noise is as reported."""
    folder = tmp_path_factory.mktemp("auto")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("QRNN_HW_HOME", str(folder / "home"))
        settings = RunSettings(
            output=folder / "run",
            plans=("auto",),
            shots=2_000,
            sentences=4,
            canaries=4,
            training=TrainingOptions(epochs=2),
        )
        yield pipeline.run(settings, rows(), Quiet(), lambda *asked: True)


@pytest.mark.slow
def test_canaries_of_a_machine_that_is_as_reported_show_its_level(found):
    low, high = found.choice.level.interval()
    assert low < 1 < high
    assert high / low < 2  # before any shot it is a factor of fifteen
    document = json.loads(json.dumps(found.choice.to_json()))
    assert document["noise_level"]["low"] == low
    assert document["chosen"] == found.choice.plan.stack.name
    assert "none" in document["canaries"]


def test_more_canaries_than_there_are_rows_of_a_length_are_refused():
    validation = Sequences(np.zeros((5, 3, 1)), np.array([2, 3, 3, 3, 1]), np.zeros(5, int))
    test = Sequences(np.zeros((2, 3, 1)), np.array([3, 2]), np.zeros(2, int))

    def asked(n):
        task, settings = SimpleNamespace(validation=validation), RunSettings(canaries=n)
        return candidates(SimpleNamespace(test=test, task=task, settings=settings))

    assert [len(asked(n)) for n in (0, 1, 3, 8)] == [0, 2, 3, 0]
    with pytest.raises(UsageError, match="at most 3, the validation rows .* Got 9"):
        asked(9)


def test_plans_of_one_training_keep_the_canaries_of_each(tmp_path):
    """Five canaries and four of another length: what was kept of the first is not the second's."""
    lengths = np.array([2] * 5 + [3] * 4)
    values = np.random.default_rng(1).normal(size=(9, 3, 1))
    task = SimpleNamespace(validation=Sequences(values, lengths, np.zeros(9, int)))
    trained = SimpleNamespace(
        parameters={}, encoded=lambda rows: Encoded(np.zeros(1), rows.values, rows.lengths)
    )

    def kept(n, test_lengths):
        test = Sequences(np.zeros((2, 3, 1)), np.array(test_lengths), np.zeros(2, int))
        settings = RunSettings(output=tmp_path, canaries=n)
        rows = candidates(SimpleNamespace(settings=settings, task=task, test=test))
        name = canaries_file(tmp_path, rows)
        return rows, encoded_once(trained, rows, tmp_path, Identity({}), name)

    for n, test_lengths in ((4, [2, 2]), (4, [3, 3]), (5, [2, 2]), (4, [2, 2])):
        rows, found = kept(n, test_lengths)
        np.testing.assert_array_equal(found.features, rows.values)
        assert set(found.lengths) == set(test_lengths)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["canaries-4-of-3.npz", "canaries-5-of-2.npz", "canaries.npz"]
