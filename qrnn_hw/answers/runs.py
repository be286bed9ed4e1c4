"""The model of a finished run, and a model under a machine's noise."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from qrnn_hw.answers.model_file import Model
from qrnn_hw.errors import UsageError
from qrnn_hw.experiment.progress import Quiet
from qrnn_hw.experiment.settings import RunSettings
from qrnn_hw.networks.readers import Reader
from qrnn_hw.studies.trained import settings_of, trained_model


def opened_model(path: Path) -> Model:
    """Return the model of a run's folder, or of a file that `Model.save` wrote.

    Raises:
        ConfigurationError: it is neither, or cannot be used.
    """
    return model_of_run(path) if path.is_dir() else Model.load(path)


def model_of_run(folder: Path) -> Model:
    """Return the model of a finished run.

    Raises:
        ConfigurationError: the folder holds no finished run, or its data have changed.
    """
    settings = settings_of(folder)
    found = trained_model(settings, Quiet())
    return Model.of(settings.model, found.trained, found.prepared.task, settings.reading)


def noisy_reader(model: Model, backend: str) -> Reader:
    """Return the model's circuits under the noise of a recorded device, for exact answers.

    Raises:
        UsageError: a model in rounds, or no recorded device.
    """
    from qrnn_hw.experiment.one_circuit import OneCircuit
    from qrnn_hw.submission.machine import open_machine

    if model.trained.network.in_rounds:
        raise UsageError(
            "answers under noise are those of one circuit. Got a model in rounds; leave --backend "
            "out."
        )
    machine = open_machine(backend)
    if machine.is_real:
        raise UsageError(
            "answers are simulated under the noise of a recorded device (fake_...). "
            f"Got {backend}; `qrnn-hw run` sends jobs to a machine."
        )
    options = tuple(dict(model.trained.network.architecture.options).items())
    settings = replace(RunSettings(model=model.name, backend=machine.name), options=options)
    return model.trained.network.reader(OneCircuit.on(machine, settings).noisy)
