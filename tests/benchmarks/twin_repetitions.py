"""What repetitions cost at few shots, and what intervals for the machine's mean cover there.

As many inputs of as many steps as the demonstration has, so that rows fill jobs: lay_out must leave
some circuits out of some repetitions. Counts are drawn from a twin's laws in the order of the
slots; `before` is what the intervals of shots alone cover.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from twin_coverage import DECISION, STACK, Family, _laws, _mixed, _row, _true

from jobs.cost import DEFAULT_FORMULA
from jobs.twin.machine import Twin
from jobs.twin.strengths import strengths_of
from jobs.twin.weather import Weather
from qrnn_hw.mitigation.combining import outcome_numbers
from qrnn_hw.mitigation.repetitions import Layout, Want, combine_repetitions, lay_out
from qrnn_hw.mitigation.stack import share_shots, terms

ROWS, LOAD, TOTAL, JOBS = 192, 0.004, 1000, 200
NAMES = ("none", "gate-drift", "defect", "readout-drift", "full")
PRICE = {
    "seconds_per_shot": DEFAULT_FORMULA.thumb_seconds_per_execution,
    "seconds_per_job": DEFAULT_FORMULA.overhead_seconds,
}


def repetition_rows(names: tuple[str, ...] = NAMES) -> Iterator[dict[str, object]]:
    """Yield the price of repetitions, and what they cover under each effect."""
    shares = share_shots(TOTAL, terms(STACK))
    wants = [Want(shots, ROWS, LOAD) for shots in (TOTAL, shares[1])]
    layout = lay_out(wants, **PRICE)
    once = PRICE["seconds_per_shot"] * sum(one.shots * ROWS for one in wants)
    once += PRICE["seconds_per_job"] * 2 * LOAD * ROWS
    cost = layout.seconds(wants, *PRICE.values()) / once
    told = f"{TOTAL} shots, {ROWS} inputs in {layout.repetitions} repetitions"
    yield _row(f"{told}: price over one pass", cost, None, 0) | {
        "target": 1.2,
        "holds": bool(cost <= 1.2),
    }
    family = Family(11, 12)
    for name in names:
        own, shots = np.zeros(JOBS), np.zeros(JOBS)
        laws = _laws(family, Twin(family.device, strengths_of(name), 1), (1.0, 1.0))
        for job in range(JOBS):
            own[job], shots[job] = _covered(family, laws, name, wants, layout, job)
        yield _row(
            f"{name}, {told}: covers this machine's mean",
            float(own.mean()),
            float(shots.mean()),
            0.93,
        )


def _covered(
    family: Family,
    laws: NDArray[np.float64],
    name: str,
    wants: list[Want],
    layout: Layout,
    job: int,
) -> tuple[float, float]:
    g, n = np.random.default_rng([7, job]), family.n_items
    weather = Weather(strengths_of(name), ROWS * TOTAL, (1, job))
    listed, b = terms(STACK), layout.repetitions
    ends = np.linspace(0, weather.n_shots, b + 1)
    windows = [_mixed(laws, weather, *ends[k : k + 2])[:, :n] for k in range(b)]
    counts = [
        np.array(
            [
                g.multinomial(layout.shots * layout.in_repetition(layout.times(want), k), p[factor])
                for k, p in enumerate(windows)
            ]
        )
        for factor, want in enumerate(wants)
    ]
    numbers = outcome_numbers(DECISION, STACK, _true(family, (1.0, 1.0)))
    answer = combine_repetitions(counts, listed, numbers)
    means = np.mean(windows, axis=0) @ numbers
    mean = sum(term.weight * one for term, one in zip(listed, means, strict=True))
    found, alone = answer.machine, 1.96 * answer.shot_error
    return (
        float(np.mean((found.low <= mean) & (mean <= found.high))),
        float(np.mean(np.abs(answer.value - mean) <= alone)),
    )
