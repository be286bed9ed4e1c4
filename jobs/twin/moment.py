"""What of a machine changes with time."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Moment:
    """The state of a machine for some shots; the default is a calm one."""

    level: float = 1.0
    """Factor on gate and idling errors."""

    has_defect: bool = False
    """A two-level defect sits at its qubit."""

    readout: tuple[float, float] = (1.0, 1.0)
    """Factors on P(read 1 | 0) and P(read 0 | 1)."""


CALM = Moment()
