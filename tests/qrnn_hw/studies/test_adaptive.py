from itertools import count, pairwise

import numpy as np
import pytest

from qrnn_hw.errors import UsageError
from qrnn_hw.statistics.certainty import exact_shots
from qrnn_hw.statistics.certificates import canary_line
from qrnn_hw.statistics.decisions import UNDECIDED, DecisionRule, flip_probabilities
from qrnn_hw.statistics.sequential import Betting, run_on_outcomes
from qrnn_hw.studies.adaptive import (
    compare_with_fixed,
    growing_looks,
    label_in_batches,
    simulated_draw,
)

LEARNED = DecisionRule((1.0, 0.3, -0.2, -0.9), 0.05)
EQUAL = DecisionRule((1.0, -1.0))


def spread(n: int, rule: DecisionRule, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).dirichlet(np.full(len(rule.weights), 2.0), n)


def test_looks_rise_to_the_cap() -> None:
    looks = growing_looks(5000)
    assert looks[0] == 8
    assert looks[-1] == 5000
    assert all(a < b for a, b in pairwise(looks))
    assert growing_looks(1) == (1,)


def test_batches_agree_with_the_test_on_stored_outcomes() -> None:
    p = spread(1, LEARNED, 1)[0]
    outcomes = np.random.default_rng(2).choice(4, size=(30, 400), p=p)
    test = Betting(LEARNED, 0.05)
    stored = run_on_outcomes(test, outcomes, every=10)
    used = np.zeros(30, dtype=int)

    def draw(rows: np.ndarray, shots: int) -> np.ndarray:
        counts = [np.bincount(outcomes[r, used[r] : used[r] + shots], minlength=4) for r in rows]
        used[rows] += shots
        return np.array(counts)

    live = label_in_batches(test, draw, 30, range(10, 401, 10))
    np.testing.assert_array_equal(live.labels, stored.labels)
    np.testing.assert_array_equal(live.shots, stored.shots)
    # Inputs that were certain were not run any further.
    np.testing.assert_array_equal(used, live.shots)


def test_error_stays_below_delta_on_the_hardest_inputs() -> None:
    """Under peeking: a margin just off zero, so that any early label is nearly a coin's."""
    p = np.tile([0.5005, 0.4995], (2000, 1))
    test = Betting(EQUAL, 0.05)
    stopped = label_in_batches(test, simulated_draw(p, 1, 3), 2000, growing_looks(2000))
    wrong = (stopped.labels == 0).mean()
    assert wrong <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 2000)
    assert (stopped.labels == UNDECIDED).mean() > 0.5


@pytest.mark.parametrize("rule", [LEARNED, EQUAL])
def test_adaptive_shots_save_at_equal_guarantee(rule: DecisionRule) -> None:
    p = spread(80, rule, 4)
    needed = exact_shots(p, rule, 0.01, 10**6)
    rows = compare_with_fixed(
        "a", p, needed, rule, delta=0.01, max_shots=20_000, n_repeats=10, seed=5
    )
    assert {row.test for row in rows} == {"betting"} | (
        {"Beta mixture"} if rule is EQUAL else set()
    )
    for row in rows:
        assert row.wrong.value <= 0.01
        assert row.saving is not None
        assert row.saving > 3
        assert row.fixed_shots is not None
        assert row.oracle_shots is not None
        assert row.oracle_shots <= row.fixed_shots
        certain = np.mean(flip_probabilities(p, rule, row.oracle_shots) <= 0.01)
        assert certain >= row.decided.value


def test_looks_are_checked() -> None:
    with pytest.raises(UsageError, match="a ratio above 1"):
        growing_looks(10, ratio=1.0)


def test_no_certificate_is_given_while_the_batches_disagree():
    """A machine whose sign changes every batch: its evidence grows, and is worth nothing."""
    test = Betting(DecisionRule((1.0, -1.0)), 0.01)
    looks, generator = growing_looks(20_000), np.random.default_rng(1)

    def draw_from(sway):
        calls = count()

        def draw(rows, shots):
            mean = 0.15 + sway * (-1) ** (next(calls) // 4)
            ones = generator.binomial(shots, (1 - mean) / 2, rows.size)
            return np.stack([shots - ones, ones], -1)

        return draw

    steady = label_in_batches(test, draw_from(0.0), 200, looks)
    assert np.mean(steady.labels == 1) > 0.98
    swaying = label_in_batches(test, draw_from(0.5), 200, looks)
    # Some decide before there is anything to compare.
    assert np.mean(swaying.labels == UNDECIDED) > 0.5


def test_with_canaries_the_noiseless_label_is_certified():
    """The machine shifts every score by 0.2: its own labels are certain, and others."""
    test = Betting(DecisionRule((1.0, -1.0)), 0.01)
    ideal = np.linspace(-0.6, 0.6, 121)
    p = (1 + 0.2 + 0.8 * ideal) / 2
    draw = simulated_draw(np.stack([p, 1 - p], -1), 1, 3)
    known = np.linspace(-1, 1, 8)
    line = canary_line(0.2 + 0.8 * known + 0.004 * (-1) ** np.arange(8), known, np.full(8, 0.002))
    truth, looks = ideal > 0, growing_looks(50_000)
    for guard, wrong, decided in ((None, (0.1, 0.3), 0.9), (line, (0.0, 0.01), 0.8)):
        labels = label_in_batches(test, draw, len(p), looks, guard).labels
        some = labels != UNDECIDED
        assert some.mean() > decided
        assert wrong[0] <= np.mean(labels[some] != truth[some]) <= wrong[1]
