"""How far the reported error rates are off by one common factor, learnt from a few shots.

The rates of readout are not among them: a calibration measures those apart, and corrections rely
on it. A factor that scaled them too would charge each correction with a bias that is not there.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.polynomial import chebyshev
from numpy.typing import ArrayLike

from qrnn_hw.errors import UsageError

MOST_DEVIATIONS = 2.5
N_NODES = 9
N_GRID = 801
LEAST_PROBABILITY = 1e-6  # what is read although it should not be is no proof by itself


@dataclass(frozen=True)
class NoiseLevel:
    """A log-normal belief about the factor on the reported error rates of all but readout.

    Raises:
        UsageError: If the deviation is negative, or either number is not finite.
    """

    log_mean: float = 0.0
    log_deviation: float = math.log(2)  # devices are known to a factor of two before any shot

    def __post_init__(self) -> None:
        if not (math.isfinite(self.log_mean) and 0 <= self.log_deviation < math.inf):
            raise UsageError(
                "a belief about the noise should have a finite mean and a deviation of 0 or more. "
                f"Got {self.log_mean} and {self.log_deviation}."
            )

    @property
    def factor(self) -> float:
        """The median factor."""
        return math.exp(self.log_mean)

    def interval(self, confidence: float = 0.95) -> tuple[float, float]:
        """Return the factors between which the belief lies with a probability."""
        half_width = NormalDist().inv_cdf((1 + confidence) / 2) * self.log_deviation
        return math.exp(self.log_mean - half_width), math.exp(self.log_mean + half_width)

    def to_json(self) -> dict[str, float]:
        """Return the median factor and its 95 % interval as a JSON object."""
        low, high = self.interval()
        return {"value": self.factor, "low": low, "high": high}

    def nodes(self) -> tuple[tuple[float, float], ...]:
        """Return three (factor, probability) with the belief's first five moments.

        Source: Gauss-Hermite quadrature.
        """
        if self.log_deviation == 0:
            return ((self.factor, 1.0),)
        step = math.sqrt(3) * self.log_deviation
        return (
            (self.factor, 2 / 3),
            (math.exp(self.log_mean - step), 1 / 6),
            (math.exp(self.log_mean + step), 1 / 6),
        )


REPORTED = NoiseLevel()


def fit_noise_level(
    counts: ArrayLike,
    probabilities: Callable[[float], ArrayLike],
    prior: NoiseLevel = REPORTED,
) -> NoiseLevel:
    """Update the belief by the shots of circuits whose distribution is known for every factor.

    One number is asked of the shots of all items together, so few shots for each are enough; a
    choice among stacks by their own pilot values, one item at a time, drowns in shot noise. The
    gates and the idling may be off by different factors: then this finds the one that explains
    the shots best, and its deviation says nothing of the misfit.

    Args:
        counts: Shots that read each outcome. Shape: (n_items, 2**n_bits).
        probabilities: Exact distributions if all rates are multiplied by a factor, same shape.
        prior: What is believed before; 2.5 of its deviations to either side are searched.

    Returns:
        The mean and deviation of the logarithm of the factor.

    Raises:
        UsageError: If shapes differ or there is no shot.
    """
    table = np.asarray(counts, dtype=float)
    if table.ndim != 2 or table.sum() < 1 or (table < 0).any():
        raise UsageError(
            "counts to fit the noise to should be shots of each item and outcome. "
            f"Got the shape {table.shape} with {table.sum():g} shots."
        )
    if prior.log_deviation == 0:
        return prior
    # Distributions are smooth in the rates: few exact ones and their polynomial give all others.
    nodes = chebyshev.chebpts1(N_NODES) * MOST_DEVIATIONS
    exact = [
        np.asarray(probabilities(math.exp(prior.log_mean + prior.log_deviation * node)), float)
        for node in nodes
    ]
    if any(chances.shape != table.shape for chances in exact):
        raise UsageError(
            f"probabilities should have the shape {table.shape}. Got {exact[0].shape}."
        )
    read = table > 0
    columns = np.array([chances[read] for chances in exact])
    offsets = np.linspace(-MOST_DEVIATIONS, MOST_DEVIATIONS, N_GRID)
    inverse = np.linalg.inv(chebyshev.chebvander(nodes / MOST_DEVIATIONS, N_NODES - 1))
    chances = chebyshev.chebvander(offsets / MOST_DEVIATIONS, N_NODES - 1) @ inverse @ columns
    scores = np.log(np.maximum(chances, LEAST_PROBABILITY)) @ table[read] - offsets**2 / 2
    weights = np.exp(scores - scores.max())
    weights /= weights.sum()
    logs = prior.log_mean + prior.log_deviation * offsets
    mean = float(weights @ logs)
    return NoiseLevel(mean, math.sqrt(float(weights @ (logs - mean) ** 2)))
