"""Recurrent circuits as scikit-learn estimators: a classifier and a regressor over one engine."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Integral, Real
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, softmax
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from circuits.zoo.registry import architecture
from qrnn_hw.data.target import Classes, Numbers, Target
from qrnn_hw.lbfgs import Engine, Known, compiled, initial
from qrnn_hw.networks.step_readings import StepReadings

Array = NDArray[np.float64]
Reading = Literal["final", "steps"]


class _Recurrent(BaseEstimator):  # type: ignore[misc]
    """Settings and parts that both estimators have."""

    def __init__(
        self,
        model: str = "dynamic-line",
        *,
        model_options: dict[str, Any] | None = None,
        n_steps: int = 1,
        reading: Reading = "final",
        degree: int = 2,
        backend: str | None = None,
        max_iter: int = 100,
        alpha: float = 1e-3,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.model = model
        self.model_options = model_options
        self.n_steps = n_steps
        self.reading = reading
        self.degree = degree
        self.backend = backend
        self.max_iter = max_iter
        self.alpha = alpha
        self.random_state = random_state

    def _fit(self, X: Array, targets: NDArray[Any]) -> Self:
        steps, engine = self._steps(X), self._engine
        start = initial(engine.network, steps.shape[2], check_random_state(self.random_state))
        found = engine.fit(start, steps, targets, alpha=self.alpha, max_iter=self.max_iter)
        kept = dict(found.parameters)
        self.projection_, self.offset_ = kept.pop("projection"), kept.pop("offset")
        self.angles_, self.scores_ = kept.pop("circuit"), kept.pop("head")
        self.direct_ = kept.pop("direct", None)
        self.controller_ = kept
        self.n_iter_, self.loss_ = found.n_iterations, found.loss
        return self

    def _outputs(self, X: Any) -> Array:
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, reset=False)
        names = ("projection", "offset", "circuit", "head")
        arrays = (self.projection_, self.offset_, self.angles_, self.scores_)
        parameters = dict(zip(names, arrays, strict=True)) | self.controller_
        if (direct := getattr(self, "direct_", None)) is not None:  # a pickle of before has none
            parameters["direct"] = direct
        return self._engine.outputs(parameters, self._steps(X))

    @property
    def _target(self) -> Target:
        raise NotImplementedError

    @property
    def _engine(self) -> Engine:
        # The registry's own values: 1.0 and True would find what was compiled for 1.
        model = architecture(self.model, **(self.model_options or {}))
        steps = StepReadings(self.n_steps, self.degree) if self.reading == "steps" else None
        return compiled(Known.of(model), self.backend, self._target, steps, self._direct)

    @property
    def _direct(self) -> int:
        """Of how many last steps the inputs reach the outputs past the circuit."""
        return 0

    def _check_settings(self) -> None:
        for name in ("n_steps", "max_iter", "degree"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, Integral) or value < 1:
                raise ValueError(f"{name} should be an integer of at least 1. Got {value!r}.")
        if self.reading not in ("final", "steps"):
            raise ValueError(f"reading should be 'final' or 'steps'. Got {self.reading!r}.")
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


class QRNNClassifier(ClassifierMixin, _Recurrent):  # type: ignore[misc]
    """Classify sequences by a recurrent circuit, trained with exact gradients.

    A row of X is a sequence of `n_steps` steps laid end to end, each of
    n_features_in_ / n_steps numbers. A step x is encoded as the angles pi tanh(x P + b), or goes
    through the controller of a model that has one. The scores are the circuit's readings times R:
    one of two classes, by its sign, else one for each class. P, b, the circuit's angles and R are
    trained together by L-BFGS on the cross-entropy of 4 times the scores. Features should be of
    order 1: put a `StandardScaler` before it.

    Args:
        model: name in the registry.
        model_options: its options by name, such as {"mode": "sampled"}; the mode should be coherent
            or sampled. None is the model as its row has it.
        n_steps: time steps of a row.
        reading: `final` reads the outcome after the last step, `steps` the bits of every step too.
        degree: of `steps`, most bits of one product.
        backend: a recorded device, such as `fake_boston`, whose scheduled step and noise are
            trained through; None is the ideal circuit.
        max_iter: most iterations of L-BFGS.
        alpha: factor of the squared entries of P and of R in the loss.
        random_state: of the initial weights.

    Attributes:
        classes_: labels, shape (n_classes,).
        projection_: P, shape (n_features_in_ / n_steps, d).
        offset_: b, shape (d,).
        angles_: of the circuit, radians, shape (p,).
        scores_: R, shape (n_readings, k), k = 1 for two classes: of `final` the scores of the 2**m
            outcomes.
        controller_: weights of the controller by name, where the model has one.
        n_iter_: iterations that were taken.
        loss_: at the end.
    """

    def fit(self, X: Any, y: Any) -> Self:
        """Train on rows X, shape (n, n_features), with labels y, shape (n,).

        Raises:
            ValueError: columns that do not divide into `n_steps` steps, a single class, a setting
                out of its range, or data that scikit-learn refuses.
            UsageError: bits of every step of a model that records none.
        """
        self._check_settings()
        X, y = validate_data(self, X, y, dtype=np.float64)
        check_classification_targets(y)
        self.classes_, labels = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"y should hold at least two classes. Got {len(self.classes_)} class.")
        return self._fit(X, labels.astype(np.int64))

    def decision_function(self, X: Any) -> Array:
        """Return the scores of rows X: shape (n,) of two classes, else (n, n_classes)."""
        found = self._outputs(X)
        return found[:, 0] if found.shape[1] == 1 else found

    def predict_proba(self, X: Any) -> Array:
        """Return the class probabilities of rows X, shape (n, n_classes)."""
        found = self._outputs(X) * self._engine.network.scale
        if found.shape[1] > 1:
            return np.asarray(softmax(found, axis=1))
        second = expit(found[:, 0])
        return np.stack([1 - second, second], axis=1)

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the most probable class of rows X, shape (n,)."""
        found = self.decision_function(X)
        places = found.argmax(axis=1) if found.ndim > 1 else (found > 0).astype(np.int64)
        return np.asarray(self.classes_[places])

    @property
    def _target(self) -> Target:
        return Classes(tuple(map(str, range(len(self.classes_)))))


class QRNNRegressor(RegressorMixin, _Recurrent):  # type: ignore[misc]
    """Forecast numbers from sequences by a recurrent circuit, trained with exact gradients.

    As `QRNNClassifier`, with the readings times R as the numbers themselves and the squared error
    as the loss. R is fitted to y brought to mean 0 and deviation 1, and answers in y's own units.

    Args:
        model: name in the registry.
        model_options: its options by name.
        n_steps: time steps of a row.
        reading: `final` reads the outcome after the last step, `steps` the bits of every step too.
        degree: of `steps`, most bits of one product.
        backend: a recorded device whose scheduled step and noise are trained through.
        max_iter: most iterations of L-BFGS.
        alpha: factor of the squared entries of P, of R and of D in the loss.
        random_state: of the initial weights.
        direct: whether the row itself reaches the numbers past the circuit too, as x D, trained
            with it (the direct connections of echo-state networks, Jaeger 2001).

    Attributes:
        projection_, offset_, angles_, controller_, n_iter_, loss_: as the classifier's.
        scores_: R, shape (n_readings, k), for scaled numbers.
        direct_: D, shape (n_features_in_, k), for scaled numbers; None without.
        mean_: of y, shape (k,).
        scale_: its standard deviation, 1 where it is constant, shape (k,).
    """

    def __init__(
        self,
        model: str = "dynamic-line",
        *,
        model_options: dict[str, Any] | None = None,
        n_steps: int = 1,
        reading: Reading = "final",
        degree: int = 2,
        backend: str | None = None,
        max_iter: int = 100,
        alpha: float = 1e-3,
        random_state: int | np.random.RandomState | None = None,
        direct: bool = False,
    ) -> None:
        super().__init__(
            model,
            model_options=model_options,
            n_steps=n_steps,
            reading=reading,
            degree=degree,
            backend=backend,
            max_iter=max_iter,
            alpha=alpha,
            random_state=random_state,
        )
        self.direct = direct

    @property
    def _direct(self) -> int:
        return self.n_steps if getattr(self, "direct", False) else 0

    def fit(self, X: Any, y: Any) -> Self:
        """Train on rows X, shape (n, n_features), with numbers y, shape (n,) or (n, k).

        Raises:
            ValueError: columns that do not divide into `n_steps` steps, a setting out of its range,
                or data that scikit-learn refuses.
            UsageError: bits of every step of a model that records none.
        """
        self._check_settings()
        X, y = validate_data(self, X, y, dtype=np.float64, multi_output=True, y_numeric=True)
        numbers = np.asarray(y, dtype=np.float64)
        self._is_column = numbers.ndim == 1
        numbers = numbers.reshape(len(numbers), -1)
        self.mean_, spread = numbers.mean(axis=0), numbers.std(axis=0)
        self.scale_ = np.where(spread > 0, spread, 1.0)
        return self._fit(X, (numbers - self.mean_) / self.scale_)

    def predict(self, X: Any) -> Array:
        """Return the numbers of rows X, of the shape that y had."""
        found: Array = self._outputs(X) * self.scale_ + self.mean_
        return found[:, 0] if self._is_column else found

    @property
    def _target(self) -> Target:
        return Numbers(tuple(map(str, range(len(self.mean_)))))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
