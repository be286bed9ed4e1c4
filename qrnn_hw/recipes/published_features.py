"""Sentences to features as the first source made them, with its faults where the recipe has them.

Read, since the source leaves it open: word vectors have unit length before they are reduced; a
word without a vector keeps its step, as a vector of zeros, as padding does; the stop words are
scikit-learn's; the reduction is fitted on the training rows.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

from qrnn_hw.data.tokens import is_of_a_word, normal_form
from qrnn_hw.data.vectors import WordVectors
from qrnn_hw.errors import DataError, UsageError
from qrnn_hw.recipes.autoencoder import fit_autoencoder
from qrnn_hw.recipes.recipes import Recipe, scale_to_angles

DROPPED = ENGLISH_STOP_WORDS | {"phone", "product", "battery", "headset", "quality", "one", "use"}
_ADDRESS = re.compile(r"https?://\S+|www\.\S+")


def published_words(text: str) -> list[str]:
    """Return the words that the source kept, its a-z and 0-9 read as the letters of any script.

    >>> published_words("The BATTERY isn't great, see http://x.y!")
    ['isnt', 'great']
    """
    plain = normal_form(_ADDRESS.sub("", text.lower()))
    kept = (c if c == " " or is_of_a_word(c) else "" for c in plain)
    return [word for word in "".join(kept).split() if word not in DROPPED]


def published_features(
    texts: Sequence[str],
    vectors: WordVectors,
    train_rows: NDArray[np.int64],
    recipe: Recipe,
    *,
    seed: int,
) -> NDArray[np.float64]:
    """Return the features of every sentence, shape (n, T, d), padded to T steps.

    Args:
        texts: n sentences.
        vectors: of words.
        train_rows: rows that the reduction and the range of the angles come from.
        recipe: reduction, number of features, scaling and faults.
        seed: of an autoencoder.

    Raises:
        UsageError: the vectors have fewer dimensions than the recipe has features, or the features
            do not vary enough to be scaled.
        DataError: no training sentence has a word with a vector.
    """
    if recipe.n_reduced > vectors.dim:
        raise UsageError(
            f"word vectors should have at least the {recipe.n_reduced} dimensions that the recipe "
            f"reduces them to. Got {vectors.dim}; use longer vectors or another model."
        )
    steps = recipe.n_steps
    values = np.zeros((len(texts), steps, vectors.dim))
    for row, text in enumerate(texts):
        for step, word in enumerate(published_words(text)[:steps]):
            if word in vectors.index:
                vector = vectors.vectors[vectors.index[word]].astype(float)
                values[row, step] = vector / max(float(np.linalg.norm(vector)), 1e-12)
    fit = values[train_rows].reshape(-1, vectors.dim)
    if not fit.any():
        raise DataError(
            "the training sentences should hold words that the published recipe keeps, letters "
            "and digits without stop words, and that have vectors. Got none; use other text or "
            "vectors, or --recipe ours."
        )
    if recipe.reduction == "pca":
        pca = PCA(n_components=recipe.n_reduced, svd_solver="full").fit(fit)
        reduced = pca.transform(values.reshape(-1, vectors.dim)).reshape(len(texts), steps, -1)
    else:
        reduced = fit_autoencoder(fit, recipe.n_reduced, seed=seed).encode(values)
    return scale_to_angles(reduced, train_rows, recipe) if recipe.scaled_to_angles else reduced
