"""Linear classifiers and regressions on the numbers of steps."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression, Ridge

from qrnn_hw.classical.baseline import Baseline, answered, one_hot
from qrnn_hw.data.scaling import Scaling
from qrnn_hw.data.sequences import Sequences
from qrnn_hw.data.target import Classes, Numbers, Target

MAX_ITERATIONS = 2000
PENALTIES = 10.0 ** np.arange(-6, 4)
LAGS = 12
"""Steps that are read where every step has a target."""


def mean_step_logistic(fit: Sequences, test: Sequences, target: Classes) -> Baseline:
    """Classify by a logistic regression on the mean of a sequence's steps.

    Args:
        fit: training and validation rows, of features in one scale.
        test: rows to answer.
        target: one class a sequence.
    """
    features = [one.values.sum(axis=1) / np.maximum(one.lengths, 1)[:, None] for one in (fit, test)]
    return _logistic("mean of the steps", features, np.asarray(fit.targets), target, test)


def all_step_logistic(fit: Sequences, test: Sequences, target: Classes) -> Baseline:
    """Classify by a logistic regression on the numbers of all steps, 0 beyond a sequence's end.

    Where every step has a class it reads the last steps up to that one. Arguments are those of
    `mean_step_logistic`.
    """
    features = [_inputs(one, target) for one in (fit, test)]
    labels = np.asarray(fit.targets)
    name = f"{_n_steps(test, target)} steps"
    return _logistic(name, features, labels[fit.mask] if target.per_step else labels, target, test)


def _logistic(
    name: str,
    features: list[NDArray[np.float64]],
    labels: NDArray[np.int64],
    target: Classes,
    test: Sequences,
) -> Baseline:
    model = LogisticRegression(max_iter=MAX_ITERATIONS).fit(features[0], labels)
    found = one_hot(target, np.asarray(model.predict(features[1]), dtype=np.int64))
    n_parameters = model.coef_.size + model.intercept_.size
    outputs = _spread(found, test, target)
    return answered(f"logistic regression, {name}", n_parameters, target, outputs, test)


def ridge(
    training: Sequences,
    validation: Sequences,
    test: Sequences,
    target: Numbers,
    scaling: Scaling,
) -> Baseline:
    """Regress linearly on all numbers of a window, or on the last steps before each target.

    The penalty is the one of the least validation error; the weights are then fitted on training
    and validation rows.

    Args:
        training: scaled rows with scaled targets.
        validation: likewise.
        test: scaled rows with targets in their own units.
        target: numbers.
        scaling: that brings answers back to their own units.
    """
    parts = [_rows(one, target) for one in (training, validation, test)]
    (x, y), (x_validation, y_validation), (x_test, _) = parts
    errors = [
        np.mean(
            (Ridge(penalty).fit(x, y).predict(x_validation).reshape(-1, y.shape[1]) - y_validation)
            ** 2
        )
        for penalty in PENALTIES
    ]
    penalty = PENALTIES[int(np.argmin(errors))]
    model = Ridge(penalty).fit(np.concatenate([x, x_validation]), np.concatenate([y, y_validation]))
    found = scaling.unscaled(model.predict(x_test).reshape(len(x_test), -1))
    outputs = _spread(found, test, target)
    name = f"ridge on {_n_steps(test, target)} steps"
    return answered(name, model.coef_.size + target.n_outputs, target, outputs, test)


def _rows(sequences: Sequences, target: Numbers) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return inputs (m, f) and targets (m, k) of each sequence, or of each step that counts."""
    targets = np.asarray(sequences.targets, dtype=np.float64)
    return _inputs(sequences, target), targets[sequences.mask] if target.per_step else targets


def _inputs(sequences: Sequences, target: Target) -> NDArray[np.float64]:
    """Return all numbers of each sequence, or those of the last steps up to each that counts."""
    values = sequences.values
    if not target.per_step:
        return values.reshape(len(values), -1)
    n_lags = _n_steps(sequences, target)
    padded = np.pad(values, [(0, 0), (n_lags - 1, 0), (0, 0)])
    lagged = np.lib.stride_tricks.sliding_window_view(padded, n_lags, axis=1)
    return np.asarray(lagged.reshape(*values.shape[:2], -1)[sequences.mask])


def _n_steps(sequences: Sequences, target: Target) -> int:
    return min(LAGS, sequences.n_steps) if target.per_step else sequences.n_steps


def _spread(found: NDArray[np.float64], test: Sequences, target: Target) -> NDArray[np.float64]:
    """Return outputs (n, k) as they are, or those of steps that count at their places."""
    if not target.per_step:
        return found
    outputs = np.zeros((*test.mask.shape, target.n_outputs))
    outputs[test.mask] = found
    return outputs
