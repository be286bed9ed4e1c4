"""Placements scored by the exact engine, beside compiling each and beside level 3's choice."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
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
from jobs.transpile.probe import Probe, total_variation
from jobs.transpile.scores import score_placements

MACHINES = ("fake_boston", "fake_kingston", "fake_fez", "fake_marrakesh")
LINE = "dynamic-line"
MODELS = (LINE, "v1", "v3a", "adapted", "stacked-2-final-rot", "stacked-3-minimal", "sim-v1")
"""One of each kind of the registry that a machine runs as one circuit."""

LENGTHS = (2, 4, 10, 16)
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
            halves = [unseen(architecture, steps, half=half) for half in (0, 1)]
            judged = [_errors(architecture, machine, half) for half in halves]
            what = f"{machine}: the chosen one on unseen sequences of {steps} steps (ratio)"
            ratio, lucky = over_the_best(judged, found.best.qubits)
            said = f"the best of {n} for 64 others; for the 64 that judge: {lucky:.3f}"
            yield Row.at_most(what, ratio, said, 1.05)


Errors = dict[tuple[int, ...], float]
"""Of every placement on the same sequences."""


def over_the_best(halves: Sequence[Errors], chosen: tuple[int, ...]) -> tuple[float, float]:
    """Return the error of a choice over the best's, and over that of each half's own luckiest.

    The least of hundreds of errors lies below the error that its placement has on other sequences.
    So the best is found by one half and judged by the other, each in turn (cross-fitting).
    """
    own = sum(errors[chosen] for errors in halves)
    firsts = [min(errors, key=errors.__getitem__) for errors in halves]
    other = sum(errors[best] for errors, best in zip(halves, reversed(firsts), strict=True))
    return own / other, own / sum(min(errors.values()) for errors in halves)


def unseen(architecture: Architecture, steps: int, n: int = 64, half: int = 0) -> Probe:
    """Return sequences that no placement was chosen by, half of them with small weights."""
    generator = np.random.default_rng([steps, 4711 + half])
    uniform = generator.uniform(-np.pi, np.pi, (n // 2, architecture.n_weights))
    normal = generator.normal(0, 0.7, (n - n // 2, architecture.n_weights))
    features = generator.uniform(-np.pi, np.pi, (n, steps, architecture.n_features))
    return Probe(np.concatenate([uniform, normal]), features)


def _errors(architecture: Architecture, machine: str, probe: Probe) -> Errors:
    """Return the error of every placement on other sequences."""
    other = score_placements(architecture, snapshot(machine), seed=7, probe=probe)
    return {one.qubits: one.error for one in (*other.ranked, other.level_3)}


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


@dataclass(frozen=True)
class Pair:
    """A model on a machine, judged by sequences of six steps that no choice was made by."""

    name: str
    ratio: float
    """Level 3's error over that of the chosen placement."""

    ceiling: float
    """Level 3's error over the least of all placements on these very sequences: no choice that was
    made before can have more."""

    gain: float
    """In the fidelity of the outcomes, percent."""

    @classmethod
    def of(cls, name: str, machine: str) -> Pair:
        """Choose, then score all placements on the other sequences."""
        architecture, device = sampled_or_coherent(name), snapshot(machine)
        found = score_placements(architecture, device, seed=7)
        probe = unseen(architecture, 6, 64 if architecture.n_qubits <= 4 else 16)
        other = score_placements(
            architecture, device, seed=7, probe=probe, standing=found.best.qubits
        )
        level_3, own = other.level_3, other.standing
        return cls(
            f"{name} on {machine}",
            level_3.error / own.error,
            level_3.error / min(level_3.error, other.best.error),
            100 * (own.fidelity / level_3.fidelity - 1),
        )


def against_level_3() -> Iterator[Row]:
    """The chosen placement beside the transpiler's, and beside the best that there is."""
    yield from rows_of([Pair.of(name, machine) for name, machine in product(MODELS, MACHINES)])


def rows_of(pairs: Sequence[Pair]) -> Iterator[Row]:
    """Yield the rows of all pairs."""
    ratios, ceilings = [one.ratio for one in pairs], [one.ceiling for one in pairs]
    gains, worst = [one.gain for one in pairs], min(pairs, key=lambda one: one.ratio)
    said = f"level 3 of the transpiler, {len(pairs)} pairs of a model and a machine"
    most = f"{said}; the best of all placements gives {_middle(ceilings):.3f}"
    yield Row.at_least("level 3's error over the chosen one's, median", _middle(ratios), most, 1.3)
    reached = f"{said}; on the sequences that it is the best on, so that no choice has more"
    what = "level 3's error over that of the best of all placements, median"
    yield Row.at_least(what, _middle(ceilings), reached, 1.3)
    lost = [one.ceiling / one.ratio for one in pairs]
    what = "the chosen one's error over that of the best of all placements, median"
    yield Row.at_most(what, _middle(lost), said, 1.05)
    least = f"{said}; least for {worst.name}"
    yield Row.at_least("level 3's error over the chosen one's, least", worst.ratio, least, 1.0)
    yield Row.at_least("gain in fidelity, median (%)", _middle(gains), said, 0.0)
    yield Row.at_least("gain in fidelity, largest (%)", max(gains), said, 0.0)


def sampled_or_coherent(name: str) -> Architecture:
    """Return a model in the mode in which its sequence is one circuit."""
    modes = circuits.architecture(name).modes
    return circuits.architecture(name, **({"mode": "sampled"} if len(modes) > 1 else {}))


def _middle(values: list[float]) -> float:
    return float(np.median(values))
