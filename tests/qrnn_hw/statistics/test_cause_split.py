import numpy as np
import pytest

from qrnn_hw.errors import UsageError
from qrnn_hw.statistics.cause_split import cause_split
from qrnn_hw.statistics.variance_split import variance_split

SD = {"drift": 0.5, "seed": 0.8, "drift x seed": 0.3, "jitter": 0.2, "shots": 0.4}
AXES = {"drift": (1,), "seed": (2,), "drift x seed": (1, 2), "jitter": (1, 2, 3),
        "shots": (1, 2, 3, 4)}  # fmt: skip


def simulated(rng, shape):
    """Return scores of independent inputs whose effects have the spreads of `SD`."""
    values = rng.normal(0, 3, (shape[0], 1, 1, 1, 1))  # inputs differ, which is no cause
    for name, sd in SD.items():
        own = tuple(n if i == 0 or i in AXES[name] else 1 for i, n in enumerate(shape))
        values = values + rng.normal(0, sd, own)
    return values


def test_each_component_is_the_variance_that_was_put_in() -> None:
    """Unbiased: the mean over many inputs tends to the truth, crossed effects and all."""
    values = simulated(np.random.default_rng(1), (40_000, 3, 4, 2, 2))
    found = {one.cause: one.variance.value for one in cause_split(values)}
    assert list(found) == list(SD)
    for name, sd in SD.items():
        assert found[name] == pytest.approx(sd**2, rel=0.04, abs=0.004), name
    shares = {one.cause: one.share for one in cause_split(values)}
    assert sum(shares.values()) == pytest.approx(1)


def test_intervals_of_one_input_hold_the_truth() -> None:
    rng, held = np.random.default_rng(2), dict.fromkeys(SD, 0)
    for _ in range(400):
        for one in cause_split(simulated(rng, (1, 4, 5, 3, 4))):
            held[one.cause] += one.variance.low <= SD[one.cause] ** 2 <= one.variance.high
    tolerance = 4 * np.sqrt(0.95 * 0.05 * 400)
    for name, count in held.items():
        assert abs(count - 380) <= tolerance, (name, count)


def test_inputs_that_share_their_seeds_are_not_taken_for_independent() -> None:
    """All inputs move together: the interval of the seeds still holds the truth."""
    rng, held, n = np.random.default_rng(3), 0, 300
    for _ in range(n):
        shared = rng.normal(0, 1, (1, 1, 5, 1, 1))
        values = shared + rng.normal(0, 0.3, (50, 1, 5, 2, 2))
        (seed,) = [one for one in cause_split(values) if one.cause == "seed"]
        held += seed.variance.low <= 1 <= seed.variance.high
    assert held / n >= 0.95 - 4 * np.sqrt(0.95 * 0.05 / n)


def test_without_calibrations_it_is_the_nested_split() -> None:
    values = np.random.default_rng(4).normal(size=(1, 1, 3, 4, 5))
    crossed = cause_split(values)
    nested = variance_split(values[0, 0], ("seed", "jitter", "shots"))
    assert [one.cause for one in crossed] == ["seed", "jitter", "shots"]
    for one, other in zip(crossed, nested, strict=True):
        assert one.variance.value == pytest.approx(other.variance.value)
        assert one.variance.low == pytest.approx(other.variance.low)
        assert one.variance.high == pytest.approx(other.variance.high)


def test_shots_alone_are_their_variance() -> None:
    values = np.random.default_rng(5).normal(size=(7, 1, 1, 1, 9))
    (shots,) = cause_split(values)
    assert shots.variance.value == pytest.approx(values.var(axis=-1, ddof=1).mean())
    assert shots.share == 1


@pytest.mark.parametrize("shape", [(3, 1, 1, 1, 1), (3, 2, 2), (3, 0, 1, 1, 2)])
def test_wrong_shapes_are_refused(shape) -> None:
    with pytest.raises(UsageError, match="two repeats or more"):
        cause_split(np.zeros(shape))
