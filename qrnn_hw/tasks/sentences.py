"""Sentences with labels as word vectors in three parts."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from qrnn_hw.data.sequences import Sequences
from qrnn_hw.data.target import Classes
from qrnn_hw.errors import DataError
from qrnn_hw.experiment.settings import RunSettings
from qrnn_hw.experiment.task import load_task
from qrnn_hw.tasks.classification import ClassData, ClassRows


def load_sentences(
    path: Path | None, *, embeddings: Path | None = None, seed: int = 0
) -> ClassData:
    """Return sentences as their first ten words with a vector, split as `qrnn-hw run` splits them.

    Args:
        path: a table with the columns label and text, or any data with a class a row; None is the
            embedded amazon file.
        embeddings: a file of word vectors; None is the embedded ones.
        seed: of the split.

    Raises:
        DataError, UsageError: as `qrnn-hw run`, or data that have no class a row.
    """
    settings = RunSettings(
        dataset="amazon" if path is None else "", data=path, embeddings=embeddings, seed=seed
    )
    found = load_task(settings.read(), settings.seeds["split"])
    target, source = found.target, str(path or "amazon file")
    if not isinstance(target, Classes) or target.per_step:
        kind = "classes" if isinstance(target, Classes) else "numbers"
        raise DataError(
            f"the task sentiment should have one class a row to learn. Got {kind} "
            f"{'at every step' if target.per_step else 'in place of classes'} in {source}; "
            "`qrnn-hw run` learns them."
        )
    parts = [_rows(part) for part in (found.training, found.validation, found.test)]
    return ClassData("sentiment", parts[0], parts[1], parts[2], len(target.names), source)


def _rows(read: Sequences) -> ClassRows:
    return ClassRows(
        read.values.astype(np.float32),
        read.lengths.astype(np.int32),
        read.known_targets.astype(np.int32),
    )
