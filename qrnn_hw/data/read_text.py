"""Sentences with labels as sequences of word vectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from qrnn_hw.data.dataset import Dataset
from qrnn_hw.data.labelled_text import LabelledText
from qrnn_hw.data.read_options import STEPS, ReadOptions
from qrnn_hw.data.series import check_size
from qrnn_hw.data.tokens import tokenise
from qrnn_hw.data.vectors import WordVectors, load_embedded_vectors, load_vectors
from qrnn_hw.features import read_text


def text_dataset(
    text: LabelledText, options: ReadOptions, vectors: WordVectors | None = None
) -> Dataset:
    """Return sentences as sequences of the unit vectors of the words that are read.

    A sentence in which no word has a vector takes one step, with the zero vector.

    Args:
        text: the sentences.
        options: how many words are read, which, and the file of their vectors.
        vectors: of the words, where they are read already.

    Raises:
        DataError: the vectors cannot be read, or know no word of the text.
    """
    steps = STEPS if options.steps is None else options.steps
    if vectors is None:
        vectors = vectors_of(text, options.embeddings)
    check_size(text.name, len(text) * steps * vectors.dim)
    sequences = read_text(text, vectors, steps=steps, choice=options.words)
    known = np.array([sum(w in vectors.index for w in tokenise(one)) for one in text.texts])
    share = sequences.lengths / np.maximum(known, 1)
    share[known == 0] = 1.0
    return Dataset(
        name=text.name,
        sequences=replace(sequences, lengths=np.maximum(sequences.lengths, 1)),
        target=text.target,
        features=tuple(f"v{place}" for place in range(vectors.dim)),
        order="random",
        is_scaled=False,
        text=text,
        vectors=vectors,
        share_read=share,
        notes=(_share_note(share, steps, options.words),),
    )


def vectors_of(text: LabelledText, embeddings: Path | None) -> WordVectors:
    """Return the carried word vectors, or those of a file for the words of a text.

    Raises:
        DataError: the file cannot be read.
    """
    return vectors_of_texts(text.texts, embeddings)


def vectors_of_texts(texts: Sequence[str], embeddings: Path | None) -> WordVectors:
    """Return the carried word vectors, or those of a file for the words of some texts.

    Raises:
        DataError: the file cannot be read.
    """
    if embeddings is None:
        return load_embedded_vectors()
    words = {word for sentence in texts for word in tokenise(sentence)}
    return load_vectors(embeddings, keep=words)


def _share_note(share: NDArray[np.float64], steps: int, choice: str) -> str:
    cut = int((share < 1).sum())
    if not cut:
        return f"All words with a vector are read, {steps} at most."
    which = {"first": "the first", "last": "the last", "spread": "evenly spread"}[choice]
    return (
        f"{100 * share.mean():.0f} % of a text's words with a vector are read on average, "
        f"{100 * share.min():.0f} % at least: {which} {steps}; {cut:,} of {len(share):,} texts are "
        "longer."
    )
