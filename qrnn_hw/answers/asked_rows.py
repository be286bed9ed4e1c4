"""The rows that are asked about, as the model reads them, and what is to be said of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from qrnn_hw.answers.model_file import Model
from qrnn_hw.data.dataset import Dataset
from qrnn_hw.data.inputs import Inputs
from qrnn_hw.data.sequences import Sequences
from qrnn_hw.data.table import columns_shown
from qrnn_hw.errors import UsageError


def from_any(model: Model, rows: str | Path | Dataset | Sequence[str]) -> Inputs:
    """Return the rows of data, of a file by its path, or sentences, as the model reads them.

    Raises:
        UsageError: something else, or rows that the model does not read.
    """
    if isinstance(rows, Dataset):
        return from_dataset(model, rows)
    if isinstance(rows, str | Path):
        if " " in str(rows) and not Path(rows).exists():
            raise UsageError(
                f"a single text is the path of a file. Got {str(rows)[:60]!r}, where nothing is; "
                "put sentences in a list."
            )
        return from_file(model, rows)
    if not isinstance(rows, Iterable):
        raise UsageError(
            "rows should be sentences, the path of a file, or data as qh.read returns it. Got the "
            f"type {type(rows).__name__}."
        )
    return from_texts(model, list(rows))


def from_texts(model: Model, texts: Sequence[str], *, names: Sequence[str] | None = None) -> Inputs:
    """Return sentences as the model reads them.

    Args:
        model: trained.
        texts: sentences.
        names: what each is called; by default `text` and its number.

    Raises:
        UsageError: it reads no sentences, or there are none, or one is empty or no text.
    """
    from qrnn_hw.data.inputs import text_inputs

    if model.vectors is None:
        raise UsageError("this model reads sequences of numbers. Got text; give a file (--data).")
    if not texts:
        raise UsageError("there should be sentences to answer. Got none.")
    for place, text in enumerate(texts, start=1):
        if not isinstance(text, str) or not text.strip():
            raise UsageError(
                f"every sentence to answer should be a text with words. Got {text!r} as number "
                f"{place}; leave it out."
            )
    return text_inputs(texts, model.reading, names=names, vectors=model.vectors)


def from_file(model: Model, path: Any) -> Inputs:
    """Return the rows of a file as the model reads them; targets may be there or not."""
    from qrnn_hw.data.inputs import read_inputs

    return read_inputs(path, model.reading, features=model.features, vectors=model.vectors)


def from_dataset(model: Model, data: Dataset) -> Inputs:
    """Return the rows of data as the model reads them; sentences anew, by its own vectors.

    Raises:
        UsageError: they were read otherwise than what the model was trained on.
    """
    names = tuple(f"row {row + 1}" for row in range(len(data)))
    if data.text is not None and model.vectors is not None:
        return from_texts(model, data.text.texts, names=names)
    if data.features != model.features or (data.text is None) != (model.vectors is None):
        raise UsageError(
            f"the rows should have the features {columns_shown(model.features)} that the model "
            f"reads, in this order. Got {columns_shown(data.features)}; read them the same way."
        )
    if (series := data.series) is not None:
        own = model.reading
        wanted = (own.window_or_default, own.changes, bool(own.per_step))
        if (found := (series.window, series.changes, data.target.per_step)) != wanted:
            raise UsageError(
                f"the series should be read as the model was trained, with {_said(*wanted)}. Got "
                f"{_said(*found)}; read it the same way, or give its file."
            )
    return Inputs(data.sequences, names, ("",) * len(data))


def _said(window: int, changes: bool, per_step: bool) -> str:
    return f"window={window}, changes={changes}, per_step={per_step}"


def scaled(model: Model, inputs: Inputs) -> Sequences:
    """Return rows as the network reads them."""
    rows = inputs.sequences
    return rows if model.scaling is None else model.scaling.apply(rows)


def direct_of(model: Model, sequences: Sequences) -> list[Any]:
    """Return what reaches the outputs of each row past the circuits: (k,), per step (length, k).

    Args:
        model: trained.
        sequences: as the network reads them.
    """
    found = model.trained.direct_part(sequences.values, sequences.lengths)
    if not model.trained.network.direct:
        return [0.0] * len(sequences)
    if not model.target.per_step:
        return list(found)
    return [own[:length] for own, length in zip(found, sequences.lengths, strict=True)]


def notes_of(model: Model, inputs: Inputs) -> list[str]:
    """Return what is to be said of each row: unknown words, values outside the trained range."""
    notes = list(inputs.notes)
    if model.scaling is not None:
        beyond = model.scaling.outside(inputs.sequences)
        said = "a value is outside the range of the training data"
        notes = [
            "; ".join(filter(None, (note, said if out else "")))
            for note, out in zip(notes, beyond, strict=True)
        ]
    return notes
