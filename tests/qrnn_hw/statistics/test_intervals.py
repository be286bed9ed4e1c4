import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from qrnn_hw.errors import UsageError
from qrnn_hw.statistics.intervals import (
    Interval,
    bootstrap,
    mean_interval,
    mean_share,
    paired_bootstrap,
    share_over_levels,
    wilson,
)


def test_an_interval_goes_to_json_with_four_fields() -> None:
    document = json.loads(json.dumps(wilson(7, 10).to_json()))
    assert sorted(document) == ["high", "low", "n", "value"]
    assert document["n"] == 10
    assert document["value"] == 0.7


@given(n=st.integers(1, 500), data=st.data(), level=st.floats(0.5, 0.999))
def test_wilson_solves_the_score_equation(n: int, data: st.DataObject, level: float) -> None:
    successes = data.draw(st.integers(0, n))
    interval = wilson(successes, n, level)
    z = stats.norm.ppf((1 + level) / 2)
    assert 0 <= interval.low <= interval.value <= interval.high <= 1
    for bound in (interval.low, interval.high):
        if 0 < bound < 1:
            assert (interval.value - bound) ** 2 == pytest.approx(
                z**2 * bound * (1 - bound) / n, rel=1e-6, abs=1e-12
            )


def test_wilson_of_two_hundred_items_is_about_seven_points_wide() -> None:
    interval = wilson(100, 200)
    assert (interval.high - interval.low) / 2 == pytest.approx(0.069, abs=5e-4)
    published = wilson(122, 200)
    assert (round(published.low, 3), round(published.high, 3)) == (0.541, 0.675)


def test_wilson_at_the_ends_is_exact() -> None:
    assert wilson(0, 12).low == 0.0
    assert wilson(12, 12).high == 1.0


def test_mean_interval_is_students() -> None:
    values = [0.71, 0.74, 0.69, 0.77, 0.72]
    interval = mean_interval(values)
    low, high = stats.t.interval(0.95, 4, loc=np.mean(values), scale=stats.sem(values))
    assert (interval.low, interval.high) == pytest.approx((low, high), rel=1e-12)
    assert interval.n == 5


@pytest.mark.parametrize("method", ["bca", "percentile"])
def test_bootstrap_of_the_mean_is_seeded_and_close_to_the_normal_interval(method: str) -> None:
    values = np.random.default_rng(11).normal(3.0, 2.0, 400)
    interval = bootstrap(values, seed=1, method=method)
    assert interval == bootstrap(values, seed=1, method=method)
    assert interval != bootstrap(values, seed=2, method=method)
    assert interval.value == pytest.approx(values.mean())
    half_width = 1.96 * values.std(ddof=1) / np.sqrt(400)
    assert (interval.high - interval.low) / 2 == pytest.approx(half_width, rel=0.08)


def test_bca_follows_the_skew_that_the_percentile_interval_misses() -> None:
    values = np.random.default_rng(12).lognormal(0.0, 1.0, 40)
    bca = bootstrap(values, seed=3)
    percentile = bootstrap(values, seed=3, method="percentile")
    assert bca.high > percentile.high
    assert bca.low > percentile.low


def test_bootstrap_of_equal_values_is_a_point() -> None:
    assert bootstrap(np.ones(20), seed=4) == Interval(1.0, 1.0, 1.0, 20)


def test_bootstrap_takes_a_statistic_of_several_arrays_without_axis() -> None:
    rng = np.random.default_rng(5)
    x = rng.normal(size=100)
    y = x + rng.normal(size=100)

    def correlation(one: np.ndarray, other: np.ndarray) -> float:
        return float(np.corrcoef(one, other)[0, 1])

    interval = bootstrap(x, y, statistic=correlation, seed=6, n_resamples=500)
    assert interval.value == pytest.approx(correlation(x, y))
    assert interval.low < np.sqrt(0.5) < interval.high


def test_pairing_sharpens_a_difference_of_correlated_columns() -> None:
    rng = np.random.default_rng(7)
    item = rng.normal(0, 3, 200)
    first, second = item + rng.normal(0.3, 0.2, 200), item + rng.normal(0.0, 0.2, 200)
    paired = paired_bootstrap(first, second, seed=8)
    of_differences = bootstrap(first - second, seed=8)
    assert (paired.low, paired.high) == pytest.approx((of_differences.low, of_differences.high))
    assert paired.value == pytest.approx(first.mean() - second.mean())
    assert 0.1 < paired.low < paired.high < 0.5


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    rng = np.random.default_rng(20)
    n_repeats = 400
    counts = rng.binomial(60, 0.8, n_repeats)
    seeds = rng.normal(0.75, 0.02, (n_repeats, 5))
    items = rng.binomial(1, 0.7, (n_repeats, 100)).astype(float)
    holds = {
        "wilson": [_holds(wilson(int(count), 60), 0.8) for count in counts],
        "t": [_holds(mean_interval(row), 0.75) for row in seeds],
        "bca": [
            _holds(bootstrap(row, seed=i, n_resamples=500), 0.7) for i, row in enumerate(items)
        ],
    }
    for name, held in holds.items():
        # Four standard errors of 400 draws at 95 % are 4.4 points.
        assert np.mean(held) == pytest.approx(0.95, abs=0.045), name


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: wilson(3, 2), "0 <= successes <= n.*Got 3 of 2"),
        (lambda: wilson(0, 0), "n >= 1.*Got 0 of 0"),
        (lambda: wilson(1, 2, level=95), "between 0 and 1.*Got 95"),
        (lambda: mean_interval([0.7]), "at least two values.*shape"),
        (lambda: mean_interval([0.7, np.nan]), "finite.*Got 1"),
        (lambda: bootstrap([1.0, 2.0], [1.0], seed=0), "common length"),
        (lambda: bootstrap([1.0, 2.0], seed=0, method="basic"), "Got 'basic'"),
    ],
)
def test_misuse_is_one_clear_line(call: object, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        call()  # type: ignore[operator]


def _holds(interval: Interval, truth: float) -> bool:
    return interval.low <= truth <= interval.high


def test_items_that_agree_give_a_share_no_certainty() -> None:
    """If 30 inputs show nothing, one in nine may still do so; a bootstrap would say none."""
    assert bootstrap(np.zeros(30), seed=0).high == 0
    nothing = mean_share(np.zeros(30), seed=0)
    assert (nothing.value, nothing.low) == (0, 0)
    assert nothing.high == pytest.approx(wilson(0, 30).high)
    assert mean_share(np.full(30, 1e-9), seed=0).high == pytest.approx(wilson(0, 30).high)
    alike = mean_share(np.full(40, 0.25), seed=0)
    assert (alike.low, alike.high) == (wilson(10, 40).low, wilson(10, 40).high)


def test_items_that_differ_have_the_bootstrap_interval() -> None:
    shares = np.linspace(0, 1, 50)
    assert mean_share(shares, seed=3) == bootstrap(shares, seed=3)


def test_ends_lie_where_values_can_and_unknown_ones_stay_unknown() -> None:
    assert Interval(0.9, -0.2, 1.3, 4).within(0.0, 1.0) == Interval(0.9, 0.0, 1.0, 4)
    assert np.isnan(Interval(0.9, np.nan, np.nan, 4).within(0.0, 1.0).low)


def test_a_share_over_levels_is_a_share_and_never_surer_than_its_few_items() -> None:
    rng = np.random.default_rng(5)
    hits = rng.random((4, 30)) < np.array([0.1, 0.4, 0.6, 0.9])[:, None]
    found, student = share_over_levels(hits), mean_interval(hits.mean(axis=1))
    assert (found.low, found.high) == (max(0, student.low), min(1, student.high))
    two = share_over_levels(np.array([[True] * 8, [True] * 6 + [False] * 2]))
    assert (two.low, two.value, two.high) == (0, 0.875, 1)  # Student alone: -0.71 to 2.46
    same = share_over_levels(np.array([[True] * 7 + [False] * 3] * 3))
    assert (same.low, same.high) == (wilson(7, 10).low, wilson(7, 10).high)
    assert share_over_levels(hits[:1]) == wilson(int(hits[0].sum()), 30)
