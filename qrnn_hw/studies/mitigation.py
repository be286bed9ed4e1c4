"""What mitigation pays: one cell is one stack at one budget of shots, all stacks spend the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jobs.cost import qpu_seconds
from jobs.spec import Pub
from qrnn_hw.data.target import Classes
from qrnn_hw.errors import UsageError
from qrnn_hw.experiment.exact import exact_distributions
from qrnn_hw.mitigation.folding import fold
from qrnn_hw.mitigation.stack import Stack, share_shots, terms
from qrnn_hw.mitigation.stack_names import parse_stack
from qrnn_hw.mitigation.threshold import fit_threshold
from qrnn_hw.predict import sentence_pubs
from qrnn_hw.statistics.intervals import mean_interval
from qrnn_hw.studies.grid import Scalar
from qrnn_hw.studies.model_cache import TRAINING, model_of
from qrnn_hw.studies.stack_draws import drawn_outputs, readout_circuits_of
from qrnn_hw.studies.trained import TrainedModel

Array = NDArray[np.float64]

THRESHOLD = "threshold"
"""Spends its shots as `none` does, and moves the decision threshold instead of the scores: to where
the exact noisy scores of the validation sentences are best divided."""

DEFAULTS: dict[str, Scalar] = TRAINING | {
    "stack": "none",
    "shots": 1000,
    "calibration_share": 0.1,
    "repeats": 30,
}
"""Parameters of a cell. `shots` is the budget of one prediction, whatever the stack does with it;
`calibration_share` of all shots goes to the readout circuits where the stack has any."""


def mitigation_cell(parameters: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Repeat one evaluation with one stack and hold it against the model without noise.

    Repeats are draws from exact distributions, those of the folded circuits and of the readout
    calibration included; each repeat has a calibration of its own.

    Args:
        parameters: values of all `DEFAULTS`.
        folder: of the study, for the trained models.

    Returns:
        Root mean square error of the outputs against the ideal ones, numbers in their own units,
        its part that more shots do not remove (`bias`), the threshold, accuracy (of numbers NRMSE
        and R2) over repeats with Student's interval, the share of labels unlike the ideal
        infinite-shot ones (`flips`) and the disagreement of two repeats, or of numbers the mean
        distance to the ideal ones and the half-width of 95 % of the repeats, both in deviations of
        the target; and the QPU seconds of one evaluation.

    Raises:
        UsageError: an unknown stack, too few repeats, or too few shots to divide.
    """
    n_repeats, is_moved = parameters["repeats"], parameters["stack"] == THRESHOLD
    stack = _stack("none" if is_moved else parameters["stack"])
    if n_repeats < 2:
        raise UsageError(f"a stack should be run twice or more. Got {n_repeats} repeats.")
    model = model_of(parameters, folder)
    n_circuits = len(readout_circuits_of(model).circuits)
    share = parameters["calibration_share"]
    shots = _divide(stack, parameters["shots"], len(model.test), share, n_circuits)
    if is_moved and not model.is_one_score:
        raise UsageError(
            "a threshold should be moved for one score of the outcome alone. Got several classes, "
            "numbers, or a head on every step; choose another stack."
        )
    # The seed leaves the stack out: all stacks see the same raw shots where they use them.
    generator = np.random.default_rng([parameters["seed"], parameters["shots"]])
    outputs = np.stack(
        [
            drawn_outputs(model, stack, shots.circuits, shots.calibration, generator)
            for _ in range(n_repeats)
        ]
    )
    moved = _threshold(model) if is_moved else 0.0
    return {
        **_closeness(model, outputs),
        "threshold": moved,
        **_goodness(model, outputs - moved),
        "n_inputs": len(model.test),
        "n_repeats": n_repeats,
        "total_shots": shots.total(len(model.test)),
        "qpu_seconds": _qpu_seconds(stack, model, shots),
    }


def _closeness(model: TrainedModel, outputs: Array) -> dict[str, float]:
    """Return how far repeats (B, n, ..., k) are from the outputs without noise; numbers in units.

    The mean over repeats still has the variance of one repeat over their number.
    """
    judge = model.judge
    apart = (judge.numbers(outputs) - judge.numbers(model.ideal_law.outputs))[:, judge.counts]
    bias = (apart.mean(axis=0) ** 2 - apart.var(axis=0, ddof=1) / len(apart)).mean()
    return {"rmse": float(np.sqrt((apart**2).mean())), "bias": float(np.sqrt(max(0.0, bias)))}


def _goodness(model: TrainedModel, outputs: Array) -> dict[str, float]:
    """Return the quality over repeats, and how they differ from the ideal and from each other."""
    judge = model.judge
    answers = [judge.answers(one) for one in outputs]
    ideal = judge.answers(model.ideal_law.outputs)
    found: dict[str, float] = {}
    for name in judge.measures:
        values = [judge.measured(one)[name] for one in answers]
        interval = mean_interval(np.array(values))
        low, high = interval.low, interval.high
        if name == "accuracy":
            low, high = max(0.0, low), min(1.0, high)
        found |= {name: interval.value, f"{name}_low": low, f"{name}_high": high}
    unlike = float(np.mean([judge.unlike(one, ideal) for one in answers]))
    if not isinstance(judge.target, Classes):
        spread = np.stack(answers)[:, judge.counts].std(axis=0, ddof=1).mean(axis=0)
        return found | {
            "distance": unlike,
            "half_width": float((1.96 * spread * judge.worth).mean()),
        }
    pairs = [judge.unlike(one, two) for one, two in combinations(answers, 2)]
    return found | {"flips": unlike, "disagreement": float(np.mean(pairs))}


def _stack(name: str) -> Stack:
    """Return the stack of a name.

    Raises:
        UsageError: it is no stack's, or has circuits that are not drawn from here.
    """
    stack = parse_stack(name)
    if stack.feed_forward != "none" or stack.twirls:
        raise UsageError(
            "a study of mitigation draws from the exact distributions of folded circuits. Got "
            f"{stack.name}, which relabels or twirls; `qrnn-hw run --plan` runs it."
        )
    return stack


def _threshold(model: TrainedModel) -> float:
    prepared = model.prepared
    validation = prepared.task.validation
    read = exact_distributions(prepared.circuit.noisy, model.trained.encoded(validation))
    return fit_threshold(read @ model.decision, validation.known_targets)


@dataclass(frozen=True)
class _Shots:
    """How one evaluation spends its budget."""

    calibration: int
    """Of each readout circuit."""

    circuits: tuple[int, ...]
    """Of each sentence in each circuit of the stack."""

    n_circuits: int
    """Readout circuits."""

    def total(self, n_sentences: int) -> int:
        return self.n_circuits * self.calibration + n_sentences * sum(self.circuits)


def _divide(
    stack: Stack, shots: int, n_sentences: int, calibration_share: float, n_circuits: int
) -> _Shots:
    whole = calibration_share * shots * n_sentences
    calibration = round(whole / n_circuits) if stack.terminal else 0
    left = (shots * n_sentences - n_circuits * calibration) // n_sentences
    if left < 8 or (stack.terminal and calibration < 8):
        raise UsageError(
            "a budget should leave 8 shots or more to each circuit. "
            f"Got {shots} shots a prediction and a calibration share of {calibration_share}."
        )
    return _Shots(calibration, share_shots(left, terms(stack)), n_circuits)


def _qpu_seconds(stack: Stack, model: TrainedModel, shots: _Shots) -> float:
    transpiled = model.prepared.circuit.transpiled
    priced = partial(
        qpu_seconds,
        target=transpiled.snapshot.target(),
        rep_delay_seconds=model.prepared.machine.snapshot.rep_delay_seconds,
    )
    total = 0.0
    for term, count in zip(terms(stack), shots.circuits, strict=True):
        folded = partial(fold, scale_factor=term.scale_factor)
        sentences = sentence_pubs(transpiled, model.encoded, folded)
        total += priced(sentences.pubs, shots=count).best_seconds
    if shots.calibration:
        circuits = map(Pub.bound, readout_circuits_of(model).circuits)
        total += priced(circuits, shots=shots.calibration).best_seconds
    return total
