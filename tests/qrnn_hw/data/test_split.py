import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qrnn_hw.data.labelled_text import load_embedded
from qrnn_hw.data.split import Split, split, split_one_source
from qrnn_hw.errors import UsageError


@settings(max_examples=60, deadline=None)
@given(
    n_pairs=st.integers(10, 60),
    seed=st.integers(0, 2**32 - 1),
    validation=st.sampled_from([0, 0.15, 0.3]),
    stratified=st.booleans(),
)
def test_every_row_is_in_one_part(n_pairs, seed, validation, stratified):
    labels = np.repeat([0, 1], n_pairs)
    options = {"seed": seed, "validation_fraction": validation, "stratified": stratified}
    parts = split(labels, **options)
    rows = np.concatenate([parts.train, parts.validation, parts.test])
    np.testing.assert_array_equal(np.sort(rows), np.arange(2 * n_pairs))
    assert len(parts.test) == round(0.4 * n_pairs)
    assert len(parts.validation) == round(validation * 2 * n_pairs)
    if stratified:
        for part in (parts.train, parts.test):
            assert abs(labels[part].mean() - 0.5) <= 0.5 / len(part) + 1e-12
    np.testing.assert_array_equal(parts.train, split(labels, **options).train)


def test_another_seed_gives_another_test_part():
    labels = np.repeat([0, 1], 50)
    assert set(split(labels, seed=1).test) != set(split(labels, seed=2).test)


def test_development_is_all_but_the_test_part():
    parts = split(np.repeat([0, 1], 50), seed=3)
    assert set(parts.development) == set(range(100)) - set(parts.test)


def test_other_sources_join_the_training_part_only():
    data = load_embedded("uci")
    parts = split_one_source(data, "yelp", seed=42)
    sources = np.array(data.sources)
    assert set(sources[parts.test]) == set(sources[parts.validation]) == {"yelp"}
    assert (len(parts.train), len(parts.validation), len(parts.test)) == (2650, 150, 200)
    alone = split(load_embedded("yelp").labels, seed=42)
    np.testing.assert_array_equal(parts.test, alone.test + 2000)


def test_unknown_source():
    with pytest.raises(UsageError, match=r"one of amazon, imdb, yelp. Got 'ebay'"):
        split_one_source(load_embedded("uci"), "ebay", seed=1)


@pytest.mark.parametrize("fractions", [(0, 0.1), (1, 0), (0.5, 0.5), (0.2, -0.1)])
def test_fractions_must_leave_all_parts_rows(fractions):
    test, validation = fractions
    with pytest.raises(UsageError, match="sum below 1"):
        split(np.repeat([0, 1], 50), seed=1, test_fraction=test, validation_fraction=validation)


@pytest.mark.parametrize("labels", [[0, 1], [0] * 20 + [1], []])
def test_too_few_rows_are_refused(labels):
    with pytest.raises(UsageError, match="should have at least"):
        split(np.array(labels, dtype=np.int64), seed=1)


def test_parts_may_not_share_a_row():
    with pytest.raises(UsageError, match="two parts"):
        Split(train=np.array([0, 1]), validation=np.array([1]), test=np.array([2]))
