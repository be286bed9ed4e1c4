"""How the shots of one prediction are divided between readout calibration and circuits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qrnn_hw.errors import UsageError
from qrnn_hw.mitigation.stack import Stack

CALIBRATION_FRACTION = 0.2
"""Of all shots, that the readout calibration may take at most."""

CALIBRATION_SHOTS = 4000
"""Of each of the two calibration circuits at most: errors of 1 % are then known to 0.16 %."""


@dataclass(frozen=True)
class ShotPlan:
    """How a stack spends the shots of one prediction."""

    total: int
    calibration: int
    """Shots of each of the two readout calibration circuits; 0 where no stack corrects readout."""

    calibration_share: int
    """Of a sentence in both calibration circuits, rounded up."""

    def left(self, stack: Stack) -> int:
        """Return the shots that are left to the stack's own circuits."""
        return self.total - self.calibration_share * stack.terminal


def plan_shots(total: int, n_sentences: int, stacks: Sequence[Stack]) -> ShotPlan:
    """Divide the shots of one prediction between a readout calibration and the circuits.

    Args:
        total: shots per prediction, the same for every stack.
        n_sentences: over which the calibration is shared evenly.
        stacks: what is spent on; without one that corrects readout there is no calibration.

    Raises:
        UsageError: too few shots to divide.
    """
    corrects = any(stack.terminal for stack in stacks)
    affordable = int(CALIBRATION_FRACTION * total * n_sentences / 2)
    calibration = max(1, min(CALIBRATION_SHOTS, affordable)) if corrects else 0
    plan = ShotPlan(total, calibration, -(-2 * calibration // n_sentences))
    for stack in stacks:
        if plan.left(stack) < len(stack.scales()):
            raise UsageError(
                f"the shots per prediction should be at least "
                f"{plan.calibration_share + len(stack.scales())}, to calibrate and to extrapolate. "
                f"Got {total}."
            )
    return plan
