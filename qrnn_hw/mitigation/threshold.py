"""Move the decision threshold of a classifier to where noise has moved the scores."""

import numpy as np
from numpy.typing import ArrayLike

from qrnn_hw.errors import UsageError


def fit_threshold(scores: ArrayLike, labels: ArrayLike) -> float:
    """Return the threshold of the highest accuracy; class 1 is where a score lies above it.

    Noise that shrinks all scores alike changes no decision at zero; relaxation and uneven readout
    errors add an offset, which does, and which this takes away at no cost in shots. Fit it on
    validation scores under noise, never on the scores that are to be judged.

    Of all midpoints between neighbouring scores, and zero, the one of most right decisions is
    taken; where several are equally good the one nearest to zero, so that without an offset to
    remove the threshold stays at zero.

    Args:
        scores: Validation scores under the noise. Shape: (n,).
        labels: 0 or 1. Shape: (n,).

    Raises:
        UsageError: If there are no scores, some are not finite, the shapes differ, or only one
            class occurs.
    """
    values, classes = np.asarray(scores, dtype=float), np.asarray(labels)
    if values.ndim != 1 or values.shape != classes.shape or not np.isfinite(values).all():
        raise UsageError(
            "scores to fit a threshold to should be finite, one for each label. "
            f"Got the shapes {values.shape} and {classes.shape}."
        )
    if set(classes.tolist()) != {0, 1}:
        raise UsageError(
            f"labels to fit a threshold to should be 0 and 1, both. Got {set(classes.tolist())}."
        )
    levels = np.unique(values)
    middle = (levels[1:] + levels[:-1]) / 2
    # Between neighbouring floating-point numbers the midpoint may round up to the upper one.
    middle = np.where(middle < levels[1:], middle, levels[:-1])
    candidates = np.concatenate([[0.0], middle])
    n_right = ((values > candidates[:, None]) == (classes == 1)).sum(axis=1)
    best = candidates[n_right == n_right.max()]
    return float(best[np.abs(best).argmin()])
