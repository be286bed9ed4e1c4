"""What a run found, in plain words: how good, against what, and how still it holds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qrnn_hw.data.target import Classes
from qrnn_hw.experiment.evaluation import Evaluation
from qrnn_hw.experiment.outcome import Outcome
from qrnn_hw.experiment.quality import Judge
from qrnn_hw.experiment.tiled import TiledEvaluation
from qrnn_hw.report.labels import between, label
from qrnn_hw.report.trust_blocks import trust_findings
from qrnn_hw.statistics.comparison import holm, mcnemar

SIGNIFICANT = 0.05
UNSTABLE = 0.05
"""A prediction that flips more often than this does not hold still."""


def run_findings(outcome: Outcome) -> list[str]:
    """Say in plain words what a run found."""
    first, *others = (stack.name for stack in outcome.stacks)
    how = "" if first == "none" else f" under {first}"
    named = "the raw shots" if first == "none" else first
    stacks = [(label(name), outcome.predictions[name]) for name in others]
    controls = [(one.name, outcome.judge.given(one.predictions)) for one in outcome.controls]
    said = [
        f"Under the noise of {outcome.prepared.machine.name}, with {_shots(outcome)}{how}, the "
        f"network {_told(outcome, first)}; without noise and with infinite shots it "
        f"{_told(outcome, 'ideal')}. {_unlike(outcome, first)}"
    ]
    said += _one_label(outcome.judge, outcome.predictions[first])
    said += [] if outcome.direct is None else [str(outcome.direct)]
    if stacks:
        said.append("At the same total shots, " + _compared(outcome, stacks, named))
    said.append("On the same rows, " + _compared(outcome, controls, "the network"))
    if outcome.answers and outcome.judge.is_one_score:
        said += trust_findings(outcome.answers)
    said += [f"Assumed: {line}." for line in outcome.assumptions]
    if outcome.flip_rate:
        said.append(_stable(outcome))
    if outcome.half_width:
        shots, width = outcome.settings.shots, _width_at(outcome)
        said.append(
            f"With {shots:,} shots a raw number is known to {width:.3g} either way (95 %, mean "
            f"over the rows); half of that takes {4 * shots:,}."
        )
    said.append(
        "The whole evaluation would take about "
        f"{outcome.estimate.best_seconds:.0f} s of QPU time on the machine."
    )
    return said


def _told(outcome: Outcome, name: str) -> str:
    """Say how good one set of answers is."""
    found = outcome.quality
    each = "every step of " if outcome.judge.target.per_step else ""
    if one := found.get("accuracy", {}).get(name):
        whose = f"of the steps of {one.n} unseen rows" if each else f"of {one.n} unseen rows"
        return (
            f"labels {one.value:.1%} {whose} rightly (95 % interval {one.low:.1%} to "
            f"{one.high:.1%})"
        )
    if one := found.get("nrmse", {}).get(name):
        whose = f"the numbers at {each}{one.n} unseen rows" if each else f"{one.n} unseen numbers"
        return (
            f"misses {whose} by {one.value:.3f} of their standard deviation (NRMSE, "
            f"95 % interval: {between(one.low, one.high)})"
        )
    return "answers too few rows, or constant ones, for a measure"


def _one_label(judge: Judge, answers: NDArray[Any]) -> list[str]:
    """Say where all rows get one label: such a network has learnt nothing that labels show."""
    found, rights = np.unique(answers), np.unique(judge.wanted)
    if not isinstance(judge.target, Classes) or len(found) != 1 or len(rights) < 2:
        return []
    return [
        f"All {len(answers):,} rows get one label, {judge.target.names[int(found[0])]!r}, right or "
        "not: the network does not tell them apart. Training for longer, or another model, may."
    ]


def _unlike(outcome: Outcome, name: str) -> str:
    value = outcome.judge.unlike(outcome.predictions[name], outcome.predictions["ideal"])
    if isinstance(outcome.judge.target, Classes):
        return f"{value:.1%} of the labels differ from those."
    return f"The numbers are {value:.3f} standard deviations from those on average."


def _shots(outcome: Outcome) -> str:
    shots = outcome.settings.shots
    if isinstance(outcome.plan.evaluation, Evaluation | TiledEvaluation):
        return f"{shots:,} shots each"
    return (
        f"{shots:,} shots of each circuit in each round, "
        f"{outcome.shots_per_prediction:,.0f} per prediction"
    )


def _width_at(outcome: Outcome) -> float:
    return outcome.half_width[1] / math.sqrt(outcome.settings.shots)


def _stable(outcome: Outcome) -> str:
    flips = outcome.flip_rate
    enough = [s for s in flips if all(rate < UNSTABLE for t, rate in flips.items() if t >= s)]
    if not enough:
        return f"Even at {max(flips):,} shots {UNSTABLE:.0%} of raw predictions or more still flip."
    return (
        f"From {enough[0]:,} shots on, fewer than {UNSTABLE:.0%} of the raw predictions of these "
        f"{len(outcome.test)} rows differ from the infinite-shot ones."
    )


def _compared(outcome: Outcome, others: Sequence[tuple[str, NDArray[Any]]], reference: str) -> str:
    """Say of each other set of answers whether it is shown to differ from the first stack's."""
    first, judge = outcome.predictions[outcome.stacks[0].name], outcome.judge
    answers = [one for _, one in others]
    if isinstance(judge.target, Classes) and not judge.target.per_step:
        verdicts = _labels_compared(first, answers, judge.wanted)
    else:
        verdicts = _by_intervals(first, answers, judge)
    told = (f"{name} {verdict}" for (name, _), verdict in zip(others, verdicts, strict=True))
    return f"against {reference}: {'; '.join(told)}."


def _labels_compared(
    first: NDArray[Any], others: Sequence[NDArray[Any]], wanted: NDArray[Any]
) -> list[str]:
    """Compare by McNemar's exact test on the same rows, adjusted by Holm for their number."""
    network = first == wanted
    p_values = holm([mcnemar(network, one == wanted).p_value for one in others])
    said = []
    for one, p in zip(others, p_values, strict=True):
        gain = float((one == wanted).mean() - network.mean())
        verdict = "no difference shown"
        if p <= SIGNIFICANT:
            verdict = "better" if gain > 0 else "worse"
        said.append(f"{gain * 100:+.1f} points ({verdict}, p = {p:.2f})")
    return said


def _by_intervals(first: NDArray[Any], others: Sequence[NDArray[Any]], judge: Judge) -> list[str]:
    """Compare by the bootstrap interval of the difference on the same rows, of whole sequences."""
    said, of_labels = [], isinstance(judge.target, Classes)
    for one in others:
        found = judge.difference(one, first)
        if found is None:
            said.append("cannot be compared on so few rows, or constant ones")
            continue
        verdict = "no difference shown"
        if found.high < 0 or found.low > 0:
            verdict = "better" if (found.value > 0) == of_labels else "worse"
        interval = f"{found.low:+.3f} to {found.high:+.3f}"
        what = "accuracy" if of_labels else "NRMSE"
        said.append(f"{found.value:+.3f} in {what} ({verdict}, 95 % interval {interval})")
    return said
