"""The choice of a plan where the calibration is wrong too, once canaries are asked.

Eight circuits with the weights of a family and other inputs are canaries. A tenth of all shots
runs them under the best stack of each kind, as `run --plan auto` does; the choice by forecast and
canaries then has nine tenths of the shots, where the best stack has all.
"""

import numpy as np
from mitigation_family import N_STEPS, Family, Z, calibrated
from mitigation_plans import BUDGETS
from rows import at_most

from qrnn_hw.mitigation.evidence import Evidence, reconsidered, shortlist
from qrnn_hw.mitigation.noise_level import NoiseLevel
from qrnn_hw.mitigation.plan import MitigationPlan
from qrnn_hw.mitigation.stack import Stack

DRAWS = 20
MOST_CIRCUITS = 48
"""Of a stack that is tried, as in a run."""

LEVELS = (0.5, 1.5)


def _of_each(family: Family, shots: int, stacks: tuple[Stack, ...]) -> dict[Stack, np.ndarray]:
    """Return bias and variance of each circuit under each stack, shape (8, 2)."""
    found: dict[Stack, list[tuple[float, float]]] = {one: [] for one in stacks}
    for i in range(len(family.circuits)):
        plan = MitigationPlan.choose(
            shots,
            stacks,
            ideal=family.ideal[i : i + 1],
            outcomes=lambda *key, i=i: family.true(*key)[i : i + 1],
            weights=Z,
            fed_forward=calibrated(N_STEPS, family.misjudged),
            terminal=calibrated(1, family.misjudged),
        )
        for one in plan.forecasts:
            found[one.stack].append((one.squared_bias**0.5, one.variance))
    return {one: np.array(values) for one, values in found.items()}


def _ratios(family: Family, canaries: Family, level: float) -> tuple[float, float]:
    """Return RMSE of the choice over the best stack's, and over raw, each of the worst budget."""
    generator = np.random.default_rng([family.seed, round(100 * level), 7])
    best, raw = [], []
    for shots in BUDGETS:
        truth = {one.stack: one for one in family.forecasts(shots)}
        left = {one.stack: one for one in family.forecasts(shots - shots // 10)}
        plan = family.plan(shots - shots // 10, level, NoiseLevel().nodes())
        tried = shortlist(plan, MOST_CIRCUITS)
        few = max(MOST_CIRCUITS, shots // 10 // len(tried))
        each = _of_each(canaries, few, tried)
        errors = []
        for _ in range(DRAWS):
            evidence = {}
            for stack, (bias, variance) in ((one, each[one].T) for one in tried):
                missed = bias + generator.normal(size=len(bias)) * np.sqrt(variance)
                evidence[stack] = Evidence(
                    float(np.mean(missed**2)), float(variance.mean()), len(bias)
                )
            counts = np.array([generator.multinomial(few, p) for p in canaries.true(1, 1)])
            fitted = family.plan(shots - shots // 10, level, canaries.fitted(counts, level).nodes())
            errors.append(left[reconsidered(fitted, evidence).stack].squared_error)
        rmse = np.sqrt(np.mean(errors))
        best.append(rmse / min(one.rmse for one in truth.values()))
        raw.append(rmse / truth[Stack()].rmse)
    return max(best), max(raw)


def canary_rows(seed: int):
    """Yield the choice by canaries, rates and readout calibration wrong alike."""
    for level in LEVELS:
        family, canaries = (Family(seed, level, other) for other in (False, True))
        worst, over_raw = _ratios(family, canaries, level)
        said = f"rates and calibration {level} times too large, canaries asked, {family.label}"
        yield at_most(f"choice over best stack, worst budget, {said}", worst, 1.15)
        yield at_most(f"choice over raw, worst budget, {said}", over_raw, 1.05)
