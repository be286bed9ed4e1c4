from datetime import UTC, datetime

import numpy as np
import pytest
from mitigation_reference import IDEAL, Noise, distribution, expectation
from mitigation_reference_circuits import instances, isa, qrnn

from qrnn_hw.errors import UsageError
from qrnn_hw.mitigation.combining import combine_counts, outcome_numbers
from qrnn_hw.mitigation.readout import ReadoutCalibration
from qrnn_hw.mitigation.repetitions import combine_repetitions
from qrnn_hw.mitigation.stack import Stack, Term, construct_circuits, share_shots, terms
from qrnn_hw.mitigation.zne import ZNEPlan

NOISE = Noise()
LINEAR = ZNEPlan((1, 3), "linear")
RICHARDSON = ZNEPlan((1, 3, 5))
Z = np.array([1.0, -1.0])


def calibrated(n_bits, noise=NOISE):
    return ReadoutCalibration(
        (noise.p01,) * n_bits,
        (noise.p10,) * n_bits,
        (0.0,) * n_bits,
        (0.0,) * n_bits,
        datetime(2026, 1, 1, tzinfo=UTC),
    )


@pytest.fixture(scope="module")
def circuit():
    return isa(qrnn(*instances(1, n_steps=2)[0]))


def exact_tables(circuit, stack):
    listed = terms(stack, calibrated(2))
    circuits = construct_circuits(circuit, stack, listed)
    last = circuit.num_clbits - 1
    return listed, np.array([distribution(one, NOISE, [last]) for one in circuits])


def bias(circuit, stack):
    listed, tables = exact_tables(circuit, stack)
    numbers = outcome_numbers(Z, stack, calibrated(1))
    weights = np.array([term.weight for term in listed])
    return weights @ tables @ numbers - expectation(circuit, IDEAL)


def test_each_method_takes_away_its_share_of_the_bias(circuit):
    raw = abs(bias(circuit, Stack()))
    readout = abs(bias(circuit, Stack(None, "invert", True)))
    everything = abs(bias(circuit, Stack(RICHARDSON, "invert", True)))
    jointly = abs(bias(circuit, Stack(RICHARDSON, "amplify", True)))
    assert everything < 0.1 * readout < 0.1 * raw
    assert jointly < 0.1 * raw
    first_order = bias(circuit, Stack(RICHARDSON, "invert", True, "first-order"))
    assert abs(first_order) < 0.1 * raw


def test_relabelling_leaves_the_bias_of_a_machine_without_wrong_branches(circuit):
    perfect = Noise(p01=0.0, p10=0.0)
    expected = expectation(circuit, perfect) - expectation(circuit, IDEAL)
    assert bias(circuit, Stack(None, "invert", True)) == pytest.approx(expected, abs=1e-12)


def test_the_terms_are_weights_of_one_average():
    for stack, n_terms in (
        (Stack(), 1),
        (Stack(LINEAR), 2),
        (Stack(None, "invert"), 9),
        (Stack(None, "invert", masks="first-order"), 5),
        (Stack(RICHARDSON, "amplify"), 1 + 9 + 9),
        (Stack(RICHARDSON, "invert", masks="first-order"), 3 * 5),
    ):
        listed = terms(stack, calibrated(2))
        assert len(listed) == n_terms
        assert sum(term.weight for term in listed) == pytest.approx(1)
        assert sum(share_shots(1000, listed)) == 1000
    assert terms(Stack()) == (Term(1.0, None, 1.0),)


@pytest.mark.parametrize("confidence", [0.68, 0.95])
@pytest.mark.parametrize(
    "stack", [Stack(LINEAR, "invert", True, "first-order"), Stack(RICHARDSON, "amplify", True)]
)
def test_intervals_cover_what_they_claim(circuit, stack, confidence):
    listed, tables = exact_tables(circuit, stack)
    numbers = outcome_numbers(Z, stack, calibrated(1))
    truth = np.array([term.weight for term in listed]) @ tables @ numbers
    generator = np.random.default_rng(8)
    counts = np.array(
        [
            generator.multinomial(n_shots, table, size=2000)
            for n_shots, table in zip(share_shots(4000, listed), tables, strict=True)
        ]
    )
    result = combine_counts(counts, listed, numbers, confidence)
    covered = np.mean((result.low <= truth) & (truth <= result.high))
    assert abs(covered - confidence) <= 0.03


def test_names_say_what_is_done():
    assert Stack().name == "none"
    assert Stack(RICHARDSON, "invert", True).name == "richardson(1,3,5) + relabel + terminal"
    assert Stack(LINEAR, "amplify").name == "linear(1,3) + joint"
    assert Stack(None, "invert", masks="first-order").name == "relabel (first order)"


def test_what_cannot_be_combined_is_refused():
    with pytest.raises(UsageError, match=r"come with an extrapolation. Got none"):
        Stack(None, "amplify")
    with pytest.raises(UsageError, match=r"amplify, invert, none. Got 'magic'"):
        Stack(None, "magic")
    with pytest.raises(UsageError, match=r"all, first-order, sampled. Got 'some'"):
        Stack(masks="some")
    with pytest.raises(UsageError, match="odd scale factors"):
        Stack(ZNEPlan((1, 2, 3)))
    with pytest.raises(UsageError, match="calibration of the fed-forward bits"):
        terms(Stack(None, "invert"))
    with pytest.raises(UsageError, match="calibration of the final bits"):
        outcome_numbers(Z, Stack(terminal=True), None)
    with pytest.raises(UsageError, match=r"\(1, ..., 2\). Got \(2, 2\)"):
        combine_counts(np.ones((2, 2)), terms(Stack()), Z)
    with pytest.raises(UsageError, match="Got one with none"):
        combine_counts(np.zeros((1, 2)), terms(Stack()), Z)


@pytest.mark.parametrize("shots", [20, 100, 3000])
def test_shots_that_all_read_the_same_reach_what_an_exact_bound_allows(shots):
    """By Clopper and Pearson an outcome that was always read has p >= 0.025**(1 / N)."""
    plain, exact = [Term(1.0, None, 1.0)], 2 * 0.025 ** (1 / shots) - 1
    found = combine_counts([[shots, 0]], plain, [1.0, -1.0])
    assert found.value == 1.0
    assert 1.3 * (1 - exact) > 1 - found.low > 1 - exact
    repeated = combine_repetitions([np.tile([shots // 4, 0], (4, 1))], plain, [1.0, -1.0])
    assert repeated.machine.low < exact
    # A number that no reading changes has none.
    assert combine_counts([[shots, 0]], plain, [2.0, 2.0]).standard_error == 0.0
