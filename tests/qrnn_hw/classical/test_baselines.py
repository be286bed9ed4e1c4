import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from qrnn_hw.classical.baselines import mean_vector_logistic, pls_logistic, tfidf_logistic
from qrnn_hw.classical.gru import gru_classifier, n_gru_parameters, nearest_hidden_size
from qrnn_hw.data.labelled_text import load_embedded
from qrnn_hw.data.sequences import Sequences
from qrnn_hw.data.split import Split, split
from qrnn_hw.data.vectors import load_embedded_vectors
from qrnn_hw.errors import UsageError
from qrnn_hw.features import embed


@pytest.fixture(scope="module")
def amazon():
    return load_embedded("amazon")


@pytest.fixture(scope="module")
def vectors():
    return load_embedded_vectors()


@pytest.fixture(scope="module")
def sequences(amazon, vectors):
    return embed(amazon.texts, vectors)


def all_baselines(texts, vectors, sequences, labels, parts):
    rows = (parts.development, parts.test)
    return {
        "tfidf": tfidf_logistic(texts, labels, *rows),
        "mean": mean_vector_logistic(texts, vectors, labels, *rows),
        "pls": pls_logistic(sequences, labels, *rows),
    }


# Means of five splits vary by about 0.015 with the choice of the five.
@pytest.mark.parametrize(("name", "reference"), [("tfidf", 0.819), ("mean", 0.79), ("pls", 0.78)])
def test_five_splits_reach_the_reference_accuracies(amazon, vectors, sequences, name, reference):
    accuracies = [
        all_baselines(
            amazon.texts, vectors, sequences, amazon.labels, split(amazon.labels, seed=seed)
        )[name].accuracy
        for seed in range(42, 47)
    ]
    assert np.mean(accuracies) == pytest.approx(reference, abs=0.02)


def test_words_of_tfidf_are_the_library_s_in_english_and_whole_in_other_scripts(amazon):
    rows = np.arange(800), np.arange(800, 1000)
    vectorizer = TfidfVectorizer()  # an independent cut of the same English words
    model = LogisticRegression(max_iter=2000).fit(
        vectorizer.fit_transform(amazon.texts[:800]), amazon.labels[:800]
    )
    plain = model.predict(vectorizer.transform(amazon.texts[800:]))
    found = tfidf_logistic(amazon.texts, amazon.labels, *rows)
    np.testing.assert_array_equal(found.predictions, plain)
    # Words that differ in their marks alone, which `\w` of `re` leaves out.
    texts = [f"{word} {n}" for n in range(30) for word in ("कि", "की")]
    labels = np.tile([0, 1], 30)
    assert tfidf_logistic(texts, labels, np.arange(40), np.arange(40, 60)).accuracy == 1


def test_the_labels_of_test_rows_decide_nothing_but_the_score(amazon, vectors, sequences):
    parts = split(amazon.labels, seed=1)
    other = amazon.labels.copy()
    other[parts.test] = 1 - other[parts.test]
    ours = all_baselines(amazon.texts, vectors, sequences, amazon.labels, parts)
    theirs = all_baselines(amazon.texts, vectors, sequences, other, parts)
    for name, baseline in ours.items():
        np.testing.assert_array_equal(baseline.predictions, theirs[name].predictions)
        np.testing.assert_array_equal(baseline.correct, ~theirs[name].correct)
        assert baseline.accuracy == pytest.approx(1 - theirs[name].accuracy)


def test_the_texts_of_test_rows_change_no_other_prediction(amazon, vectors):
    parts = split(amazon.labels, seed=2)
    texts = list(amazon.texts)
    for row in parts.test[1:]:
        texts[row] = "zebra quantum terrible " * 20
    first = [
        all_baselines(words, vectors, embed(words, vectors), amazon.labels, parts)
        for words in (amazon.texts, texts)
    ]
    for name in first[0]:
        assert first[0][name].predictions[0] == first[1][name].predictions[0]
        assert first[0][name].n_parameters == first[1][name].n_parameters


def test_parameter_counts(amazon, vectors, sequences):
    found = all_baselines(
        amazon.texts, vectors, sequences, amazon.labels, split(amazon.labels, seed=1)
    )
    assert found["mean"].n_parameters == 100 + 1
    assert found["pls"].n_parameters == 101 * 4 + 10 * 4 + 1


@pytest.mark.parametrize("n_parameters", [430, 444, 700, 2000])
def test_no_other_hidden_size_is_nearer(n_parameters):
    def distance(size):
        return abs(n_gru_parameters(100, 4, size) - n_parameters)

    best = nearest_hidden_size(n_parameters, 100, 4)
    assert all(distance(best) <= distance(size) for size in range(1, 60))


def order_task(n=400):
    """The label is the sign of the last real word, so that only a recurrent reader can know it."""
    generator = np.random.default_rng(5)
    lengths = generator.integers(1, 6, size=n)
    values = generator.choice([-1.0, 1.0], size=(n, 6, 2))
    labels = (values[np.arange(n), lengths - 1, 0] > 0).astype(np.int64)
    values[np.arange(6) >= lengths[:, None]] = 0.0
    return Sequences(values=values, lengths=lengths), labels


def test_gru_learns_order_and_does_not_read_padding():
    sequences, labels = order_task()
    parts = split(labels, seed=1)
    options = {"n_parameters": 120, "n_features": 2, "seed": 1}
    result = gru_classifier(sequences, labels, parts, **options)
    assert result.accuracy > 0.95
    assert result.n_parameters == n_gru_parameters(2, 2, nearest_hidden_size(120, 2, 2))
    noisy = sequences.values.copy()
    noise = np.random.default_rng(6).normal(0, 9, size=noisy.shape)
    noisy[parts.test] += (noise * ~sequences.mask[:, :, None])[parts.test]
    again = gru_classifier(Sequences(noisy, sequences.lengths), labels, parts, **options)
    np.testing.assert_array_equal(result.predictions, again.predictions)


def test_gru_does_not_see_test_labels(amazon, sequences):
    parts = split(amazon.labels, seed=1)
    other = amazon.labels.copy()
    other[parts.test] = 0
    options = {"n_parameters": 444, "seed": 3}
    first = gru_classifier(sequences, amazon.labels, parts, **options)
    second = gru_classifier(sequences, other, parts, **options)
    np.testing.assert_array_equal(first.predictions, second.predictions)
    assert first.accuracy > 0.75


def test_gru_needs_a_validation_part(amazon, sequences):
    with pytest.raises(UsageError, match="to stop by"):
        gru_classifier(
            sequences,
            amazon.labels,
            split(amazon.labels, seed=1, validation_fraction=0),
            n_parameters=444,
            seed=1,
        )


def test_gru_with_fewer_rows_than_a_batch():
    sequences, labels = order_task(20)
    parts = Split(train=np.arange(12), validation=np.arange(12, 16), test=np.arange(16, 20))
    result = gru_classifier(sequences, labels, parts, n_parameters=60, n_features=2, seed=1)
    assert result.predictions.shape == (4,)
