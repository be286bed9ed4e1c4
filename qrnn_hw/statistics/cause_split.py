"""The variance of a score by its four causes: drift, training seed, input jitter, shots."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qrnn_hw.errors import UsageError
from qrnn_hw.statistics.intervals import Interval
from qrnn_hw.statistics.variance_split import (
    VarianceComponent,
    difference_interval,
    innermost_interval,
)

Array = NDArray[np.float64]


def cause_split(values: ArrayLike) -> list[VarianceComponent]:
    """Split the variance of one input's score by cause, in the mean over inputs.

    Model, for each input: value = mean + drift_d + seed_s + (drift x seed)_ds + jitter_dsj +
    shots_dsjk, all effects independent with mean zero, normal for the intervals. The same trained
    models meet every calibration, so these two are crossed; jitters are drawn anew under each
    pair and repeats under each jitter, so these are nested. Components are differences of mean
    squares (Searle, Casella and McCulloch, Variance Components, 1992, sections 3.6 and 4.3), with
    the intervals of `variance_split`. Inputs share seeds and calibrations, so that they tell less
    than so many independent ones: the intervals take the degrees of freedom of one input, and are
    too wide rather than too narrow.

    Args:
        values: shape (inputs, calibrations, seeds, jitters, repeats), scores. An axis of
            calibrations, seeds or jitters of length 1 says that the cause was not varied; it is
            left out. Repeats are 2 or more.

    Raises:
        UsageError: for another shape.
    """
    table = np.asarray(values, dtype=np.float64)
    if table.ndim != 5 or 0 in table.shape or table.shape[-1] < 2:
        raise UsageError(
            "a split by cause needs shape (inputs, calibrations, seeds, jitters, repeats) with two "
            f"repeats or more. Got shape {table.shape}."
        )
    _, n_drifts, n_seeds, n_jitters, n_repeats = table.shape
    squares, freedom = _mean_squares(table)
    # What a cause is held against: the next finer effect that was varied.
    finer = {
        "jitter": "shots",
        "drift x seed": "jitter" if n_jitters > 1 else "shots",
    }
    crossed = n_drifts > 1 and n_seeds > 1
    for name in ("seed", "drift"):
        finer[name] = "drift x seed" if crossed else finer["drift x seed"]
    under = {
        "drift": n_seeds * n_jitters * n_repeats,
        "seed": n_drifts * n_jitters * n_repeats,
        "drift x seed": n_jitters * n_repeats,
        "jitter": n_repeats,
    }
    found = []
    for name, square in squares.items():
        if name == "shots":
            ends = innermost_interval(square, freedom[name])
        else:
            against = finer[name]
            ends = difference_interval(
                (square, squares[against]), (freedom[name], freedom[against]), under[name]
            )
        found.append((name, Interval(*ends, freedom[name] + 1)))
    total = sum(max(0.0, variance.value) for _, variance in found)
    return [
        VarianceComponent(name, variance, max(0.0, variance.value) / total if total else 0.0)
        for name, variance in found
    ]


def _mean_squares(table: Array) -> tuple[dict[str, float], dict[str, int]]:
    """Return the mean over inputs of each effect's mean square, and its freedom in one input."""
    n_inputs, n_drifts, n_seeds, n_jitters, n_repeats = table.shape
    per_jitter = table.mean(axis=4)
    cells = per_jitter.mean(axis=3)  # (inputs, calibrations, seeds)
    by_drift, by_seed = cells.mean(axis=2), cells.mean(axis=1)
    whole = cells.mean(axis=(1, 2))
    deviations = {
        "drift": (by_drift - whole[:, None], n_seeds * n_jitters * n_repeats),
        "seed": (by_seed - whole[:, None], n_drifts * n_jitters * n_repeats),
        "drift x seed": (
            cells - by_drift[:, :, None] - by_seed[:, None, :] + whole[:, None, None],
            n_jitters * n_repeats,
        ),
        "jitter": (per_jitter - cells[..., None], n_repeats),
        "shots": (table - per_jitter[..., None], 1),
    }
    freedom = {
        "drift": n_drifts - 1,
        "seed": n_seeds - 1,
        "drift x seed": (n_drifts - 1) * (n_seeds - 1),
        "jitter": n_drifts * n_seeds * (n_jitters - 1),
        "shots": n_drifts * n_seeds * n_jitters * (n_repeats - 1),
    }
    freedom = {name: degrees for name, degrees in freedom.items() if degrees}
    squares = {
        name: float(size * (deviations[name][0] ** 2).sum() / (freedom[name] * n_inputs))
        for name, (_, size) in deviations.items()
        if name in freedom
    }
    return squares, freedom
