"""Choose a mitigation by its predicted error at a given number of shots; none is a legal answer."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qrnn_hw.errors import UsageError
from qrnn_hw.mitigation.candidates import default_stacks
from qrnn_hw.mitigation.readout import ReadoutCalibration
from qrnn_hw.mitigation.stack import (
    Stack,
    share_shots,
    terms,
)
from qrnn_hw.mitigation.worlds import ExactOutcomes, World, by_outcomes

NOTHING = Stack()


@dataclass(frozen=True)
class Forecast:
    """What a stack is predicted to do at a number of shots, averaged over the items."""

    stack: Stack
    n_circuits: int
    squared_bias: float
    variance: float

    @property
    def squared_error(self) -> float:
        """Squared bias plus variance."""
        return self.squared_bias + self.variance

    @property
    def rmse(self) -> float:
        """Root of the mean squared error."""
        return math.sqrt(self.squared_error)


FAR = 9
"""Scale factors from here on are far: few shots are folded so much, and all at one time."""

FAR_IN_TURN = (
    "its factors run one after the other, and drift between them leaks into an extrapolation from "
    "so far; deal them out over repetitions"
)


@dataclass(frozen=True)
class Declined:
    """A stack that cannot be used, and why."""

    stack: Stack
    reason: str


@dataclass(frozen=True)
class MitigationPlan:
    """The stack to use, and the table it was chosen from."""

    stack: Stack
    total_shots: int
    least_gain: float
    forecasts: tuple[Forecast, ...]  # the best first
    declined: tuple[Declined, ...]

    @classmethod
    def choose(
        cls,
        total_shots: int,
        candidates: Sequence[Stack] | None = None,
        *,
        ideal: ArrayLike,
        outcomes: ExactOutcomes,
        weights: ArrayLike,
        fed_forward: ReadoutCalibration | None = None,
        terminal: ReadoutCalibration | None = None,
        least_gain: float = 0.2,
        alternatives: Sequence[tuple[ExactOutcomes, float]] = (),
        interleaved: bool = True,
    ) -> "MitigationPlan":
        """Predict bias^2 + variance of each stack under a noise description and take the best.

        The answer is no mitigation unless the mean squared error falls by more than `least_gain`.
        The prediction is exact for the noise description. With `alternatives` the geometric mean
        of the error over all descriptions decides, each with its probability. No choice from
        reported rates alone is safe: where the truth may be two thirds to twice of them, any rule
        can end at 1.6 times the least error. So run some shots first (see `pilot`), fit the level
        of the noise to them and give its nodes (see `noise_level`).

        Args:
            total_shots: Shots for one item, shared by all circuits of a stack.
            candidates: Stacks to compare; `default_stacks` if None.
            ideal: Noiseless score of each item, or k outputs. Shape: (n_items,) or (n_items, k).
            outcomes: Exact distribution read at a scale factor and exponent; see `ExactOutcomes`.
            weights: Their weights of each outcome. Shape: (2**n_bits,) or (2**n_bits, k).
            fed_forward: Calibration of the fed-forward bits, if the circuit has any.
            terminal: Calibration of the final bits.
            least_gain: Share of the mean squared error that must be gained, from 0 up to 1.
            alternatives: The same outcomes if the noise were otherwise, and the probability of
                that; what is left of 1 is that of `outcomes`.
            interleaved: Whether all scale factors run in the same repetitions of a job. If they run
                one after the other, drift leaks into an extrapolation from far ones: these are
                declined.

        Raises:
            UsageError: If there are fewer than two shots, the gain or a probability is out of
                range, or the distributions do not fit the scores.
        """
        scores = np.asarray(ideal, dtype=float)
        scores = scores[:, None] if scores.ndim == 1 else scores
        columns = np.asarray(weights, dtype=float)
        columns = columns[:, None] if columns.ndim == 1 else columns
        described = ((outcomes, 1 - math.fsum(one for _, one in alternatives)), *alternatives)
        return cls.among(
            total_shots,
            candidates,
            ideal=scores,
            worlds=[
                (by_outcomes(one, columns, terminal, len(scores)), chance)
                for one, chance in described
            ],
            fed_forward=fed_forward,
            least_gain=least_gain,
            interleaved=interleaved,
        )

    @classmethod
    def among(
        cls,
        total_shots: int,
        candidates: Sequence[Stack] | None,
        *,
        ideal: NDArray[np.float64],
        worlds: Sequence[tuple[World, float]],
        fed_forward: ReadoutCalibration | None = None,
        least_gain: float = 0.2,
        interleaved: bool = True,
    ) -> "MitigationPlan":
        """Choose as `choose` does, from what each description of the noise says of a stack.

        Args:
            total_shots: as for `choose`.
            candidates: as for `choose`.
            ideal: noiseless outputs, of any shape.
            worlds: descriptions with their probabilities, the one that forecasts show first.
            fed_forward: as for `choose`.
            least_gain: as for `choose`.
            interleaved: as for `choose`.

        Raises:
            UsageError: as for `choose`.
        """
        if total_shots < 2:
            raise UsageError(f"a plan should have 2 shots or more. Got {total_shots}.")
        if not 0 <= least_gain < 1:
            raise UsageError(f"the least gain should be in [0, 1). Got {least_gain}.")
        if candidates is None:
            candidates = default_stacks(0 if fed_forward is None else fed_forward.n_bits)
        chances = _probabilities([chance for _, chance in worlds])
        forecasts: list[list[Forecast]] = []  # of each stack, under each description
        declined: list[Declined] = []
        for stack in dict.fromkeys((NOTHING, *candidates)):
            if not interleaved and is_far(stack):
                declined.append(Declined(stack, FAR_IN_TURN))
                continue
            try:
                spread = _spread(stack, fed_forward, total_shots)
                found = [_forecast(stack, ideal, world, spread) for world, _ in worlds]
            except UsageError as error:
                if stack == NOTHING:
                    raise
                declined.append(Declined(stack, str(error)))
                continue
            forecasts.append(found)
        errors = np.array([[item.squared_error for item in row] for row in forecasts])
        expected = np.exp(np.log(np.maximum(errors, 1e-300)) @ chances)
        chosen = int(expected.argmin())
        if expected[chosen] >= (1 - least_gain) * expected[0]:
            chosen = 0
        believed = sorted((row[0] for row in forecasts), key=lambda item: item.squared_error)
        stack = forecasts[chosen][0].stack
        return cls(stack, total_shots, least_gain, tuple(believed), tuple(declined))

    @property
    def forecast(self) -> Forecast:
        """The forecast of the chosen stack."""
        return next(item for item in self.forecasts if item.stack == self.stack)

    def to_json(self) -> dict[str, Any]:
        """Return the table as a JSON object."""
        return {
            "chosen": self.stack.name,
            "least_gain": self.least_gain,
            "forecasts": [
                {
                    "stack": item.stack.name,
                    "n_circuits": item.n_circuits,
                    "squared_bias": item.squared_bias,
                    "variance": item.variance,
                    "rmse": item.rmse,
                }
                for item in self.forecasts
            ],
            "declined": [
                {"stack": item.stack.name, "reason": item.reason} for item in self.declined
            ],
        }

    def explain(self) -> str:
        """Return the table of all stacks, with the reason for each one that was declined."""
        stacks = [item.stack for item in self.forecasts] + [item.stack for item in self.declined]
        width = max(len(stack.name) for stack in stacks)
        lines = [
            f"{self.total_shots} shots for each item; chosen: {self.stack.name} "
            f"(others must gain over {self.least_gain:.0%} of the mean squared error)",
            f"  {'method':<{width}}  circuits    bias  deviation    RMSE",
        ]
        for item in self.forecasts:
            mark = "*" if item.stack == self.stack else " "
            lines.append(
                f"{mark} {item.stack.name:<{width}}  {item.n_circuits:>8}  "
                f"{math.sqrt(item.squared_bias):.4f}     {math.sqrt(item.variance):.4f}  "
                f"{item.rmse:.4f}"
            )
        lines += [f"  {item.stack.name:<{width}}  {item.reason}" for item in self.declined]
        return "\n".join(lines)


def is_far(stack: Stack) -> bool:
    """Tell whether a stack extrapolates from a far scale factor."""
    return max(factor for factor, _ in stack.scales()) >= FAR


def _probabilities(chances: Sequence[float]) -> NDArray[np.float64]:
    found = np.array(chances)
    if not (found >= -1e-12).all():
        raise UsageError(
            "the probabilities of alternatives should add up to 1 or less. "
            f"Got {list(chances[1:])}."
        )
    return np.asarray(np.maximum(found, 0))


@dataclass(frozen=True)
class _Spread:
    """What a stack makes of the variance of one shot at each scale factor."""

    n_circuits: int
    factors: dict[float, float]


@lru_cache(maxsize=1024)
def _spread(stack: Stack, fed_forward: ReadoutCalibration | None, total_shots: int) -> _Spread:
    """Add up weight^2 / shots; masks that are drawn scatter at most as much as single shots do."""
    listed = terms(stack, fed_forward)
    factors = dict.fromkeys((float(factor) for factor, _ in stack.scales()), 0.0)
    for term, n_shots in zip(listed, share_shots(total_shots, listed), strict=True):
        factors[float(term.scale_factor)] += term.weight**2 * (1 / n_shots + term.drawn)
    return _Spread(len(listed), factors)


def _forecast(stack: Stack, ideal: NDArray[np.float64], world: World, spread: _Spread) -> Forecast:
    """Take each circuit's variance for that of its scale factor; masks differ little in it.

    The first order is taken to leave nothing: it leaves 3 % of the readout bias on the reference
    circuits.
    """
    value, variance = np.zeros(ideal.shape), np.zeros(ideal.shape)
    for factor, weight in stack.scales():
        mean, of_shot = world(stack, float(factor), stack.exponent(factor))
        value += weight * mean
        variance += of_shot * spread.factors[float(factor)]
    squared_bias = float(np.mean((value - ideal) ** 2))
    return Forecast(stack, spread.n_circuits, squared_bias, float(np.mean(variance)))
