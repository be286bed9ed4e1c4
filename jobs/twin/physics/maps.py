"""Transfer matrices that effects are made of, in the basis of `circuits.exact.pauli`."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from circuits.exact.pauli import ROTATION_PARTS, Axis, transfer_matrix

Matrix = NDArray[np.float64]


def turn(axis: Axis, angle: float) -> Matrix:
    """Return the map of exp(-i angle P / 2), shape (4, 4)."""
    fixed, cosine, sine = ROTATION_PARTS[axis]
    return np.asarray(fixed + np.cos(angle) * cosine + np.sin(angle) * sine)


@cache
def zz_turn(angle: float) -> Matrix:
    """Return the map of exp(-i angle ZZ / 2), shape (16, 16)."""
    phases = np.exp(-0.5j * angle * np.array([1, -1, -1, 1]))
    return transfer_matrix(np.diag(np.kron(phases.conj(), phases)))


def dephasing(probability: float) -> Matrix:
    """Return the map that applies Z with a probability, shape (4, 4)."""
    kept = 1 - 2 * probability
    return np.diag([1.0, kept, kept, 1.0])


def relaxation(seconds: float, rate_1: float, rate_2: float) -> Matrix:
    """Return relaxation to |0> at 1/T1 and loss of phase at 1/T2, in 1/s, shape (4, 4)."""
    kept, phase = np.exp(-seconds * rate_1), np.exp(-seconds * rate_2)
    return np.array([[1.0, 0, 0, 0], [0, phase, 0, 0], [0, 0, phase, 0], [1 - kept, 0, 0, kept]])


def transitions(up: float, down: float) -> Matrix:
    """Return the map that moves |0> to |1> and |1> to |0> with probabilities, losing phase."""
    return np.array([[1.0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0], [down - up, 0, 0, 1 - up - down]])
