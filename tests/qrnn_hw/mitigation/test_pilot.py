"""Shots of the bare circuit come first, and count in whatever stack is then chosen."""

from datetime import UTC, datetime

import numpy as np
import pytest

from qrnn_hw.errors import UsageError
from qrnn_hw.mitigation.candidates import default_stacks
from qrnn_hw.mitigation.combining import combine_counts
from qrnn_hw.mitigation.pilot import PILOT_SHARE, bare_term, pilot_shots, share_rest
from qrnn_hw.mitigation.readout import ReadoutCalibration
from qrnn_hw.mitigation.stack import Stack, share_shots, terms
from qrnn_hw.mitigation.zne import ZNEPlan

N_BITS = 5
RATES = ReadoutCalibration(
    (0.015,) * N_BITS,
    (0.03,) * N_BITS,
    (0.0,) * N_BITS,
    (0.0,) * N_BITS,
    datetime(2026, 1, 1, tzinfo=UTC),
)


@pytest.mark.parametrize("stack", default_stacks(N_BITS), ids=lambda stack: stack.name)
def test_the_pilot_costs_no_stack_anything(stack):
    listed, total = terms(stack, RATES), 10_000
    spent = pilot_shots(total)
    rest = share_rest(total, listed, spent)
    whole = list(share_shots(total, listed))
    whole[bare_term(listed)] -= spent
    assert spent == PILOT_SHARE * total
    assert list(rest) == whole
    assert min(rest) >= 0


def test_a_pilot_beyond_its_share_leaves_the_others_the_rest():
    listed = terms(Stack(ZNEPlan((1, 3), "linear")))
    assert share_rest(1000, listed, 250) == (500, 250)
    assert share_rest(1000, listed, 900) == (0, 100)
    assert share_rest(7, terms(Stack()), 7) == (0,)


def test_the_estimate_with_the_pilot_has_the_mean_and_the_variance_of_one_without():
    stack = Stack(ZNEPlan((1, 3), "linear"))
    listed, total, repetitions = terms(stack), 400, 20_000
    tables = np.array([[0.8, 0.2], [0.6, 0.4]])
    generator = np.random.default_rng(5)
    spent = pilot_shots(total)
    counts = np.array(
        [
            generator.multinomial(n, table, size=repetitions)
            for n, table in zip(share_rest(total, listed, spent), tables, strict=True)
        ]
    )
    counts[bare_term(listed)] += generator.multinomial(spent, tables[0], size=repetitions)
    found = combine_counts(counts, listed, (1.0, -1.0)).value
    z = tables @ (1, -1)
    weights = np.array([term.weight for term in listed])
    variance = weights**2 @ ((1 - z**2) / share_shots(total, listed))
    assert found.mean() == pytest.approx(weights @ z, abs=4 * np.sqrt(variance / repetitions))
    assert found.var() == pytest.approx(variance, rel=0.05)


def test_stacks_that_never_run_the_bare_circuit_and_shots_that_are_gone_are_refused():
    with pytest.raises(UsageError, match="should run the circuit as it is"):
        share_rest(1000, terms(Stack(ZNEPlan((3, 5), "linear"))), 10)
    with pytest.raises(UsageError, match="should run the circuit as it is"):
        share_rest(1000, terms(Stack(twirls=4)), 10)
    with pytest.raises(UsageError, match=r"at least those of the pilot \(11\). Got 10"):
        share_rest(10, terms(Stack()), 11)
    with pytest.raises(UsageError, match="at least one for each circuit"):
        share_rest(10, terms(Stack(ZNEPlan((1, 3), "linear"))), 10)
