"""Accuracy of measured sentences, raw and mitigated, at equal total shots."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qrnn_hw.errors import UsageError
from qrnn_hw.mitigation.readout import correct_weights
from qrnn_hw.mitigation.readout_calibration import ReadoutCalibration
from qrnn_hw.mitigation.zne import ZNEPlan, circuit_weights, split_shots
from qrnn_hw.predict import counts_of
from qrnn_hw.statistics.intervals import Interval, wilson

ZNE = ZNEPlan(scale_factors=(1, 3), extrapolation="linear")
"""Cheapest extrapolation in variance: four times the shots of a raw value (two points)."""


CALIBRATION_FRACTION = 0.2
"""Of all shots, that the readout calibration may take at most."""

CALIBRATION_SHOTS = 4000
"""Of each of the two calibration circuits at most: errors of 1 % are then known to 0.16 %."""


@dataclass(frozen=True)
class ShotPlan:
    """How the shots of one prediction are spent by each stack, all with the same total."""

    total: int
    calibration: int
    """Shots of each of the two readout calibration circuits."""

    calibration_share: int
    """Of a sentence in both calibration circuits, rounded up."""

    scaled: tuple[int, ...]
    """Shots of each scale factor of the extrapolation."""

    @property
    def readout(self) -> int:
        """Shots left for the sentence when readout is corrected."""
        return self.total - self.calibration_share


def plan_shots(total: int, n_sentences: int) -> ShotPlan:
    """Divide the shots of one prediction.

    Args:
        total: shots per prediction, the same for every stack.
        n_sentences: over which the calibration is shared evenly.

    Raises:
        UsageError: too few shots to divide.
    """
    affordable = int(CALIBRATION_FRACTION * total * n_sentences / 2)
    calibration = max(1, min(CALIBRATION_SHOTS, affordable))
    share = -(-2 * calibration // n_sentences)
    left = total - share
    if left < len(ZNE.scale_factors):
        raise UsageError(
            f"the shots per prediction should be at least {share + len(ZNE.scale_factors)}, to "
            f"calibrate and to extrapolate. Got {total}."
        )
    return ShotPlan(total, calibration, share, split_shots(left, ZNE))


@dataclass(frozen=True, eq=False)
class Measured:
    """Outcome integers of every shot, scale factor by scale factor, and the calibration."""

    scaled: tuple[NDArray[np.int64], ...]  # each of shape (n, shots)
    calibration: ReadoutCalibration

    def scores(
        self, plan: ShotPlan, decision: NDArray[np.float64]
    ) -> dict[str, NDArray[np.float64]]:
        """Return each stack's score of each sentence, each of shape (n,).

        `noisy` is the plain mean over the shots. `readout` weighs each shot by the inverse
        confusion matrix. `zne` does the same at every scale factor, then extrapolates.
        """
        corrected = correct_weights(decision, self.calibration)
        parts = [
            _mean(outcomes[:, :shots], corrected)
            for outcomes, shots in zip(self.scaled, plan.scaled, strict=True)
        ]
        return {
            "noisy": _mean(self.scaled[0][:, : plan.total], decision),
            "readout": _mean(self.scaled[0][:, : plan.readout], corrected),
            "zne": np.asarray(np.tensordot(circuit_weights(ZNE), np.stack(parts), axes=1)),
        }


def _mean(outcomes: NDArray[np.int64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(counts_of(outcomes, weights.size) @ weights / outcomes.shape[1])


def accuracy_interval(
    scores: NDArray[np.float64], labels: NDArray[np.int64], level: float = 0.95
) -> Interval:
    """Return the accuracy of the signs of scores with its Wilson interval."""
    correct = int(np.sum((scores > 0) == (labels == 1)))
    return wilson(correct, len(labels), level)
