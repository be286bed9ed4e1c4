"""What noise does to a trained model: one cell is one source of noise, scaled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from calibration.noise import DeviceNoise, NoiseScale
from jobs.transpile.lifted_step import sequence_model
from qrnn_hw.errors import UsageError
from qrnn_hw.statistics.decisions import flip_probabilities, infinite_shot_labels, margins
from qrnn_hw.statistics.intervals import wilson
from qrnn_hw.studies.grid import Scalar
from qrnn_hw.studies.model_cache import TRAINING, model_of

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
        Accuracy at infinite shots with its Wilson interval; the share of labels unlike those
        without noise; the mean absolute margin, and over that without noise; the mean flip
        probability at the given shots; the contraction and the shift of the margins, the slope
        and intercept of noisy against ideal ones by least squares.
    """
    model = model_of(parameters, folder)
    noise = _noise(model.prepared.circuit.noise, parameters)
    transpiled = model.prepared.circuit.transpiled
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


def _noise(device: DeviceNoise, parameters: Mapping[str, Any]) -> DeviceNoise:
    source, scale = parameters["source"], parameters["scale"]
    if source not in SOURCES:
        raise UsageError(f"a source of noise is one of {', '.join(SOURCES)}. Got {source!r}.")
    if source == "all":
        return device.scaled(NoiseScale(scale, scale, scale, scale))
    factors = dict.fromkeys(SOURCES[1:], 0.0) | {source: scale}
    scaled = device.scaled(NoiseScale(**factors))
    return replace(scaled, reset_flip=parameters["reset_flip"]) if source == "reset" else scaled
