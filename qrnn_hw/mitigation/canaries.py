"""Canaries: circuits of the same structure with known answers, and what a machine misses of them.

A machine has errors that no description of its noise names and no extrapolation stretches; an
estimate's own shots show none of them. Inputs whose noiseless score is computed exactly are sent
along with the others, through the same circuits and methods, and what they miss beyond their own
shots is what other inputs may miss too. That is an assumption: that they resemble them.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from qrnn_hw.errors import UsageError

Array = NDArray[np.float64]

SHARE = 0.2
"""Of all shots, that the canaries take at most."""


@dataclass(frozen=True)
class Miss:
    """What canaries missed, in the units of the score."""

    beyond_shots: float
    """Root mean square of their misses, with what their own shots explain taken out."""

    mean: float
    """Of measured minus known: what of it is the same for all."""

    worst: float
    """The largest miss of one, shots in it."""

    own_error: float
    """Root mean square standard error of the canaries themselves."""

    n_canaries: int

    def half_width(self, standard_error: ArrayLike, confidence: float = 0.95) -> Array:
        """Return half of an interval that holds what was missed beside a standard error.

        Student's quantile, with a degree of freedom for each canary, times the root of both
        squares.
        """
        quantile = float(special.stdtrit(self.n_canaries, (1 + confidence) / 2))
        return quantile * np.hypot(standard_error, self.beyond_shots)

    def to_json(self) -> dict[str, Any]:
        """Return the fields as a JSON object."""
        return asdict(self)


def missed(measured: ArrayLike, known: ArrayLike, errors: ArrayLike) -> Miss:
    """Hold what canaries measured against what they are known to give.

    The mean square of the misses less that of the canaries' standard errors estimates the mean
    square of what is not shots. Few canaries know it badly: Student's quantile, which `half_width`
    multiplies it with, is for that.

    Args:
        measured: estimates of the canaries' scores by some stack, shape (n,).
        known: exact scores without noise, shape (n,).
        errors: standard errors of the estimates, shape (n,).

    Raises:
        UsageError: if there are no canaries, or shapes differ.
    """
    found, truth, noise = (np.asarray(one, float) for one in (measured, known, errors))
    if found.ndim != 1 or not found.size or not found.shape == truth.shape == noise.shape:
        raise UsageError(
            "canaries should be one or more, each with a known answer and an error. "
            f"Got shapes {found.shape}, {truth.shape} and {noise.shape}."
        )
    errors_of = found - truth
    shots = float(np.mean(noise**2))
    beyond = max(0.0, float(np.mean(errors_of**2)) - shots)
    return Miss(
        beyond_shots=float(np.sqrt(beyond)),
        mean=float(errors_of.mean()),
        worst=float(np.abs(errors_of).max()),
        own_error=float(np.sqrt(shots)),
        n_canaries=found.size,
    )


def choose_canaries(ideal: ArrayLike, n_canaries: int) -> NDArray[np.int64]:
    """Return which candidates to send: those of the largest answers of either sign.

    Noise mostly shrinks a score, so that an answer near 0 can hardly miss: it would vouch for
    circuits that it is not like. Both signs are taken, as far as there are some, so that a shift
    is told from a contraction.

    Args:
        ideal: exact scores of the candidates without noise, shape (n,).
        n_canaries: how many to take.

    Returns:
        Places among the candidates, in their order. Shape: (n_canaries,).

    Raises:
        UsageError: if there are fewer candidates.
    """
    scores = np.asarray(ideal, float)
    if scores.ndim != 1 or not 0 <= n_canaries <= scores.size:
        raise UsageError(
            f"canaries should be at most as many as there are candidates ({scores.size}). "
            f"Got {n_canaries}."
        )
    order = np.argsort(scores, kind="stable")
    n_low = n_canaries // 2
    low, high = order[:n_low], order[scores.size - (n_canaries - n_low) :]
    return np.sort(np.concatenate([low, high]))
