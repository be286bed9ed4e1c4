import numpy as np
import pytest

from qrnn_hw.errors import UsageError
from qrnn_hw.statistics.variance_split import variance_split

CAUSES = ("drift", "seed", "jitter", "shots")


def nested(rng: np.random.Generator, shape: tuple[int, ...], sds: tuple[float, ...]) -> np.ndarray:
    values = np.zeros(shape)
    for level, sd in enumerate(sds):
        effect = rng.normal(0, sd, shape[: level + 1])
        values += effect.reshape(shape[: level + 1] + (1,) * (len(shape) - level - 1))
    return values


def test_the_split_is_unbiased_and_its_shares_add_up() -> None:
    rng = np.random.default_rng(1)
    sds = (0.3, 0.0, 0.2, 0.5)
    splits = [variance_split(nested(rng, (4, 5, 3, 6), sds), CAUSES) for _ in range(300)]
    for level, sd in enumerate(sds):
        estimates = np.array([split[level].variance.value for split in splits])
        assert estimates.mean() == pytest.approx(
            sd**2, abs=4 * estimates.std() / np.sqrt(len(splits))
        )
    assert [component.cause for component in splits[0]] == list(CAUSES)
    assert sum(component.share for component in splits[0]) == pytest.approx(1)


def test_mean_squares_decompose_the_total() -> None:
    values = np.random.default_rng(2).normal(size=(6, 7))
    outer, inner = variance_split(values, ("seed", "shots"))
    assert inner.variance.value == pytest.approx(values.var(axis=1, ddof=1).mean())
    assert outer.variance.value == pytest.approx(
        values.mean(axis=1).var(ddof=1) - inner.variance.value / 7
    )


def test_intervals_hold_the_true_components() -> None:
    rng = np.random.default_rng(3)
    sds = (0.4, 0.2, 0.3)
    splits = [variance_split(nested(rng, (6, 5, 8), sds), CAUSES[:3]) for _ in range(400)]
    for level, sd in enumerate(sds):
        held = [s[level].variance.low <= sd**2 <= s[level].variance.high for s in splits]
        assert np.mean(held) == pytest.approx(0.95, abs=0.045)


def test_misuse_is_one_clear_line() -> None:
    with pytest.raises(UsageError, match=r"one axis of two or more per cause. Got shape \(1, 4\)"):
        variance_split(np.zeros((1, 4)), ("seed", "shots"))
