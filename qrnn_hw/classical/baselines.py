"""Linear classifiers of sentences on the same rows, to hold the quantum models against."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from qrnn_hw.classical.baseline import Baseline
from qrnn_hw.data.scaling import moments
from qrnn_hw.data.sequences import Sequences
from qrnn_hw.data.tokens import tokenise, words
from qrnn_hw.data.vectors import WordVectors
from qrnn_hw.features import fit_pls, project

MAX_ITERATIONS = 2000


def tfidf_logistic(
    texts: Sequence[str],
    labels: NDArray[np.int64],
    fit_rows: NDArray[np.int64],
    test_rows: NDArray[np.int64],
) -> Baseline:
    """Classify by a logistic regression on word frequencies, with scikit-learn's defaults.

    The whole sentence is read, stop words included, as words of two letters and more; the
    vocabulary and the inverse document frequencies come from `fit_rows`.
    """
    # Of English the default's words; those of other scripts are whole, in whichever form.
    vectorizer = TfidfVectorizer(analyzer=lambda text: [w for w in words(text) if len(w) > 1])
    fit = vectorizer.fit_transform([texts[row] for row in fit_rows])
    test = vectorizer.transform([texts[row] for row in test_rows])
    return _logistic("TF-IDF", fit, test, labels, fit_rows, test_rows)


def mean_vector_logistic(
    texts: Sequence[str],
    vectors: WordVectors,
    labels: NDArray[np.int64],
    fit_rows: NDArray[np.int64],
    test_rows: NDArray[np.int64],
) -> Baseline:
    """Classify by a logistic regression on the mean vector of all known words of a sentence."""
    means = np.zeros((len(texts), vectors.dim))
    for row, text in enumerate(texts):
        found = tokenise(text, drop_stop_words=False)
        known = [vectors.index[word] for word in found if word in vectors.index]
        if known:
            means[row] = vectors.vectors[known].mean(axis=0)
    return _logistic(
        "mean word vector", means[fit_rows], means[test_rows], labels, fit_rows, test_rows
    )


def pls_logistic(
    sequences: Sequences,
    labels: NDArray[np.int64],
    fit_rows: NDArray[np.int64],
    test_rows: NDArray[np.int64],
    *,
    k: int = 4,
) -> Baseline:
    """Classify by a logistic regression on the `k` PLS features of each step, side by side.

    The information is what a quantum model with `k` encoded features a step receives. Features are
    divided by their standard deviation in `fit_rows`.
    """
    projected = project(sequences, fit_pls(sequences, labels, fit_rows, k))
    flat: NDArray[np.float64] = projected.values.reshape(len(projected), -1)
    flat = flat / moments(flat[fit_rows])[1]
    return _logistic(
        f"{sequences.n_steps} words x PLS-{k}",
        flat[fit_rows],
        flat[test_rows],
        labels,
        fit_rows,
        test_rows,
        n_projection_parameters=(sequences.dim + 1) * k,
    )


def _logistic(
    features_name: str,
    fit_features: NDArray[np.float64],
    test_features: NDArray[np.float64],
    labels: NDArray[np.int64],
    fit_rows: NDArray[np.int64],
    test_rows: NDArray[np.int64],
    *,
    n_projection_parameters: int = 0,
) -> Baseline:
    model = LogisticRegression(max_iter=MAX_ITERATIONS).fit(fit_features, labels[fit_rows])
    predictions = np.asarray(model.predict(test_features), dtype=np.int64)
    return Baseline(
        name=f"logistic regression, {features_name}",
        n_parameters=model.coef_.size + model.intercept_.size + n_projection_parameters,
        predictions=predictions,
        quality=(predictions == labels[test_rows]).astype(np.float64),
    )
