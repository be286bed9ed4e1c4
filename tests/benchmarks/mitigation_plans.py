"""What the plan by budget must reach: its errors, its intervals, and how near the best it is."""

from dataclasses import replace
from itertools import combinations

import numpy as np
from mitigation_family import N_STEPS, NOISE, Family, Z, calibrated, referee, rms
from mitigation_methods import against_target
from rows import at_most, row

from qrnn_hw.mitigation.candidates import EXTRAPOLATIONS, default_stacks
from qrnn_hw.mitigation.combining import combine_counts, outcome_numbers
from qrnn_hw.mitigation.pilot import bare_term, share_rest
from qrnn_hw.mitigation.stack import Stack, construct_circuits, share_shots, terms
from qrnn_hw.mitigation.zne import ZNEPlan

RMSE_TARGETS = {4096: 0.042, 16_384: 0.029, 65_536: 0.020, 262_144: 0.013}
BUDGETS = (256, 1024, *RMSE_TARGETS)
LEVELS = (1.0, 0.5, 0.75, 1.25, 1.5)  # factors by which the rates are misjudged
REPETITIONS = 500
PILOTS = 20  # draws of the pilot, for each budget and level
MOST_CIRCUITS = 60  # of a stack whose shots are drawn one circuit at a time


def distributions(family, stack):
    """Return the exact distributions of every circuit of a stack. Shape: (8, n_terms, 2)."""
    listed = terms(stack, calibrated(N_STEPS))
    return np.array(
        [
            [
                referee.distribution(one, NOISE, [N_STEPS])
                for one in construct_circuits(circuit, stack, listed)
            ]
            for circuit in family.circuits
        ]
    )


def simulate(family, stack, total_shots):
    """Draw the shots of a stack; return the estimates and the exact expectation of each item."""
    generator = np.random.default_rng(2026)
    listed = terms(stack, calibrated(N_STEPS))
    numbers = outcome_numbers(Z, stack, calibrated(1))
    results, truths = [], []
    for tables in distributions(family, stack):
        counts = np.array(
            [
                generator.multinomial(n_shots, table, size=REPETITIONS)
                for n_shots, table in zip(share_shots(total_shots, listed), tables, strict=True)
            ]
        )
        truths.append(np.array([term.weight for term in listed]) @ tables @ numbers)
        results.append(
            {level: combine_counts(counts, listed, numbers, level) for level in (0.68, 0.95)}
        )
    return results, np.array(truths)


def budget_rows(family):
    for total_shots, target in RMSE_TARGETS.items():
        plan = family.plan(total_shots)
        name = f"RMSE at {total_shots} shots, {plan.stack.name}"
        if plan.forecast.n_circuits > MOST_CIRCUITS:
            predicted = plan.forecast.rmse
            yield from against_target(family, f"{name}, predicted", predicted, target, NOISE)
            continue
        results, truths = simulate(family, plan.stack, total_shots)
        errors = [r[0.68].value - i for r, i in zip(results, family.ideal, strict=True)]
        yield from against_target(family, name, rms(errors), target, NOISE)
        for level in (0.68, 0.95):
            covered = np.mean(
                [
                    (r[level].low <= t) & (t <= r[level].high)
                    for r, t in zip(results, truths, strict=True)
                ]
            )
            yield row(
                f"coverage of {level:.0%} intervals at {total_shots} shots, {family.label}",
                float(covered),
                f"{level} +- 0.03",
                abs(covered - level) <= 0.03,
            )


def choice_ratios(family, level):
    """Return RMSE of the choice over that of the best stack and of raw, for the worst budget.

    The mean squared error is that over draws of the pilot, whose shots count in what is chosen.
    """
    generator = np.random.default_rng([family.seed, round(100 * level)])
    best, raw = [], []
    for shots in BUDGETS:
        truth = {one.stack: one for one in family.forecasts(shots)}
        plans = [
            family.plan_after(family.pilot(shots, generator), shots, level) for _ in range(PILOTS)
        ]
        rmse = np.sqrt(np.mean([truth[plan.stack].squared_error for plan in plans]))
        best.append(rmse / min(one.rmse for one in truth.values()))
        raw.append(rmse / truth[Stack()].rmse)
    return max(best), max(raw)


def choice_rows(families, label):
    for level in LEVELS:
        ratios = [choice_ratios(family, level) for family in families]
        worst, raw = (max(column) for column in zip(*ratios, strict=True))
        name = f"worst budget, rates taken {level} times too large, {label}"
        yield at_most(f"choice over best stack, {name}", worst, 1.15)
        yield at_most(f"choice over raw, {name}", raw, 1.05)
        if len(families) > 1:
            missed = int(sum(ratio > 1.15 for ratio, _ in ratios))
            yield row(f"families over 1.15 of {len(families)}, {name}", missed, None, True)


def miscalibrated_rows(seed):
    """Misjudge the readout calibration too, which the stacks then correct with."""
    for level in (0.5, 1.5):
        family = Family(seed, misjudged=level)
        worst, raw = choice_ratios(family, level)
        name = f"worst budget, rates and calibration {level} times too large, {family.label}"
        yield at_most(f"choice over best stack, {name}", worst, 1.15)
        yield at_most(f"choice over raw, {name}", raw, 1.05)


def reuse_row(family, total_shots=16_384, draws=300):
    """Draw pilot, choice and the rest of the shots: the choice must not bias what it reuses."""
    generator = np.random.default_rng([family.seed, 1])
    few = [one for one in default_stacks(N_STEPS) if one.masks == "first-order"]
    plain = [one for one in default_stacks(N_STEPS) if one.feed_forward == "none"]
    candidates = [*plain, *few]
    truth = {one.stack: one for one in family.forecasts(total_shots, candidates)}
    tables, errors, forecast = {}, [], []
    for _ in range(draws):
        pilot = family.pilot(total_shots, generator)
        stack = family.plan_after(pilot, total_shots, 1.0, candidates).stack
        if stack not in tables:
            tables[stack] = distributions(family, stack)
        listed = terms(stack, calibrated(N_STEPS))
        rest = share_rest(total_shots, listed, int(pilot[0].sum()))
        counts = generator.multinomial(rest, tables[stack]).swapaxes(0, 1)
        counts[bare_term(listed)] += pilot
        numbers = outcome_numbers(Z, stack, calibrated(1))
        errors.append(combine_counts(counts, listed, numbers).value - family.ideal)
        forecast.append(truth[stack].rmse)
    name = f"RMSE drawn, pilot included, over forecast at {total_shots} shots, {family.label}"
    ratio = rms(errors) / rms(forecast)
    yield row(name, ratio, "1 +- 0.05", abs(ratio - 1) <= 0.05)


def polynomial_row(family):
    errors = [
        np.abs(family.outcomes(level)(*key) - family.exact(level, *key)).max()
        for level in (0.3, 0.7, 1.0, 1.9)
        for key in ((1, 1), (3, 1), (9, 0), (15, 15))
    ]
    name = f"error of the polynomial in the level of the noise, {family.label}"
    yield at_most(name, max(errors), 1e-4)


def fixed_target_rows(families):
    """Count families that reach the targets of the reference family, whatever their raw bias."""
    for shots, target in RMSE_TARGETS.items():
        reached = sum(family.plan(shots).forecast.rmse <= target for family in families)
        name = f"held-out families of {len(families)} at {target} RMSE or less, {shots} shots"
        yield row(name, reached, None, True)
    raw = [round(family.raw(NOISE), 4) for family in families]
    yield row("raw RMS bias of the held-out families", raw, None, True)


def candidate_row(families):
    """Ask of families never chosen on what the list of stacks that a plan offers leaves out."""
    factors = range(3, 16, 2)
    more = [ZNEPlan((1, far), "linear") for far in factors]
    more += [
        ZNEPlan((1, *chosen), "richardson")
        for n_factors in (2, 3)
        for chosen in combinations(factors, n_factors)
    ]
    wider = [
        replace(stack, extrapolation=plan)
        for stack in default_stacks(N_STEPS)
        if stack.extrapolation == EXTRAPOLATIONS[0]
        and (stack.feed_forward, stack.masks) != ("invert", "all")
        for plan in more
    ]
    ratios, names = [], set()
    for shots in BUDGETS:
        for family in families:
            offered = family.forecasts(shots)[0].rmse
            best = family.forecasts(shots, wider)[0]
            ratios.append(offered / min(offered, best.rmse))
            if ratios[-1] > 1.05:
                names.add(f"{best.stack.name} at {shots}")
    name = f"best stack offered over best of {len(wider)} more, held-out families, worst budget"
    yield at_most(name, max(ratios), 1.05)
    yield row("stacks that would be over 5 % better than those offered", sorted(names), None, True)
