"""Placements scored by the exact engine, beside compiling each and beside level 3's choice."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import product

import jax
import numpy as np
from numpy.typing import NDArray
from timing import Row

import circuits
from calibration.library import snapshot
from calibration.noise import DeviceNoise
from circuits.definition import Architecture
from circuits.exact.sequence import SequenceModel
from jobs.transpile.lifted_step import sequence_model
from jobs.transpile.placement import PlacementForms
from jobs.transpile.probe import Laws, Probe, outcome_fidelity, total_variation
from jobs.transpile.scores import Placements, score_placements

MACHINES = ("fake_boston", "fake_kingston", "fake_fez", "fake_marrakesh")
LINE = "dynamic-line"
MODELS = (LINE, "v1", "v3a", "adapted", "stacked-2-final-rot", "stacked-3-minimal", "sim-v1")
"""One of each kind of the registry that a machine runs as one circuit."""

LENGTHS = (2, 4, 16)
"""Of the sequences that a choice is judged by."""

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
        each, furthest = _one_by_one(architecture, machine)
        said = f"scheduled, lifted and compiled one by one: {each:.2f} s each, {SAMPLE} of {n}"
        yield Row.at_most(f"{machine}: {n} placements of {LINE} scored (CPU s)", spent, said, 60)
        yield Row.at_least(f"{machine}: scoring all (ratio)", n * each / spent, said, 20)
        yield Row.at_most(f"{machine}: distance of the scores", furthest, said, 1e-12)
        for steps in LENGTHS:
            errors, own = _judged(architecture, machine, found, unseen(architecture, steps))
            ratio, best = own / min(errors.values()), min(errors.values())
            said = f"64 sequences at weights of their own; the best of {n} for those: {best:.4f}"
            what = f"{machine}: the chosen one on unseen sequences of {steps} steps (ratio)"
            yield Row.at_most(what, ratio, said, 1.05)


def unseen(architecture: Architecture, steps: int, n: int = 64) -> Probe:
    """Return sequences that no placement was chosen by, half of them with small weights."""
    generator = np.random.default_rng([steps, 4711])
    uniform = generator.uniform(-np.pi, np.pi, (n // 2, architecture.n_weights))
    normal = generator.normal(0, 0.7, (n - n // 2, architecture.n_weights))
    features = generator.uniform(-np.pi, np.pi, (n, steps, architecture.n_features))
    return Probe(np.concatenate([uniform, normal]), features)


def _judged(
    architecture: Architecture, machine: str, found: Placements, probe: Probe
) -> tuple[dict[tuple[int, ...], float], float]:
    """Return the error of every placement on other sequences, and that of the chosen one."""
    other = score_placements(architecture, snapshot(machine), seed=7, probe=probe)
    errors = {one.qubits: one.error for one in (*other.ranked, other.level_3)}
    return errors, errors[found.best.qubits]


def _one_by_one(architecture: Architecture, machine: str) -> tuple[float, float]:
    """Return the seconds that one placement takes by itself, and how far scores are apart."""
    probe = Probe.random(architecture)
    found = score_placements(architecture, snapshot(machine), seed=7, probe=probe)
    places = np.linspace(0, len(found.ranked) - 1, SAMPLE).astype(int)
    spent, furthest = [], 0.0
    for place in places:
        start = time.process_time()
        step = found.step(found.ranked[place])
        model = sequence_model(step, DeviceNoise(step.snapshot))
        laws = _laws(model, probe)
        spent.append(time.process_time() - start)
        error = total_variation(laws, _laws(sequence_model(step, None), probe)).mean()
        furthest = max(furthest, abs(float(error) - found.ranked[place].error))
    return float(np.median(spent)), furthest


def _laws(model: SequenceModel, probe: Probe) -> NDArray[np.float64]:
    @jax.jit
    def laws(weights: jax.Array, features: jax.Array, lengths: jax.Array) -> jax.Array:
        def one(w: jax.Array, x: jax.Array, length: jax.Array) -> jax.Array:
            return model.distributions(w, x[None], length[None])[0]

        return jax.vmap(one)(weights, features, lengths)

    return np.asarray(laws(*probe.arguments))


def against_level_3() -> Iterator[Row]:
    """The chosen placement beside the transpiler's, on sequences that it was not chosen by."""
    ratios: dict[str, float] = {}
    gains: list[float] = []
    for name, machine in product(MODELS, MACHINES):
        architecture = sampled_or_coherent(name)
        device = snapshot(machine)
        found = score_placements(architecture, device, seed=7)
        # The two alone, beside each other.
        n = 64 if architecture.n_qubits <= 4 else 16
        forms = PlacementForms(found.routed, DeviceNoise(device))
        laws, probe = Laws(), unseen(architecture, 6, n)
        pair = [found.best.qubits, found.level_3.qubits]
        error, fidelity = np.empty(2), np.empty(2)
        for placed in forms.of(pair):
            noisy, ideal = laws.noisy(placed, probe), laws.ideal(placed.form, probe)
            error[placed.indices] = total_variation(noisy, ideal).mean(axis=1)
            fidelity[placed.indices] = outcome_fidelity(noisy, ideal).mean(axis=1)
        ratios[f"{name} on {machine}"] = float(error[1] / error[0])
        gains.append(float(100 * (fidelity[0] / fidelity[1] - 1)))
    values, worst = list(ratios.values()), min(ratios, key=ratios.__getitem__)
    said = f"level 3 of the transpiler, {len(ratios)} pairs of a model and a machine"
    yield Row.at_least("level 3's error over the chosen one's, median", _middle(values), said, 1.3)
    least = f"{said}; least for {worst}"
    yield Row.at_least("level 3's error over the chosen one's, least", min(values), least, 1.0)
    yield Row.at_least("gain in fidelity, median (%)", _middle(gains), said, 0.0)
    yield Row.at_least("gain in fidelity, largest (%)", max(gains), said, 0.0)


def sampled_or_coherent(name: str) -> Architecture:
    """Return a model in the mode in which its sequence is one circuit."""
    modes = circuits.architecture(name).modes
    return circuits.architecture(name, **({"mode": "sampled"} if len(modes) > 1 else {}))


def _middle(values: list[float]) -> float:
    return float(np.median(values))
