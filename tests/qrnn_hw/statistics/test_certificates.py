"""Certificates of a machine's own label and of the noiseless one, which canaries guard."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from qrnn_hw.errors import UsageError
from qrnn_hw.statistics.certificates import canary_line, guarded_verdict
from qrnn_hw.statistics.decisions import UNDECIDED, DecisionRule
from qrnn_hw.statistics.sequential import Betting, verdict

RULE = DecisionRule((1.0, -1.0))


def betting(rule):
    return Betting(rule, 0.01)


@given(
    offset=st.floats(-0.2, 0.2),
    slope=st.floats(0.2, 1.1),
    ideal=st.lists(st.floats(-1, 1), min_size=4, max_size=12, unique=True),
)
@settings(max_examples=60, deadline=None)
def test_the_line_is_that_of_least_squares(offset, slope, ideal):
    ideal = np.array(ideal)
    if np.ptp(ideal) < 1e-3:
        return
    noise = np.random.default_rng(len(ideal)).normal(0, 0.05, len(ideal))
    measured = offset + slope * ideal + noise
    line, fit = (
        canary_line(measured, ideal, np.zeros(len(ideal))),
        stats.linregress(ideal, measured),
    )
    assert (line.offset, line.slope) == pytest.approx((fit.intercept, fit.slope), abs=1e-9)
    assert line.offset_error == pytest.approx(fit.intercept_stderr, rel=1e-6, abs=1e-12)
    low, high = line.thresholds(0.1, 0.01)
    assert high - low == pytest.approx(2 * line.guard(0.01))
    t = stats.t.ppf(0.99, len(ideal) - 2)
    assert line.guard(0.01) == pytest.approx(t * np.hypot(line.scatter, line.offset_error))


def test_a_shift_makes_the_machines_certificate_wrong_and_the_guarded_one_not():
    generator = np.random.default_rng(8)
    ideal = generator.uniform(-0.4, 0.4, 400)
    machine = 0.15 + 0.7 * ideal + generator.normal(0, 0.02, 400)
    shots = 1_000_000
    ones = generator.binomial(shots, (1 - machine) / 2)
    counts = np.stack([shots - ones, ones], -1)
    own = verdict(betting(RULE), counts)
    decided = own != UNDECIDED
    assert np.all(own[decided] == (machine > 0)[decided])
    assert np.mean(own[decided] != (ideal > 0)[decided]) > 0.15
    known = np.linspace(-0.4, 0.4, 8)
    read = 0.15 + 0.7 * known + generator.normal(0, 0.02, 8)
    line = canary_line(read, known, np.full(8, 0.001))
    guarded = guarded_verdict(betting, RULE, line, 0.01, counts)
    decided = guarded != UNDECIDED
    assert decided.mean() > 0.4
    assert np.mean(guarded[decided] != (ideal > 0)[decided]) <= 0.01
    # Without the guard around the line's own offset some would be wrong.
    at_offset = verdict(betting(DecisionRule(RULE.weights, line.offset)), counts)
    decided = at_offset != UNDECIDED
    assert np.mean(at_offset[decided] != (ideal > 0)[decided]) > 0.01


def test_a_line_that_does_not_rise_certifies_nothing():
    known = np.linspace(-1, 1, 6)
    line = canary_line(-0.1 * known, known, np.full(6, 0.01))
    assert (guarded_verdict(betting, RULE, line, 0.01, [[900, 100], [0, 1000]]) == UNDECIDED).all()


def test_few_or_equal_canaries_are_refused():
    with pytest.raises(UsageError, match=r"4 canaries or more.*\(3,\)"):
        canary_line([0, 1, 2], [0, 1, 2], [0, 0, 0])
    with pytest.raises(UsageError, match="unlike answers. Got 1 for all"):
        canary_line([0, 1, 2, 3], [1, 1, 1, 1], [0, 0, 0, 0])
