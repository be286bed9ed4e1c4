"""How many shots a round until the labels of a model in rounds hold still, without other noise.

The values fed back are estimated from the shots themselves, so no law in closed form gives the
labels: runs are drawn, round by round, from the exact law of each.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qrnn_hw.data.sequences import Sequences
from qrnn_hw.networks.finite_shots import sampled_outputs
from qrnn_hw.networks.trained import TrainedNetwork
from qrnn_hw.statistics.intervals import mean_interval
from qrnn_hw.studies.shots import ShotStudyPlan


@dataclass(frozen=True)
class RoundShots:
    """What runs of one number of shots give."""

    shots: int
    """Of each circuit of each round."""

    flip_rate: float
    """Share of labels, over inputs and runs, that differ from those of infinitely many shots."""

    flip_low: float
    flip_high: float
    """Student's 95 % interval over the inputs."""

    disagreement: float
    """Mean probability that two runs give an input unlike labels."""

    accuracy_mean: float
    accuracy_sd: float
    """Over the runs."""


@dataclass(frozen=True, eq=False)
class RoundStudy:
    """The curve over shots of one trained network."""

    plan: ShotStudyPlan
    infinite_shot_accuracy: float
    points: tuple[RoundShots, ...]
    flips: NDArray[np.float64]
    """Share of runs with another label, shape (inputs, shot counts)."""

    def steady_shots(self) -> int | None:
        """Return from which count on no more than `plan.delta` of the labels flip, if any."""
        steady = None
        for point in reversed(self.points):
            if point.flip_rate > self.plan.delta:
                break
            steady = point.shots
        return steady


def study_round_shots(network: TrainedNetwork, test: Sequences, plan: ShotStudyPlan) -> RoundStudy:
    """Draw `plan.n_repeats` runs at each count, all inputs and repeats side by side.

    Args:
        network: trained, of a model in rounds.
        test: the n inputs.
        plan: shot counts, repeats, the share that may flip, and the seed.
    """
    n, repeats = len(test), plan.n_repeats
    settled = network.scores(test.values, test.lengths) > 0
    many = test.take(np.tile(np.arange(n), repeats))
    points, flips = [], []
    for shots in plan.shot_counts:
        generator = np.random.default_rng([plan.seed, shots])
        drawn = sampled_outputs(network, many, shots=shots, generator=generator)
        labels = drawn.reshape(repeats, n) > 0
        of_input = (labels != settled).mean(axis=0)
        ones, right = labels.mean(axis=0), (labels == (test.targets == 1)).mean(axis=1)
        interval = mean_interval(of_input)
        points.append(
            RoundShots(
                shots,
                interval.value,
                max(0.0, interval.low),
                min(1.0, interval.high),
                float((2 * ones * (1 - ones)).mean() * repeats / (repeats - 1)),
                float(right.mean()),
                float(right.std(ddof=1)),
            )
        )
        flips.append(of_input)
    accuracy = float((settled == (test.targets == 1)).mean())
    return RoundStudy(plan, accuracy, tuple(points), np.stack(flips, axis=1))


def rows_of(study: RoundStudy, test: Sequences) -> list[dict[str, Any]]:
    """Return one line for each input and count, as `rows.csv` holds them."""
    return [
        {
            "input_id": i,
            "label": int(test.known_targets[i]),
            "shots": shots,
            "flip_rate": float(flip),
        }
        for i, flips in enumerate(study.flips)
        for shots, flip in zip(study.plan.shot_counts, flips, strict=True)
    ]
