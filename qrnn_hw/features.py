"""Turn sentences into sequences of a few numbers a word, learning from training rows only."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.cross_decomposition import PLSRegression
from sklearn.decomposition import PCA

from qrnn_hw.data.labelled_text import LabelledText
from qrnn_hw.data.sequences import Sequences, identity
from qrnn_hw.data.tokens import tokenise
from qrnn_hw.data.vectors import WordVectors, unparted
from qrnn_hw.data.word_choice import WordChoice, chosen_words
from qrnn_hw.errors import DataError, UsageError


@dataclass(frozen=True)
class WordProjection:
    """The affine map `x @ matrix + offset` from word vectors to a few features."""

    matrix: NDArray[np.float64]  # shape: (dim, k)
    offset: NDArray[np.float64]  # shape: (k,)


def embed(
    texts: Sequence[str],
    vectors: WordVectors,
    *,
    steps: int = 10,
    drop_stop_words: bool = True,
    choice: WordChoice = "first",
    refuse_unread: bool = True,
) -> Sequences:
    """Return the unit vectors of `steps` words of each text that have a vector, by default the
    first.

    Words without a vector are passed over and take no step.

    Args:
        texts: any.
        vectors: of words.
        steps: at most so many words of a text are read.
        drop_stop_words: whether stop words are passed over too.
        choice: which words of a longer text.
        refuse_unread: whether to refuse texts of which the vectors know nothing.

    Raises:
        UsageError: `steps` is below 1, or there is no such choice.
        DataError: no text has a word with a vector, or most have none because their words are not
            parted by blanks.
    """
    if steps < 1:
        raise UsageError(f"steps should be 1 or more. Got {steps}.")
    norms = np.linalg.norm(vectors.vectors.astype(np.float64), axis=1, keepdims=True)
    units = vectors.vectors / np.where(norms > 0, norms, 1.0)
    values = np.zeros((len(texts), steps, vectors.dim))
    lengths = np.zeros(len(texts), dtype=np.int64)
    identities = []
    for row, text in enumerate(texts):
        words = tokenise(text, drop_stop_words=drop_stop_words)
        found = [vectors.index[word] for word in words if word in vectors.index]
        known = chosen_words(found, steps, choice)
        values[row, : len(known)] = units[known]
        lengths[row] = len(known)
        identities.append(identity(vectors.vectors[known]))  # as read: a norm is a product
    unread = [text for text, length in zip(texts, lengths, strict=True) if length == 0]
    remedy = unparted({word for text in unread for word in tokenise(text)})
    all_unread = len(unread) == len(texts)
    if refuse_unread and (all_unread or (remedy and 2 * len(unread) > len(texts))):
        raise DataError(
            f"at least one word of the texts should have a vector. Got {len(unread)} of "
            f"{len(texts)} texts without one among {len(vectors.words)} vectors.{remedy}"
        )
    return Sequences(values=values, lengths=lengths, identities=tuple(identities))


def read_text(
    text: LabelledText, vectors: WordVectors, *, steps: int, choice: WordChoice = "first"
) -> Sequences:
    """Return labelled sentences as sequences: unit vectors, labels, and groups by their words.

    Raises:
        UsageError, DataError: as for `embed`.
    """
    sequences = embed(text.texts, vectors, steps=steps, choice=choice)
    return replace(sequences, targets=text.labels, groups=text.groups)


def fit_pca(sequences: Sequences, train_rows: NDArray[np.int64], k: int) -> WordProjection:
    """Return the `k` directions of largest variance of the training rows' words.

    Raises:
        UsageError: `k` is not between 1 and what the words allow.
    """
    words, _ = _words(sequences, train_rows, k)
    pca = PCA(n_components=k, svd_solver="full").fit(words)
    return _centred(pca.components_.T, words)


def fit_pls(
    sequences: Sequences, labels: NDArray[Any], train_rows: NDArray[np.int64], k: int
) -> WordProjection:
    """Return the `k` directions of the training rows' words that covary most with their labels.

    Partial least squares (Wold, Sjostrom & Eriksson 2001), with a row for each word and the label
    of its sentence as the response, of more than two classes a column for each; `matrix` holds the
    rotations of scikit-learn's PLSRegression.

    Args:
        sequences: all sentences.
        labels: what is to be learnt, shape (n,), or (n, k) of several numbers or of classes as
            indicators; read at `train_rows` only.
        train_rows: the sentences to learn from.
        k: how many features.

    Raises:
        UsageError: `k` is not between 1 and what the words allow, or one class only is present.
    """
    words, owners = _words(sequences, train_rows, k)
    responses = labels[train_rows][owners].astype(np.float64)
    if labels.dtype.kind in "iu" and len(classes := np.unique(labels[train_rows])) > 2:
        responses = (labels[train_rows][owners][:, None] == classes).astype(np.float64)
    if (responses.min(axis=0) == responses.max(axis=0)).any():
        raise UsageError("the training rows should hold words of both classes. Got one class only.")
    rank = int(np.linalg.matrix_rank(words - words.mean(axis=0)))
    if k > rank:
        raise UsageError(f"k should be at most the rank of the training words, {rank}. Got {k}.")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # labels explained by fewer than k directions: zeros follow
        rotations = PLSRegression(n_components=k, scale=False).fit(words, responses).x_rotations_
    return _centred(rotations, words)


def project(sequences: Sequences, projection: WordProjection) -> Sequences:
    """Return the sequences with `projection` applied to every word; padding stays zero."""
    if sequences.dim != len(projection.matrix):
        raise UsageError(
            f"the projection should take {sequences.dim} features. "
            f"Got one for {len(projection.matrix)}."
        )
    values = sequences.values @ projection.matrix + projection.offset
    return replace(sequences, values=values * sequences.mask[:, :, None])


def _words(
    sequences: Sequences, train_rows: NDArray[np.int64], k: int = 1
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the training rows' words, shape (m, d), and the training row of each, shape (m,)."""
    mask = sequences.mask[train_rows]
    words = sequences.values[train_rows][mask]
    largest = min(len(words), sequences.dim)
    if largest == 0:
        raise UsageError("the training rows should hold at least one known word. Got none.")
    if not 1 <= k <= largest:
        raise UsageError(f"k should be between 1 and {largest}. Got {k}.")
    return words, np.nonzero(mask)[0]


def _centred(matrix: NDArray[np.float64], words: NDArray[np.float64]) -> WordProjection:
    return WordProjection(matrix=matrix, offset=-words.mean(axis=0) @ matrix)
