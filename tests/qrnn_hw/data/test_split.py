import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qrnn_hw.data.labelled_text import LabelledText, load_embedded
from qrnn_hw.data.split import Split, split, split_one_source
from qrnn_hw.errors import DataError, UsageError


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
    yelp = load_embedded("yelp")
    alone = split(yelp.labels, seed=42, groups=yelp.groups)
    np.testing.assert_array_equal(parts.test, alone.test + 2000)
    np.testing.assert_array_equal(parts.validation, alone.validation + 2000)
    before = split(yelp.labels, seed=42)
    assert len(np.setdiff1d(before.test, alone.test)) <= 4
    words = [set(data.groups[rows]) for rows in (parts.train, parts.validation, parts.test)]
    assert not words[0] & words[1] | words[0] & words[2] | words[1] & words[2]


@settings(max_examples=60, deadline=None)
@given(
    contents=st.lists(st.integers(0, 40), min_size=80, max_size=200),
    seed=st.integers(0, 2**32 - 1),
    validation=st.sampled_from([0, 0.15]),
    conflicting=st.booleans(),
)
def test_no_content_stands_in_two_parts_or_twice(contents, seed, validation, conflicting):
    groups = np.concatenate([np.arange(41), contents])
    labels = groups % 2
    if conflicting:
        labels[groups < 10] = np.random.default_rng(seed).integers(0, 2, (groups < 10).sum())
    options = {"seed": seed, "validation_fraction": validation}
    parts = split(labels, groups=groups, **options)
    sides = [parts.train, parts.validation, parts.test]
    seen = [set(groups[rows]) for rows in sides]
    assert not seen[0] & seen[1] | seen[0] & seen[2] | seen[1] & seen[2]
    assert set().union(*seen) == set(range(41))
    # Once with each of its labels, and the shares of the distinct contents.
    used = np.concatenate(sides)
    pairs = set(zip(groups.tolist(), labels.tolist(), strict=True))
    assert len(used) == len(pairs)
    assert {(int(groups[row]), int(labels[row])) for row in used} == pairs
    if not conflicting:
        assert abs(len(parts.test) - 0.2 * 41) <= 1
        assert abs(len(parts.validation) - validation * 41) <= 1
        assert abs(labels[parts.test].sum() - 4) <= 1


def test_a_split_without_repeats_is_the_one_of_before():
    labels = np.repeat([0, 1], 50)
    groups = np.random.default_rng(1).permutation(100)
    before, now = split(labels, seed=3), split(labels, seed=3, groups=groups)
    for name in ("train", "validation", "test"):
        np.testing.assert_array_equal(getattr(now, name), getattr(before, name))


def test_the_same_words_are_one_content_however_they_are_written():
    texts = (
        "A great phone!",
        "great  PHONE",
        "Caf\u00e9",
        "cafe\u0301",
        ":)",
        ":(",
        "it is",
        "Is it",
    )
    data = LabelledText("x", texts, np.arange(8) % 2, ("0", "1"), ("x",) * 8)
    np.testing.assert_array_equal(data.groups, [0, 0, 1, 1, 2, 3, 4, 5])


def test_too_few_distinct_rows_are_refused():
    labels = np.repeat([0, 1], 20)
    with pytest.raises(DataError, match=r"Got 4 distinct rows of 40, too few"):
        split(labels, seed=1, groups=np.arange(40) // 10)


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
