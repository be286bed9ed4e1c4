"""Recurrent circuits as scikit-learn estimators: a classifier and a regressor over one engine."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, softmax
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import validate_data

from qrnn_hw.data.target import Classes, Numbers, Target
from qrnn_hw.recurrent import Reading, Recurrent

Array = NDArray[np.float64]


class QRNNClassifier(ClassifierMixin, Recurrent):  # type: ignore[misc]
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

    @property
    def _named(self) -> Target:
        return Classes(tuple(map(str, self.classes_.tolist())))


class QRNNRegressor(RegressorMixin, Recurrent):  # type: ignore[misc]
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

    @property
    def _named(self) -> Target:
        several = tuple(f"y{place}" for place in range(len(self.mean_)))
        return Numbers(several if len(several) > 1 else ("y",))

    @property
    def _answered(self) -> tuple[Array, Array]:
        return self.mean_, self.scale_

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
