"""Which sign the sum of the steps of S independent shots takes."""

from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, combinations
from math import comb

import numpy as np
from numpy.typing import NDArray
from scipy import special

from qrnn_hw.statistics.lattice_law import lattice_span, sign_on_a_lattice

Array = NDArray[np.float64]

MAX_COUNT_VECTORS = 25_000
_CELLS_AT_ONCE = 4_000_000  # count vectors x inputs: 32 MB


@dataclass(frozen=True)
class SumLaw:
    """Probabilities that a sum lies above, at or below zero; they add up to one."""

    above: Array  # shape (n,)
    tie: Array  # shape (n,)
    below: Array  # shape (n,)


def sum_law(probabilities: Array, steps: Array, shots: NDArray[np.int64]) -> SumLaw:
    """Return the law of the sign of a sum of independent steps.

    Two distinct steps give a binomial law, steps on a lattice (differences of Pauli readouts) a
    power of their characteristic function, few shots of any steps a list of all count vectors
    (up to `MAX_COUNT_VECTORS`: 222 shots of three steps, 51 of four): these are exact. Many shots
    of incommensurable steps are summed on a fine grid, see `sign_on_a_lattice` for its error.

    Args:
        probabilities: shape (n, k), of the k outcomes of one shot.
        steps: shape (k,), what each outcome adds to the sum.
        shots: shape (n,), the number of shots for each row, at least 1.
    """
    probabilities, steps = _merge_equal_steps(probabilities, steps)
    law = np.empty((3, shots.size))
    if steps.size == 1:
        law[:] = np.array([[steps[0] > 0], [steps[0] == 0], [steps[0] < 0]])
    elif steps.size == 2:
        law[:] = _binomial(probabilities[:, 1], steps[0], steps[1], shots)
    else:
        on_lattice = lattice_span(steps) > 0
        for count in np.unique(shots):
            rows = shots == count
            listed = comb(int(count) + steps.size - 1, int(count)) <= MAX_COUNT_VECTORS
            method = _enumerated if listed and not on_lattice else sign_on_a_lattice
            law[:, rows] = method(probabilities[rows], steps, int(count))
    return SumLaw(*law)


def is_exact(steps: Array) -> bool:
    """Return whether the law is exact at any number of shots: two steps, or steps on a lattice."""
    distinct = _merge_equal_steps(np.zeros((1, steps.size)), steps)[1]
    return distinct.size <= 2 or lattice_span(distinct) > 0


def _merge_equal_steps(probabilities: Array, steps: Array) -> tuple[Array, Array]:
    """Add up the outcomes whose steps agree to 1e-12 of the largest; so small a step is zero."""
    unit = float(np.abs(steps).max()) or 1.0
    distinct, index = np.unique(np.round(steps / unit, 12), return_inverse=True)
    merged = np.zeros((distinct.size, probabilities.shape[0]))
    np.add.at(merged, index, probabilities.T)
    return merged.T, distinct * unit


def _binomial(p_high: Array, low: float, high: float, shots: NDArray[np.int64]) -> Array:
    """Count the shots that take the higher of two steps: the sum grows with that count."""
    balance = -low * shots / (high - low)  # the count at which the sum is zero
    nearest = np.round(balance)
    can_tie = np.abs(balance - nearest) <= 1e-9 * shots
    last_below = np.where(can_tie, nearest - 1, np.floor(balance))
    last_not_above = np.where(can_tie, nearest, np.floor(balance))
    below = _binomial_cdf(last_below, shots, p_high)
    above = _binomial_cdf(shots - last_not_above - 1, shots, 1 - p_high)
    tie = np.where(can_tie & (nearest >= 0) & (nearest <= shots), 1 - above - below, 0.0)
    return np.stack([above, np.clip(tie, 0, 1), below])


def _binomial_cdf(count: Array, shots: NDArray[np.int64], p: Array) -> Array:
    inside = np.clip(count, 0, shots - 1)
    cdf = special.betainc(shots - inside, inside + 1, np.clip(1 - p, 0, 1))
    return np.where(count < 0, 0.0, np.where(count >= shots, 1.0, cdf))


@lru_cache(maxsize=64)
def _count_vectors(shots: int, n_steps: int) -> NDArray[np.int64]:
    """List all ways to split the shots among the steps, shape (vectors, n_steps)."""
    bars = combinations(range(shots + n_steps - 1), n_steps - 1)
    flat = np.fromiter(chain.from_iterable(bars), dtype=np.int64).reshape(-1, n_steps - 1)
    ends = np.pad(flat, ((0, 0), (1, 1)), constant_values=((0, 0), (-1, shots + n_steps - 1)))
    return np.diff(ends, axis=1) - 1


def _enumerated(probabilities: Array, steps: Array, shots: int) -> Array:
    """Add up the multinomial probabilities of all count vectors, by the sign of their sum."""
    counts = _count_vectors(shots, steps.size)
    log_ways = special.gammaln(shots + 1) - special.gammaln(counts + 1).sum(axis=1)
    # einsum, not a threaded matrix product: on so thin a matrix threads only wait for each other.
    sums = np.einsum("vk,k->v", counts, steps)
    sums[np.abs(sums) <= 1e-9 * shots * np.abs(steps).max()] = 0.0
    signs = np.stack([sums > 0, sums == 0, sums < 0]).astype(np.float64)
    with np.errstate(divide="ignore"):
        log_p = np.maximum(np.log(probabilities), -1e6)  # 0 log 0 is to be 0, not nan
    rows = max(1, _CELLS_AT_ONCE // counts.shape[0])
    parts = [
        np.einsum(
            "sv,vn->sn",
            signs,
            np.exp(log_ways[:, None] + np.einsum("vk,nk->vn", counts, log_p[start : start + rows])),
        )
        for start in range(0, probabilities.shape[0], rows)
    ]
    law: Array = np.clip(np.concatenate(parts, axis=1), 0, 1)
    return law
