"""Placements scored by the exact engine, beside compiling each and beside level 3's choice."""

from __future__ import annotations

import time
from collections.abc import Iterator

import jax
import numpy as np
from timing import Row

import circuits
from calibration.library import snapshot
from calibration.noise import DeviceNoise
from circuits.definition import Architecture
from jobs.transpile.lifted_step import sequence_model
from jobs.transpile.scores import (
    Placements,
    Probe,
    score_placements,
    total_variation,
)

MACHINES = ("fake_boston", "fake_kingston", "fake_fez", "fake_marrakesh")
LINE = "dynamic-line"
MODELS = (LINE, "v1", "v3a", "adapted", "stacked-2-final-rot", "stacked-3-minimal", "sim-v1")
"""One of each kind of the registry that a machine runs as one circuit."""

SAMPLE = 3
"""Placements of a machine that are compiled one by one, the rest being alike."""


def exact_placements() -> Iterator[Row]:
    """All placements of dynamic-line, the chosen one held against others on new inputs."""
    architecture = circuits.architecture(LINE)
    for machine in MACHINES:
        start = time.process_time()
        found = score_placements(architecture, snapshot(machine), seed=7)
        spent = time.process_time() - start
        n = len(found.ranked)
        each, furthest = _one_by_one(found, Probe.random(architecture))
        said = f"scheduled, lifted and compiled one by one: {each:.2f} s each, {SAMPLE} of {n}"
        yield Row.at_most(f"{machine}: {n} placements of {LINE} scored (CPU s)", spent, said, 60)
        yield Row.at_least(f"{machine}: scoring all (ratio)", n * each / spent, said, 20)
        yield Row.at_most(f"{machine}: distance of the scores", furthest, said, 1e-12)
        probe = Probe.random(architecture, n=32, steps=4, seed=1)
        other = score_placements(architecture, snapshot(machine), seed=7, probe=probe)
        errors = {one.qubits: one.error for one in other.ranked}
        ratio = errors[found.best.qubits] / other.best.error
        said = f"the best of {n} for those: {other.best.error:.4f}"
        what = f"{machine}: the chosen one on other weights, inputs and length (ratio)"
        yield Row.at_most(what, ratio, said, 1.05)


def _one_by_one(found: Placements, probe: Probe) -> tuple[float, float]:
    """Return the seconds that one placement takes by itself, and how far scores are apart."""
    places = np.linspace(0, len(found.ranked) - 1, SAMPLE).astype(int)
    spent, furthest = [], 0.0
    for place in places:
        start = time.process_time()
        step = found.step(found.ranked[place])
        model = sequence_model(step, DeviceNoise(step.snapshot))
        laws = np.asarray(jax.jit(probe.laws)(model))
        spent.append(time.process_time() - start)
        ideal = np.asarray(jax.jit(probe.laws)(sequence_model(step, None)))
        error = total_variation(laws, ideal).mean()
        furthest = max(furthest, abs(float(error) - found.ranked[place].error))
    return float(np.median(spent)), furthest


def against_level_3() -> Iterator[Row]:
    """The chosen placement beside the transpiler's; wide models on one machine, for the time."""
    ratios: list[float] = []
    gains: list[float] = []
    for name in MODELS:
        architecture = sampled_or_coherent(name)
        wide = architecture.n_qubits > 4
        n, steps = (2, 3) if wide else (8, 10)
        for machine in MACHINES[:1] if wide else MACHINES:
            probe = Probe.random(architecture, n=n, steps=steps)
            found = score_placements(architecture, snapshot(machine), seed=7, probe=probe)
            own, other = found.best, found.level_3
            ratios.append(other.error / own.error)
            gains.append(100 * (own.fidelity / other.fidelity - 1))
    said = f"level 3 of the transpiler, {len(ratios)} pairs of a model and a machine"
    yield Row.at_least("level 3's error over the chosen one's, median", _middle(ratios), said, 1.3)
    yield Row.at_least("level 3's error over the chosen one's, least", min(ratios), said, 1.0)
    yield Row.at_least("gain in fidelity, median (%)", _middle(gains), said, 0.0)
    yield Row.at_least("gain in fidelity, largest (%)", max(gains), said, 0.0)


def sampled_or_coherent(name: str) -> Architecture:
    """Return a model in the mode in which its sequence is one circuit."""
    modes = circuits.architecture(name).modes
    return circuits.architecture(name, **({"mode": "sampled"} if len(modes) > 1 else {}))


def _middle(values: list[float]) -> float:
    return float(np.median(values))
