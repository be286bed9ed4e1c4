"""The recurrent circuit as a scikit-learn classifier."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from numbers import Integral, Real
from typing import Any, Self

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from numpy.typing import NDArray
from scipy.optimize import minimize
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from circuits.definition import Architecture
from circuits.zoo.registry import architecture
from qrnn_hw.networks.encoding import VECTOR_OFFSET, Control, Parameters
from qrnn_hw.networks.identity import architecture_digest
from qrnn_hw.networks.network import Network, network_of
from qrnn_hw.networks.readers import Reader

Array = NDArray[np.float64]

CHUNK = 128
"""Rows evaluated at once; all data are cut into chunks of this size, so one shape is compiled."""

EMPTY_INPUT = 1.0
"""Of rows that only fill a chunk: zeros have no direction, which some models encode."""

LOGIT_SCALE = 4.0
"""The softmax sees mean scores times this."""

TRANSPILER_SEED = 7


class QRNNClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Classify sequences by a recurrent circuit, trained with exact gradients.

    A row of X is a sequence of `n_steps` steps laid end to end, each of
    n_features_in_ / n_steps numbers. A step x is encoded as the angles pi tanh(x P + b), or goes
    through the controller of a model that has one; each
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
        controller_: weights of the controller by name, where the model has one.
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
        start = _initial(
            engine.network,
            steps.shape[2],
            len(self.classes_),
            check_random_state(self.random_state),
        )
        point, unravel = ravel_pytree(start)
        names = ("projection", "head")
        decayed = ravel_pytree({n: np.full(v.shape, n in names) for n, v in start.items()})[0]

        def loss(point: Array) -> tuple[float, Array]:
            value, slopes = engine.loss(unravel(jnp.asarray(point)), steps, targets)
            decay = self.alpha * np.asarray(decayed) * point
            return value + float(decay @ point), np.asarray(ravel_pytree(slopes)[0]) + 2 * decay

        found = minimize(
            loss, np.asarray(point), jac=True, method="L-BFGS-B", options={"maxiter": self.max_iter}
        )
        kept = {name: np.asarray(value) for name, value in unravel(jnp.asarray(found.x)).items()}
        self.projection_, self.offset_ = kept.pop("projection"), kept.pop("offset")
        self.angles_, self.scores_ = kept.pop("circuit"), kept.pop("head")
        self.controller_ = kept
        self.n_iter_, self.loss_ = int(found.nit), float(found.fun)
        return self

    def predict_proba(self, X: Any) -> Array:
        """Return the class probabilities of rows X, shape (n, n_classes)."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, reset=False)
        names = ("projection", "offset", "circuit", "head")
        arrays = (self.projection_, self.offset_, self.angles_, self.scores_)
        parameters = dict(zip(names, arrays, strict=True)) | self.controller_
        logits = self._engine.logits(parameters, self._steps(X))
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
        return _compiled(Known(architecture_digest(network), network), self.backend)

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


def _initial(
    network: Network, n_inputs: int, n_classes: int, random: np.random.RandomState
) -> dict[str, Array]:
    architecture, encoding = network.architecture, network.encoding
    controlled = encoding.controller if isinstance(encoding, Control) else None
    d = controlled.n_features if controlled else architecture.n_features
    found = {
        "projection": random.normal(0.0, 0.5 / np.sqrt(n_inputs), (n_inputs, d)),
        "offset": np.full(d, VECTOR_OFFSET if architecture.vectors else 0.0),
        "circuit": random.normal(0.0, 0.3, architecture.n_weights),
        "head": random.normal(0.0, 0.3, (2 ** len(architecture.readout), n_classes)),
    }
    if controlled:
        own = controlled.initial_weights(jax.random.key(random.randint(2**31 - 1)))
        found |= {name: np.asarray(value) for name, value in own.items()}
    return found


class _Engine:
    """One network's compiled functions on chunks of a fixed size, shared by all estimators."""

    def __init__(self, network: Network, reader: Reader) -> None:
        self.network = network

        def logits(parameters: Parameters, inputs: jax.Array) -> jax.Array:
            lengths = jnp.full(inputs.shape[0], inputs.shape[1])
            return LOGIT_SCALE * network.outputs(parameters, inputs, lengths, reader)

        def loss(parameters: Parameters, inputs: jax.Array, targets: jax.Array) -> jax.Array:
            # Rows that only fill a chunk have no target.
            return -jnp.sum(targets * jax.nn.log_softmax(logits(parameters, inputs)))

        self._logits = jax.jit(logits)
        self._loss = jax.jit(jax.value_and_grad(loss))

    def logits(self, parameters: Any, inputs: Array) -> Array:
        """Return the logits of inputs (n, T, n_inputs), shape (n, n_classes)."""
        parts = [self._logits(parameters, chunk) for chunk in _chunks(inputs, EMPTY_INPUT)]
        return np.asarray(np.concatenate(parts)[: len(inputs)])

    def loss(self, parameters: Any, inputs: Array, targets: Array) -> tuple[float, Parameters]:
        """Return the mean cross-entropy and its slopes by all parameters."""
        pairs = zip(_chunks(inputs, EMPTY_INPUT), _chunks(targets, 0.0), strict=True)
        values, slopes = zip(*(self._loss(parameters, *pair) for pair in pairs), strict=True)
        mean = jax.tree.map(lambda *parts: sum(parts) / len(inputs), *slopes)
        return float(sum(values)) / len(inputs), mean


def _chunks(rows: Array, empty: float) -> list[Array]:
    n_chunks = -(-len(rows) // CHUNK)
    filled = np.full((n_chunks * CHUNK, *rows.shape[1:]), empty)
    filled[: len(rows)] = rows
    return np.split(filled, n_chunks)


@dataclass(frozen=True)
class Known:
    """An architecture that is known by its content alone."""

    digest: str
    architecture: Architecture = field(compare=False)


@lru_cache(maxsize=8)
def _compiled(known: Known, backend: str | None) -> _Engine:
    # Kept here, so that a fitted estimator holds arrays only and can be pickled.
    from circuits.exact.logical import logical_model

    architecture = known.architecture
    if backend is None:
        model = logical_model(architecture)
    else:
        from calibration.library import snapshot
        from calibration.noise import DeviceNoise
        from jobs.transpile.isa import transpile_step
        from jobs.transpile.lifted_step import sequence_model
        from jobs.twin.name import device_of

        transpiled = transpile_step(
            architecture, snapshot(device_of(backend)), seed=TRANSPILER_SEED
        )
        model = sequence_model(transpiled, DeviceNoise(transpiled.snapshot))
    # The width of the rows is that of P, which comes with the parameters.
    return _Engine(network_of(architecture, 0), model.distributions)
