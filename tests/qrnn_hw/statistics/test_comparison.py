import numpy as np
import pytest
from scipy import stats

from qrnn_hw.errors import UsageError
from qrnn_hw.statistics.comparison import accuracy_difference, holm, mcnemar


def test_mcnemar_is_a_sign_test_on_the_differing_items() -> None:
    first = np.repeat([1, 1, 0, 0], [80, 14, 4, 2])
    second = np.repeat([1, 0, 1, 0], [80, 14, 4, 2])
    result = mcnemar(first, second)
    assert (result.only_first, result.only_second) == (14, 4)
    tail = sum(stats.binom.pmf(k, 18, 0.5) for k in range(5))
    assert result.p_value == pytest.approx(2 * tail)
    assert mcnemar(first, first).p_value == 1.0


def test_mcnemar_claims_a_difference_at_most_as_often_as_alpha() -> None:
    rng = np.random.default_rng(1)
    hard = rng.random(200)
    p_values = [mcnemar(rng.random(200) < hard, rng.random(200) < hard).p_value for _ in range(500)]
    assert np.mean(np.array(p_values) <= 0.05) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 500)


def test_accuracy_difference_holds_the_truth() -> None:
    rng = np.random.default_rng(2)
    hard = rng.uniform(0.3, 1.0, (300, 200))
    held = []
    for i, p in enumerate(hard):
        interval = accuracy_difference(rng.random(200) < p, rng.random(200) < p - 0.1, seed=i)
        held.append(interval.low <= 0.1 <= interval.high)
    assert np.mean(held) == pytest.approx(0.95, abs=4 * np.sqrt(0.95 * 0.05 / 300))


def test_holm_steps_down_and_keeps_the_order() -> None:
    np.testing.assert_allclose(holm([0.01, 0.04, 0.03, 0.005]), [0.03, 0.06, 0.06, 0.02])
    np.testing.assert_allclose(holm([0.6, 0.9]), [1.0, 1.0])


def test_holm_keeps_the_family_error() -> None:
    rng = np.random.default_rng(3)
    false_claims = [(holm(rng.random(8)) <= 0.05).any() for _ in range(2000)]
    assert np.mean(false_claims) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 2000)


def test_misuse_is_one_clear_line() -> None:
    with pytest.raises(UsageError, match=r"same items. Got results of shapes \(2,\) and \(3,\)"):
        mcnemar([1, 0], [1, 0, 1])
    with pytest.raises(UsageError, match="between 0 and 1"):
        holm([0.1, 1.2])
