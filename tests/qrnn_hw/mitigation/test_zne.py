import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mitigation_reference import IDEAL, NO_READOUT_ERROR, expectation
from mitigation_reference_circuits import instances, isa, qrnn
from qiskit import QuantumCircuit

from qrnn_hw.errors import UsageError
from qrnn_hw.mitigation.estimate import ValueEstimate, mean_of_shots
from qrnn_hw.mitigation.zne import (
    ZNEPlan,
    circuit_weights,
    combine_results,
    construct_circuits,
    split_shots,
)

LINEAR = ZNEPlan((1, 3), "linear")
RICHARDSON = ZNEPlan((1, 3, 5))
POLY = ZNEPlan((1, 3, 5, 7), "poly", order=2)


@pytest.fixture(autouse=True, params=["with Mitiq", "without Mitiq"])
def _both_ways(request):
    if request.param == "without Mitiq":
        request.getfixturevalue("without_mitiq")
    else:
        pytest.importorskip("mitiq", reason="Mitiq needs a Python below 3.13")


@pytest.mark.parametrize(("plan", "degree"), [(LINEAR, 1), (RICHARDSON, 2), (POLY, 2)])
def test_vectors_are_extrapolated_entry_by_entry_by_least_squares(plan, degree):
    generator = np.random.default_rng(4)
    values = generator.uniform(-1, 1, (len(plan.scale_factors), 2, 3))
    result = combine_results(values, np.zeros_like(values), plan)
    for index in np.ndindex(2, 3):
        entry = values[(slice(None), *index)]
        fitted = np.polynomial.Polynomial.fit(plan.scale_factors, entry, degree)
        assert result.value[index] == pytest.approx(fitted(0), abs=1e-12)


def test_known_weights():
    np.testing.assert_allclose(circuit_weights(LINEAR), [1.5, -0.5], atol=1e-12)
    np.testing.assert_allclose(circuit_weights(RICHARDSON), [1.875, -1.25, 0.375], atol=1e-12)
    assert circuit_weights(POLY).sum() == pytest.approx(1, abs=1e-12)


def test_a_polynomial_in_the_scale_is_extrapolated_exactly():
    scales = np.array(RICHARDSON.scale_factors)
    result = combine_results(0.4 - 0.1 * scales + 0.01 * scales**2, np.zeros(3), RICHARDSON)
    assert result.value == pytest.approx(0.4, abs=1e-12)


def test_variance_is_that_of_a_weighted_sum():
    result = combine_results([0.1, 0.2, 0.3], [1e-4, 2e-4, 3e-4], RICHARDSON, confidence=0.68)
    variance = 1.875**2 * 1e-4 + 1.25**2 * 2e-4 + 0.375**2 * 3e-4
    assert result.standard_error == pytest.approx(np.sqrt(variance), rel=1e-12)
    assert result.high - result.value == pytest.approx(0.99446 * np.sqrt(variance), rel=1e-4)
    assert result.confidence == 0.68


def test_intervals_cover_what_they_claim():
    # 500 repetitions of a shot-limited experiment whose extrapolated mean is known exactly.
    generator = np.random.default_rng(20)
    means = np.array([0.55, 0.35, 0.20])
    truth = float(circuit_weights(RICHARDSON) @ means)
    shots = split_shots(4000, RICHARDSON)
    repetitions = 500
    ones = np.stack(
        [generator.binomial(n, (1 - mean) / 2, repetitions) for n, mean in zip(shots, means)]  # noqa: B905
    )
    n_shots = np.array(shots)[:, None]
    values = 1 - 2 * ones / n_shots
    variances = (1 - values**2) / (n_shots - 1)
    for confidence in (0.68, 0.95):
        result = combine_results(values, variances, RICHARDSON, confidence=confidence)
        covered = np.mean((result.low <= truth) & (truth <= result.high))
        assert abs(covered - confidence) <= 0.03


def test_the_reference_family_comes_within_its_target():
    inputs = instances(3)
    circuits = [isa(qrnn(*instance)) for instance in inputs]
    ideal = np.array([expectation(circuit, IDEAL) for circuit in circuits])
    by_scale = np.array(
        [
            [expectation(folded, NO_READOUT_ERROR) for folded in construct_circuits(c, RICHARDSON)]
            for c in circuits
        ]
    ).T
    result = combine_results(by_scale, np.zeros_like(by_scale), RICHARDSON)
    raw_bias = np.sqrt(np.mean((by_scale[0] - ideal) ** 2))
    left_bias = np.sqrt(np.mean((result.value - ideal) ** 2))
    assert left_bias < 0.25 * raw_bias


@given(total=st.integers(3, 10**7), plan=st.sampled_from([LINEAR, RICHARDSON]))
def test_shots_sum_to_the_total(total, plan):
    shots = split_shots(total, plan)
    assert sum(shots) == total
    assert min(shots) >= 1
    assert len(shots) == plan.n_circuits
    weights = np.abs(circuit_weights(plan))
    np.testing.assert_allclose(shots, total * weights / weights.sum(), atol=3)


def test_the_split_has_the_least_variance():
    def variance(shots):
        return np.sum(circuit_weights(RICHARDSON) ** 2 / np.array(shots))

    best = split_shots(1000, RICHARDSON)
    assert variance(best) == pytest.approx(
        np.abs(circuit_weights(RICHARDSON)).sum() ** 2 / 1000, rel=1e-2
    )
    assert variance(best) < variance((334, 333, 333))


def test_factors_that_are_not_odd_are_averaged_over_their_circuits():
    plan = ZNEPlan((1, 2, 3), n_subsets=4)
    circuit = QuantumCircuit(2)
    for _ in range(4):
        circuit.cz(0, 1)
    assert len(construct_circuits(circuit, plan)) == plan.n_circuits == 6
    np.testing.assert_allclose(circuit_weights(plan), [3, *[-0.75] * 4, 1], atol=1e-12)
    values = np.array([0.9, 0.7, 0.8, 0.9, 0.8, 0.7])
    assert combine_results(values, np.zeros(6), plan).value == pytest.approx(
        3 * 0.9 - 3 * 0.8 + 0.7
    )


def test_an_exponential_is_fitted_only_when_asked():
    with pytest.raises(UsageError, match="cross zero"):
        ZNEPlan((1, 3, 5), "exp")
    plan = ZNEPlan((1, 3, 5), "exp", allow_exponential=True)
    decay = np.exp(-0.2 * np.array(plan.scale_factors))
    values = np.stack([0.1 + 0.5 * decay, 0.2 + 0.7 * decay], axis=1)
    result = combine_results(values, np.full((3, 2), 1e-8), plan)
    np.testing.assert_allclose(result.value, [0.6, 0.9], atol=1e-4)
    assert (result.standard_error > 1e-4).all()
    assert split_shots(10, plan) == (4, 3, 3)
    with pytest.raises(UsageError, match="linear in the values"):
        circuit_weights(plan)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"extrapolation": "magic"}, "one of exp, linear, poly, poly-exp, richardson. Got 'magic'"),
        ({"scale_factors": (1,)}, "2 scale factors or more. Got 1"),
        ({"scale_factors": (1, 1, 3)}, "distinct"),
        ({"scale_factors": (0.5, 3)}, "1 or more"),
        ({"scale_factors": (float("nan"), 3)}, "1 or more"),
        ({"extrapolation": "poly"}, "order should be set for poly"),
        ({"order": 2}, "order should be set for poly"),
        ({"extrapolation": "poly", "order": 1.5}, "a whole number from 1. Got 1.5"),
        ({"extrapolation": "poly", "order": 3}, "4 scale factors or more. Got 3"),
    ],
)
def test_plans_that_mean_nothing_are_refused(arguments, message):
    with pytest.raises(UsageError, match=message):
        ZNEPlan(**arguments)


def test_results_must_fit_the_plan():
    with pytest.raises(UsageError, match=r"shape \(3, ...\). Got \(2,\)"):
        combine_results([0.1, 0.2], [0.0, 0.0], RICHARDSON)
    with pytest.raises(UsageError, match="at least one for each circuit"):
        split_shots(2, RICHARDSON)


def test_a_mean_of_shots_has_the_error_of_its_sample():
    estimate = mean_of_shots([[1.0, 1.0, -1.0, 1.0], [0.0, 0.0, 0.0, 0.0]])
    np.testing.assert_allclose(estimate.value, [0.5, 0.0])
    np.testing.assert_allclose(estimate.standard_error, [0.5, 0.0])
    with pytest.raises(UsageError, match=r"2 shots or more. Got 1"):
        mean_of_shots([1.0])
    with pytest.raises(UsageError, match="confidence"):
        ValueEstimate.from_variance(0.0, 1.0, confidence=1.0)


def test_what_is_not_a_number_is_refused():
    with pytest.raises(UsageError, match="distinct and 1 or more. Got \\(1, inf\\)"):
        ZNEPlan((1, float("inf")), "linear")
    with pytest.raises(UsageError, match="subsets should be 1 or more. Got 0"):
        ZNEPlan((1, 2), "linear", n_subsets=0)
    for values, variances in (([float("nan"), 1], [1, 1]), ([1, 1], [float("nan"), 1])):
        with pytest.raises(UsageError, match="should be finite"):
            combine_results(values, variances, ZNEPlan((1, 3), "linear"))
