"""How the shots of one prediction are divided between readout calibration and circuits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qrnn_hw.errors import TooFewShotsError
from qrnn_hw.mitigation.stack import Stack

CALIBRATION_FRACTION = 0.2
"""Of all shots, that the readout calibration may take at most."""

CALIBRATION_SHOTS = 4000
"""Of each calibration circuit at most: errors of 1 % are then known to 0.16 %."""


@dataclass(frozen=True)
class ShotPlan:
    """How a stack spends the shots of one prediction."""

    total: int
    calibration: int
    """Shots of each readout calibration circuit; 0 where no stack corrects readout."""

    calibration_share: int
    """Of a sentence in all calibration circuits, rounded up."""

    def left(self, stack: Stack) -> int:
        """Return the shots that are left to the stack's own circuits."""
        return self.total - self.calibration_share * stack.terminal


def plan_shots(
    total: int, n_sentences: int, stacks: Sequence[Stack], *, n_circuits: int = 2
) -> ShotPlan:
    """Divide the shots of one prediction between a readout calibration and the circuits.

    Args:
        total: shots per prediction, the same for every stack.
        n_sentences: over which the calibration is shared evenly.
        stacks: what is spent on; without one that corrects readout there is no calibration.
        n_circuits: that a calibration takes: two of the final bits, and two of those of the steps.

    Raises:
        TooFewShotsError: too few shots to divide.
    """
    corrects = any(stack.terminal for stack in stacks)
    affordable = int(CALIBRATION_FRACTION * total * n_sentences / n_circuits)
    calibration = max(1, min(CALIBRATION_SHOTS, affordable)) if corrects else 0
    plan = ShotPlan(total, calibration, -(-n_circuits * calibration // n_sentences))
    for stack in stacks:
        if plan.left(stack) < len(stack.scales()):
            raise TooFewShotsError(
                f"the shots per prediction should be at least "
                f"{plan.calibration_share + len(stack.scales())}, to calibrate and to extrapolate. "
                f"Got {total}."
            )
    return plan
