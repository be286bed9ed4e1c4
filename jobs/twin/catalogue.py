"""The effects by name: unit, range, and how strong they are in the presets.

Magnitudes are judgement and literature, named beside each effect in `jobs.twin.physics`; no machine
was measured for them. `full` is a bad day, `mild` has a third of each angle, probability and
logarithm of a factor.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True)
class Effect:
    """One effect and the number that says how strong it is."""

    name: str
    unit: str
    none: float
    """The strength at which it is not there."""

    most: float
    """The largest strength; the least is `none`."""

    mild: float
    full: float
    summary: str


_ROWS = (
    Effect("cz-angle", "rad", 0, 1, 0.02 / 3, 0.02, "ZZ rotation after each two-qubit gate"),
    Effect("sx-angle", "rad", 0, 1, 0.01 / 3, 0.01, "over-rotation of sx, twice that of x"),
    Effect("static-zz", "Hz", 0, 1e6, 1e4, 3e4, "ZZ coupling of neighbours while one idles"),
    Effect(
        "measurement-crosstalk",
        "probability",
        0,
        0.5,
        0.02 / 3,
        0.02,
        "Z, and a phase, on the neighbours of a qubit that is measured",
    ),
    Effect(
        "read-decay",
        "share of T1's",
        0,
        10,
        1 / 3,
        1,
        "decay within the readout pulse, and excitation by it",
    ),
    Effect("reset", "probability", 0, 0.5, 0.005, 0.015, "resets that end in |1>"),
    Effect(
        "misread-bursts", "factor", 1, 100, 7 / 3, 5, "misreads are likelier right after a misread"
    ),
    Effect(
        "readout-drift",
        "factor",
        1,
        10,
        1.4 ** (1 / 3),
        1.4,
        "assignment errors of each job, up or down",
    ),
    Effect("gate-drift", "share", 0, 0.9, 0.1, 0.3, "gate and idling errors swing within each job"),
    Effect(
        "defect",
        "share of the time",
        0,
        0.9,
        0.25 / 3,
        0.25,
        "a two-level defect visits a qubit: T1 / 5 and 15 kHz, 2,000 shots at a stretch",
    ),
    Effect(
        "wrong-rates",
        "factor",
        1,
        10,
        1.5 ** (1 / 3),
        1.5,
        "true gate errors, T1 and T2 beside the reported ones, log-normal",
    ),
    Effect("leakage", "probability", 0, 0.1, 5e-4 / 3, 5e-4, "to level 2, by each cz and qubit"),
    Effect(
        "controller-wait", "s", 0, 1e-3, 0.7e-6 / 3, 0.7e-6, "idling at each branch, unscheduled"
    ),
)

EFFECTS: Mapping[str, Effect] = MappingProxyType({row.name: row for row in _ROWS})
"""All thirteen, by name."""

PRESETS: Mapping[str, Mapping[str, float]] = MappingProxyType(
    {
        "none": MappingProxyType({}),
        "mild": MappingProxyType({row.name: row.mild for row in _ROWS}),
        "full": MappingProxyType({row.name: row.full for row in _ROWS}),
    }
)
