"""Rotations that may stand in a branch with an angle that is bound later."""

from __future__ import annotations

from typing import Any

import numpy as np

from circuits.known_operations import is_standard

_X, _Z = np.array([[0.0, 1.0], [1.0, 0.0]]), np.diag([1.0, -1.0])
REVERSING = {"rx": _Z, "ry": _Z, "rz": _X}
"""A gate that reverses the sense of each rotation."""


def is_free_rotation(operation: Any) -> bool:
    """Return whether an instruction is a rotation that may stand in a branch with a free angle."""
    return (
        operation.name in REVERSING
        and is_standard(operation)
        and bool(getattr(operation.params[0], "parameters", ()))
    )
