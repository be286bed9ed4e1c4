"""The published pipelines as data, and their faults as switches."""

from importlib.resources import files

import numpy as np
import pytest

import circuits
from qrnn_hw.errors import UsageError
from qrnn_hw.recipes.recipes import (
    FAULTS,
    PUBLISHED,
    PUBLISHED_ACCURACY,
    published_recipe,
    scale_to_angles,
    split_rows,
)


def test_every_published_model_has_a_recipe_that_feeds_its_circuit():
    ours = {"dynamic-line", "hybrid"}
    assert set(PUBLISHED) == set(PUBLISHED_ACCURACY) == set(circuits.architectures()) - ours
    for name, recipe in PUBLISHED.items():
        n_features = circuits.architecture(name).n_features
        # The published LSTM reads 19 of its 32 features.
        assert recipe.n_reduced == (32 if name == "qlstm" else n_features)


def test_faults_are_off_unless_asked_for():
    for name in PUBLISHED:
        recipe = published_recipe(name)
        assert not any(getattr(recipe, fault) for fault in FAULTS)
    faulty = published_recipe("stacked-3-minimal").with_published_faults()
    assert (faulty.angles_truncated, faulty.scaled_on_all_rows, faulty.unstratified) == (
        True,
        True,
        False,
    )
    assert published_recipe("v4").with_published_faults().unstratified
    assert not published_recipe("sim-v6").with_published_faults().angles_truncated


def test_the_unstratified_split_of_the_amazon_file_is_the_published_one():
    table = files("qrnn_hw.data") / "embedded" / "uci_sentiment_labelled_sentences.tsv"
    rows = [line.split("\t") for line in table.read_text(encoding="utf-8").splitlines()]
    labels = np.array([int(row[1]) for row in rows if row[0] == "amazon"])
    train, test = split_rows(labels, published_recipe("v1", unstratified=True))
    # 107 of 200 are positive, whence the 53.5 and 46.5 % of constant predictors.
    assert (len(labels), len(train), labels[test].sum()) == (1000, 800, 107)
    assert not set(train) & set(test)
    _, kept = split_rows(labels, published_recipe("v1"))
    assert labels[kept].sum() == 100


def test_angles_span_the_range_of_the_training_rows_unless_faulty():
    features = np.array([[[0.0]], [[1.0]], [[4.0]]])
    train = np.array([0, 1])
    clean = scale_to_angles(features, train, published_recipe("sim-v1"))
    np.testing.assert_allclose(clean.ravel(), [0, np.pi, np.pi])
    leaking = scale_to_angles(features, train, published_recipe("sim-v1", scaled_on_all_rows=True))
    np.testing.assert_allclose(leaking.ravel(), [0, np.pi / 4, np.pi])
    faulty = published_recipe("adapted").with_published_faults()
    np.testing.assert_allclose(scale_to_angles(features, train, faulty).ravel(), [0, 0, 3])


def test_what_was_never_published_is_refused():
    with pytest.raises(UsageError, match=r"those of v1, .*Got 'hybrid'"):
        published_recipe("hybrid")
    with pytest.raises(UsageError, match=r"unstratified, repeats_shared\. Got shuffled"):
        published_recipe("v1", shuffled=True)
    with pytest.raises(UsageError, match=r"Got 2\.0 everywhere"):
        scale_to_angles(np.full((2, 1, 1), 2.0), np.array([0]), published_recipe("sim-v1"))
