"""Trained models of a study: each trained once, kept as a checkpoint named by its key."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from circuits.definition import Architecture
from jobs.store.lock import held
from qrnn_hw.experiment.progress import Quiet
from qrnn_hw.experiment.settings import RunSettings
from qrnn_hw.models.facts import given_options
from qrnn_hw.models.options import chosen_architecture
from qrnn_hw.networks.head_options import head_of
from qrnn_hw.networks.identity import architecture_digest
from qrnn_hw.studies.grid import Cell
from qrnn_hw.studies.trained import TrainedModel, trained_model
from qrnn_hw.submission.placing import LEVEL_3
from qrnn_hw.training.options import TrainingOptions

TRAINING: dict[str, str | int | float | bool] = {
    "model": "dynamic-line",
    "options": "",
    "dataset": "amazon",
    "backend": "fake_boston",
    "seed": 0,
    "epochs": 30,
    "sentences": 200,
    "placement": LEVEL_3,
    "reading": "",
    "direct": False,
}
"""Parameters of a cell that decide its trained model, with their defaults; all but the number of
test sentences are in the checkpoint's name. `options` are those of the model, as texts NAME=VALUE
with blanks between them; `reading` is `final` or `steps`, by default what the data ask for;
`direct` lets inputs reach numbers past the circuit."""


def model_of(parameters: Mapping[str, Any], folder: Path) -> TrainedModel:
    """Return the model that a cell speaks of, trained under its machine's noise.

    Processes that ask for the same model wait for the one that trains it; what was trained before
    a kill is resumed.

    Args:
        parameters: a cell's values, those of `TRAINING` among them.
        folder: of the study.
    """
    known = tuple((name, parameters[name]) for name in TRAINING)
    return _model(known, folder, architecture_digest(_architecture(dict(known))))


def _architecture(values: Mapping[str, Any]) -> Architecture:
    return chosen_architecture(values["model"], str(values["options"]).split())


@lru_cache(maxsize=4)
def _model(values: tuple[tuple[str, Any], ...], folder: Path, circuits: str) -> TrainedModel:
    chosen = dict(values)
    named = tuple(pair for pair in values if pair[0] != "sentences")
    key = Cell("training", named).key
    settings = RunSettings(
        model=chosen["model"],
        options=given_options(_architecture(chosen)),
        dataset=chosen["dataset"],
        backend=chosen["backend"],
        seed=chosen["seed"],
        sentences=chosen["sentences"],
        placement=chosen["placement"],
        training=TrainingOptions(epochs=chosen["epochs"]),
        output=folder / "models" / key[:16],
        head=head_of(chosen["reading"] or None, None, chosen["direct"]),
    )
    folder.mkdir(parents=True, exist_ok=True)
    with held(folder / ".locks", key):
        return trained_model(settings, Quiet())
