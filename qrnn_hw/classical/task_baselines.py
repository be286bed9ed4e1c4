"""The classical models that belong to a task, all on its own rows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from qrnn_hw.classical.baseline import Baseline
from qrnn_hw.classical.baselines import mean_vector_logistic, pls_logistic, tfidf_logistic
from qrnn_hw.classical.echo_state import echo_state, has_reservoirs
from qrnn_hw.classical.forecasts import last_value, seasonal_last_value
from qrnn_hw.classical.gru import gru
from qrnn_hw.classical.step_models import all_step_logistic, mean_step_logistic, ridge
from qrnn_hw.classical.warping import nearest_neighbour
from qrnn_hw.data.dataset import Dataset, Parts
from qrnn_hw.data.labelled_text import LabelledText
from qrnn_hw.data.sequences import Sequences, joined
from qrnn_hw.data.series import Series
from qrnn_hw.data.target import Classes, Numbers
from qrnn_hw.data.vectors import WordVectors

N_FEATURES = 4
"""Of a step, behind the projection of the GRU, as in front of the quantum models."""


def task_baselines(
    data: Dataset, parts: Parts, *, n_parameters: int, seed: int
) -> tuple[Baseline, ...]:
    """Train the classical models of a task on its training and validation rows; answer its test.

    Sentences: logistic regression on TF-IDF, on mean word vectors and on PLS features. Other
    classes: logistic regression on the mean of the steps and on all, the nearest neighbour. Series:
    the last value, that of a season before, ridge on the window, and an echo-state network where
    reservoirpy is installed. Other numbers: ridge. Each task has a GRU with as many parameters as
    the quantum model.

    Args:
        data: the task.
        parts: of it, as `data.parts` returns them.
        n_parameters: of the quantum model.
        seed: of the networks.
    """
    test = _in_own_units(data, parts)
    found: list[Baseline] = []
    if data.text is not None and data.vectors is not None:
        found += _of_text(data, parts, data.text, data.vectors)
    elif isinstance(data.target, Classes):
        fit = joined(parts.training, parts.validation)
        if not data.target.per_step:
            found.append(mean_step_logistic(fit, test, data.target))
            found.append(nearest_neighbour(fit, test, data.target))
        found.append(all_step_logistic(fit, test, data.target))
    else:
        if data.series is not None:
            found += _of_series(data, data.series, parts, test, n_parameters, seed)
        assert parts.scaling is not None  # numbers are
        place = 2 if data.series is not None else 0
        found.insert(
            place, ridge(parts.training, parts.validation, test, data.target, parts.scaling)
        )
    recurrent = gru(
        parts.training,
        parts.validation,
        test,
        data.target,
        n_parameters=n_parameters,
        n_features=N_FEATURES,
        seed=seed,
        scaling=parts.scaling,
    )
    return (*found, recurrent)


def left_out(data: Dataset) -> tuple[str, ...]:
    """Say which of the classical models of a task are not there, and why."""
    if data.series is None or has_reservoirs():
        return ()
    return ("echo-state network: reservoirpy is not installed (the extra qrnn-hw[reservoir])",)


def _of_text(
    data: Dataset, parts: Parts, text: LabelledText, vectors: WordVectors
) -> list[Baseline]:
    texts, labels = text.texts, np.asarray(text.labels)
    fit, test = parts.rows.development, parts.rows.test
    return [
        tfidf_logistic(texts, labels, fit, test),
        mean_vector_logistic(texts, vectors, labels, fit, test),
        pls_logistic(data.sequences, labels, fit, test),
    ]


def _of_series(
    data: Dataset,
    series: Series,
    parts: Parts,
    test: Sequences,
    n_parameters: int,
    seed: int,
) -> list[Baseline]:
    assert isinstance(data.target, Numbers)
    assert parts.scaling is not None
    steps = _last_steps(data, series)
    rows = (parts.rows.train, parts.rows.validation, parts.rows.test)
    places = (steps[rows[0]], steps[rows[1]], steps[rows[2]])
    n_fit = int(places[1].max()) + 1
    found = [
        last_value(series, places[2], test, data.target),
        seasonal_last_value(series, places[2], test, data.target, n_fit=n_fit),
    ]
    if has_reservoirs():
        scaled = (series.columns(series.inputs) - parts.scaling.mean) / parts.scaling.deviation
        found.append(
            echo_state(
                scaled,
                places,
                (parts.training, parts.validation, test),
                data.target,
                parts.scaling,
                n_parameters=n_parameters,
                seed=seed,
            )
        )
    return found


def _last_steps(data: Dataset, series: Series) -> NDArray[np.int64]:
    """Return the place in the series of the last step that is read before each target."""
    if not data.target.per_step:
        return series.last_steps()
    return np.arange(len(data) * series.window, dtype=np.int64).reshape(len(data), series.window)


def _in_own_units(data: Dataset, parts: Parts) -> Sequences:
    """Return the test rows, their inputs scaled and their targets as they were read."""
    targets = data.sequences.targets
    return replace(parts.test, targets=None if targets is None else targets[parts.rows.test])
