"""Extrapolate to zero noise, in two pure halves around any execution; the only door to Mitiq."""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import metadata
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from qiskit import QuantumCircuit

from qrnn_hw._version import __version__
from qrnn_hw.errors import UsageError
from qrnn_hw.mitigation.estimate import ValueEstimate, split_by_weight, weighted_sum
from qrnn_hw.mitigation.folding import FoldedGates, fold, fold_ensemble
from qrnn_hw.mitigation.inference import exponential_limit, polynomial_weights

Extrapolation = Literal["linear", "richardson", "poly", "exp", "poly-exp"]
LINEAR_IN_VALUES = ("linear", "richardson", "poly")
EXPONENTIAL = ("exp", "poly-exp")

Extrapolator = Callable[[Sequence[float], Sequence[float]], float]


@dataclass(frozen=True)
class ZNEPlan:
    """Which circuits to run, and how their values become one.

    `scale_factors` that are odd integers give one circuit each; any other is averaged over
    `n_subsets` circuits (see `folding.fold_ensemble`).

    Raises:
        UsageError: If the extrapolation is unknown, or exponential without `allow_exponential`; if
            the scale factors are too few, not distinct or below 1; if `order` is missing or set
            where it has no meaning.
    """

    scale_factors: tuple[float, ...] = (1, 3, 5)
    extrapolation: Extrapolation = "richardson"
    order: int | None = None  # degree of the polynomial: "poly" and "poly-exp" only
    gates: FoldedGates = "all"
    stretch_delays: bool = True
    n_subsets: int = 10
    seed: int = 0
    allow_exponential: bool = False

    def __post_init__(self) -> None:
        kind = self.extrapolation
        if kind not in LINEAR_IN_VALUES + EXPONENTIAL:
            supported = ", ".join(sorted(LINEAR_IN_VALUES + EXPONENTIAL))
            raise UsageError(f"the extrapolation should be one of {supported}. Got {kind!r}.")
        if kind in EXPONENTIAL and not self.allow_exponential:
            raise UsageError(
                "an exponential fit should not be used where a value may cross zero: it diverges "
                f"there. Got {kind!r}. Use linear, richardson or poly, or allow_exponential=True."
            )
        if (self.order is None) == (kind in ("poly", "poly-exp")):
            raise UsageError(
                "the order should be set for poly and poly-exp, and only there. "
                f"Got {self.order} for {kind}."
            )
        if self.order is not None and (self.order < 1 or self.order != int(self.order)):
            raise UsageError(f"the order should be a whole number from 1. Got {self.order}.")
        factors = self.scale_factors
        if any(not 1 <= factor < np.inf for factor in factors) or len(set(factors)) != len(factors):
            raise UsageError(f"scale factors should be distinct and 1 or more. Got {factors}.")
        if self.n_subsets < 1:
            raise UsageError(f"the subsets should be 1 or more. Got {self.n_subsets}.")
        n_least = {"linear": 2, "richardson": 2, "exp": 3}.get(kind, (self.order or 0) + 1)
        n_least += kind == "poly-exp"
        if len(factors) < n_least:
            raise UsageError(
                f"{kind} should have {n_least} scale factors or more. Got {len(factors)}."
            )

    @property
    def n_circuits(self) -> int:
        """Number of circuits that `construct_circuits` returns."""
        return sum(self._n_copies(factor) for factor in self.scale_factors)

    def _n_copies(self, factor: float) -> int:
        return 1 if factor % 2 == 1 else self.n_subsets

    def averaging(self) -> NDArray[np.float64]:
        """Return the matrix that averages circuits into scale factors: (n_scales, n_circuits)."""
        copies = [self._n_copies(factor) for factor in self.scale_factors]
        rows = np.repeat(np.arange(len(copies)), copies)
        matrix = np.zeros((len(copies), len(rows)))
        matrix[rows, np.arange(len(rows))] = 1 / np.asarray(copies)[rows]
        return matrix


def construct_circuits(circuit: QuantumCircuit, plan: ZNEPlan) -> list[QuantumCircuit]:
    """Fold a scheduled ISA circuit by each scale factor of the plan, in its order.

    Returns:
        `plan.n_circuits` circuits.

    Raises:
        UsageError: See `folding.fold`.
    """
    circuits: list[QuantumCircuit] = []
    for factor in plan.scale_factors:
        if factor % 2 == 1:
            circuits.append(
                fold(circuit, factor, gates=plan.gates, stretch_delays=plan.stretch_delays)
            )
        else:
            circuits += fold_ensemble(
                circuit,
                factor,
                n_subsets=plan.n_subsets,
                seed=plan.seed,
                gates=plan.gates,
                stretch_delays=plan.stretch_delays,
            )
    return circuits


def combine_results(
    values: ArrayLike, variances: ArrayLike, plan: ZNEPlan, *, confidence: float = 0.95
) -> ValueEstimate:
    """Extrapolate the values of the plan's circuits to zero noise.

    The standard error is analytic: sum_i w_i^2 var_i, with w_i the weight of circuit i. (The errors
    that least-squares fits report cover 49 % where 68 % is claimed, and Richardson has none.) An
    exponential fit is linearised around the values.

    Args:
        values: Shape: (n_circuits, ...), in the order of `construct_circuits`.
        variances: Variance of each of these (of the mean, not of one shot), same shape.
        plan: The plan that made the circuits.
        confidence: Probability that the interval covers the extrapolated value's expectation; the
            bias that is left is not in it.

    Returns:
        Arrays of the trailing shape.

    Raises:
        UsageError: If the first length differs from `plan.n_circuits`, or a fit fails.
    """
    numbers, spreads = np.asarray(values, dtype=float), np.asarray(variances, dtype=float)
    if numbers.shape[:1] != (plan.n_circuits,) or spreads.shape != numbers.shape:
        raise UsageError(
            f"values and variances should have the shape ({plan.n_circuits}, ...). "
            f"Got {numbers.shape} and {spreads.shape}."
        )
    if not (np.isfinite(numbers).all() and np.isfinite(spreads).all()):
        raise UsageError("values and variances to extrapolate should be finite. Got some not so.")
    if plan.extrapolation in LINEAR_IN_VALUES:
        return weighted_sum(circuit_weights(plan), numbers, spreads, confidence)
    by_scale = np.tensordot(plan.averaging(), numbers, axes=1)
    scale_spreads = np.tensordot(plan.averaging() ** 2, spreads, axes=1)
    return _combine_exponential(by_scale, scale_spreads, plan, confidence)


def circuit_weights(plan: ZNEPlan) -> NDArray[np.float64]:
    """Return w with value at zero noise = sum_i w_i value_i. Shape: (n_circuits,).

    They are the extrapolations of the unit vectors, and sum to one.

    Raises:
        UsageError: If the extrapolation is exponential, which has no fixed weights.
    """
    if plan.extrapolation in EXPONENTIAL:
        raise UsageError(
            "weights should be asked of an extrapolation that is linear in the values. "
            f"Got {plan.extrapolation!r}."
        )
    return _weights(plan).copy()


def split_shots(total_shots: int, plan: ZNEPlan) -> tuple[int, ...]:
    """Share the shots among the circuits in proportion to |weight|, which minimises the variance.

    Exponential fits, which have no fixed weights, get equal shares.

    Args:
        total_shots: Sum of the shares.
        plan: The plan of the circuits.

    Returns:
        One whole number of shots, at least 1, for each circuit.

    Raises:
        UsageError: If there are fewer shots than circuits.
    """
    linear = plan.extrapolation in LINEAR_IN_VALUES
    return split_by_weight(total_shots, _weights(plan) if linear else np.ones(plan.n_circuits))


def extrapolated_by() -> str:
    """Return which package extrapolates here, with its version: mitiq, or qrnn-hw without it."""
    try:
        version = f"mitiq {metadata.version('mitiq')}"
    except metadata.PackageNotFoundError:
        return f"qrnn-hw {__version__}"
    if _mitiq() is None:
        return f"qrnn-hw {__version__}, since {version} cannot be imported"
    return version


@lru_cache(maxsize=64)
def _weights(plan: ZNEPlan) -> NDArray[np.float64]:
    extrapolate = _extrapolator(plan)
    units = np.eye(len(plan.scale_factors))
    with warnings.catch_warnings():
        # A fit through as many points as parameters has no error of its own, and needs none here.
        warnings.simplefilter("ignore")
        weights = np.array([extrapolate(plan.scale_factors, unit.tolist()) for unit in units])
    return weights @ plan.averaging()


def _combine_exponential(
    values: NDArray[np.float64], variances: NDArray[np.float64], plan: ZNEPlan, confidence: float
) -> ValueEstimate:
    extrapolate = _extrapolator(plan)
    columns = values.reshape(len(values), -1)
    steps = 1e-4 * np.maximum(1e-3, np.abs(columns).max(axis=0))
    limits = np.empty(columns.shape[1])
    slopes = np.empty_like(columns)
    for index, column in enumerate(columns.T):
        limits[index] = _fit(extrapolate, plan, column)
        for row, unit in enumerate(np.eye(len(column)) * steps[index]):
            ahead, behind = (_fit(extrapolate, plan, column + sign * unit) for sign in (1, -1))
            slopes[row, index] = (ahead - behind) / (2 * steps[index])
    variance = (slopes**2 * variances.reshape(columns.shape)).sum(axis=0)
    shape = values.shape[1:]
    return ValueEstimate.from_variance(limits.reshape(shape), variance.reshape(shape), confidence)


def _fit(extrapolate: Extrapolator, plan: ZNEPlan, column: NDArray[np.float64]) -> float:
    failures = [RuntimeError, TypeError, ValueError]
    if (mitiq := _mitiq()) is not None:
        failures.append(mitiq.ExtrapolationError)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            limit = float(extrapolate(plan.scale_factors, column.tolist()))
    except tuple(failures) as error:
        raise UsageError(
            f"values should lie on an exponential for {plan.extrapolation}. Got {column.tolist()}, "
            f"which {extrapolated_by()} cannot fit ({error}). Use linear or richardson."
        ) from error
    return limit


def _extrapolator(plan: ZNEPlan) -> Extrapolator:
    """Return Mitiq's extrapolation where it is installed, else the same one of ours."""
    kind, order, mitiq = plan.extrapolation, plan.order or 1, _mitiq()
    if mitiq is None:
        if kind in EXPONENTIAL:
            return lambda scales, values: exponential_limit(scales, values, order)
        degree = len(plan.scale_factors) - 1 if kind == "richardson" else order
        weights = np.array(polynomial_weights(plan.scale_factors, degree), dtype=float)
        return lambda _, values: float(weights @ np.asarray(values))
    if kind == "linear":
        return mitiq.LinearFactory.extrapolate  # type: ignore[no-any-return]
    if kind == "richardson":
        return mitiq.RichardsonFactory.extrapolate  # type: ignore[no-any-return]
    if kind == "poly":
        return lambda scales, values: mitiq.PolyFactory.extrapolate(scales, values, order)
    if kind == "exp":
        return lambda scales, values: mitiq.ExpFactory.extrapolate(scales, values)
    return lambda scales, values: mitiq.PolyExpFactory.extrapolate(scales, values, order)


@lru_cache(maxsize=1)
def _mitiq() -> Any:
    """Return Mitiq's inference, None without it; imported when asked, as it takes seconds."""
    try:
        from mitiq.zne import inference
    except ImportError:
        return None
    return inference
