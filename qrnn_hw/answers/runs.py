"""The model of a finished run, and a model on a machine."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qrnn_hw.answers.asked_rows import scaled
from qrnn_hw.answers.model_file import Model
from qrnn_hw.answers.placed import placed_for_rows
from qrnn_hw.data.inputs import Inputs
from qrnn_hw.errors import ConfigurationError, UsageError
from qrnn_hw.experiment.place_for_trained import chosen_qubits
from qrnn_hw.experiment.progress import Quiet
from qrnn_hw.experiment.settings import RunSettings
from qrnn_hw.networks.readers import Reader
from qrnn_hw.studies.trained import settings_of, trained_model
from qrnn_hw.submission.machine import open_machine
from qrnn_hw.submission.placing import AUTO

if TYPE_CHECKING:
    from qrnn_hw.experiment.outcome import Outcome

MODEL = "model.qrnn"
"""In the folder of a run or of a head's training, once it is finished."""

OF_THE_CIRCUIT = ("placement", "decoupling", "learned", "seed", "rep_delay_seconds")
"""Settings of a run that say what circuit its model became on its machine."""


def opened_model(path: Path) -> Model:
    """Return the model of a run's folder, of one that `train --train head` wrote, or of a file.

    A run keeps its model whole, since the file of its data may grow or go. From the checkpoint and
    the data it is put together where that is missing or damaged.

    Raises:
        ConfigurationError: it is neither, or cannot be used.
    """
    if not path.is_dir():
        return Model.load(path)
    try:
        return Model.load(path / MODEL)
    except ConfigurationError:
        if (path / MODEL).exists() and not (path / "checkpoint.npz").exists():
            raise
    return model_of_run(path)


def keep_model(outcome: Outcome) -> Path:
    """Write the model of a run into its folder and return the file.

    Raises:
        ConfigurationError: it cannot be written.
    """
    settings, task = outcome.settings, outcome.prepared.task
    model = Model.of(settings.model, outcome.trained, task)
    return model.save(settings.output / MODEL)


def model_of_run(folder: Path) -> Model:
    """Return the model of a finished run, from its checkpoint and its data.

    Raises:
        ConfigurationError: the folder holds no finished run, or its data have changed.
    """
    settings = settings_of(folder)
    found = trained_model(settings, Quiet())
    return Model.of(settings.model, found.trained, found.prepared.task)


def settings_on(
    model: Model, backend: str, run: RunSettings | Path | None = None, **given: Any
) -> RunSettings:
    """Return what a model is asked with on a machine: on that of its run, with the run's circuits.

    Args:
        model: trained.
        backend: where.
        run: its settings, its folder, or a file, which says nothing of circuits.
        given: further fields of `RunSettings`; a placement of None is the run's, or level 3. Where
            the run chose its qubits they are those, on a real machine the best of today.

    Raises:
        UsageError: a field that is out of its range.
    """
    options = tuple(dict(model.trained.network.architecture.options).items())
    settings = RunSettings(model=model.name, backend=backend, options=options)
    if isinstance(run, Path):
        run = settings_of(run) if (run / "checkpoint.npz").exists() else None
    if run is not None and run.backend == backend and run.tiles is None:
        kept = {name: getattr(run, name) for name in OF_THE_CIRCUIT}
        # A recorded calibration stays what it was, and so does the choice by it.
        recorded = backend.startswith(("fake", "twin:"))
        if run.placement == AUTO and recorded and (own := chosen_qubits(run.output)):
            kept["placement"] = ",".join(map(str, own))
        settings = replace(settings, **kept)
    return replace(settings, **{name: one for name, one in given.items() if one is not None})


def noisy_reader(
    model: Model,
    inputs: Inputs,
    backend: str,
    run: Path | None = None,
    placement: str | None = None,
) -> Reader:
    """Return the model's circuits under the noise of a recorded device, for exact answers.

    Args:
        model: trained.
        inputs: rows that are asked, by which `auto` places.
        backend: the recorded device.
        run: folder of the run, or a file.
        placement: None is that of the run on its device, or level 3's.

    Raises:
        UsageError: a model in rounds, or no recorded device.
    """
    if model.trained.network.in_rounds:
        raise UsageError(
            "answers under noise are those of one circuit. Got a model in rounds; leave --backend "
            "out."
        )
    machine = open_machine(backend)
    if machine.executor_name != "aer":
        raise UsageError(
            "exact answers are those under the noise of a recorded device (fake_...). "
            f"Got {backend}, which runs shots; give --shots."
        )
    settings = settings_on(model, machine.name, run, placement=placement)
    encoded = model.trained.encoded(scaled(model, inputs))
    return placed_for_rows(model.trained, encoded, machine, settings).noisy
