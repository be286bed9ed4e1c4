"""An estimate with its two intervals: for this machine's own mean, and for the noiseless value."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import special

from qrnn_hw.mitigation.canaries import Miss
from qrnn_hw.mitigation.estimate import Estimate
from qrnn_hw.statistics.repetitions import Repeated

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Answer:
    """Values with every error that is known of them, each in a field of its own.

    The mean that this machine would give after any number of shots is one thing, the noiseless
    value another: what lies between them is seen by canaries alone.
    """

    value: Array  # any shape
    shot_error: Array  # standard error as if all shots were alike, same shape
    repeated: Repeated | None = None
    """What the repetitions say; None where there were not two."""

    miss: Miss | None = None
    """What canaries missed under the same method; None where none were sent."""

    confidence: float = 0.95

    @property
    def standard_error(self) -> Array:
        """Of this machine's mean: the larger of shots and scatter between repetitions."""
        return self.shot_error if self.repeated is None else self.repeated.standard_error

    @property
    def machine(self) -> Estimate:
        """The interval that covers this machine's own mean."""
        return self._around(self._own_half_width())

    @property
    def noiseless(self) -> Estimate | None:
        """The interval that covers the noiseless value if canaries are representative.

        None without canaries: nothing in the job's own shots speaks of it.
        """
        if self.miss is None:
            return None
        half = self.miss.half_width(self.standard_error, self.confidence)
        return self._around(np.maximum(self._own_half_width(), half))

    def with_miss(self, miss: Miss | None) -> Answer:
        """Return the answer with what canaries missed."""
        return replace(self, miss=miss)

    def _own_half_width(self) -> Array:
        if self.repeated is None:
            return float(special.ndtri((1 + self.confidence) / 2)) * self.shot_error
        return self.repeated.half_width(self.confidence)

    def _around(self, half: Array) -> Estimate:
        return Estimate(
            self.value, self.standard_error, self.value - half, self.value + half, self.confidence
        )
