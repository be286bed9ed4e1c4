"""What canaries showed, weighed against forecasts; far factors only where they are interleaved."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qrnn_hw.mitigation.candidates import default_stacks
from qrnn_hw.mitigation.evidence import LEAST_BIAS, Evidence, reconsidered, shortlist
from qrnn_hw.mitigation.plan import MitigationPlan, is_far
from qrnn_hw.mitigation.stack import Stack
from qrnn_hw.mitigation.stack_names import parse_stack

Z = (1.0, -1.0)
IDEAL = np.linspace(-0.6, 0.6, 5)


def contracted(scale_factor, exponent):
    """What is read where noise shrinks <Z> by 6 % a scale factor, and misreads by 4 %."""
    mean = IDEAL * (1 - 0.04 * min(exponent, 1)) * np.exp(-0.06 * scale_factor)
    return np.stack([(1 + mean) / 2, (1 - mean) / 2], axis=-1)


def plan(**more):
    stacks = tuple(one for one in default_stacks(0) if not one.terminal)
    return MitigationPlan.choose(
        65_536, stacks, ideal=IDEAL, outcomes=contracted, weights=Z, **more
    )


@given(bias=st.floats(0.001, 0.3), forecast=st.floats(1e-6, 0.1), n=st.integers(1, 50))
@settings(max_examples=60, deadline=None)
def test_exact_canaries_are_believed_and_drowned_ones_are_not(bias, forecast, n):
    many = Evidence(bias**2, 1e-12, 10_000).squared_bias(forecast)
    assert many == pytest.approx(bias**2, rel=0.06)
    drowned = Evidence(bias**2 + 1e4, 1e4, n).squared_bias(forecast)
    # The tails are cut at 1 and at 1e-8, unevenly.
    assert 0.5 < drowned / (forecast + LEAST_BIAS**2) < 2.0


def test_more_shots_and_more_canaries_move_the_belief_further():
    forecast, miss = 0.01**2, 0.05**2
    beliefs = [
        Evidence(miss + error**2, error**2, n).squared_bias(forecast)
        for n, error in ((2, 0.1), (8, 0.05), (8, 0.01), (64, 0.01))
    ]
    assert all(abs(b - miss) < abs(a - miss) for a, b in itertools.pairwise(beliefs))


def test_what_canaries_refute_is_not_chosen():
    forecast = plan()
    tried = shortlist(forecast)
    assert tried[0] == Stack()
    assert any(map(is_far, tried))
    good = next(one for one in tried[1:] if not is_far(one))
    error = 0.002**2
    evidence = {one: Evidence(0.06**2 + error, error, 8) for one in tried}
    evidence[good] = Evidence(0.003**2 + error, error, 8)
    chosen = reconsidered(forecast, evidence)
    assert chosen.stack.extrapolation is not None
    assert not is_far(chosen.stack)
    sizes = {one.stack: one.n_circuits for one in forecast.forecasts}
    few = {one for one in sizes if sizes[one] <= max(sizes[stack] for stack in tried)}
    assert {one.stack for one in chosen.forecasts} == few
    assert {one.stack for one in chosen.declined} == set(sizes) - few
    # Where all miss alike nothing is gained over no mitigation.
    same = reconsidered(forecast, {one: Evidence(0.06**2, error, 8) for one in tried})
    assert same.stack == Stack()
    # A stack that scatters ten times as much as its shots is not worth its small bias.
    evidence[good] = Evidence(0.003**2 + error, error, 8, scatter=40.0)
    assert reconsidered(forecast, evidence).stack != good


def test_a_stack_that_no_canary_ran_misses_as_the_one_of_its_kind():
    forecast = plan()
    near = [one for one in forecast.forecasts if one.stack.extrapolation and not is_far(one.stack)]
    tried, other = near[0], near[1]
    error, miss = 1e-9, 0.05**2
    evidence = {one: Evidence(miss, error, 10_000) for one in (Stack(), tried.stack)}
    found = {one.stack: one for one in reconsidered(forecast, evidence).forecasts}
    told = LEAST_BIAS**2
    ratio = found[tried.stack].squared_bias / (tried.squared_bias + told)
    assert ratio == pytest.approx(miss / (tried.squared_bias + told), rel=0.06)
    assert found[other.stack].squared_bias == pytest.approx(ratio * (other.squared_bias + told))
    assert found[other.stack].variance == other.variance
    # Of more circuits than any that was tried it is not taken on trust.
    few = reconsidered(forecast, {Stack(): evidence[Stack()]})
    assert {one.stack for one in few.forecasts} == {Stack()}
    assert all(one.reason.endswith("so many circuits") for one in few.declined)


def test_far_factors_are_declined_where_factors_run_one_after_the_other():
    far = {"linear(1,9)", "richardson(1,3,9)", "richardson(1,5,15)", "richardson(1,3,9,15)"}
    in_turn = plan(interleaved=False)
    assert {one.stack.name for one in in_turn.declined} == far
    assert all("leaks into an extrapolation" in one.reason for one in in_turn.declined)
    assert {one.stack.name for one in plan().forecasts} >= far
    assert parse_stack("linear(1,3)") in {one.stack for one in in_turn.forecasts}
