"""Measure what mitigation must reach; writes build/bench-mitigation.json, one row for each claim.

Every value is exact for the noise (the referee of the tests), except where shots are drawn from
exact distributions. Run from the root of the repository: python tests/benchmarks/mitigation.py
"""

import json
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import numpy as np
from mitiq import MeasurementResult
from mitiq.rem import generate_tensored_inverse_confusion_matrix, mitigate_measurements
from numpy.polynomial import chebyshev
from qiskit import QuantumCircuit, transpile
from qiskit.primitives.containers.sampler_pub import SamplerPub

from calibration.errors import CalibrationError
from qrnn_hw.errors import UsageError
from qrnn_hw.mitigation.branch_angles import share_branches
from qrnn_hw.mitigation.folding import count_folded, fold
from qrnn_hw.mitigation.labels import all_masks, first_order
from qrnn_hw.mitigation.noise_level import PILOT_SCALE, PILOT_SHARE, fit_noise_level
from qrnn_hw.mitigation.plan import MitigationPlan, default_stacks
from qrnn_hw.mitigation.readout import ReadoutCalibration, correct_product
from qrnn_hw.mitigation.relabel import relabel
from qrnn_hw.mitigation.stack import (
    Stack,
    combine_counts,
    construct_circuits,
    outcome_numbers,
    share_shots,
    terms,
)
from qrnn_hw.mitigation.zne import ZNEPlan, circuit_weights
from qrnn_hw.submission.stored_jobs import check_offline

ROOT = Path(__file__).resolve().parents[2]
OUTPUT = ROOT / "build" / "bench-mitigation.json"
REFERENCE = ROOT / "tests" / "qrnn_hw" / "mitigation" / "reference.py"

spec = spec_from_file_location("mitigation_reference", REFERENCE)
if spec is None or spec.loader is None:
    raise SystemExit(f"the referee should be readable. Got {REFERENCE}.")
referee = module_from_spec(spec)
sys.modules["mitigation_reference"] = referee
spec.loader.exec_module(referee)

N_STEPS = 5
NOISE = referee.Noise()
RMSE_TARGETS = {4096: 0.042, 16_384: 0.029, 65_536: 0.020, 262_144: 0.013}
BUDGETS = (256, 1024, *RMSE_TARGETS)
MISJUDGED = (0.5, 0.75, 1.25, 1.5)
REPETITIONS = 500
PILOTS = 3  # draws of the pilot shots, for each budget
REFERENCE_SEED = 11  # the family that the targets were set on; for others they are scaled too
REFERENCE_RAW = {
    referee.NO_READOUT_ERROR: 0.0437,
    referee.READOUT_ERROR_ONLY: 0.0228,
    NOISE: 0.0593,
}
HELD_OUT = range(201, 207)  # families that no choice of the package was made on
# Exact answers at these levels of the noise, and their polynomial between.
LEVELS = 11
LEAST_LEVEL, MOST_LEVEL = 0.08, 9.0
Z = (1.0, -1.0)


ROWS = []


def row(name, measured, target, holds):
    """Add a row and write all there are, so that an interrupted benchmark leaves its rows."""
    found = {"name": name, "measured": measured, "target": target, "holds": bool(holds)}
    ROWS.append(found)
    OUTPUT.parent.mkdir(exist_ok=True)
    OUTPUT.write_text(json.dumps(ROWS, indent=1) + "\n")
    print(f"{'ok  ' if holds else 'MISS'} {name}: {measured} (target {target})", flush=True)
    return found


def at_most(name, measured, target):
    return row(name, float(measured), target, measured <= target)


def rms(values):
    return float(np.sqrt(np.mean(np.square(values))))


def calibrated(n_bits, noise=NOISE):
    nothing = (0.0,) * n_bits
    return ReadoutCalibration(
        (noise.p01,) * n_bits, (noise.p10,) * n_bits, nothing, nothing, datetime.now(UTC)
    )


class Family:
    """The circuits of one seed, with their exact answers, each computed once."""

    def __init__(self, seed):
        self.seed = seed
        self.label = f"seed {seed}"
        drawn = referee.instances(8, N_STEPS, seed)
        self.circuits = [referee.isa(referee.qrnn(*instance)) for instance in drawn]
        self._coefficients = {}

    def raw(self, noise):
        return rms([referee.expectation(c, noise) for c in self.circuits] - self.ideal)

    def at_most(self, name, measured, target, noise):
        """Hold a figure against the target, and beside it against one scaled with the raw bias."""
        at_most(f"{name}, {self.label}", measured, target)
        if self.seed != REFERENCE_SEED:
            scaled = round(target * max(1.0, self.raw(noise) / REFERENCE_RAW[noise]), 5)
            at_most(f"{name}, {self.label}, target scaled with the raw bias", measured, scaled)

    @cached_property
    def ideal(self):
        return np.array([referee.expectation(c, referee.IDEAL) for c in self.circuits])

    def exact(self, level, scale_factor, exponent):
        """Return the distributions read with all rates multiplied by `level`. Shape: (8, 2)."""
        noise = NOISE.scaled(level, level)
        confusion = np.array([[1 - noise.p01, noise.p10], [noise.p01, 1 - noise.p10]])
        inner = np.linalg.matrix_power(confusion, int(exponent))
        middle = replace(noise, p01=inner[1, 0], p10=inner[0, 1])
        end = confusion @ np.linalg.inv(inner)
        tables = [
            referee.distribution(fold(c, scale_factor), middle, [N_STEPS]) for c in self.circuits
        ]
        return np.array(tables) @ end.T

    def outcomes(self, level=1.0):
        """Return what a plan asks, from the polynomial through the exact answers."""
        low, high = np.log(LEAST_LEVEL), np.log(MOST_LEVEL)

        def answer(scale_factor, exponent):
            key = (scale_factor, exponent)
            if key not in self._coefficients:
                nodes = chebyshev.chebpts1(LEVELS)
                levels = np.exp((low + high) / 2 + (high - low) / 2 * nodes)
                tables = np.array([self.exact(one, *key) for one in levels])
                columns = tables.reshape(LEVELS, -1)
                vandermonde = chebyshev.chebvander(nodes, LEVELS - 1)
                self._coefficients[key] = np.linalg.solve(vandermonde, columns)
                referee._local.cache_clear()
                referee._embedded.cache_clear()
            place = (2 * np.log(level) - low - high) / (high - low)
            row = chebyshev.chebvander([np.clip(place, -1, 1)], LEVELS - 1)
            return (row @ self._coefficients[key]).reshape(len(self.circuits), 2)

        return answer

    def plan(self, total_shots, level=1.0, nodes=((1.0, 1.0),), candidates=None):
        """Plan with all rates taken `level` times too large, at each node's factor of that."""
        (first, _), *others = nodes
        return MitigationPlan.choose(
            total_shots,
            candidates,
            ideal=self.ideal,
            outcomes=self.outcomes(level * first),
            weights=Z,
            fed_forward=calibrated(N_STEPS),
            terminal=calibrated(1),
            alternatives=[(self.outcomes(level * factor), chance) for factor, chance in others],
        )

    def pilot(self, total_shots, level, generator):
        """Return the plan after pilot shots, with the shots that are left."""
        spent = pilot_shots(total_shots)
        counts = [generator.multinomial(spent, p) for p in self.outcomes()(PILOT_SCALE, 1)]
        fitted = fit_noise_level(
            np.array(counts), lambda factor: self.outcomes(level * factor)(PILOT_SCALE, 1)
        )
        return self.plan(total_shots - spent, level, fitted.nodes())


def pilot_shots(total_shots):
    return max(1, round(PILOT_SHARE * total_shots))


def folding_rows(family):
    noise = referee.NO_READOUT_ERROR
    plan = ZNEPlan((1, 3, 5), "richardson")
    name = f"raw RMS bias, gates and idling, {family.label}"
    row(name, family.raw(noise), "for comparison", True)
    for gates, stretch, target in (
        ("all", True, 0.0075),
        ("all", False, 0.02),
        ("two-qubit", False, 0.025),
    ):
        values = np.array(
            [
                [
                    referee.expectation(fold(c, s, gates=gates, stretch_delays=stretch), noise)
                    for c in family.circuits
                ]
                for s in plan.scale_factors
            ]
        )
        name = f"RMS bias, richardson(1,3,5), folding {gates}{', stretching' if stretch else ''}"
        family.at_most(name, rms(circuit_weights(plan) @ values - family.ideal), target, noise)


def structure_rows(family):
    worst, miscounted, lost = 0.0, 0, 0
    for circuit in family.circuits:
        folded = fold(circuit, 3)
        difference = referee.distribution(folded, referee.IDEAL) - referee.distribution(
            circuit, referee.IDEAL
        )
        worst = max(worst, float(np.abs(difference).max()))
        miscounted += count_folded(folded) != 3 * count_folded(circuit)
        for level in range(4):
            again = transpile(folded, basis_gates=referee.BASIS, optimization_level=level)
            lost += count_folded(again) != 3 * count_folded(circuit)
    at_most(f"ideal distribution moved by folding, {family.label}", worst, 1e-12)
    at_most(f"circuits with a wrong count of folded gates, {family.label}", miscounted, 0)
    at_most(f"circuits that lose folds at optimisation levels 0-3, {family.label}", lost, 0)


def readout_rows(family):
    noise, calibration = referee.READOUT_ERROR_ONLY, calibrated(N_STEPS)
    numbers = outcome_numbers(Z, Stack(terminal=True), calibrated(1))
    choices = {"first order": first_order(calibration), "all masks": all_masks(calibration)}
    errors = {name: [] for name in choices}
    n_pubs, n_rows = 0, set()
    for circuit, ideal in zip(family.circuits, family.ideal, strict=True):
        shared = share_branches(circuit)
        pub = SamplerPub.coerce((shared.circuit, shared.rows(choices["all masks"].masks)))
        n_pubs += 1
        n_rows.add(pub.shape)
        for name, relabelling in choices.items():
            rows = shared.rows(relabelling.masks)
            value = 0.0
            for angles, weight in zip(rows, relabelling.weights, strict=True):
                bound = shared.circuit.assign_parameters(
                    dict(zip(shared.parameters, angles, strict=True))
                )
                value += weight * referee.distribution(bound, noise, [N_STEPS]) @ numbers
            errors[name].append(value - ideal)
    row(f"raw RMS bias, readout only, {family.label}", family.raw(noise), "for comparison", True)
    family.at_most("first order, readout only", rms(errors["first order"]), 8e-4, noise)
    at_most(f"all masks, readout only, {family.label}", rms(errors["all masks"]), 1e-12)
    name = f"PUBs for all 243 masks of one circuit, {family.label}"
    row(name, n_pubs / len(family.circuits), 1, n_rows == {(243,)})


def simulate(family, stack, total_shots):
    """Draw the shots of a stack; return the estimates and the exact expectation of each item."""
    generator = np.random.default_rng(2026)
    listed = terms(stack, calibrated(N_STEPS))
    numbers = outcome_numbers(Z, stack, calibrated(1))
    results, truths = [], []
    for circuit in family.circuits:
        tables = [
            referee.distribution(one, NOISE, [N_STEPS])
            for one in construct_circuits(circuit, stack, listed)
        ]
        counts = [
            generator.multinomial(n_shots, table, size=REPETITIONS)
            for n_shots, table in zip(share_shots(total_shots, listed), tables, strict=True)
        ]
        truths.append(np.array([term.weight for term in listed]) @ np.array(tables) @ numbers)
        results.append(
            {
                level: combine_counts(np.array(counts), listed, numbers, level)
                for level in (0.68, 0.95)
            }
        )
    return results, np.array(truths)


def budget_rows(family):
    for total_shots, target in RMSE_TARGETS.items():
        plan = family.plan(total_shots)
        name = f"RMSE at {total_shots} shots, {plan.stack.name}"
        if plan.forecast.n_circuits > 60:
            family.at_most(f"{name}, predicted", plan.forecast.rmse, target, NOISE)
            continue
        results, truths = simulate(family, plan.stack, total_shots)
        errors = [r[0.68].value - i for r, i in zip(results, family.ideal, strict=True)]
        family.at_most(name, rms(errors), target, NOISE)
        for level in (0.68, 0.95):
            covered = np.mean(
                [
                    (r[level].low <= t) & (t <= r[level].high)
                    for r, t in zip(results, truths, strict=True)
                ]
            )
            row(
                f"coverage of {level:.0%} intervals at {total_shots} shots, {family.label}",
                float(covered),
                f"{level} +- 0.03",
                abs(covered - level) <= 0.03,
            )


def choice_ratios(family, level):
    """Return RMSE of the choice over that of the best stack and of raw, for the worst budget.

    The choice pays for its pilot shots; the best stack and raw have all shots. The mean squared
    error is that over draws of the pilot.
    """
    generator = np.random.default_rng([family.seed, round(100 * level)])
    best, raw = [], []
    for shots in BUDGETS:
        truth = {one.stack: one for one in family.plan(shots).forecasts}
        left = shots - pilot_shots(shots)
        errors = []
        for _ in range(PILOTS):
            chosen = truth[family.pilot(shots, level, generator).stack]
            errors.append(chosen.squared_bias + chosen.variance * shots / left)
        rmse = np.sqrt(np.mean(errors))
        best.append(rmse / min(one.rmse for one in truth.values()))
        raw.append(rmse / truth[Stack()].rmse)
    return max(best), max(raw)


def choice_rows(families, label):
    for level in (1.0, *MISJUDGED):
        ratios = [choice_ratios(family, level) for family in families]
        worst, raw = (max(column) for column in zip(*ratios, strict=True))
        name = f"worst budget, rates taken {level} times too large, {label}"
        at_most(f"choice over best stack, {name}", worst, 1.15)
        at_most(f"choice over raw, {name}", raw, 1.05)
        if len(families) > 1:
            missed = int(sum(ratio > 1.15 for ratio, _ in ratios))
            row(f"families over 1.15 of {len(families)}, {name}", missed, "for comparison", True)


def polynomial_row(family):
    errors = [
        np.abs(family.outcomes(level)(*key) - family.exact(level, *key)).max()
        for level in (0.3, 0.7, 1.0, 1.9)
        for key in ((1, 1), (3, 1), (7, 0))
    ]
    at_most(f"error of the polynomial in the level of the noise, {family.label}", max(errors), 1e-4)


def candidate_row(families):
    """Ask of families never chosen on what the list of stacks that a plan offers leaves out."""
    more = (
        ZNEPlan((1, 7), "linear"),
        ZNEPlan((3, 5), "linear"),
        ZNEPlan((1, 3, 5), "linear"),
        ZNEPlan((1, 5, 7), "richardson"),
        ZNEPlan((1, 3, 5, 7), "richardson"),
        ZNEPlan((1, 3, 5, 7), "poly", order=2),
    )
    wider = [
        replace(stack, extrapolation=plan)
        for stack in default_stacks(N_STEPS)
        if stack.extrapolation == ZNEPlan((1, 3), "linear")
        for plan in more
    ]
    ratios = []
    for family in families:
        for shots in BUDGETS:
            offered = family.plan(shots).forecasts[0].rmse
            best = family.plan(shots, candidates=wider).forecasts[0].rmse
            ratios.append(offered / min(offered, best))
    name = f"best stack offered over best of {len(wider)} more, held-out families"
    at_most(f"{name}, worst budget", max(ratios), 1.05)


def terminal_rows():
    generator = np.random.default_rng(1)
    bits = generator.integers(0, 2, size=(100_000, 20), dtype=np.uint8)
    start = time.perf_counter()
    correct_product(bits, calibrated(20))
    ours = time.perf_counter() - start
    few = bits[:2000, :6]
    matrix = generate_tensored_inverse_confusion_matrix(
        6, [np.array([[1 - NOISE.p01, NOISE.p10], [NOISE.p01, 1 - NOISE.p10]])] * 6
    )
    start = time.perf_counter()
    mitigate_measurements(MeasurementResult(few.tolist()), matrix)
    theirs = time.perf_counter() - start
    start = time.perf_counter()
    correct_product(few, calibrated(6))
    ours_small = time.perf_counter() - start
    at_most("terminal correction of 20 bits, 100,000 shots (s)", ours, 1.0)
    row("Mitiq rem, 6 bits, 2,000 shots (s)", theirs, f"ours {ours_small:.2g}", True)


def refusal_rows(family):
    circuit = family.circuits[0]
    looped = QuantumCircuit(1, 1)
    with looped.while_loop((looped.clbits[0], 1)):
        looped.x(0)
    stale = replace(calibrated(1), measured_at=datetime.now(UTC) - timedelta(days=2))
    refused = {
        "a while loop": lambda: relabel(looped, ()),
        "a plan that relabels stored bits": lambda: check_offline(Stack(None, "invert")),
        "a stale calibration": lambda: stale.check_fresh(timedelta(days=1)),
        "a singular confusion matrix": lambda: replace(calibrated(1), p01=(0.5,), p10=(0.5,)),
        "too few shots": lambda: share_shots(3, terms(Stack(None, "invert"), calibrated(2))),
        "an exponential fit": lambda: ZNEPlan(extrapolation="exp"),
        "a factor below one": lambda: fold(circuit, 0.5),
    }
    for name, action in refused.items():
        try:
            action()
            message = ""
        except (UsageError, CalibrationError) as error:
            message = str(error)
        row(f"refused: {name}", message, "one line", message.count("\n") == 0 < len(message))
    declined = family.plan(16).declined
    row("stacks declined at 16 shots, each with its reason", len(declined), ">= 1", declined)


def main():
    start = time.perf_counter()
    terminal_rows()
    for seed in (REFERENCE_SEED, 29):
        family = Family(seed)
        for part in (folding_rows, structure_rows, readout_rows, budget_rows):
            part(family)
        polynomial_row(family)
        choice_rows([family], family.label)
        print(f"     {time.perf_counter() - start:.0f} s", flush=True)
    held_out = [Family(seed) for seed in HELD_OUT]
    choice_rows(held_out, "held-out families")
    candidate_row(held_out)
    refusal_rows(family)
    at_most("whole benchmark (s)", time.perf_counter() - start, 900)
    print(f"{sum(item['holds'] for item in ROWS)} of {len(ROWS)} hold; written to {OUTPUT}")


if __name__ == "__main__":
    main()
