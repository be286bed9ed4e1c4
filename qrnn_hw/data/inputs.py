"""Sequences to be answered, of which nothing is known but what a model reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from qrnn_hw.data.arrays import open_arrays, read_values
from qrnn_hw.data.lines import shown
from qrnn_hw.data.long_table import sequence_steps
from qrnn_hw.data.read_options import STEPS, ReadOptions
from qrnn_hw.data.read_text import vectors_of_texts
from qrnn_hw.data.sequences import Sequences
from qrnn_hw.data.series import check_size
from qrnn_hw.data.table import DataTable
from qrnn_hw.data.tables import open_table, refuse_totals
from qrnn_hw.data.times import check_times
from qrnn_hw.data.tokens import tokenise
from qrnn_hw.data.ts_file import read_cases
from qrnn_hw.data.vectors import WordVectors
from qrnn_hw.errors import DataError
from qrnn_hw.features import embed

SHOWN_WORDS = 3


@dataclass(frozen=True, eq=False)
class Inputs:
    """Rows to be answered."""

    sequences: Sequences
    """Without targets, not scaled."""

    names: tuple[str, ...]
    """What each row is called in its file: a sequence's name, a time, or a line."""

    notes: tuple[str, ...]
    """What is to be said of each row's reading, such as words without a vector; mostly empty."""


def read_inputs(
    path: Path | str,
    options: ReadOptions | None = None,
    *,
    features: Sequence[str],
    vectors: WordVectors | None = None,
    **given: Any,
) -> Inputs:
    """Return what a model reads in a file; labels and targets may be there or not.

    Of a series every window is returned, the newest too, whose target nobody knows yet; where
    every step has an answer, pieces of a window's length, the last one as long as the rest.

    Args:
        path: the file, of the form that the model was trained on.
        options: how that was read.
        features: names of what the model reads, as the training data has them.
        vectors: of the words, where the data are sentences; by default those of the options.
        given: fields of `ReadOptions`, in place of `options`.

    Raises:
        DataError: the file cannot be read, or lacks a feature.
    """
    path = Path(path)
    options = ReadOptions(**given) if options is None else options
    ending = path.suffix.lower()
    if ending == ".npz":
        values, lengths = read_values(path, open_arrays(path, ("X",)))
        return _numbered(path, Sequences(values, lengths), features, "row")
    if ending == ".ts":
        return _numbered(path, read_cases(path), features, "sequence")
    table = open_table(path)
    if options.sequence is not None:
        steps = sequence_steps(table, options.sequence, options.time, tuple(features))
        return _inputs(Sequences(steps.values, steps.lengths), steps.names)
    if options.is_series:
        return _of_series(table, options, features)
    column = options.text or "text"
    texts = table.cells(column)
    if "" in texts:
        raise DataError(f"{table.place(texts.index(''), column)}: should not be empty. Got a gap.")
    places = [f"row {row + 1}" for row in range(len(texts))]
    return text_inputs(texts, options, names=places, vectors=vectors)


def text_inputs(
    texts: Sequence[str],
    options: ReadOptions,
    *,
    names: Sequence[str] | None = None,
    vectors: WordVectors | None = None,
) -> Inputs:
    """Return sentences as a model reads them, with a note on words that have no vector.

    Raises:
        DataError: the file of vectors cannot be read, or has none of the words.
    """
    if vectors is None:
        vectors = vectors_of_texts(texts, options.embeddings)
    steps = STEPS if options.steps is None else options.steps
    check_size("the texts", len(texts) * steps * vectors.dim)
    sequences = embed(texts, vectors, steps=steps, choice=options.words, refuse_unread=False)
    notes = []
    for text in texts:
        words = tokenise(text)
        unknown = [word for word in words if word not in vectors.index]
        some = ", ".join(map(shown, unknown[:SHOWN_WORDS])) + ", ..." * (len(unknown) > SHOWN_WORDS)
        if len(unknown) == len(words):
            notes.append(f"no word is known{f': {some}' if some else ''}")
        else:
            notes.append(f"{len(unknown)} of {len(words)} words unknown: {some}" if unknown else "")
    return Inputs(
        replace(sequences, lengths=np.maximum(sequences.lengths, 1)),
        tuple(names or (f"text {row + 1}" for row in range(len(texts)))),
        tuple(notes),
    )


def _of_series(table: DataTable, options: ReadOptions, features: Sequence[str]) -> Inputs:
    refuse_totals(table)
    check_times(table, options.time)
    columns = np.stack(
        [table.numbers(name, fill=options.gaps == "last") for name in features], axis=1
    )
    window, first = options.window_or_default, int(options.changes)
    if len(columns) < window + first:
        more = ", and the row before it" if first else ""
        raise DataError(
            f"{table.path}: a series should have at least the {window} steps of a window{more}. "
            f"Got {len(columns)}."
        )
    if options.changes:
        columns = np.diff(columns, axis=0)
    n_steps = len(columns)
    if options.per_step:
        ends = np.append(np.arange(window, n_steps, window), n_steps)
        lengths = np.diff(ends, prepend=0)
        values: NDArray[np.float64] = np.zeros((len(ends), window, len(features)))
        values[np.arange(window) < lengths[:, None]] = columns
    else:
        check_size(str(table.path), (n_steps - window + 1) * window * len(features))
        windows = sliding_window_view(columns, window, axis=0)
        values = np.ascontiguousarray(windows.transpose(0, 2, 1))
        ends, lengths = np.arange(window, n_steps + 1), np.full(len(values), window)
    if options.time is None:
        names = tuple(f"step {end + first}" for end in ends)
    else:
        times = table.cells(options.time)
        names = tuple(times[end - 1 + first] for end in ends)
    return _inputs(Sequences(values, lengths.astype(np.int64)), names)


def _numbered(path: Path, sequences: Sequences, features: Sequence[str], what: str) -> Inputs:
    if sequences.dim != len(features):
        raise DataError(
            f"{path}: should have the {len(features)} features that the model reads. "
            f"Got {sequences.dim}."
        )
    return _inputs(sequences, tuple(f"{what} {row + 1}" for row in range(len(sequences))))


def _inputs(sequences: Sequences, names: tuple[str, ...]) -> Inputs:
    return Inputs(sequences, names, ("",) * len(sequences))
