"""The sign of a sum of independent steps by Fourier inversion on a lattice."""

import numpy as np
from numpy.typing import NDArray
from scipy import fft

Array = NDArray[np.float64]

_GRID_POINTS = 2**12
_LOG_TAIL = 36.8  # a tail of 1e-16


def sign_on_a_lattice(probabilities: Array, steps: Array, shots: int) -> Array:
    """Return P(sum > 0), P(sum = 0), P(sum < 0) for each row, shape (3, n).

    The law of the sum of S steps is the inverse transform of the S-th power of the law of one:
    exact on a lattice. Other steps are split between neighbouring points of a fine grid so that
    each keeps its mean; the two likeliest outcomes lie on the grid. Ties are then shared between
    the two sides. The error of that is below 0.005 from 40 shots on (largest seen 0.004, mean
    1e-4, over random weights and distributions, against the list of all count vectors).
    Sums further from zero than Bernstein's inequality allows at 1e-16 are taken as certain.

    Args:
        probabilities: shape (n, k).
        steps: shape (k,), at least two distinct ones.
        shots: the number of steps in the sum.
    """
    span = lattice_span(steps)
    law = np.zeros((3, probabilities.shape[0]))
    for row, p in enumerate(probabilities):
        mean = float(p @ steps)
        reach = _reach(p, steps, mean, shots)
        if abs(shots * mean) > reach:
            law[0 if mean > 0 else 2, row] = 1.0
        elif span > 0:
            law[:, row] = _exact_row(p, steps, shots, span, reach)
        else:
            law[:, row] = _grid_row(p, steps, shots, reach)
    return law


def lattice_span(steps: Array) -> float:
    """Return the largest h of which all differences of steps are multiples, or 0 for none.

    Only spans of at least a twelfth of the smallest difference are looked for.
    """
    differences = np.diff(np.unique(steps))
    for divisor in range(1, 13):
        span = float(differences.min()) / divisor
        multiples = differences / span
        if multiples.max() < 1e4 and np.abs(multiples - np.round(multiples)).max() < 1e-7:
            return span
    return 0.0


def _reach(p: Array, steps: Array, mean: float, shots: int) -> float:
    """Return how far from its mean the sum may lie, by Bernstein's inequality (1946)."""
    largest = float(np.abs(steps - mean)[p > 0].max())
    variance = float(p @ (steps - mean) ** 2)
    linear = largest * _LOG_TAIL / 3
    return linear + float(np.sqrt(linear**2 + 2 * _LOG_TAIL * shots * variance))


def _exact_row(p: Array, steps: Array, shots: int, span: float, reach: float) -> Array:
    origin = float(steps[0])
    indices = np.round((steps - origin) / span).astype(np.int64)
    positions, masses = _power(p, indices, shots, origin, span, reach)
    tolerance = 1e-6 * span
    above, below = masses[positions > tolerance].sum(), masses[positions < -tolerance].sum()
    tie = masses[np.abs(positions) <= tolerance].sum()
    return np.clip(np.array([above, tie, below]), 0, 1)


def _grid_row(p: Array, steps: Array, shots: int, reach: float) -> Array:
    width = float(np.ptp(steps))
    n_cells = np.clip(_GRID_POINTS * width / min(2 * reach, shots * width), 16, 1024)
    coarse = width / n_cells
    likeliest = np.argsort(-p)
    origin = float(steps[likeliest[0]])
    distances = np.abs(steps[likeliest[1:]] - origin)
    anchor = float(distances[np.argmax(distances >= coarse / 4)])
    span = anchor / np.ceil(anchor / coarse)
    exact = (steps - origin) / span
    exact = np.where(np.abs(exact - np.round(exact)) < 1e-9, np.round(exact), exact)
    lower = np.floor(exact).astype(np.int64)
    upper_share = exact - lower
    positions, masses = _power(
        np.concatenate([p * (1 - upper_share), p * upper_share]),
        np.concatenate([lower, lower + 1]),
        shots,
        origin,
        span,
        reach,
    )
    share_above = np.clip(positions / span + 0.5, 0, 1)
    above = float(np.clip(masses @ share_above, 0, 1))
    return np.array([above, 0.0, 1 - above])


def _power(
    p: Array, indices: NDArray[np.int64], shots: int, origin: float, span: float, reach: float
) -> tuple[Array, Array]:
    """Return the points that the sum can reach and the probability of each, shape (points,)."""
    half_width = int(np.ceil(reach / span)) + 2
    full_width = shots * int(np.ptp(indices)) + 1
    n_points = int(fft.next_fast_len(min(2 * half_width + 1, full_width), real=True))
    frequencies = np.arange(n_points // 2 + 1)
    # Indices are reduced modulo the length first, so that the phase keeps its precision.
    turns = (frequencies[:, None] * (indices % n_points)) % n_points / n_points
    # A threaded product of so thin a matrix costs more than the rest of the transform.
    characteristic = (np.exp(-2j * np.pi * turns) * p).sum(axis=1)
    masses = np.zeros(n_points)
    masses[:] = fft.irfft(characteristic**shots, n=n_points)
    centre = float(p @ indices) * shots
    lowest = int(shots * indices.min())
    first = lowest if n_points >= full_width else int(np.floor(centre)) - n_points // 2
    points = first + np.arange(n_points)
    positions = np.asarray(shots * origin + span * points, dtype=np.float64)
    return positions, np.asarray(np.maximum(masses[points % n_points], 0), dtype=np.float64)
