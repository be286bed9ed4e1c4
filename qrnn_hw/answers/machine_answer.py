"""Predictions from a machine's shots: scores with both intervals, labels with both certificates."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from jobs.counted import counted
from qrnn_hw.answers.certain import CanaryCounts, Counts
from qrnn_hw.answers.in_words import in_words, outputs_of
from qrnn_hw.answers.prediction import Prediction
from qrnn_hw.answers.votes import Votes
from qrnn_hw.data.target import Classes, answer
from qrnn_hw.mitigation.answer import Answer
from qrnn_hw.mitigation.canaries import Miss, missed
from qrnn_hw.statistics.certificates import LEAST_CANARIES, MACHINE, NOISELESS
from qrnn_hw.statistics.decisions import UNDECIDED
from qrnn_hw.statistics.half_widths import shot_errors
from qrnn_hw.statistics.repetitions import Repeated, batches_disagree

Array = NDArray[np.float64]


def predictions(votes: Votes, names: tuple[str, ...], notes: list[str]) -> list[Prediction]:
    """Return what is answered to each row.

    Args:
        votes: of all batches.
        names: of the rows.
        notes: on how each was read.
    """
    miss = _miss(votes)
    return [
        _prediction(votes, row, name, note, miss)
        for row, (name, note) in enumerate(zip(names, notes, strict=True))
    ]


def scored(repeats: Counts, columns: Array, miss: Miss | None = None) -> Answer:
    """Return the outputs of a row with their errors, arrays of shape (k,).

    Repetitions may have unlike shots: each counts by its own.

    Args:
        repeats: of the outcomes in each repetition, shape (B, 2**m).
        columns: R, shape (2**m, k).
        miss: what canaries missed.
    """
    counts, sizes = repeats.sum(axis=0), repeats.sum(axis=1, keepdims=True)
    n = int(counts.sum())
    value = counts @ columns / n
    # One shot knows nothing of its spread: then the whole range of an output is.
    error = shot_errors(counts, columns) if n > 1 else np.ptp(columns, axis=0)
    if len(repeats) < 2:
        return Answer(value, error, miss=miss)
    squares = (sizes * (repeats @ columns / sizes - value) ** 2).sum(axis=0)
    scatter = np.sqrt(squares / (len(repeats) - 1) / n)
    return Answer(value, error, Repeated(value, error, scatter, len(repeats)), miss)


def _prediction(votes: Votes, row: int, name: str, note: str, miss: Miss | None) -> Prediction:
    model, columns, repeats = votes.question.model, votes.columns, votes.rows[row]
    found = scored(repeats, columns, miss)
    is_class, label, known = isinstance(model.target, Classes), UNDECIDED, UNDECIDED
    if is_class:
        label = votes.machine_label(row)
        known = votes.noiseless_label(row)
    place: Any = answer(model.target, found.value[None])[0]
    if votes.is_sequential:
        place = None if label == UNDECIDED else label
    disagree = any(batches_disagree(repeats, column) for column in columns.T)
    noiseless = found.noiseless
    spans = [found.value, found.machine.low, found.machine.high]
    spans += [] if noiseless is None else [noiseless.low, noiseless.high]
    said, parts = in_words(model, place, spans, votes.question.direct[row])
    lines = [note, "its repetitions disagree: the machine changed" if disagree else ""]
    facts: dict[str, Any] = {
        "backend": votes.question.execution.machine.name,
        "noiseless": None if noiseless is None else {"low": parts[3], "high": parts[4]},
        "repetitions": None if found.repeated is None else found.repeated.to_json(),
        "repetitions_disagree": disagree,
        "canaries": None if miss is None else miss.to_json(),
        "jobs": [
            key
            for keys, rows in zip(votes.jobs, votes.asked, strict=True)
            if row in rows
            for key in keys.values()
        ],
    }
    if is_class:
        facts["certificates"] = {
            MACHINE: None if label == UNDECIDED else model.target.names[label],
            NOISELESS: None if known == UNDECIDED else model.target.names[known],
        }
    return Prediction(
        name,
        said,
        parts[0],
        parts[1],
        parts[2],
        label != UNDECIDED,
        int(repeats.sum()),
        "; ".join(filter(None, lines)),
        outputs_of(model),
        facts,
    )


def said_of_canaries(votes: Votes) -> str:
    """Say in a line what canaries are worth here, in plain words."""
    canaries = votes.canary_counts
    if not isinstance(votes.question.model.target, Classes):
        if canaries is None:
            return "No canaries were sent: the intervals cover this machine's own mean only."
        beyond = _missed_by(canaries, votes)
        return (
            f"{_said(len(canaries.known))} missed known answers by {beyond:.3f} scaled "
            "units beyond their shots; the wider intervals hold it, if they are representative."
        )
    if canaries is None:
        return (
            f"No canaries were sent: certificates are of {MACHINE} only, and nothing here says how "
            "far the scores lie from the noiseless ones."
        )
    n = len(canaries.known)
    if canaries.disagree(votes.columns):
        return (
            f"The repetitions of {_said(n)} disagree: the machine changed meanwhile, and no "
            "noiseless label is certified."
        )
    if n < LEAST_CANARIES:
        return f"Of {_said(n)} no line is made ({LEAST_CANARIES} or more): {MACHINE} only."
    beyond = _missed_by(canaries, votes)
    return (
        f"{_said(n)} missed known answers by {beyond:.3f} beyond their shots. "
        f"Certified are {MACHINE}, and apart from it {NOISELESS}."
    )


def _said(n: int) -> str:
    return counted(n, "canary", "canaries")


def _missed_by(canaries: CanaryCounts, votes: Votes) -> float:
    return _missed(canaries, votes).beyond_shots


def _miss(votes: Votes) -> Miss | None:
    canaries = votes.canary_counts
    return None if canaries is None else _missed(canaries, votes)


def _missed(canaries: CanaryCounts, votes: Votes) -> Miss:
    value, error = canaries.measured(votes.columns)
    found = missed(value.ravel(), canaries.known.ravel(), error.ravel())
    return Miss(**{**found.to_json(), "n_canaries": len(canaries.known)})
