"""How often every interval holds the truth and every test errs, over 1,000 repetitions.

Run `python tests/benchmarks/statistics_coverage.py`; each row says what was measured, what the
method promises, and whether the promise holds within three standard errors of the simulation.
"""

import json
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from qrnn_hw.statistics.comparison import accuracy_difference, holm, mcnemar
from qrnn_hw.statistics.curves import abstention_curve, accuracy_law, flip_rate_curve
from qrnn_hw.statistics.decisions import DecisionRule, decide, flip_probabilities
from qrnn_hw.statistics.drift import batch_chi_square, design_effect, lag_one
from qrnn_hw.statistics.intervals import Interval, bootstrap, mean_interval, wilson
from qrnn_hw.statistics.reliability import brier, expected_calibration_error
from qrnn_hw.statistics.sequential import BetaMixture, Betting, Sprt, run_on_outcomes
from qrnn_hw.statistics.variance_split import variance_split

Row = dict[str, Any]

COIN = DecisionRule((1.0, -1.0))
TWO_READOUTS = DecisionRule((0.0, 2.0, -2.0, 0.0))
LEARNED = DecisionRule((1.31, 0.72, -0.44, -1.61), threshold=0.07)


def interval_rows(n_repetitions: int = 1000) -> list[Row]:
    """Measure the coverage of the intervals at a nominal 95 %."""
    rng = np.random.default_rng(101)
    repeats = range(n_repetitions)
    hard = rng.uniform(0.3, 1.0, 200)
    stated, truth = rng.uniform(0.05, 0.95, (2, 200))
    gap = np.bincount((stated * 10).astype(int), truth - stated)
    population = rng.dirichlet(np.full(4, 3.0), 20_000)
    flip_rate = flip_probabilities(population, TWO_READOUTS, 100).mean()
    brier_truth = float(((stated - truth) ** 2 + truth * (1 - truth)).mean())

    def items() -> np.ndarray:
        return rng.integers(0, 200, 200)

    def difference(seed: int) -> Interval:
        chosen = hard[items()]
        first, second = rng.random((2, 200)) < [chosen, chosen - 0.1]
        return accuracy_difference(first, second, seed=seed)

    def brier_score(seed: int) -> Interval:
        chosen = items()
        return brier(stated[chosen], rng.random(200) < truth[chosen], seed=seed)

    def flips(seed: int) -> Interval:
        chosen = population[rng.integers(0, len(population), 200)]
        return flip_rate_curve(chosen, TWO_READOUTS, [100], seed=seed)[0]

    def answered(_: int) -> Interval:
        margin = rng.normal(0, 1, 200)
        right = rng.random(200) < 0.7  # whatever the margin, so that every share has 0.7
        return abstention_curve(margin, right, [0.5])[0]

    cases: list[tuple[str, float, Callable[[int], Interval]]] = [
        ("Wilson, 200 items", 0.61, lambda _: wilson(int(rng.binomial(200, 0.61)), 200)),
        ("Student, 5 seeds", 0.75, lambda _: mean_interval(rng.normal(0.75, 0.02, 5))),
        ("BCa, mean of 100 skewed", np.exp(0.125), lambda s: bootstrap(_skewed(rng), seed=s)),
        ("percentile, paired accuracies", 0.1, difference),
        ("BCa, Brier score", brier_truth, brier_score),
        ("BCa, flip rate at 100 shots", float(flip_rate), flips),
        ("Wilson, accuracy of half answered", 0.7, answered),
        (
            "design effect without drift",
            1.0,
            lambda _: design_effect(rng.multinomial(400, [0.4, 0.3, 0.2, 0.1], 10), [1, 1, -1, -1]),
        ),
    ]
    rows = [
        _row(name, _share(value.low <= target <= value.high for value in map(measure, repeats)))
        for name, target, measure in cases
    ]
    calibration = [expected_calibration_error(stated, rng.random(200) < truth) for _ in repeats]
    true_gap = np.abs(gap).sum() / 200
    held = _share(one.low <= true_gap <= one.high for one in calibration)
    rows.append(_row("calibration error (conservative)", held, at_least=True))
    return rows + _variance_rows(n_repetitions)


def _variance_rows(n_repetitions: int) -> list[Row]:
    rng = np.random.default_rng(102)
    sds = {"seed": 0.4, "jitter": 0.2, "shots": 0.3}
    shape = (6, 5, 8)
    splits = []
    for _ in range(n_repetitions):
        values = np.zeros(shape)
        for level, sd in enumerate(sds.values()):
            values += rng.normal(0, sd, shape[: level + 1] + (1,) * (2 - level))
        splits.append(variance_split(values, tuple(sds)))
    return [
        _row(
            f"variance component, {cause}",
            _share(s[level].variance.low <= sd**2 <= s[level].variance.high for s in splits),
        )
        for level, (cause, sd) in enumerate(sds.items())
    ]


def error_rows(n_repetitions: int = 1000, delta: float = 0.05) -> list[Row]:
    """Measure how often tests err where they promise at most `delta`, looking after every shot."""
    rng = np.random.default_rng(103)
    rows = []
    for margin in (0.05, 0.2):
        coins = (rng.random((n_repetitions, int(30 / margin**2))) > (1 + margin) / 2).astype(int)
        wrong = run_on_outcomes(Sprt(COIN, margin, delta), coins).labels == 0
        rows.append(_error_row(f"SPRT at its margin {margin}", wrong, delta))
    coins = (rng.random((n_repetitions, 3000)) > 0.5).astype(int)
    for name, test in (
        ("Beta mixture", BetaMixture(COIN, delta)),
        ("Beta mixture, prior 20", BetaMixture(COIN, delta, prior=20.0)),
        ("betting, two values", Betting(COIN, delta)),
    ):
        wrong = run_on_outcomes(test, coins).labels == 1
        rows.append(_error_row(f"{name}, margin 0, 3000 looks", wrong, delta))
    two = np.array([0.3, 0.2, 0.2, 0.3])
    outcomes = rng.choice(4, p=two, size=(n_repetitions, 2000))
    wrong = run_on_outcomes(BetaMixture(TWO_READOUTS, delta), outcomes).labels == 0
    rows.append(_error_row("Beta mixture, two readouts", wrong, delta))
    learned = _at_the_threshold(LEARNED)
    outcomes = rng.choice(4, p=learned, size=(n_repetitions, 2000))
    wrong = run_on_outcomes(Betting(LEARNED, delta), outcomes).labels == 1
    rows.append(_error_row("betting, learned weights", wrong, delta))
    for name, rule, p in (("two readouts", TWO_READOUTS, two), ("learned", LEARNED, learned)):
        wrong = decide(rng.multinomial(500, p, n_repetitions), rule, delta) == 1
        rows.append(_error_row(f"fixed 500 shots, {name}", wrong, delta))
    return rows


def significance_rows(n_repetitions: int = 1000) -> list[Row]:
    """Measure how often tests of significance find at 5 % what is not there."""
    rng = np.random.default_rng(104)
    repeats = range(n_repetitions)
    hard = rng.random(200)
    claims = {
        "McNemar": [
            mcnemar(rng.random(200) < hard, rng.random(200) < hard).p_value <= 0.05 for _ in repeats
        ],
        "Holm over 8": [bool((holm(rng.random(8)) <= 0.05).any()) for _ in repeats],
        "batch chi-square": [
            batch_chi_square(rng.multinomial(500, [0.4, 0.3, 0.2, 0.1], 8)).p_value <= 0.05
            for _ in repeats
        ],
        "lag-1": [lag_one(rng.choice([-1, 1], 400)).p_value <= 0.05 for _ in repeats],
    }
    return [
        _error_row(f"{name}, false claims", np.array(made), 0.05) for name, made in claims.items()
    ]


def law_rows(n_repetitions: int = 1000) -> list[Row]:
    """Hold the exact law of the vote and of the accuracy against multinomial draws."""
    rng = np.random.default_rng(105)
    rows = []
    for name, rule in (("two readouts", TWO_READOUTS), ("learned weights", LEARNED)):
        p = rng.dirichlet(np.full(4, 3.0), 200)
        for shots in (10, 100, 1000):
            flips = flip_probabilities(p, rule, shots)
            sums = np.stack([rng.multinomial(shots, q, n_repetitions) @ rule.steps for q in p])
            flipped = (sums > 1e-9) != (p @ rule.steps > 0)[:, None]
            sd = accuracy_law(flips).sd / np.sqrt(n_repetitions)
            distance = abs(float(flipped.mean() - flips.mean())) / max(sd, 1e-12)
            rows.append(
                {
                    "name": f"flip rate against draws, {name}, {shots} shots (standard errors)",
                    "measured": round(distance, 2),
                    "target": 3.5,
                    "holds": bool(distance <= 3.5),
                }
            )
    return rows


def all_rows(n_repetitions: int = 1000) -> Iterator[Row]:
    """Yield every row."""
    for part in (interval_rows, error_rows, significance_rows, law_rows):
        yield from part(n_repetitions)


def _skewed(rng: np.random.Generator) -> np.ndarray:
    return rng.lognormal(0.0, 0.5, 100)


def _at_the_threshold(rule: DecisionRule) -> np.ndarray:
    """Return a distribution of margin zero: the hardest case for either label."""
    up, down = (rule.steps > 0).astype(float), (rule.steps < 0).astype(float)
    up, down = up / up.sum(), down / down.sum()
    share = (down @ rule.steps) / (down @ rule.steps - up @ rule.steps)
    return np.asarray(share * up + (1 - share) * down)


def _share(held: Iterable[bool]) -> tuple[float, int]:
    values = np.array(list(held))
    return float(values.mean()), values.size


def _row(name: str, share: tuple[float, int], at_least: bool = False) -> Row:
    measured, n = share
    tolerance = 3 * np.sqrt(0.95 * 0.05 / n)
    holds = measured >= 0.95 - tolerance and (at_least or measured <= 0.95 + tolerance)
    return {"name": f"coverage: {name}", "measured": measured, "target": 0.95, "holds": bool(holds)}


def _error_row(name: str, wrong: np.ndarray, delta: float) -> Row:
    measured = float(np.mean(wrong))
    limit = delta + 3 * np.sqrt(delta * (1 - delta) / wrong.size)
    return {
        "name": f"error: {name}",
        "measured": measured,
        "target": delta,
        "holds": bool(measured <= limit),
    }


def main() -> int:
    """Print each row as it comes, one JSON object a line."""
    holds = True
    for row in all_rows():
        print(json.dumps(row), flush=True)
        holds &= row["holds"]
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
