"""What repeats on a machine say: scatter, flips, disagreement, and whether it drifted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from qrnn_hw.statistics.certificates import MACHINE
from qrnn_hw.statistics.decisions import infinite_shot_labels
from qrnn_hw.statistics.drift import set_design_effect
from qrnn_hw.statistics.intervals import mean_share, share_over_levels
from qrnn_hw.statistics.repetitions import Repeated, repeated_scores
from qrnn_hw.studies.device import Measurement
from qrnn_hw.studies.trained import TrainedModel


def summarise_rounds(model: TrainedModel, measured: Sequence[Measurement]) -> list[dict[str, Any]]:
    """Return one record for each number of shots that has a round.

    Flips are held against the infinite-shot label of the exact engine under the calibration of the
    first day, disagreement is that of two rounds, and drift the design effect: by what factor the
    rounds' mean score scatters more than shots alone explain. Accuracy has the wider of
    Student over rounds and Wilson over inputs; flips and disagreement a BCa bootstrap over inputs,
    or Wilson's interval where all inputs agree. Labels are certified as this machine's own by all
    rounds together, unless these disagree; of the noiseless labels a study of repeats says nothing.
    """
    return [
        _record(model, shots, [one for one in measured if one.shots == shots])
        for shots in sorted({one.shots for one in measured})
    ]


def _record(model: TrainedModel, shots: int, rounds: Sequence[Measurement]) -> dict[str, Any]:
    counts = np.stack([one.counts for one in rounds])  # (rounds, n, 2**m)
    labels = counts @ model.rule.steps / shots > 0
    right = labels == (model.test.targets == 1)
    flipped = labels != infinite_shot_labels(model.noisy, model.rule)
    record: dict[str, Any] = {
        "shots": shots,
        "rounds": len(rounds),
        "n_inputs": len(model.test),
        "accuracies": right.mean(axis=1).tolist(),
        "flip_rate": mean_share(flipped.mean(axis=0), seed=0).to_json(),
    }
    record["accuracy"] = share_over_levels(right).to_json()
    if len(rounds) == 1:
        return record | {"disagreement": None, "drift": None, "certified": None}
    ones = labels.mean(axis=0)
    pairs = 2 * ones * (1 - ones) * len(rounds) / (len(rounds) - 1)
    moves = bool((counts.sum(axis=(0, 1)) > 0).sum() > 1)
    return record | {
        "disagreement": mean_share(pairs, seed=0).to_json(),
        "drift": set_design_effect(counts, model.decision).to_json() if moves else None,
        "certified": _certified(repeated_scores(counts, model.rule.steps)),
    }


def _certified(found: Repeated) -> dict[str, Any]:
    """Return how many labels are this machine's own with 95 % each; none while rounds disagree."""
    sure = np.abs(found.value) > found.half_width()
    share = None if found.disagree else float(sure.mean())
    return {"what": MACHINE, "share": share, **found.to_json()}
