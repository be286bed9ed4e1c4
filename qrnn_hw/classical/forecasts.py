"""Forecasts that learn nothing, or one number: the last value, and that of a season before."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.signal import detrend

from qrnn_hw.classical.baseline import Baseline, answered
from qrnn_hw.data.sequences import Sequences
from qrnn_hw.data.series import Series
from qrnn_hw.data.target import Numbers

ROUNDING = 1e-9
"""Of the spread of a straight line: what is left beside it."""


def last_value(
    series: Series, steps: NDArray[np.int64], test: Sequences, target: Numbers
) -> Baseline:
    """Forecast what the targets are at the last step that is known; of changes, that none comes.

    Args:
        series: the whole.
        steps: place of the last step that is read of each test row, shape (n,), or of each step of
            a row, shape (n, T).
        test: the rows, with targets in their own units.
        target: numbers.
    """
    if series.changes:
        none = np.zeros((*steps.shape, target.n_outputs))
        return answered("no change", 0, target, none, test)
    known = np.maximum(steps - (series.horizon == 0), 0)
    return answered("last value", 0, target, series.columns(series.targets)[known], test)


def seasonal_last_value(
    series: Series,
    steps: NDArray[np.int64],
    test: Sequences,
    target: Numbers,
    *,
    n_fit: int,
) -> Baseline:
    """Forecast what the targets were one season before, or as many as lie in the horizon.

    Args:
        series: the whole.
        steps: as for `last_value`.
        test: the rows, with targets in their own units.
        target: numbers.
        n_fit: steps at the start of the series from which the season is known.
    """
    columns = series.columns(series.targets)
    season = season_of(columns[:n_fit, 0])
    n_back = season * max(1, -(-series.horizon // season))
    first = -1 if series.changes else -series.horizon  # where the series begins
    known = series.ahead(np.maximum(steps - n_back, first))
    what = f"{season} steps" if season > 1 else "no season found"
    last = "change of a season before" if series.changes else "seasonal last value"
    return answered(f"{last}, {what}", 1, target, known, test)


def season_of(column: NDArray[np.float64]) -> int:
    """Return the lag of the largest autocorrelation after it has first fallen below 0.

    A straight line is taken out before: under a trend all short lags are correlated. The search
    ends at half the column. Where no correlation there is above what chance gives (twice the
    standard error of white noise), the season is one step.

    Args:
        column: values in the order of time, shape (n,).
    """
    n = len(column)
    centred = detrend(column)
    if centred.std() <= ROUNDING * column.std():
        return 1
    spectrum = np.abs(np.fft.rfft(centred, 2 * n)) ** 2
    # Of fewer products for larger lags: the shortest of equal seasons has the largest sum.
    correlations = np.fft.irfft(spectrum, 2 * n)[: max(n // 2, 2)]
    correlations /= max(correlations[0], np.finfo(np.float64).tiny)
    below = np.flatnonzero(correlations < 0)
    if not len(below):
        return 1
    after = correlations[below[0] :]
    return int(below[0] + after.argmax()) if after.max() > 2 / np.sqrt(n) else 1
