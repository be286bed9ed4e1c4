"""What mitigation pays: one cell is one stack at one budget of shots, all stacks spend the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from calibration.readout import readout_circuits
from jobs.cost import qpu_seconds
from jobs.spec import Pub
from jobs.transpile.lifted_step import circuit_distribution, sequence_model
from qrnn_hw.errors import UsageError
from qrnn_hw.experiment.exact import exact_distributions
from qrnn_hw.experiment.forecast import folded_step
from qrnn_hw.mitigation.folding import fold
from qrnn_hw.mitigation.readout_calibration import ReadoutCalibration, from_counts
from qrnn_hw.mitigation.stack import Stack, combine_counts, outcome_numbers, share_shots, terms
from qrnn_hw.mitigation.stack_names import parse_stack
from qrnn_hw.mitigation.threshold import fit_threshold
from qrnn_hw.predict import sentence_pubs
from qrnn_hw.statistics.decisions import margins
from qrnn_hw.statistics.intervals import mean_interval
from qrnn_hw.studies.grid import Scalar
from qrnn_hw.studies.model_cache import TRAINING, model_of
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
        Root mean square error of the scores against the ideal ones, its part that more shots do
        not remove (`bias`), the threshold, accuracy over repeats with Student's interval, the
        share of labels unlike the ideal infinite-shot ones (`flips`), the disagreement of two
        repeats, and the QPU seconds of one evaluation.

    Raises:
        UsageError: an unknown stack, too few repeats, or too few shots to divide.
    """
    n_repeats, is_moved = parameters["repeats"], parameters["stack"] == THRESHOLD
    stack = _stack("none" if is_moved else parameters["stack"])
    if n_repeats < 2:
        raise UsageError(f"a stack should be run twice or more. Got {n_repeats} repeats.")
    model = model_of(parameters, folder)
    shots = _divide(stack, parameters["shots"], len(model.test), parameters["calibration_share"])
    # The seed leaves the stack out: all stacks see the same raw shots where they use them.
    generator = np.random.default_rng([parameters["seed"], parameters["shots"]])
    scores = np.stack([_scores(stack, shots, model, generator) for _ in range(n_repeats)])
    ideal = margins(model.ideal, model.rule)
    moved = _threshold(model) if is_moved else 0.0
    labels = scores > moved
    ones = labels.mean(axis=0)
    # The mean over repeats still has the variance of one repeat over their number.
    bias = ((scores.mean(axis=0) - ideal) ** 2 - scores.var(axis=0, ddof=1) / n_repeats).mean()
    accuracy = mean_interval((labels == (model.test.targets == 1)).mean(axis=1))
    seconds = _qpu_seconds(stack, model, shots)
    return {
        "rmse": float(np.sqrt(((scores - ideal) ** 2).mean())),
        "bias": float(np.sqrt(max(0.0, bias))),
        "threshold": moved,
        "accuracy": accuracy.value,
        "accuracy_low": max(0.0, accuracy.low),
        "accuracy_high": min(1.0, accuracy.high),
        "flips": float((labels != (ideal > 0)).mean()),
        "disagreement": float((2 * ones * (1 - ones)).mean() * n_repeats / (n_repeats - 1)),
        "n_inputs": len(ideal),
        "n_repeats": n_repeats,
        "total_shots": shots.total(len(ideal)),
        "qpu_seconds": seconds,
    }


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
    """Of each of the two readout circuits."""

    circuits: tuple[int, ...]
    """Of each sentence in each circuit of the stack."""

    def total(self, n_sentences: int) -> int:
        return 2 * self.calibration + n_sentences * sum(self.circuits)


def _divide(stack: Stack, shots: int, n_sentences: int, calibration_share: float) -> _Shots:
    calibration = round(calibration_share * shots * n_sentences / 2) if stack.terminal else 0
    left = (shots * n_sentences - 2 * calibration) // n_sentences
    if left < 8 or (stack.terminal and calibration < 8):
        raise UsageError(
            "a budget should leave 8 shots or more to each circuit. "
            f"Got {shots} shots a prediction and a calibration share of {calibration_share}."
        )
    return _Shots(calibration, share_shots(left, terms(stack)))


@lru_cache(maxsize=16)
def _law(model: TrainedModel, scale_factor: float) -> Array:
    """Return the exact distributions of the sentences at a scale factor, shape (n, 2**m)."""
    transpiled, noise = model.prepared.circuit.transpiled, model.prepared.circuit.noise
    folded = folded_step(transpiled, scale_factor)
    return _probabilities(model.distributions(sequence_model(folded, noise)))


@lru_cache(maxsize=2)
def _readout_laws(model: TrainedModel) -> tuple[Array, Array]:
    """Return the exact distributions of the two readout circuits, each of shape (2**m,)."""
    transpiled, noise = model.prepared.circuit.transpiled, model.prepared.circuit.noise
    read = [transpiled.wires[wire] for wire in transpiled.architecture.readout]
    zeros, ones = (
        _probabilities(circuit_distribution(circuit, noise, range(len(read))))
        for circuit in readout_circuits(transpiled.n_active, read)
    )
    return zeros, ones


def _probabilities(table: Array) -> Array:
    table = np.clip(table, 0.0, None)
    return np.asarray(table / table.sum(axis=-1, keepdims=True))


def _scores(
    stack: Stack, shots: _Shots, model: TrainedModel, generator: np.random.Generator
) -> Array:
    terminal = _calibrate(model, shots.calibration, generator) if stack.terminal else None
    listed = terms(stack)
    counts = [
        generator.multinomial(count, _law(model, term.scale_factor))
        for term, count in zip(listed, shots.circuits, strict=True)
    ]
    return combine_counts(counts, listed, outcome_numbers(model.decision, stack, terminal)).value


def _calibrate(
    model: TrainedModel, shots: int, generator: np.random.Generator
) -> ReadoutCalibration:
    laws = _readout_laws(model)
    n_outcomes = laws[0].size
    bits = (np.arange(n_outcomes)[:, None] >> np.arange(n_outcomes.bit_length() - 1)) & 1
    zeros, ones = (generator.multinomial(shots, law) @ bits for law in laws)
    return from_counts(zeros, ones, shots, shots, datetime.now(UTC))


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
        read = [transpiled.wires[wire] for wire in transpiled.architecture.readout]
        circuits = map(Pub.bound, readout_circuits(transpiled.n_active, read))
        total += priced(circuits, shots=shots.calibration).best_seconds
    return total
