"""What noise does to a trained model: one cell is one source of noise, scaled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from calibration.noise import DeviceNoise, NoiseScale
from jobs.transpile.lifted_step import sequence_model
from qrnn_hw.data.target import Classes
from qrnn_hw.errors import UsageError
from qrnn_hw.experiment.output_law import OutputLaw
from qrnn_hw.statistics.decisions import flip_probabilities, infinite_shot_labels, margins
from qrnn_hw.statistics.intervals import wilson
from qrnn_hw.studies.grid import Scalar
from qrnn_hw.studies.model_cache import TRAINING, model_of
from qrnn_hw.studies.trained import TrainedModel

SOURCES = ("all", "gate", "readout", "idle", "reset")
DEFAULTS: dict[str, Scalar] = TRAINING | {
    "source": "all",
    "scale": 1.0,
    "shots": 1000,
    "reset_flip": 0.005,
}
"""Parameters of a cell. `source` alone is scaled, the others are off. Devices do not report how
often a reset ends in |1>: `reset_flip` is that probability at scale 1, for the source `reset`."""


def noise_cell(parameters: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Evaluate a model, trained under the machine's noise as reported, under another noise.

    Everything is exact: no shot is drawn. The machine's scheduled step is lifted with the scaled
    noise, so that idling counts.

    Args:
        parameters: values of all `DEFAULTS`.
        folder: of the study, for the trained models.

    Returns:
        Of classes: accuracy at infinite shots with its interval; the share of labels unlike those
        without noise; the mean absolute margin, of more than two classes that of the leading one
        over the next, and over that without noise; the mean flip probability at the given shots.
        Of numbers: NRMSE with its interval, the mean distance to the numbers without noise and the
        mean half-width at the given shots, in the target's deviations. The contraction and the
        shift, slope and intercept of noisy against ideal outputs by least squares.
    """
    model = model_of(parameters, folder)
    noise = _noise(model.prepared.circuit.noise, parameters)
    transpiled = model.prepared.circuit.transpiled
    if not model.is_one_score:
        return _of_outputs(model, model.law(sequence_model(transpiled, noise)), parameters["shots"])
    noisy = model.distributions(sequence_model(transpiled, noise))
    rule, labels = model.rule, model.test.known_targets
    ideal_margin, margin = margins(model.ideal, rule), margins(noisy, rule)
    predicted = infinite_shot_labels(noisy, rule)
    accuracy = wilson(int((predicted == labels).sum()), len(labels))
    slope, shift = np.polyfit(ideal_margin, margin, 1)
    return {
        "accuracy": accuracy.value,
        "accuracy_low": accuracy.low,
        "accuracy_high": accuracy.high,
        "n_inputs": accuracy.n,
        "labels_changed": float((predicted != infinite_shot_labels(model.ideal, rule)).mean()),
        "mean_margin": float(np.abs(margin).mean()),
        "margin_kept": float(np.abs(margin).mean() / np.abs(ideal_margin).mean()),
        "flip_rate": float(flip_probabilities(noisy, rule, parameters["shots"]).mean()),
        "contraction": float(slope),
        "shift": float(shift),
    }


def _of_outputs(model: TrainedModel, noisy: OutputLaw, shots: int) -> dict[str, Any]:
    """Return the figures of several classes, of numbers, and of heads on every step."""
    judge, ideal = model.judge, model.ideal_law
    answers, exact = judge.answers(noisy.outputs), judge.answers(ideal.outputs)
    own, plain = noisy.outputs[judge.counts], ideal.outputs[judge.counts]
    slope, shift = np.polyfit(plain.ravel(), own.ravel(), 1)
    found: dict[str, Any] = {}
    for name, one in judge.intervals(answers).items():
        found |= {name: one.value, f"{name}_low": one.low, f"{name}_high": one.high}
    if isinstance(judge.target, Classes):
        margin, before = leading(own), leading(plain)
        found |= {
            "labels_changed": judge.unlike(answers, exact),
            "mean_margin": float(margin.mean()),
            "margin_kept": float(margin.mean() / before.mean()),
            "flip_rate": float(noisy.flips(shots).mean()),
        }
    else:
        found |= {
            "distance": judge.unlike(answers, exact),
            "half_width": float((noisy.half_widths(shots) * judge.unit).mean()),
        }
    return {
        **found,
        "n_inputs": len(model.test),
        "contraction": float(slope),
        "shift": float(shift),
    }


def leading(outputs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how far the leading class of scores (n, k) stands before the next, shape (n,)."""
    if outputs.shape[1] == 1:
        return np.abs(outputs[:, 0])
    ordered = np.sort(outputs, axis=1)
    return np.asarray(ordered[:, -1] - ordered[:, -2])


def _noise(device: DeviceNoise, parameters: Mapping[str, Any]) -> DeviceNoise:
    source, scale = parameters["source"], parameters["scale"]
    if source not in SOURCES:
        raise UsageError(f"a source of noise is one of {', '.join(SOURCES)}. Got {source!r}.")
    if source == "all":
        return device.scaled(NoiseScale(scale, scale, scale, scale))
    factors = dict.fromkeys(SOURCES[1:], 0.0) | {source: scale}
    scaled = device.scaled(NoiseScale(**factors))
    return replace(scaled, reset_flip=parameters["reset_flip"]) if source == "reset" else scaled
