"""The recurrent circuit as a scikit-learn classifier."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from numbers import Integral, Real
from typing import Any, Self

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from circuits.exact.sequence import SequenceModel
from circuits.registry import architecture

Array = NDArray[np.float64]

CHUNK = 128
"""Rows evaluated at once; all data are cut into chunks of this size, so one shape is compiled."""

EMPTY_INPUT = 1.0
"""Of rows that only fill a chunk: zeros have no direction, which some models encode."""

LOGIT_SCALE = 4.0
"""Mean scores lie in about [-1, 1]; the softmax sees them times this."""

TRANSPILER_SEED = 7


class QRNNClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Classify sequences by a recurrent circuit, trained with exact gradients.

    A row of X is a sequence of `n_steps` steps laid end to end, each of
    n_features_in_ / n_steps numbers. A step x is encoded as the angles pi tanh(x P + b); each
    outcome of the circuit has a score for each class, and the class probabilities are the softmax
    of the mean scores. P, b, the circuit's angles and the scores are trained together by L-BFGS on
    the cross-entropy. Features should be of order 1: put a `StandardScaler` before it.

    Args:
        model: name in the registry.
        model_options: its options by name, such as {"mode": "sampled"}; the mode should be coherent
            or sampled. None is the model as its row has it.
        n_steps: time steps of a row.
        backend: a recorded device, such as `fake_boston`, whose scheduled step and noise are
            trained through; None is the ideal circuit.
        max_iter: most iterations of L-BFGS.
        alpha: factor of the squared entries of P and of the scores in the loss.
        random_state: of the initial weights.

    Attributes:
        classes_: labels, shape (n_classes,).
        projection_: P, shape (n_features_in_ / n_steps, d).
        offset_: b, shape (d,).
        angles_: of the circuit, radians, shape (p,).
        scores_: of the outcomes, shape (2**m, n_classes).
        n_iter_: iterations that were taken.
        loss_: at the end.
    """

    def __init__(
        self,
        model: str = "dynamic-line",
        *,
        model_options: dict[str, Any] | None = None,
        n_steps: int = 1,
        backend: str | None = None,
        max_iter: int = 100,
        alpha: float = 1e-3,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.model = model
        self.model_options = model_options
        self.n_steps = n_steps
        self.backend = backend
        self.max_iter = max_iter
        self.alpha = alpha
        self.random_state = random_state

    def fit(self, X: Any, y: Any) -> Self:
        """Train on rows X, shape (n, n_features), with labels y, shape (n,).

        Raises:
            ValueError: columns that do not divide into `n_steps` steps, a single class, a setting
                out of its range, or data that scikit-learn refuses.
        """
        self._check_settings()
        X, y = validate_data(self, X, y, dtype=np.float64)
        check_classification_targets(y)
        self.classes_, labels = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"y should hold at least two classes. Got {len(self.classes_)} class.")
        steps, targets = self._steps(X), np.eye(len(self.classes_))[labels]
        engine = self._engine
        shapes = (
            (steps.shape[2], engine.n_features),
            (engine.n_features,),
            (engine.n_weights,),
            (engine.n_outcomes, len(self.classes_)),
        )
        ends = np.cumsum([int(np.prod(shape)) for shape in shapes])

        def parts(point: Array) -> list[Array]:
            pieces = np.split(point, ends[:-1])
            return [piece.reshape(shape) for piece, shape in zip(pieces, shapes, strict=True)]

        def loss(point: Array) -> tuple[float, Array]:
            projection, offset, angles, scores = parts(point)
            bounded = np.tanh(steps @ projection + offset)
            value, by_angles, by_inputs, by_scores = engine.loss(
                angles, np.pi * bounded, scores, targets
            )
            slope = by_inputs * np.pi * (1 - bounded**2)
            decay = self.alpha * ((projection**2).sum() + (scores**2).sum())
            gradient = (
                np.einsum("nti,ntj->ij", steps, slope) + 2 * self.alpha * projection,
                slope.sum((0, 1)),
                by_angles,
                by_scores + 2 * self.alpha * scores,
            )
            return value + decay, np.concatenate([part.ravel() for part in gradient])

        found = minimize(
            loss,
            _initial_point(shapes, engine.start, check_random_state(self.random_state)),
            jac=True,
            method="L-BFGS-B",
            options={"maxiter": self.max_iter},
        )
        self.projection_, self.offset_, self.angles_, self.scores_ = parts(found.x)
        self.n_iter_, self.loss_ = int(found.nit), float(found.fun)
        return self

    def predict_proba(self, X: Any) -> Array:
        """Return the class probabilities of rows X, shape (n, n_classes)."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, reset=False)
        inputs = np.pi * np.tanh(self._steps(X) @ self.projection_ + self.offset_)
        distributions = self._engine.distributions(self.angles_, inputs)
        logits = LOGIT_SCALE * distributions @ self.scores_
        raised = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray(raised / raised.sum(axis=1, keepdims=True))

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the most probable class of rows X, shape (n,)."""
        probabilities = self.predict_proba(X)
        return np.asarray(self.classes_[probabilities.argmax(axis=1)])

    @property
    def _engine(self) -> _Engine:
        # The registry's own values: 1.0 and True would find what was compiled for 1.
        network = architecture(self.model, **(self.model_options or {}))
        return _compiled(network.name, network.options, self.backend)

    def _check_settings(self) -> None:
        for name in ("n_steps", "max_iter"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, Integral) or value < 1:
                raise ValueError(f"{name} should be an integer of at least 1. Got {value!r}.")
        if not isinstance(self.model, str):
            raise ValueError(f"model should be a name. Got {self.model!r}.")
        options: Any = {} if self.model_options is None else self.model_options
        if not isinstance(options, Mapping) or not all(isinstance(name, str) for name in options):
            raise ValueError(
                'model_options should be values by name, such as {"mode": "sampled"}. '
                f"Got {options!r}."
            )
        alpha: Any = self.alpha
        if not isinstance(alpha, Real) or not 0 <= float(alpha) < np.inf:
            raise ValueError(f"alpha should be finite and at least 0. Got {alpha!r}.")

    def _steps(self, X: Array) -> Array:
        """Return rows as sequences, shape (n, T, n_features / T)."""
        if X.shape[1] % self.n_steps:
            raise ValueError(
                "the number of features should be a multiple of n_steps. "
                f"Got {X.shape[1]} features and n_steps={self.n_steps}."
            )
        return X.reshape(len(X), self.n_steps, -1)


def _initial_point(shapes: Any, start: float, random: np.random.RandomState) -> Array:
    projection, offset, angles, scores = shapes
    return np.concatenate(
        [
            random.normal(0.0, 0.5 / np.sqrt(projection[0]), projection).ravel(),
            np.full(offset, start),
            random.normal(0.0, 0.3, angles),
            random.normal(0.0, 0.3, scores).ravel(),
        ]
    )


class _Engine:
    """One model's compiled functions on chunks of a fixed size, shared by all estimators."""

    def __init__(self, model: SequenceModel, start: float) -> None:
        self.start = start
        """Of the offsets."""
        self.n_features, self.n_weights = model.n_features, model.n_weights
        self.n_outcomes = model.n_outcomes

        def distributions(angles: jax.Array, inputs: jax.Array) -> jax.Array:
            lengths = jnp.full(inputs.shape[0], inputs.shape[1])
            return model.distributions(angles, inputs, lengths)

        def loss(
            angles: jax.Array, inputs: jax.Array, scores: jax.Array, targets: jax.Array
        ) -> jax.Array:
            logits = LOGIT_SCALE * distributions(angles, inputs) @ scores
            return -jnp.sum(targets * jax.nn.log_softmax(logits))  # empty rows have no target

        self._distributions = jax.jit(distributions)
        self._loss = jax.jit(jax.value_and_grad(loss, (0, 1, 2)))

    def distributions(self, angles: Array, inputs: Array) -> Array:
        """Return outcome distributions of inputs (n, T, d), shape (n, 2**m)."""
        parts = [
            np.asarray(self._distributions(angles, chunk)) for chunk in _chunks(inputs, EMPTY_INPUT)
        ]
        return np.asarray(np.concatenate(parts)[: len(inputs)])

    def loss(
        self, angles: Array, inputs: Array, scores: Array, targets: Array
    ) -> tuple[float, Array, Array, Array]:
        """Return the mean cross-entropy and its slopes by angles, inputs and scores."""
        pairs = zip(_chunks(inputs, EMPTY_INPUT), _chunks(targets, 0.0), strict=True)
        values, slopes = zip(
            *(self._loss(angles, part, scores, target) for part, target in pairs), strict=True
        )
        by_angles, by_inputs, by_scores = (
            [np.asarray(part) for part in column] for column in zip(*slopes, strict=True)
        )
        n = len(inputs)
        return (
            float(sum(values)) / n,
            np.sum(by_angles, axis=0) / n,
            np.concatenate(by_inputs)[:n] / n,
            np.sum(by_scores, axis=0) / n,
        )


def _chunks(rows: Array, empty: float) -> list[Array]:
    n_chunks = -(-len(rows) // CHUNK)
    filled = np.full((n_chunks * CHUNK, *rows.shape[1:]), empty)
    filled[: len(rows)] = rows
    return np.split(filled, n_chunks)


@lru_cache(maxsize=8)
def _compiled(model: str, options: tuple[tuple[str, Any], ...], backend: str | None) -> _Engine:
    # By name, so that a fitted estimator holds arrays only and can be pickled.
    from circuits.exact.logical import logical_model
    from qrnn_hw.networks.network import VECTOR_OFFSET

    network = architecture(model, **dict(options))
    start = VECTOR_OFFSET if network.vectors else 0.0
    if backend is None:
        return _Engine(logical_model(network), start)
    from calibration.library import snapshot
    from calibration.noise import DeviceNoise
    from jobs.exact import sequence_model
    from jobs.isa import transpile_step

    transpiled = transpile_step(network, snapshot(backend), seed=TRANSPILER_SEED)
    return _Engine(sequence_model(transpiled, DeviceNoise(transpiled.snapshot)), start)
