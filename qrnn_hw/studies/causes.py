"""Why a label flips: shots, training seed, a small change of the input, drift; each apart.

Everything but the repeats is exact. The label that others are held against is that of infinitely
many shots, from the model as trained, under the calibration that it was trained on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from calibration.snapshot import Snapshot
from jobs.counted import counted
from jobs.transpile.lifted_step import sequence_model
from qrnn_hw.data.sequences import Sequences
from qrnn_hw.errors import UsageError
from qrnn_hw.experiment.exact import exact_distributions
from qrnn_hw.experiment.one_circuit import other_noises
from qrnn_hw.experiment.pipeline import train
from qrnn_hw.experiment.progress import Progress
from qrnn_hw.networks.trained import TrainedNetwork
from qrnn_hw.statistics.cause_split import cause_split
from qrnn_hw.statistics.decisions import (
    DecisionRule,
    distributions,
    flip_probabilities,
    infinite_shot_labels,
)
from qrnn_hw.statistics.intervals import Interval, mean_share, share_over_levels
from qrnn_hw.statistics.variance_split import VarianceComponent
from qrnn_hw.studies.trained import TrainedModel

Array = NDArray[np.float64]

BY_INPUTS = "BCa over inputs; Wilson where all agree"
NOT_VARIED = {
    "seed": "give --training-seeds 5 to train as many models",
    "drift": "give --snapshots with other calibrations of the device, from calibrate snapshot",
    "jitter": "give --jitter above 0",
}


@dataclass(frozen=True)
class CausePlan:
    """How far each cause is varied."""

    shots: int = 1000
    n_training_seeds: int = 1
    """Models trained, the one under study included; 1 does not vary the seed."""

    jitter: float = 0.02
    """Standard deviation of the change of each coordinate of a word vector, in units of the root
    mean square of all coordinates; 0 does not vary the input."""

    n_jitters: int = 5
    n_repeats: int = 10
    seed: int = 0

    def __post_init__(self) -> None:
        """Check the ranges."""
        if min(self.shots, self.n_training_seeds, self.n_jitters) < 1 or self.n_repeats < 2:
            raise UsageError(
                "a split by cause needs a shot, a training seed, a jitter and two repeats or more. "
                f"Got {self.shots}, {self.n_training_seeds}, {self.n_jitters}, {self.n_repeats}."
            )
        if not 0 <= self.jitter < float("inf"):
            raise UsageError(f"jitter should be finite and at least 0. Got {self.jitter}.")


@dataclass(frozen=True)
class CauseFlips:
    """The share of labels that one cause alone changes."""

    cause: str
    rate: Interval
    n_levels: int
    """Other seeds, calibrations or jitters that were tried; 0 for shots, whose law is exact."""

    method: str


@dataclass(frozen=True)
class CauseStudy:
    """What each cause does by itself, and its part in the variance of the score."""

    plan: CausePlan
    taken: tuple[str, ...]
    """When the calibrations were taken, that of the training first."""

    flips: tuple[CauseFlips, ...]
    split: tuple[VarianceComponent, ...]
    not_varied: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return all fields as a JSON object, with the remedy for each cause not varied."""
        missing = {name: NOT_VARIED[name] for name in self.not_varied}
        return asdict(self) | {"not_varied": missing}


def study_causes(
    model: TrainedModel,
    plan: CausePlan,
    *,
    snapshots: Sequence[Snapshot] = (),
    folder: Path,
    progress: Progress,
) -> CauseStudy:
    """Vary each cause of a flip by itself, and all together for the split of the variance.

    Args:
        model: trained, with the inputs to ask about.
        plan: how far each cause is varied.
        snapshots: other calibrations of the whole device.
        folder: where models of other training seeds are kept, each in a folder of its own.
        progress: told of each training.

    Raises:
        QRNNError, CalibrationError: as the main job; a snapshot that lacks the model's qubits.
    """
    networks = [model.trained, *_retrained(model, plan.n_training_seeds, folder, progress)]
    own = model.prepared.circuit.noise
    days = [own.snapshot, *(noise.snapshot for noise in other_noises(own, snapshots))]
    progress.stage(
        f"{counted(len(days), 'calibration')} x {counted(len(networks), 'seed')} x "
        f"{counted(plan.n_jitters, 'jitter')}"
    )
    clean, jittered = _tables(model, networks, days, plan)
    rules = [_rule(one) for one in networks]
    missing = {"drift": len(days) == 1, "seed": len(networks) == 1, "jitter": plan.jitter == 0}
    return CauseStudy(
        plan,
        tuple(day.taken for day in days),
        tuple(_flips(clean, jittered, rules, plan)),
        tuple(cause_split(_scores(jittered, rules, plan))),
        tuple(name for name, is_missing in missing.items() if is_missing),
    )


def _retrained(
    model: TrainedModel, n_seeds: int, folder: Path, progress: Progress
) -> list[TrainedNetwork]:
    """Train the same network on the same rows with other seeds, or read the checkpoints."""
    settings, found = model.prepared.settings, []
    for seed in range(settings.seeds["training"] + 1, settings.seeds["training"] + n_seeds):
        output = folder / "seeds" / str(seed)
        other = replace(settings, training_seed=seed, output=output)
        progress.stage(f"training with seed {seed}")
        retrained = model.prepared.told(other)
        found.append(retrained.training.trained(train(retrained, progress)))
    return found


def _rule(trained: TrainedNetwork) -> DecisionRule:
    """Return the decision with its largest weight at 1: seeds differ in scale, labels do not."""
    decision = trained.decision
    return DecisionRule(tuple((decision / np.abs(decision).max()).tolist()))


def _tables(
    model: TrainedModel,
    networks: Sequence[TrainedNetwork],
    days: Sequence[Snapshot],
    plan: CausePlan,
) -> tuple[Array, Array]:
    """Return distributions of shape (days, seeds, n, 2**m), and with jitters after seeds."""
    generator = np.random.default_rng([plan.seed, 4])
    n_jitters = plan.n_jitters if plan.jitter else 1
    n, clean, jittered = len(model.test), [], []
    for day in days:
        engine = model.prepared.circuit.noisy
        if day is not days[0]:
            noise = replace(model.prepared.circuit.noise, snapshot=day)
            engine = sequence_model(model.prepared.circuit.transpiled, noise)
        for one in networks:
            # Jitters are drawn anew for every model and day: they are nested under these.
            asked = _with_jitters(model.test, plan.jitter, n_jitters, generator)
            table = exact_distributions(engine, one.encoded(asked))
            rows = distributions(table, _rule(one)).reshape(n_jitters + 1, n, -1)
            clean.append(rows[0])
            jittered.append(rows[1:])
    shape = (len(days), len(networks))
    return (
        np.stack(clean).reshape(*shape, *clean[0].shape),
        np.stack(jittered).reshape(*shape, *jittered[0].shape),
    )


def _with_jitters(
    sequences: Sequences, jitter: float, n_jitters: int, generator: np.random.Generator
) -> Sequences:
    """Return the sequences as they are, then so many times with every word vector changed."""
    values = sequences.values
    words = np.arange(values.shape[1]) < sequences.lengths[:, None]
    size = float(np.sqrt((values[words] ** 2).mean()))
    changes = generator.normal(0.0, jitter * size, (n_jitters, *values.shape))
    changes *= words[None, :, :, None]
    every = np.concatenate([values[None], values + changes]).reshape(-1, *values.shape[1:])
    times = n_jitters + 1
    targets = np.tile(sequences.known_targets, times)
    return Sequences(every, np.tile(sequences.lengths, times), targets)


def _flips(
    clean: Array, jittered: Array, rules: Sequence[DecisionRule], plan: CausePlan
) -> list[CauseFlips]:
    base = infinite_shot_labels(clean[0, 0], rules[0])
    by_shots = flip_probabilities(clean[0, 0], rules[0], plan.shots)
    found = [CauseFlips("shots", mean_share(by_shots, seed=plan.seed), 0, BY_INPUTS)]
    others = [infinite_shot_labels(p, r) for p, r in zip(clean[0], rules, strict=True)][1:]
    if others:
        found.append(_over_levels("seed", np.stack(others) != base))
    if plan.jitter:
        changed = np.stack([infinite_shot_labels(p, rules[0]) for p in jittered[0, 0]]) != base
        rate = mean_share(changed.mean(axis=0), seed=plan.seed)
        found.append(CauseFlips("jitter", rate, len(changed), BY_INPUTS))
    if len(clean) > 1:
        days = np.stack([infinite_shot_labels(day[0], rules[0]) for day in clean[1:]])
        found.append(_over_levels("drift", days != base))
    return found


def _over_levels(cause: str, changed: NDArray[np.bool_]) -> CauseFlips:
    """Return the mean over seeds or days; `changed` has the shape (levels, inputs)."""
    by = "Wilson over inputs, one level"
    if len(changed) > 1:
        by = "wider of Student over levels, Wilson over inputs"
    return CauseFlips(cause, share_over_levels(changed), len(changed), by)


def _scores(jittered: Array, rules: Sequence[DecisionRule], plan: CausePlan) -> Array:
    """Draw the repeats; shape (inputs, days, seeds, jitters, repeats)."""
    generator = np.random.default_rng([plan.seed, 5])
    n_days, n_seeds, n_jitters, n, _ = jittered.shape
    scores = np.empty((n, n_days, n_seeds, n_jitters, plan.n_repeats))
    for day in range(n_days):
        for seed, rule in enumerate(rules):
            p = np.repeat(jittered[day, seed][..., None, :], plan.n_repeats, axis=-2)
            counts = generator.multinomial(plan.shots, p)  # (jitters, n, repeats, 2**m)
            values = counts @ rule.steps / plan.shots
            scores[:, day, seed] = values.transpose(1, 0, 2)
    return scores
