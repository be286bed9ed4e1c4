"""What mitigation pays: one cell is one stack at one budget of shots, all stacks spend the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from calibration.readout import readout_circuits
from jobs.cost import qpu_seconds
from jobs.exact import circuit_distribution, sequence_model
from jobs.spec import Pub
from qrnn_hw.errors import UsageError
from qrnn_hw.mitigation.folding import fold
from qrnn_hw.mitigation.readout import correct_weights
from qrnn_hw.mitigation.readout_calibration import ReadoutCalibration, from_counts
from qrnn_hw.mitigation.threshold import fit_threshold
from qrnn_hw.mitigation.zne import ZNEPlan, circuit_weights, split_shots
from qrnn_hw.predict import sentence_pubs
from qrnn_hw.run.outcome import exact_distributions
from qrnn_hw.statistics.decisions import margins
from qrnn_hw.statistics.intervals import mean_interval
from qrnn_hw.studies.grid import Scalar
from qrnn_hw.studies.model_cache import TRAINING, model_of
from qrnn_hw.studies.trained import TrainedModel

Array = NDArray[np.float64]

STACKS = ("none", "threshold", "readout", "zne", "readout+zne")
"""`threshold` spends its shots as `none` does, and moves the decision threshold instead of the
scores: to where the exact noisy scores of the validation sentences are best divided."""

ZNE = ZNEPlan(scale_factors=(1, 3), extrapolation="linear")
DEFAULTS: dict[str, Scalar] = TRAINING | {
    "stack": "none",
    "shots": 1000,
    "calibration_share": 0.1,
    "repeats": 30,
}
"""Parameters of a cell. `shots` is the budget of one prediction, whatever the stack does with it;
`calibration_share` of all shots goes to the readout circuits where the stack has any."""


@dataclass(frozen=True, eq=False)
class _Laws:
    """Exact distributions of all circuits that any stack runs."""

    scaled: tuple[Array, ...]
    """Of the sentences at each scale factor, each of shape (n, 2**m)."""

    calibration: tuple[Array, Array]
    """Of the two readout circuits, each of shape (2**m,)."""


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
    stack, n_repeats = parameters["stack"], parameters["repeats"]
    if stack not in STACKS or n_repeats < 2:
        raise UsageError(
            f"a stack is one of {', '.join(STACKS)}, run twice or more. "
            f"Got {stack!r} and {n_repeats} repeats."
        )
    model = model_of(parameters, folder)
    shots = _divide(stack, parameters["shots"], len(model.test), parameters["calibration_share"])
    laws = _laws(model)
    # The seed leaves the stack out: all stacks see the same raw shots where they use them.
    generator = np.random.default_rng([parameters["seed"], parameters["shots"]])
    scores = np.stack(
        [_scores(stack, shots, laws, model.decision, generator) for _ in range(n_repeats)]
    )
    ideal = margins(model.ideal, model.rule)
    moved = _threshold(model) if stack == "threshold" else 0.0
    labels = scores > moved
    ones = labels.mean(axis=0)
    # The mean over repeats still has the variance of one repeat over their number.
    bias = ((scores.mean(axis=0) - ideal) ** 2 - scores.var(axis=0, ddof=1) / n_repeats).mean()
    accuracy = mean_interval((labels == (model.test.labels == 1)).mean(axis=1))
    seconds = _qpu_seconds(model, shots)
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


def _threshold(model: TrainedModel) -> float:
    prepared = model.prepared
    validation = prepared.task.validation
    read = exact_distributions(prepared.noisy, model.trained.encoded(validation))
    return fit_threshold(read @ model.decision, validation.labels)


@dataclass(frozen=True)
class _Shots:
    """How one evaluation spends its budget."""

    calibration: int
    """Of each of the two readout circuits."""

    scaled: tuple[int, ...]
    """Of each sentence at each scale factor; the first is the raw circuit."""

    def total(self, n_sentences: int) -> int:
        return 2 * self.calibration + n_sentences * sum(self.scaled)


def _divide(stack: str, shots: int, n_sentences: int, calibration_share: float) -> _Shots:
    share = calibration_share if "readout" in stack else 0.0
    calibration = round(share * shots * n_sentences / 2)
    left = (shots * n_sentences - 2 * calibration) // n_sentences
    if left < 8 or ("readout" in stack and calibration < 8):
        raise UsageError(
            "a budget should leave 8 shots or more to each circuit. "
            f"Got {shots} shots a prediction and a calibration share of {calibration_share}."
        )
    return _Shots(calibration, split_shots(left, ZNE) if "zne" in stack else (left,))


@lru_cache(maxsize=2)
def _laws(model: TrainedModel) -> _Laws:
    transpiled, noise = model.prepared.transpiled, model.prepared.noise
    scaled = []
    for factor in ZNE.scale_factors:
        folded = replace(
            transpiled,
            step=fold(transpiled.step, factor),
            closing=fold(transpiled.closing, factor),
            first=None if transpiled.first is None else fold(transpiled.first, factor),
        )
        scaled.append(_probabilities(model.distributions(sequence_model(folded, noise))))
    read = [transpiled.wires[wire] for wire in transpiled.architecture.readout]
    zeros, ones = (
        _probabilities(circuit_distribution(circuit, noise, range(len(read))))
        for circuit in readout_circuits(transpiled.n_active, read)
    )
    return _Laws(tuple(scaled), (zeros, ones))


def _probabilities(table: Array) -> Array:
    table = np.clip(table, 0.0, None)
    return np.asarray(table / table.sum(axis=-1, keepdims=True))


def _scores(
    stack: str, shots: _Shots, laws: _Laws, decision: Array, generator: np.random.Generator
) -> Array:
    weights = decision
    if "readout" in stack:
        weights = correct_weights(decision, _calibrate(laws, shots.calibration, generator))
    values = [
        generator.multinomial(count, law) @ weights / count
        for count, law in zip(shots.scaled, laws.scaled, strict=False)
    ]
    factors = circuit_weights(ZNE) if "zne" in stack else np.ones(1)
    return np.asarray(np.tensordot(factors, np.stack(values), axes=1))


def _calibrate(laws: _Laws, shots: int, generator: np.random.Generator) -> ReadoutCalibration:
    n_outcomes = laws.calibration[0].size
    bits = (np.arange(n_outcomes)[:, None] >> np.arange(n_outcomes.bit_length() - 1)) & 1
    zeros, ones = (generator.multinomial(shots, law) @ bits for law in laws.calibration)
    return from_counts(zeros, ones, shots, shots, datetime.now(UTC))


def _qpu_seconds(model: TrainedModel, shots: _Shots) -> float:
    transpiled = model.prepared.transpiled
    priced = partial(
        qpu_seconds,
        target=transpiled.snapshot.target(),
        rep_delay_seconds=model.prepared.machine.snapshot.rep_delay_seconds,
    )
    total = 0.0
    for factor, count in zip(ZNE.scale_factors, shots.scaled, strict=False):
        folded = partial(fold, scale_factor=factor)
        sentences = sentence_pubs(transpiled, model.encoded, folded)
        total += priced(sentences.pubs, shots=count).best_seconds
    if shots.calibration:
        read = [transpiled.wires[wire] for wire in transpiled.architecture.readout]
        circuits = map(Pub.bound, readout_circuits(transpiled.n_active, read))
        total += priced(circuits, shots=shots.calibration).best_seconds
    return total
