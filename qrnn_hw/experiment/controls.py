"""Classical classifiers on the very rows of a task, to hold the quantum one against."""

from __future__ import annotations

import numpy as np

from qrnn_hw.classical.baseline import Baseline
from qrnn_hw.classical.baselines import mean_vector_logistic, pls_logistic, tfidf_logistic
from qrnn_hw.classical.gru import gru_classifier
from qrnn_hw.data.sequences import Sequences
from qrnn_hw.experiment.task import Task
from qrnn_hw.statistics.intervals import Interval, wilson


def classical_controls(task: Task, *, n_parameters: int, seed: int) -> tuple[Baseline, ...]:
    """Train the baselines on the task's training and validation rows and predict its test rows.

    Args:
        task: with its split.
        n_parameters: of the quantum classifier; the GRU gets as many, as nearly as it can.
        seed: of the GRU.
    """
    rows, labels = task.rows, np.asarray(task.text.labels)
    sequences: Sequences = task.sequences
    return (
        tfidf_logistic(task.text.texts, labels, rows.development, rows.test),
        mean_vector_logistic(task.text.texts, task.vectors, labels, rows.development, rows.test),
        pls_logistic(sequences, labels, rows.development, rows.test),
        gru_classifier(sequences, labels, rows, n_parameters=n_parameters, seed=seed),
    )


def baseline_interval(baseline: Baseline, n_sentences: int) -> Interval:
    """Return a baseline's accuracy on the first test sentences with its 95 % Wilson interval."""
    return wilson(int(baseline.correct[:n_sentences].sum()), n_sentences)
