import numpy as np
import pytest

from qrnn_hw.data.vectors import WordVectors
from qrnn_hw.errors import DataError, UsageError
from qrnn_hw.features import (
    Sequences,
    embed,
    fit_pca,
    fit_pls,
    project,
)

TRAIN = np.arange(0, 30)
TEST = np.arange(30, 40)


@pytest.fixture
def labels():
    return np.arange(40) % 2


@pytest.fixture
def sequences(labels):
    """Words of six features, of which the third alone carries the label."""
    generator = np.random.default_rng(7)
    lengths = generator.integers(0, 6, size=40)
    values = generator.normal(size=(40, 5, 6)) * [3, 2, 1, 1, 1, 1]
    values[:, :, 2] += 4 * (labels[:, None] - 0.5)
    mask = np.arange(5) < lengths[:, None]
    return Sequences(values=values * mask[:, :, None], lengths=lengths)


def with_other_test_rows(sequences):
    generator = np.random.default_rng(8)
    values = sequences.values.copy()
    values[TEST] = 100 * generator.normal(size=values[TEST].shape)
    lengths = sequences.lengths.copy()
    lengths[TEST] = 5
    return Sequences(values=values, lengths=lengths)


def test_embed_keeps_known_words_in_order_as_unit_vectors():
    vectors = WordVectors(
        words=("good", "bad", "blank"), vectors=np.array([[3, 4], [0, 2], [0, 0]], dtype=np.float32)
    )
    result = embed(["Good unheard-of BAD", "", "blank bad good good"], vectors, steps=3)
    np.testing.assert_array_equal(result.lengths, [2, 0, 3])
    np.testing.assert_allclose(
        result.values,
        [[[0.6, 0.8], [0, 1], [0, 0]], np.zeros((3, 2)), [[0, 0], [0, 1], [0.6, 0.8]]],
        atol=1e-7,
    )


def test_embed_refuses_what_it_cannot_use():
    vectors = WordVectors(words=("good",), vectors=np.ones((1, 2), dtype=np.float32))
    with pytest.raises(UsageError, match=r"steps should be 1 or more. Got 0"):
        embed(["good"], vectors, steps=0)
    with pytest.raises(DataError, match="at least one word.* Got 2 of 2 texts"):
        embed(["bad", "ugly"], vectors)


def test_scripts_without_blanks_are_told_to_be_parted():
    vectors = WordVectors(words=("电影", "好"), vectors=np.eye(2, dtype=np.float32))
    parted = embed(["电影 很 好", "电影 不 好"], vectors)
    np.testing.assert_array_equal(parted.lengths, [2, 2])
    with pytest.raises(DataError, match=r"Got 2 of 3 texts without .* part them by blanks first"):
        embed(["这个电影很好", "电影不好", "好"], vectors)


def test_sequences_check_themselves():
    with pytest.raises(UsageError, match="shape"):
        Sequences(values=np.zeros((2, 3)), lengths=np.zeros(2, dtype=np.int64))
    with pytest.raises(UsageError, match="finite"):
        Sequences(values=np.full((1, 2, 1), np.nan), lengths=np.array([1]))
    with pytest.raises(UsageError, match="between 0 and the 2 steps"):
        Sequences(values=np.zeros((1, 2, 1)), lengths=np.array([3]))


def test_pca_finds_the_directions_of_largest_variance(sequences):
    words = sequences.values[TRAIN][sequences.mask[TRAIN]]
    matrix = fit_pca(sequences, TRAIN, 2).matrix
    np.testing.assert_allclose(matrix.T @ matrix, np.eye(2), atol=1e-12)
    eigenvalues = np.linalg.eigvalsh(np.cov(words.T))[::-1]
    np.testing.assert_allclose((words @ matrix).var(axis=0, ddof=1), eigenvalues[:2])


def test_first_pls_direction_is_the_covariance_with_the_label(sequences, labels):
    rows, steps = np.nonzero(sequences.mask[TRAIN])
    words, response = sequences.values[TRAIN][rows, steps], labels[TRAIN][rows]
    covariance = (words - words.mean(axis=0)).T @ (response - response.mean())
    direction = fit_pls(sequences, labels, TRAIN, 1).matrix[:, 0]
    np.testing.assert_allclose(direction, covariance / np.linalg.norm(covariance), atol=1e-12)


@pytest.mark.parametrize("kind", ["pca", "pls"])
def test_projections_centre_the_training_words_and_keep_padding_at_zero(sequences, labels, kind):
    fitted = fit_pca(sequences, TRAIN, 3) if kind == "pca" else fit_pls(sequences, labels, TRAIN, 3)
    projected = project(sequences, fitted)
    np.testing.assert_allclose(
        projected.values[TRAIN][projected.mask[TRAIN]].mean(0), 0, atol=1e-12
    )
    assert not projected.values[~projected.mask].any()


def test_fits_do_not_see_test_rows(sequences, labels):
    other, other_labels = with_other_test_rows(sequences), labels.copy()
    other_labels[TEST] = 1 - other_labels[TEST]
    for one, two in [
        (fit_pca(sequences, TRAIN, 3), fit_pca(other, TRAIN, 3)),
        (fit_pls(sequences, labels, TRAIN, 3), fit_pls(other, other_labels, TRAIN, 3)),
    ]:
        np.testing.assert_array_equal(one.matrix, two.matrix)
        np.testing.assert_array_equal(one.offset, two.offset)


@pytest.mark.parametrize("k", [0, 7])
def test_k_must_fit_the_words(sequences, labels, k):
    with pytest.raises(UsageError, match=f"k should be between 1 and 6. Got {k}"):
        fit_pca(sequences, TRAIN, k)
    with pytest.raises(UsageError, match=f"k should be between 1 and 6. Got {k}"):
        fit_pls(sequences, labels, TRAIN, k)


def test_pls_needs_both_classes_and_enough_directions(sequences, labels):
    with pytest.raises(UsageError, match="both classes"):
        fit_pls(sequences, labels, TRAIN[labels[TRAIN] == 0], 2)
    flat = np.zeros_like(sequences.values)
    flat[:, :, 0] = sequences.values[:, :, 0]
    with pytest.raises(UsageError, match="rank of the training words, 1"):
        fit_pls(Sequences(flat, sequences.lengths), labels, TRAIN, 3)


def test_a_projection_must_fit_the_features(sequences):
    fitted = fit_pca(sequences, TRAIN, 2)
    with pytest.raises(UsageError, match=r"should take 2 features. Got one for 6"):
        project(project(sequences, fitted), fitted)


def test_training_rows_without_a_word_are_refused(sequences):
    empty = np.flatnonzero(sequences.lengths == 0)
    with pytest.raises(UsageError, match="at least one known word"):
        fit_pca(sequences, empty, 1)
