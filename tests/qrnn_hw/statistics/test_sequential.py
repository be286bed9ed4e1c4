import numpy as np
import pytest
from scipy import integrate

from qrnn_hw.errors import UsageError
from qrnn_hw.statistics.decisions import UNDECIDED, DecisionRule
from qrnn_hw.statistics.sequential import (
    BetaMixture,
    Betting,
    SequentialTest,
    Sprt,
    run_on_outcomes,
    sprt_boundary,
    sprt_mean_shots,
    verdict,
)

COIN = DecisionRule((1.0, -1.0))
TWO_READOUTS = DecisionRule((0.0, 2.0, -2.0, 0.0))
LEARNED = DecisionRule((1.31, 0.72, -0.44, -1.61), threshold=0.07)


def tosses(margin: float, shape: tuple[int, int], seed: int) -> np.ndarray:
    """Outcome 0 is the vote for label 1."""
    return (np.random.default_rng(seed).random(shape) >= (1 + margin) / 2).astype(int)


@pytest.mark.parametrize(
    ("margin", "mean_shots"),
    [
        (0.5, (5, 9, 13)),
        (0.2, (33, 56, 86)),
        (0.1, (133, 225, 344)),
        (0.05, (530, 900, 1378)),
        (0.02, (3313, 5629, 8616)),
        (0.01, (13250, 22516, 34464)),
    ],
)
def test_the_published_table_of_mean_shots(margin: float, mean_shots: tuple[int, ...]) -> None:
    rounded_up = tuple(int(np.ceil(sprt_mean_shots(margin, d))) for d in (0.05, 0.01, 0.001))
    assert rounded_up == mean_shots


@pytest.mark.parametrize("margin", [0.1, 0.2, 0.5])
def test_sprt_stops_at_its_lead_with_its_error_and_its_mean_shots(margin: float) -> None:
    delta = 0.05
    lead = sprt_boundary(margin, delta)
    test = Sprt(COIN, margin, delta)
    assert verdict(test, [lead + 7, 7]) == 1
    assert verdict(test, [lead + 6, 7]) == UNDECIDED
    assert verdict(test, [7, lead + 7]) == 0
    stopped = run_on_outcomes(test, tosses(margin, (2000, int(40 / margin**2)), seed=1))
    assert (stopped.labels != UNDECIDED).all()
    # The gambler's ruin gives both exactly, the lead being a whole number.
    ruin = ((1 - margin) / (1 + margin)) ** lead
    error = ruin / (1 + ruin)
    assert error <= delta
    assert np.mean(stopped.labels == 0) == pytest.approx(error, abs=4 * np.sqrt(error / 2000))
    mean = lead * (1 - 2 * error) / margin
    standard_error = stopped.shots.std() / np.sqrt(2000)
    assert stopped.shots.mean() == pytest.approx(mean, abs=4 * standard_error)


def test_beta_mixture_is_the_average_likelihood_ratio() -> None:
    n_up, n_down, prior = 13, 6, 1.5
    up, down = BetaMixture(COIN, 0.05, prior).log_evidence(np.array([n_up, n_down], dtype=float))

    def density(p: float) -> float:
        return (p * (1 - p)) ** (prior - 1)

    def integrand(p: float) -> float:
        return density(p) * (2 * p) ** n_up * (2 * (1 - p)) ** n_down

    for value, (low, high) in ((up, (0.5, 1)), (down, (0, 0.5))):
        mixture = integrate.quad(integrand, low, high)[0] / integrate.quad(density, low, high)[0]
        assert np.exp(value) == pytest.approx(mixture, rel=1e-6)


@pytest.mark.parametrize("rule", [COIN, TWO_READOUTS, LEARNED])
def test_the_evidence_for_a_wrong_label_does_not_grow_in_the_mean(rule: DecisionRule) -> None:
    """One more shot, at margin zero or below, leaves the expected e-value where it was or lower."""
    rng = np.random.default_rng(2)
    tests: list[SequentialTest] = [Betting(rule, 0.05)]
    if rule is not LEARNED:
        tests.append(BetaMixture(rule, 0.05))
    for test in tests:
        for _ in range(20):
            counts = rng.integers(0, 30, len(rule.weights)).astype(float)
            p = rng.dirichlet(np.ones(len(rule.weights)))
            if p @ rule.steps > 0:  # mix towards the lowest outcome until the margin is zero
                worst = np.eye(len(p))[rule.steps.argmin()]
                share = p @ rule.steps / (p @ rule.steps - rule.steps.min())
                p = (1 - share) * p + share * worst
            after = [test.log_evidence(counts + one)[0] for one in np.eye(len(p))]
            assert p @ np.exp(after) <= np.exp(test.log_evidence(counts)[0]) * (1 + 1e-9)


@pytest.mark.parametrize(
    "test", [BetaMixture(COIN, 0.05), BetaMixture(COIN, 0.05, prior=20.0), Betting(COIN, 0.05)]
)
@pytest.mark.parametrize("margin", [0.0, 0.02, 0.3])
def test_peeking_after_every_shot_keeps_the_error_below_delta(
    test: SequentialTest, margin: float
) -> None:
    stopped = run_on_outcomes(test, tosses(margin, (600, 1200), seed=3))
    wrong = np.mean(stopped.labels == 0)
    assert wrong <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 600)
    if margin == 0.3:
        assert (stopped.labels != UNDECIDED).all()
        assert stopped.shots.mean() < 150
    else:
        assert (stopped.labels == UNDECIDED).any()


def test_peeking_at_a_fixed_size_test_would_break_it() -> None:
    """The reason for all this: the usual z test, looked at after each shot, errs far too often."""
    votes = 1 - 2 * tosses(0.0, (1000, 1500), seed=4)
    z = np.cumsum(votes, axis=1) / np.sqrt(np.arange(1, 1501))
    assert np.mean((z[:, 20:] < -1.645).any(axis=1)) > 0.2


def test_general_weights_keep_the_error_and_find_the_label() -> None:
    rng = np.random.default_rng(5)
    fair = np.array([0.2, 0.2, 0.2, 0.4])
    high, low = fair.copy(), np.array([0.1, 0.1, 0.1, 0.7])
    high[:2] += 0.1
    high[3] -= 0.2
    # The mixture of the two that has margin zero is the hardest case for both labels.
    share = low @ LEARNED.steps / (low @ LEARNED.steps - high @ LEARNED.steps)
    fair = share * high + (1 - share) * low
    test = Betting(LEARNED, 0.05)
    stopped = run_on_outcomes(test, rng.choice(4, p=fair, size=(800, 1000)))
    assert np.mean(stopped.labels == 1) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 800)
    assert np.mean(stopped.labels == 0) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 800)
    assert (run_on_outcomes(test, rng.choice(4, p=low, size=(50, 1000))).labels == 0).all()


def test_batches_stop_no_earlier_than_single_shots() -> None:
    outcomes = np.random.default_rng(6).choice(4, p=[0.3, 0.35, 0.25, 0.1], size=(20, 400))
    for test in (BetaMixture(TWO_READOUTS, 0.05), Betting(LEARNED, 0.05)):
        stored = run_on_outcomes(test, outcomes)
        for row, label, shots in zip(outcomes, stored.labels, stored.shots, strict=True):
            counts = np.cumsum(np.eye(4)[row], axis=0)
            assert verdict(test, counts[shots - 1]) == label
            assert (verdict(test, counts[: shots - 1]) == UNDECIDED).all()
        batched = run_on_outcomes(test, outcomes, every=50)
        assert (batched.shots >= stored.shots).all()
        assert set(batched.shots % 50) == {0}


@pytest.mark.parametrize("kind", [BetaMixture, Betting])
def test_evidence_for_zero_is_evidence_for_one_of_the_mirrored_rule(kind: type) -> None:
    rule = TWO_READOUTS if kind is BetaMixture else LEARNED
    mirrored = DecisionRule(tuple(-rule.steps))
    counts = np.random.default_rng(7).integers(0, 40, (10, 4)).astype(float)
    for_one, for_zero = kind(rule, 0.05).log_evidence(counts)
    np.testing.assert_allclose(kind(mirrored, 0.05).log_evidence(counts), [for_zero, for_one])


def test_votes_at_the_threshold_cost_shots_and_carry_nothing() -> None:
    test = BetaMixture(TWO_READOUTS, 0.01)
    few, many = test.log_evidence(np.array([[0.0, 9, 2, 0], [50.0, 9, 2, 31]]))[0]
    assert few == many


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Sprt(LEARNED, 0.1, 0.05), "equal distances.*Use Betting"),
        (lambda: BetaMixture(DecisionRule((1.0, 2.0)), 0.05), "both sides of the threshold"),
        (lambda: Betting(DecisionRule((1.0, 2.0)), 0.05), "both sides of the threshold"),
        (lambda: Sprt(COIN, 0.0, 0.05), "between 0 and 1. Got 0.0"),
        (lambda: Betting(COIN, 0.6), "between 0 and 0.5"),
        (lambda: run_on_outcomes(Betting(COIN, 0.1), [0, 1]), r"shape \(repetitions, shots\)"),
    ],
)
def test_misuse_is_one_clear_line(call: object, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        call()  # type: ignore[operator]


def test_a_stored_sequence_stays_undecided_while_its_batches_disagree():
    """Ten shots that mostly vote for 0, ten that all vote for 1, and again; and the same mixed."""
    test = Betting(DecisionRule((1.0, -1.0)), 0.01)
    swaying = np.tile([1] * 6 + [0] * 14, (1, 40))
    assert verdict(test, np.bincount(swaying[0])) == 1
    stopped = run_on_outcomes(test, swaying, every=10)
    assert stopped.labels.tolist() == [UNDECIDED]
    assert stopped.shots.tolist() == [800]
    steady = np.random.default_rng(1).permuted(np.tile(swaying, (50, 1)), axis=1)
    assert (run_on_outcomes(test, steady, every=10).labels == 1).all()
