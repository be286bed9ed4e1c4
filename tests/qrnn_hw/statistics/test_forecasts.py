"""Errors of forecasts, and intervals that know that neighbours are alike."""

import numpy as np
import pytest
from sklearn.metrics import r2_score

from qrnn_hw.errors import UsageError
from qrnn_hw.statistics.forecasts import (
    block_interval,
    nrmse,
    nrmse_difference,
    nrmse_interval,
)


def moving_average(n, rng, q=5):
    """Return a moving average of q + 1 normal numbers: its mean has variance (q + 1)^2 / n."""
    noise = rng.normal(size=n + q)
    return np.convolve(noise, np.ones(q + 1), "valid")


def test_the_error_is_that_of_r_squared():
    rng = np.random.default_rng(0)
    targets = rng.normal(size=80)
    outputs = targets + 0.3 * rng.normal(size=80)
    assert nrmse(outputs, targets) == pytest.approx(np.sqrt(1 - r2_score(targets, outputs)))
    assert nrmse(np.full(80, targets.mean()), targets) == pytest.approx(1.0)
    both = nrmse(np.c_[outputs, targets], np.c_[targets, targets])
    assert both == pytest.approx(nrmse(outputs, targets) / 2)
    with pytest.raises(UsageError, match="targets that change"):
        nrmse(outputs, np.ones(80))


def test_blocks_give_the_width_that_theory_gives_and_single_rows_do_not():
    n, rng = 3000, np.random.default_rng(1)
    values = moving_average(n, rng)
    widths = {}
    for block in (1, 60):
        found = block_interval(
            lambda rows: values[rows].mean(axis=1), values.mean(), n, block=block, seed=2
        )
        widths[block] = (found.high - found.low) / 2
    theory = 1.96 * 6 / np.sqrt(n)
    assert widths[60] == pytest.approx(theory, rel=0.15)
    assert widths[1] < 0.5 * theory


def test_intervals_of_overlapping_errors_cover_the_true_error():
    rng, hits, repeats = np.random.default_rng(4), 0, 120
    for seed in range(repeats):
        errors = moving_average(600, rng) / np.sqrt(6)  # variance 1
        targets = np.where(np.arange(600) % 2, 2.0, -2.0)  # deviation 2 exactly
        interval = nrmse_interval(targets + errors, targets, block=30, seed=seed)
        hits += interval.low <= 0.5 <= interval.high
    assert hits / repeats > 0.86  # percentile intervals of 20 blocks are a little short


def test_two_forecasts_are_held_against_each_other_on_the_same_rows():
    rng = np.random.default_rng(5)
    targets = rng.normal(size=400)
    shared = moving_average(400, rng)
    better = nrmse_difference(targets + 0.9 * shared, targets + shared, targets, block=20, seed=0)
    assert better.high < 0
    assert better.value == pytest.approx(
        nrmse(targets + 0.9 * shared, targets) - nrmse(targets + shared, targets)
    )
    alone = nrmse_interval(targets + shared, targets, block=20, seed=0)
    assert better.high - better.low < 0.5 * (alone.high - alone.low)
    with pytest.raises(UsageError, match="Got blocks of 300 for 400 rows"):
        nrmse_interval(targets, targets + 1, block=300, seed=0)
