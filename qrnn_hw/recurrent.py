"""What the scikit-learn estimators share: settings, a compiled engine, a file, a plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Integral, Real
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from circuits.zoo.registry import architecture
from qrnn_hw.data.scaling import Scaling
from qrnn_hw.data.target import Target
from qrnn_hw.errors import ConfigurationError
from qrnn_hw.lbfgs import Arrays, Engine, Known, compiled, initial
from qrnn_hw.networks.encoding import Control
from qrnn_hw.networks.step_readings import StepReadings

if TYPE_CHECKING:
    from qrnn_hw.answers.model_file import Model
    from qrnn_hw.planned_answers import PlannedAnswers

Array = NDArray[np.float64]
Reading = Literal["final", "steps"]


class Recurrent(BaseEstimator):  # type: ignore[misc]
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

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take what a pickle holds, of before too: two classes had a score each."""
        if "reading" not in state:
            state = {"reading": "final", "degree": 2, **state}
            if "scores_" in state:
                state["controller_"] = {}
                if len(state["classes_"]) == 2:
                    state["scores_"] = state["scores_"] @ [[-1.0], [1.0]]
        super().__setstate__(state)

    def _fit(self, X: Array, targets: NDArray[Any]) -> Self:
        steps, engine = self._steps(X), self._engine
        self.low_, self.high_ = steps.min(axis=(0, 1)), steps.max(axis=(0, 1))
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
        return self._engine.outputs(self._parameters, self._steps(X))

    def save(self, path: str | Path) -> Path:
        """Write what was fitted as one file, for `qrnn_hw.load`, `qrnn-hw predict` and a machine.

        There a row is a sequence of `n_steps` steps, as of an `.npz`; exact answers are without
        noise, whatever `backend` was trained through.

        Raises:
            NotFittedError: it is not fitted.
            ConfigurationError: the file cannot be written.
        """
        return self._model.save(path)

    def plan(
        self,
        X: Any,
        *,
        machine: str = "fake_boston",
        shots: int | Literal["auto"] = 1000,
        delta: float = 0.01,
        seed: int = 0,
        stacks: Sequence[str] = (),
        **settings: Any,
    ) -> PlannedAnswers:
        """Return what a machine would be sent for rows X, checked and priced; `run` sends it.

        Args:
            X: rows to answer, shape (n, n_features).
            machine: a recorded device (fake_...) or a real one.
            shots: of each row; `auto` is as many as its label needs.
            delta: probability of a wrong label that is accepted.
            seed: of a recorded device's shots.
            stacks: names of mitigation stacks, such as `linear(1,3) + terminal`, all with the same
                total of shots; `by_stack` answers by each. None is the shots as they are.
            settings: of `RunSettings`, those of `qrnn_hw.planned_answers.TOLD`.

        Raises:
            NotFittedError: it is not fitted.
            UsageError: shots that are none, or what a machine is not asked with.
        """
        from qrnn_hw.answers.fitted_rows import inputs_of
        from qrnn_hw.planned_answers import PlannedAnswers, stack_names

        model = self._model
        steps = self._steps(validate_data(self, X, dtype=np.float64, reset=False))
        told = machine, shots, delta, seed, None, settings, stack_names(stacks)
        return PlannedAnswers(model, inputs_of(steps), *told)

    @property
    def _parameters(self) -> Arrays:
        names = ("projection", "offset", "circuit", "head")
        arrays = (self.projection_, self.offset_, self.angles_, self.scores_)
        parameters = dict(zip(names, arrays, strict=True)) | self.controller_
        if isinstance(self._engine.network.encoding, Control) and not self.controller_:
            raise ConfigurationError(
                f"a fitted {self.model} should have the weights of its controller. Got a pickle of "
                "before it had one; fit it again."
            )
        if (direct := getattr(self, "direct_", None)) is not None:  # a pickle of before has none
            parameters["direct"] = direct
        return parameters

    @property
    def _model(self) -> Model:
        from qrnn_hw.answers.fitted_rows import model_of

        check_is_fitted(
            self,
            "low_",
            msg="This %(name)s is not fitted, or was pickled when the range of its inputs was not "
            "kept. Fit it before it is saved or planned.",
        )
        still, unit = np.zeros_like(self.low_), np.ones_like(self.low_)
        scaling = Scaling(still, unit, *self._answered, self.low_, self.high_)
        fitted, parameters = self._engine.network, self._parameters
        return model_of(self.model, fitted, parameters, self._named, scaling)

    @property
    def _target(self) -> Target:
        raise NotImplementedError

    @property
    def _named(self) -> Target:
        """The target with the names that the user knows."""
        raise NotImplementedError

    @property
    def _answered(self) -> tuple[Array, Array]:
        """Mean and deviation of the numbers that are learnt, shape (k,); empty of classes."""
        return np.zeros(0), np.zeros(0)

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
