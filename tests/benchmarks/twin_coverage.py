"""What intervals cover on twins: of jobs in repetitions with canaries, and before them.

Five steps of dynamic-line on fake_boston with five sets of random weights, two machines; six inputs
and eight canaries of the same distribution each. Distributions are exact for each scale factor,
level of the drift and state of the defect; counts of jobs are drawn from their mixtures in the
order of the shots. `before` is the same shots, one factor after the other, without canaries, the
readout calibrated in another job.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from itertools import product

import numpy as np
from numpy.typing import NDArray

from calibration.library import snapshot
from circuits.zoo.dynamic_line import DYNAMIC_LINE
from jobs.transpile.isa import transpile_step
from jobs.transpile.lifted_step import circuit_distribution
from jobs.twin.catalogue import EFFECTS
from jobs.twin.machine import Twin
from jobs.twin.moment import Moment
from jobs.twin.strengths import Strengths, strengths_of
from jobs.twin.weather import Weather
from qrnn_hw.mitigation.answer import Answer
from qrnn_hw.mitigation.canaries import choose_canaries, missed
from qrnn_hw.mitigation.combining import outcome_numbers
from qrnn_hw.mitigation.folding import fold
from qrnn_hw.mitigation.readout_calibration import ReadoutCalibration, from_counts
from qrnn_hw.mitigation.repetitions import combine_repetitions
from qrnn_hw.mitigation.stack import share_shots, terms
from qrnn_hw.mitigation.stack_names import parse_stack

Array = NDArray[np.float64]
STACK = parse_stack("linear(1,3) + terminal")
DECISION = np.array([1.0, -1.0, 1.0, -1.0])  # Z of the first bit
ITEMS, CANARIES, B, JOBS, SHOTS, SHARE = 6, 8, 20, 4, 262_144, 0.2
STEPS = 5
SEEDS = (5, 11, 12, 13, 14)
"""Of the weights: an effect's bias is that of a few inputs, however many jobs there are."""
MACHINES = (1, 2)
NAMES = ("none", *EFFECTS, "mild", "full")
WANTED = {"measurement-crosstalk": 0.83, "full": 0.93}
WHEN = datetime(2026, 1, 1, tzinfo=UTC)
POINTS = 21  # in each window, for the mean of a drift


class Family:
    """The circuits, their noiseless scores, and which are canaries."""

    def __init__(self, seed: int, n_items: int = ITEMS, steps: int = STEPS) -> None:
        self.device = snapshot("fake_boston")
        step = transpile_step(DYNAMIC_LINE, self.device, seed=7)
        unrolled, g = step.unroll(steps).circuit, np.random.default_rng(seed)
        names = [p.name.startswith("w") for p in unrolled.parameters]
        weights = g.uniform(-np.pi, np.pi, unrolled.num_parameters)
        rows = np.where(names, weights, g.normal(size=(n_items + 24, len(names))))
        out = next(one for one in unrolled.cregs if one.name == "out")
        self.keep = [unrolled.find_bit(bit).index for bit in out]
        ideal = np.array(
            [circuit_distribution(unrolled.assign_parameters(r), None, self.keep) for r in rows]
        )
        chosen = n_items + choose_canaries(ideal[n_items:] @ DECISION, CANARIES)
        places = [*range(n_items), *chosen]
        self.rows, self.ideal, self.n_items = rows[places], ideal[places] @ DECISION, n_items
        self.circuits = [
            step.embed(fold(unrolled, factor), self.device.n_qubits) for factor in (1, 3)
        ]
        order = [
            {p.name: i for i, p in enumerate(unrolled.parameters)}[q.name]
            for q in self.circuits[0].parameters
        ]
        self.rows = self.rows[:, order]
        read = [self.device.record("measure", (step.snapshot.physical[q],)) for q in _read(step)]
        self.rates = np.array([[one.p01, one.p10] for one in read if one is not None])


def _read(step: object) -> list[int]:
    closing = step.closing  # type: ignore[attr-defined]
    return [
        closing.find_bit(one.qubits[0]).index
        for one in closing.data
        if one.operation.name.startswith("measure")
    ]


@cache
def family_of(seed: int) -> Family:
    """Return the family of these weights, made once."""
    return Family(seed)


def days_of(name: str) -> int:
    """Return on how many days jobs run: a readout that drifts is another one on the next day."""
    return 2 if "readout-drift" in strengths_of(name) else 1


@cache
def laws_of(seed: int, name: str, machine: int, day: int) -> tuple[Array, tuple[float, float]]:
    """Return the distributions of a family on a machine, see `_laws`, and its readout factors."""
    strengths, family = strengths_of(name), family_of(seed)
    readout = Weather(strengths, 1, (machine, day)).readout
    return _laws(family, Twin(family.device, strengths, machine), readout), readout


def coverage_rows(names: tuple[str, ...] = NAMES) -> Iterator[dict[str, object]]:
    """Yield, for each effect, how often intervals cover and the RMSE of a score."""
    for name in names:
        hits: dict[str, list[NDArray[np.bool_]]] = {"own": [], "new": [], "old": []}
        errors: dict[str, list[Array]] = {"new": [], "old": []}
        days = days_of(name)
        for seed, machine, job in product(SEEDS, MACHINES, range(JOBS)):
            day = job % days
            laws, readout = laws_of(seed, name, machine, day)
            place = (machine, day, job // days)
            _one(family_of(seed), strengths_of(name), laws, readout, place, hits, errors)
        rms = {key: float(np.sqrt(np.mean(np.square(value)))) for key, value in errors.items()}
        shares = {key: float(np.mean(value)) for key, value in hits.items()}
        least = WANTED.get(name, 0.90)
        told = f"{name}, {SHOTS:,} shots a circuit"
        yield _row(f"{told}: covers the noiseless value", shares["new"], shares["old"], least)
        yield _row(f"{told}: covers this machine's mean", shares["own"], None, 0.93)
        most = {"none": 1.2 * rms["old"], "defect": 0.032, "gate-drift": 0.013}.get(name)
        yield {
            "name": f"{told}: RMSE",
            "measured": rms["new"],
            "before": rms["old"],
            "target": most,
            "holds": most is None or rms["new"] <= most,
        }


def _laws(family: Family, twin: Twin, readout: tuple[float, float]) -> Array:
    """Return distributions, shape (3 levels, 2 states, 2 factors, n, 4)."""
    s = twin.strengths["gate-drift"]
    levels = (1 - s, 1.0, 1 + s) if s else (1.0,)
    states = (False, True) if "defect" in twin.strengths else (False,)
    found = np.array(
        [
            [
                [
                    twin.distributions(
                        circuit, family.rows, family.keep, moment=Moment(x, bad, readout)
                    )
                    for circuit in family.circuits
                ]
                for bad in states
            ]
            for x in levels
        ]
    )
    found = np.clip(found / found.sum(-1, keepdims=True), 0, None)
    return np.broadcast_to(found, (3, 2, *found.shape[2:]))


def _mixed(laws: Array, weather: Weather, start: float, stop: float) -> Array:
    """Return the distributions of shots [start, stop), shape (2 factors, n, 4)."""
    shots = np.linspace(start, stop, POINTS).astype(np.int64)
    x, bad = weather.swing(shots), weather.has_defect(shots)
    if "gate-drift" not in weather.strengths:
        x = np.zeros(POINTS)
    levels = np.array([(x * x - x) / 2, 1 - x * x, (x * x + x) / 2])
    weights = np.stack([levels * ~bad, levels * bad], axis=1).mean(-1)  # (3, 2)
    return np.einsum("ls,lsfno->fno", weights, laws)


def _one(
    family: Family,
    strengths: Strengths,
    laws: Array,
    readout: tuple[float, float],
    seed: tuple[int, ...],
    hits: dict[str, list[NDArray[np.bool_]]],
    errors: dict[str, list[Array]],
) -> None:
    """Draw one job each way, and note what its intervals cover."""
    n, total = family.n_items, SHOTS * family.n_items
    g, weather = np.random.default_rng(seed), Weather(strengths, total, (*seed, 1))
    listed, me = terms(STACK), slice(0, n)
    ideal = family.ideal
    stale = _calibrated(family, (1.0, 1.0), g)
    fresh = _calibrated(family, readout, g)
    # Before: all items of one factor, then of the next.
    shares = share_shots(SHOTS, listed)
    ends = np.cumsum([0, *(one * n for one in shares)])
    old = []
    for f, shots in enumerate(shares):
        windows = np.linspace(ends[f], ends[f + 1], n + 1)
        p = [_mixed(laws, weather, windows[i], windows[i + 1])[f, i] for i in range(n)]
        old.append(g.multinomial(shots, p)[None])
    before = combine_repetitions(old, listed, outcome_numbers(DECISION, STACK, stale))
    # In repetitions, a fifth of the shots for canaries.
    own = [int(one * (1 - SHARE)) // B for one in shares]
    kept = [max(1, int(one * SHARE * n / CANARIES) // B) for one in shares]
    counts = np.zeros((len(listed), B, len(ideal), 4), dtype=np.int64)
    windows = np.linspace(0, total, B + 1)
    mean = np.zeros(laws.shape[2:])
    for b in range(B):
        p = _mixed(laws, weather, windows[b], windows[b + 1])
        mean += p / B
        for f in range(len(listed)):
            counts[f, b, me] = g.multinomial(own[f], p[f, me])
            counts[f, b, n:] = g.multinomial(kept[f], p[f, n:])
    numbers = outcome_numbers(DECISION, STACK, fresh)
    items = combine_repetitions(list(counts[:, :, me]), listed, numbers)
    canaries = combine_repetitions(list(counts[:, :, n:]), listed, numbers)
    miss = missed(canaries.value, ideal[n:], canaries.standard_error)
    answer: Answer = replace(items, miss=miss)
    true_numbers = outcome_numbers(DECISION, STACK, _true(family, readout))
    weights = np.array([one.weight for one in listed])
    own_mean = np.einsum("f,fn->n", weights, mean[:, me] @ true_numbers)
    wide, machine = answer.noiseless, answer.machine
    assert wide is not None
    hits["new"].append((wide.low <= ideal[me]) & (ideal[me] <= wide.high))
    hits["own"].append((machine.low <= own_mean) & (own_mean <= machine.high))
    first = before.machine
    hits["old"].append((first.low <= ideal[me]) & (ideal[me] <= first.high))
    errors["new"].append(answer.value - ideal[me])
    errors["old"].append(before.value - ideal[me])


def _calibrated(
    family: Family, factors: tuple[float, float], g: np.random.Generator
) -> ReadoutCalibration:
    n = SHOTS
    p01, p10 = (family.rates * factors).T
    return from_counts(g.binomial(n, p01), n - g.binomial(n, p10), n, n, WHEN)


def _true(family: Family, factors: tuple[float, float]) -> ReadoutCalibration:
    p01, p10 = (family.rates * factors).T
    none = (0.0,) * len(p01)
    return ReadoutCalibration(tuple(p01), tuple(p10), none, none, WHEN)


def _row(name: str, measured: float, before: float | None, least: float) -> dict[str, object]:
    return {
        "name": name,
        "measured": measured,
        "before": before,
        "target": least,
        "holds": measured >= least,
    }
