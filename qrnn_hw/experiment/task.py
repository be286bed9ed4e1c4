"""From a data set to arrays: split, vectors and projection, fitted on training rows only."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from qrnn_hw.data.labelled_text import LabelledText
from qrnn_hw.data.read_options import STEPS
from qrnn_hw.data.read_text import vectors_of
from qrnn_hw.data.sequences import Sequences
from qrnn_hw.data.split import Split, split, split_one_source
from qrnn_hw.data.usage import Usage, usage
from qrnn_hw.data.vectors import WordVectors
from qrnn_hw.errors import DataError, UsageError
from qrnn_hw.experiment.settings import RunSettings
from qrnn_hw.features import fit_pls, read_text

PROJECTION_SCALE = 0.5
"""Of the initial projection: unit word vectors then turn qubits by about a radian."""

PROJECTION_COLUMNS = 4


@dataclass(frozen=True, eq=False)
class Task:
    """A labelled data set, ready for a classifier."""

    text: LabelledText
    rows: Split
    vectors: WordVectors
    sequences: Sequences
    training: Sequences
    validation: Sequences
    test: Sequences
    projection: NDArray[np.float64]  # shape (dim, k)

    @property
    def usage(self) -> Usage:
        """What of the text is used, and what is not."""
        return usage(self.text, self.rows, self.vectors)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the data: what was read of each row of each part, and the labels.

        Not of products of them, whose last bits depend on the processor.
        """
        rows = (self.rows.train, self.rows.validation, self.rows.test)
        parts = [self.sequences.take(part).digest for part in rows]
        parts.append(f"PLS {PROJECTION_COLUMNS} x {PROJECTION_SCALE}")
        return hashlib.sha256(" ".join(parts).encode()).hexdigest()

    @property
    def arrays_digest(self) -> str:
        """SHA-256 of all arrays that training and prediction see: the digest of before."""
        hashed = hashlib.sha256()
        for part in (self.training, self.validation, self.test):
            for array in (part.values, part.lengths, part.known_targets):
                hashed.update(np.ascontiguousarray(array).tobytes())
        hashed.update(np.ascontiguousarray(self.projection).tobytes())
        return hashed.hexdigest()


def load_task(settings: RunSettings, text: LabelledText) -> Task:
    """Split and embed a text, and fit what comes before the circuit on its training rows.

    Args:
        settings: seeds, and the file of word vectors if it is not the embedded one.
        text: the sentences.

    Raises:
        DataError: the vectors cannot be read, or know no word of the text.
        UsageError: too few rows or words to split and fit.
    """
    vectors = vectors_of(text, settings.embeddings)
    if settings.data is None and text.name == "uci":
        # The published accuracies are those of the amazon file: the others only help to train.
        rows = split_one_source(text, "amazon", seed=settings.seeds["split"])
    else:
        rows = split(text.labels, seed=settings.seeds["split"], groups=text.groups)
    sequences = read_text(text, vectors, steps=STEPS)
    try:
        fitted = fit_pls(sequences, text.labels, rows.train, PROJECTION_COLUMNS)
    except UsageError as error:
        raise DataError(
            f"the training sentences of {settings.data or settings.dataset} should hold words "
            f"with vectors that span {PROJECTION_COLUMNS} directions, in both classes. "
            f"Got too few; use more text or other vectors. ({error})"
        ) from error
    # A sentence without a known word still takes one step, with the zero vector.
    read = replace(sequences, lengths=np.maximum(sequences.lengths, 1))
    return Task(
        text=text,
        rows=rows,
        vectors=vectors,
        sequences=sequences,
        training=read.take(rows.train),
        validation=read.take(rows.validation),
        test=read.take(rows.test),
        projection=PROJECTION_SCALE * fitted.matrix,
    )
