from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from mitigation_reference import IDEAL, Noise, distribution, expectation
from mitigation_reference_circuits import instances, isa, qrnn

from qrnn_hw.errors import UsageError
from qrnn_hw.mitigation.candidates import default_stacks
from qrnn_hw.mitigation.combining import combine_counts, outcome_numbers
from qrnn_hw.mitigation.folding import fold
from qrnn_hw.mitigation.plan import MitigationPlan
from qrnn_hw.mitigation.readout import ReadoutCalibration
from qrnn_hw.mitigation.stack import Stack, construct_circuits, share_shots, terms
from qrnn_hw.mitigation.zne import ZNEPlan

NOISE = Noise()
N_STEPS = 3
Z = (1.0, -1.0)


def calibrated(n_bits):
    return ReadoutCalibration(
        (NOISE.p01,) * n_bits,
        (NOISE.p10,) * n_bits,
        (0.0,) * n_bits,
        (0.0,) * n_bits,
        datetime(2026, 1, 1, tzinfo=UTC),
    )


FED_FORWARD, TERMINAL = calibrated(N_STEPS), calibrated(1)


@pytest.fixture(scope="module")
def circuits():
    return [isa(qrnn(*instance)) for instance in instances(3, n_steps=N_STEPS)]


@pytest.fixture(scope="module")
def ideal(circuits):
    return np.array([expectation(circuit, IDEAL) for circuit in circuits])


@pytest.fixture(scope="module")
def outcomes(circuits):
    return exact_outcomes(circuits, NOISE)


def exact_outcomes(circuits, noise):
    """Return the function that a plan asks, from the referee, each answer computed once."""
    answers = {}
    confusion = np.array([[1 - noise.p01, noise.p10], [noise.p01, 1 - noise.p10]])

    def answer(scale_factor, exponent):
        key = (scale_factor, exponent)
        if key not in answers:
            inner = np.linalg.matrix_power(confusion, int(exponent))
            middle = replace(noise, p01=inner[1, 0], p10=inner[0, 1])
            end = confusion @ np.linalg.inv(inner)
            tables = [distribution(fold(c, scale_factor), middle, [N_STEPS]) for c in circuits]
            answers[key] = np.array(tables) @ end.T
        return answers[key]

    return answer


def choose(total_shots, ideal, outcomes, **options):
    arguments = {"fed_forward": FED_FORWARD, "terminal": TERMINAL} | options
    return MitigationPlan.choose(
        total_shots, ideal=ideal, outcomes=outcomes, weights=Z, **arguments
    )


def test_more_shots_buy_stronger_methods(ideal, outcomes):
    assert choose(100, ideal, outcomes).stack == Stack()
    plans = [choose(10**power, ideal, outcomes) for power in (2, 3, 4, 5, 6)]
    errors = [plan.forecast.rmse for plan in plans]
    biases = [plan.forecast.squared_bias for plan in plans]
    assert errors == sorted(errors, reverse=True)
    assert biases[-1] < biases[0] / 20
    strongest = plans[-1].stack
    assert strongest.extrapolation is not None
    assert strongest.feed_forward != "none"


@pytest.mark.parametrize("total_shots", [256, 4096, 65_536])
def test_the_choice_is_never_far_from_the_best(ideal, outcomes, total_shots):
    plan = choose(total_shots, ideal, outcomes)
    best = plan.forecasts[0]
    raw = next(item for item in plan.forecasts if item.stack == Stack())
    assert plan.forecast.squared_error <= best.squared_error / (1 - plan.least_gain)
    assert plan.forecast.rmse <= raw.rmse


@pytest.mark.parametrize("misjudged", [0.5, 1.5])
def test_the_choice_holds_when_the_noise_is_misjudged(circuits, ideal, outcomes, misjudged):
    believed, doubled = (
        exact_outcomes(circuits, NOISE.scaled(factor, factor))
        for factor in (misjudged, 2 * misjudged)
    )
    for total_shots in (1000, 16_000, 256_000):
        chosen = choose(total_shots, ideal, believed, alternatives=[(doubled, 0.5)]).stack
        truth = {item.stack: item for item in choose(total_shots, ideal, outcomes).forecasts}
        assert truth[chosen].rmse <= 1.05 * truth[Stack()].rmse


def test_alternatives_guard_against_too_kind_a_description(circuits, ideal, outcomes):
    kind = exact_outcomes(circuits, NOISE.scaled(0.5, 0.5))
    truth = {item.stack: item.rmse for item in choose(256_000, ideal, outcomes).forecasts}
    trusting = truth[choose(256_000, ideal, kind).stack]
    guarded = truth[choose(256_000, ideal, kind, alternatives=[(outcomes, 0.5)]).stack]
    assert guarded < 0.9 * trusting


def test_little_gain_is_no_reason_to_mitigate(ideal, outcomes):
    eager = choose(2000, ideal, outcomes, least_gain=0.0)
    assert eager.stack == eager.forecasts[0].stack != Stack()
    assert choose(2000, ideal, outcomes, least_gain=0.95).stack == Stack()


@pytest.mark.parametrize(
    "stack",
    [
        Stack(),
        Stack(terminal=True),
        Stack(ZNEPlan((1, 3), "linear"), "invert", True, "first-order"),
        Stack(ZNEPlan((1, 3), "linear"), "amplify", True),
    ],
    ids=lambda stack: stack.name,
)
def test_forecasts_are_what_shots_then_show(circuits, ideal, outcomes, stack):
    n_shots, repetitions = 3000, 400
    forecast = choose(n_shots, ideal, outcomes, candidates=[stack]).forecasts
    predicted = next(item for item in forecast if item.stack == stack)
    generator = np.random.default_rng(31)
    listed = terms(stack, FED_FORWARD)
    errors = []
    for circuit, truth in zip(circuits, ideal, strict=True):
        counts = np.array(
            [
                generator.multinomial(n, distribution(one, NOISE, [N_STEPS]), size=repetitions)
                for one, n in zip(
                    construct_circuits(circuit, stack, listed),
                    share_shots(n_shots, listed),
                    strict=True,
                )
            ]
        )
        numbers = outcome_numbers(Z, stack, TERMINAL)
        errors.append(combine_counts(counts, listed, numbers).value - truth)
    assert np.sqrt(np.mean(np.square(errors))) == pytest.approx(predicted.rmse, rel=0.06)


def test_drawn_masks_scatter_within_what_is_forecast_and_what_the_interval_says(circuits, ideal):
    noise = replace(Noise().scaled(0.0, 0.0), p01=0.06, p10=0.09)
    rates = replace(FED_FORWARD, p01=(0.06,) * N_STEPS, p10=(0.09,) * N_STEPS)
    # So many shots that what scatters is the masks.
    circuit, shots, generator = circuits[0], 10**8, np.random.default_rng(8)
    values, errors = [], []
    tables = {}
    for seed in range(60):
        stack = Stack(None, "invert", False, "sampled", n_samples=8, seed=seed)
        listed = terms(stack, rates)
        for term in listed:
            if term.mask not in tables:
                (one,) = construct_circuits(circuit, stack, [term])
                tables[term.mask] = distribution(one, replace(noise), [N_STEPS])
        shared = share_shots(shots, listed)
        counts = [
            generator.multinomial(n, tables[term.mask])
            for n, term in zip(shared, listed, strict=True)
        ]
        found = combine_counts(np.array(counts), listed, Z)
        values.append(float(found.value))
        errors.append(float(found.standard_error))
    # The final bit is read wrongly too, which nothing here undoes.
    aim = (1 - 0.06 - 0.09) * ideal[0] + 0.09 - 0.06
    assert abs(np.mean(values) - aim) < 3.5 * np.std(values) / np.sqrt(len(values))
    assert np.sqrt(np.mean(np.square(errors))) == pytest.approx(np.std(values), rel=0.35)


def test_the_table_shows_every_stack_and_why_some_are_out(ideal, outcomes):
    plan = choose(20, ideal, outcomes)
    text = plan.explain()
    for stack in default_stacks(N_STEPS):
        assert stack.name in text
    assert "chosen: none" in text
    assert "at least one for each circuit (27). Got 20" in text
    assert len([line for line in text.splitlines() if line.startswith("*")]) == 1
    bare = choose(10_000, ideal, outcomes, terminal=None)
    assert "calibration of the final bits. Got none" in bare.explain()
    assert not bare.stack.terminal


def test_only_what_the_circuit_needs_is_offered():
    assert all(stack.feed_forward == "none" for stack in default_stacks(0))
    beyond = {stack.masks for stack in default_stacks(8) if stack.feed_forward == "invert"}
    assert beyond == {"first-order", "sampled"}
    assert len(set(default_stacks(5))) == len(default_stacks(5))


def test_plans_that_mean_nothing_are_refused(ideal, outcomes):
    with pytest.raises(UsageError, match=r"2 shots or more. Got 1"):
        choose(1, ideal, outcomes)
    with pytest.raises(UsageError, match=r"\[0, 1\). Got 1.5"):
        choose(10, ideal, outcomes, least_gain=1.5)
    with pytest.raises(UsageError, match=r"add up to 1 or less. Got \[0.7, 0.7\]"):
        choose(10, ideal, outcomes, alternatives=[(outcomes, 0.7), (outcomes, 0.7)])
    with pytest.raises(UsageError, match=r"shape \(3, 2\). Got \(2, 2\)"):
        choose(10, ideal, lambda scale_factor, exponent: np.full((2, 2), 0.5))
