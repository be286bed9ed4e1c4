"""Certificates and choices on twins: guarded by canaries, held against the noiseless truth.

The weights, inputs and machines of `twin_coverage`. A label is certified by the betting test
at 1 %, of the machine's own mean (`before`) and guarded by the line of eight canaries. A plan is
chosen among no mitigation, corrected readout, linear(1,3) and both, by the reported noise, at
the level that canaries show, and a trial of a tenth of the shots on them; `before` is the choice by
the reported noise alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from itertools import product

import numpy as np
from numpy.polynomial import chebyshev
from numpy.typing import NDArray
from twin_coverage import (
    CANARIES,
    DECISION,
    MACHINES,
    NAMES,
    SEEDS,
    SHOTS,
    B,
    Family,
    _calibrated,
    _mixed,
    _row,
    _true,
    days_of,
    family_of,
    laws_of,
)

from calibration.noise import DeviceNoise
from circuits.exact.laws import distributions
from circuits.exact.lift import lift
from jobs.aer.recorded_device import active_qubits, on_active_qubits
from jobs.twin.strengths import strengths_of
from jobs.twin.weather import Weather
from qrnn_hw.experiment.forecast import at_level
from qrnn_hw.mitigation.combining import outcome_numbers
from qrnn_hw.mitigation.evidence import Evidence, reconsidered, shortlist
from qrnn_hw.mitigation.noise_level import REPORTED, NoiseLevel, fit_noise_level
from qrnn_hw.mitigation.plan import NOTHING, MitigationPlan
from qrnn_hw.mitigation.repetitions import combine_repetitions
from qrnn_hw.mitigation.stack import Stack, share_shots, terms
from qrnn_hw.mitigation.stack_names import parse_stack
from qrnn_hw.statistics.certificates import canary_line
from qrnn_hw.statistics.decisions import UNDECIDED, DecisionRule
from qrnn_hw.statistics.sequential import Betting
from qrnn_hw.studies.adaptive import growing_looks, label_in_batches

Array = NDArray[np.float64]
STACKS = tuple(map(parse_stack, ("none", "terminal", "linear(1,3)", "linear(1,3) + terminal")))
TEST = Betting(DecisionRule(tuple(DECISION)), 0.01)
CAP, CANARY_SHOTS, JOBS, PLAN_SHOTS = 65_536, 8_192, 8, 16_384
LEVELS, LEAST_LEVEL, MOST_LEVEL = 9, 0.1, 8.0
PLAN_JOBS = 2
"""Of the `JOBS`, so many also choose a plan and certify as before: these take longer."""


def certificate_rows(names: tuple[str, ...] = NAMES) -> Iterator[dict[str, object]]:
    """Yield what certificates and choices are worth under each effect."""
    for name in names:
        strengths, days = strengths_of(name), days_of(name)
        own, guarded, chosen = np.zeros(3), np.zeros(3), []
        for seed, machine, job in product(SEEDS, MACHINES, range(JOBS)):
            family = family_of(seed)
            laws, readout = laws_of(seed, name, machine, job % days)
            weather = Weather(strengths, SHOTS * family.n_items, (machine, seed, job))
            g = np.random.default_rng([machine, seed, job])
            line = _line(family, _mixed(laws, weather, 0, weather.n_shots)[0], g)
            guarded += _labels(family, laws, weather, g, line)
            if job < PLAN_JOBS:
                own += _labels(family, laws, weather, g, None)
                chosen.append(_choice(family, laws, weather, readout, g))
        wrong, before = (float(one[2] / max(1.0, one[1])) for one in (guarded, own))
        said = f"{name}: {guarded[1]:.0f} guarded labels"
        row = _row(f"{said}, unlike the noiseless", wrong, before, 0.01)
        yield row | {"holds": bool(wrong <= 0.01)}
        decided = (float(guarded[1] / guarded[0]), float(own[1] / own[0]))
        row = _row(f"{name}: guarded labels decided", *decided, 0.6)
        # With all effects at once few labels can be certain; no share is promised.
        yield row if name not in ("mild", "full") else row | {"target": None, "holds": True}
        by_canaries, by_model, best, raw = map(float, np.sqrt(np.mean(chosen, axis=0)))
        row = _row(f"{name}: RMSE of the choice over the best", by_canaries / best,
                   by_model / best, 1.15)  # fmt: skip
        yield row | {"holds": bool(by_canaries <= 1.15 * best)}
        row = _row(f"{name}: RMSE of the choice over raw", by_canaries / raw, by_model / raw, 1.05)
        yield row | {"holds": bool(by_canaries <= 1.05 * raw)}


def _labels(family: Family, laws: Array, weather: Weather, g: np.random.Generator, line) -> Array:
    """Return how many labels were asked, decided, and unlike the noiseless ones."""
    clock = 0

    def draw(rows: NDArray[np.int64], shots: int) -> Array:
        nonlocal clock
        scale = weather.n_shots / (CAP * family.n_items)
        stop = clock + len(rows) * shots
        p = _mixed(laws, weather, clock * scale, stop * scale)[0]
        clock = stop
        return np.array([g.multinomial(shots, p[row]) for row in rows])

    n = family.n_items
    labels = label_in_batches(TEST, draw, n, growing_looks(CAP), line).labels
    some = labels != UNDECIDED
    return np.array([n, some.sum(), (some & (labels != (family.ideal[:n] > 0))).sum()], float)


def _line(family: Family, p: Array, g: np.random.Generator):
    counts = g.multinomial(CANARY_SHOTS, p[family.n_items :]) / CANARY_SHOTS
    read = counts @ DECISION
    errors = np.sqrt(np.maximum(counts @ DECISION**2 - read**2, 1e-12) / CANARY_SHOTS)
    return canary_line(read, family.ideal[family.n_items :], errors)


@cache
def _reported(family: Family) -> Callable[[float], Array]:
    """Return what the reported noise gives at a factor on all rates but readout.

    Shape (2 scale factors, n, 4), from the polynomial in the logarithm of the factor through exact
    distributions, as smooth in the rates as they are.
    """
    low, high = np.log(LEAST_LEVEL), np.log(MOST_LEVEL)
    nodes = chebyshev.chebpts1(LEVELS)
    exact = []
    for level in np.exp((low + high) / 2 + (high - low) / 2 * nodes):
        of_factors = []
        for circuit in family.circuits:
            physical = active_qubits([circuit])
            small = on_active_qubits(circuit, physical)
            noise = at_level(DeviceNoise(family.device.restrict(physical)), float(level))
            program = lift(small, tuple(small.parameters), noise)
            of_factors.append(distributions(program, family.rows, family.keep))
        exact.append(of_factors)
    shape = np.shape(exact)[1:]
    fitted = np.linalg.solve(
        chebyshev.chebvander(nodes, LEVELS - 1), np.reshape(exact, (LEVELS, -1))
    )

    def at(level: float) -> Array:
        place = np.clip((2 * np.log(level) - low - high) / (high - low), -1, 1)
        table = (chebyshev.chebvander([place], LEVELS - 1) @ fitted).reshape(shape)
        return np.asarray(table.clip(0))

    return at


def _choice(
    family: Family,
    laws: Array,
    weather: Weather,
    readout: tuple[float, float],
    g: np.random.Generator,
) -> tuple[float, float, float, float]:
    """Return mean squared errors: the choice by canaries, by the model, the best, and raw."""
    n, calibration = family.n_items, _calibrated(family, readout, g)
    plan = _plan(family, REPORTED)
    windows = np.linspace(0, weather.n_shots, B + 1)
    mixed = [_mixed(laws, weather, *windows[b : b + 2]) for b in range(B)]
    evidence, tried = {}, shortlist(plan)
    for stack in tried:
        listed, numbers = terms(stack), outcome_numbers(DECISION, stack, calibration)
        places = [int(term.scale_factor) // 2 for term in listed]
        few = [max(1, one // B) for one in share_shots(PLAN_SHOTS * n // (10 * CANARIES), listed)]
        counts = [
            np.array([g.multinomial(shots, p[f, n:]) for p in mixed])
            for f, shots in zip(places, few, strict=True)
        ]
        evidence[stack] = Evidence.of(
            combine_repetitions(counts, listed, numbers), family.ideal[n:]
        )
        if stack == NOTHING:
            level = fit_noise_level(
                counts[0].sum(axis=0), lambda factor: _reported(family)(factor)[0, n:]
            )
    errors = {
        stack: _squared_error(
            family, np.mean(mixed, axis=0), stack, outcome_numbers(DECISION, stack, calibration)
        )
        for stack in STACKS
    }
    by_canaries = reconsidered(_plan(family, level), evidence).stack
    return errors[by_canaries], errors[plan.stack], min(errors.values()), errors[NOTHING]


def _plan(family: Family, level: NoiseLevel) -> MitigationPlan:
    n = family.n_items

    def outcomes(factor: float) -> Callable[[float, float], Array]:
        table = _reported(family)(factor)
        return lambda scale_factor, exponent: table[int(scale_factor) // 2, :n]

    (believed, _), *others = ((outcomes(factor), chance) for factor, chance in level.nodes())
    return MitigationPlan.choose(
        PLAN_SHOTS,
        STACKS,
        ideal=family.ideal[:n],
        outcomes=believed,
        weights=DECISION,
        terminal=_true(family, (1.0, 1.0)),
        alternatives=others,
    )


def _squared_error(family: Family, p: Array, stack: Stack, numbers: Array) -> float:
    listed, n = terms(stack), family.n_items
    shares = share_shots(PLAN_SHOTS, listed)
    value, variance = np.zeros(n), np.zeros(n)
    for term, shots in zip(listed, shares, strict=True):
        law = p[int(term.scale_factor) // 2, :n]
        mean = law @ numbers
        value += term.weight * mean
        variance += term.weight**2 * (law @ numbers**2 - mean**2) / shots
    return float(np.mean((value - family.ideal[:n]) ** 2 + variance))
