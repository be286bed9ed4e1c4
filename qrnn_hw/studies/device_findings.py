"""What repeats on a machine say: scatter, flips, disagreement, and whether it drifted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qrnn_hw.data.target import Classes
from qrnn_hw.experiment.quality import Judge, to_json
from qrnn_hw.mitigation.answer import Answer
from qrnn_hw.mitigation.combining import ROUNDING
from qrnn_hw.statistics.certificates import MACHINE
from qrnn_hw.statistics.drift import mean_design_effect
from qrnn_hw.statistics.intervals import mean_interval, mean_share
from qrnn_hw.studies.device import RoundMeasurement
from qrnn_hw.studies.round_sums import RoundSums, answered, differing, means_of, pairs_of
from qrnn_hw.studies.trained import TrainedModel

SURE = 0.95
"""With which each answer of the machine's own is certified."""

Array = NDArray[np.float64]


def summarise_rounds(
    model: TrainedModel, measured: Sequence[RoundMeasurement]
) -> list[dict[str, Any]]:
    """Return one record for each number of shots that has a round.

    Flips are held against the infinite-shot label of the exact engine under the calibration of the
    first day, disagreement is that of two rounds, and drift the design effect: by what factor the
    rounds' mean outputs scatter more than shots alone explain. Of numbers the distance to the exact
    ones and the half-width of 95 % of the rounds stand in place of flips and disagreement, both in
    deviations of the target. Accuracy has the wider of Student over rounds and Wilson over inputs,
    other measures that of Student and a bootstrap over inputs; flips and disagreement a BCa
    bootstrap over inputs, or Wilson's interval where all inputs agree. Labels are certified as this
    machine's own by all rounds together, unless these disagree; of the noiseless labels a study of
    repeats says nothing.
    """
    return [
        _record(model, shots, [one.sums for one in measured if one.shots == shots])
        for shots in sorted({one.shots for one in measured})
    ]


def _record(model: TrainedModel, shots: int, rounds: Sequence[RoundSums]) -> dict[str, Any]:
    judge = model.judge
    answers = np.stack([judge.answers(answered([one]).value) for one in rounds])
    exact = judge.answers(model.noisy_law.outputs)
    each = [judge.measured(one) for one in answers]
    record: dict[str, Any] = {
        "shots": shots,
        "rounds": len(rounds),
        "n_inputs": len(model.test),
        "n_answers": int(judge.counts.sum()),
        "by_round": {name: [one[name] for one in each] for name in judge.measures},
        **dict.fromkeys(judge.measures),
        **to_json(judge.over_rounds(answers)),
    }
    if isinstance(judge.target, Classes):
        record |= {"accuracies": record["by_round"]["accuracy"]}
        record |= _labels(judge.target, judge, answers, exact)
    else:
        record |= _numbers(judge, answers, exact)
    if len(rounds) == 1:
        return record | {"drift": None, "certified": None}
    sums = means_of(rounds)
    pooled = sums.over(0)
    largest = np.maximum(pooled.low**2, pooled.high**2)
    moves = bool((pooled.variance > ROUNDING * largest).any())
    effect = mean_design_effect(sums.shots, sums.total, sums.squares) if moves else None
    return record | {
        "drift": None if effect is None else effect.to_json(),
        "certified": _certified(judge, rounds),
    }


def _labels(
    target: Classes, judge: Judge, answers: NDArray[Any], exact: NDArray[Any]
) -> dict[str, Any]:
    """Return how often rounds differ from the exact labels, and from each other."""
    n = len(answers)
    flipped = judge.per_row((answers != exact).mean(axis=0))
    found: dict[str, Any] = {"flip_rate": mean_share(flipped, seed=0).to_json()}
    if n == 1:
        return found | {"disagreement": None}
    times = np.stack([(answers == a).sum(axis=0) for a in range(len(target.names))])
    pairs = judge.per_row(1 - (times * (times - 1)).sum(axis=0) / (n * (n - 1)))
    return found | {"disagreement": mean_share(pairs, seed=0).to_json()}


def _numbers(judge: Judge, answers: NDArray[Any], exact: NDArray[Any]) -> dict[str, Any]:
    """Return how far rounds are from the exact numbers, and from each other, in deviations."""
    apart = (np.abs(answers - exact) * judge.worth).mean(axis=(0, -1))
    found: dict[str, Any] = {"distance": mean_interval(judge.per_row(apart)).to_json()}
    if len(answers) == 1:
        return found | {"half_width": None}
    wide = (1.96 * answers.std(axis=0, ddof=1) * judge.worth).mean(axis=-1)
    return found | {"half_width": mean_interval(judge.per_row(wide)).to_json()}


def _certified(judge: Judge, rounds: Sequence[RoundSums]) -> dict[str, Any]:
    """Return how many answers are this machine's own with 95 % each; none while rounds disagree.

    A label of K classes stands where every rival is passed, each with an error of so much over
    K - 1. Of numbers it is how wide their 95 % interval is, in deviations of the target.
    """
    found = answered(rounds)
    assert found.repeated is not None
    told = {"what": MACHINE, **found.repeated.to_json()}
    if not isinstance(judge.target, Classes):
        half = found.repeated.half_width(SURE)[judge.counts] * judge.unit
        width = None if found.repeated.disagree else float(half.mean())
        return {**told, "what": "this machine's own mean", "half_width": width}
    sure = _leads(judge, found, rounds)[judge.counts]
    return {**told, "share": None if found.repeated.disagree else float(sure.mean())}


def _leads(judge: Judge, found: Answer, rounds: Sequence[RoundSums]) -> NDArray[np.bool_]:
    """Tell which labels are proved, shape (n, [T])."""
    if judge.target.n_outputs == 1:
        assert found.repeated is not None
        return np.asarray(np.abs(found.value) > found.repeated.half_width(SURE))[..., 0]
    apart = differing(rounds)
    assert apart.repeated is not None
    half = apart.repeated.half_width(1 - (1 - SURE) / (judge.target.n_outputs - 1))
    own = found.value.argmax(axis=-1)
    proved = np.ones(own.shape, dtype=bool)
    for place, (a, b) in enumerate(pairs_of(rounds[0].head)):
        proved &= (own != a) | (apart.value[..., place] > half[..., place])
        proved &= (own != b) | (-apart.value[..., place] > half[..., place])
    return proved
