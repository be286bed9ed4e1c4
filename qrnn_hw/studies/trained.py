"""A trained model for a study: that of a finished run, or trained first with the same settings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from calibration.documents import read_document
from qrnn_hw.data.sequences import Sequences
from qrnn_hw.errors import ConfigurationError
from qrnn_hw.experiment.exact import exact_distributions
from qrnn_hw.experiment.kept_calibration import kept_machine
from qrnn_hw.experiment.output_law import OutputLaw
from qrnn_hw.experiment.pipeline import train
from qrnn_hw.experiment.place_for_trained import placed_for
from qrnn_hw.experiment.prepare import Prepared, prepare
from qrnn_hw.experiment.progress import Progress
from qrnn_hw.experiment.quality import Judge
from qrnn_hw.experiment.run_folder import refuse_task
from qrnn_hw.experiment.settings import RunSettings
from qrnn_hw.experiment.training import CHECKPOINT
from qrnn_hw.networks.encoded import Encoded
from qrnn_hw.networks.trained import TrainedNetwork
from qrnn_hw.statistics.decisions import DecisionRule
from qrnn_hw.submission.machine import Machine

if TYPE_CHECKING:
    from calibration.documents import read_document
from circuits.exact.sequence import SequenceModel


@dataclass(frozen=True, eq=False)
class TrainedModel:
    """A trained network on its machine, with the test sentences that a study asks about."""

    prepared: Prepared
    trained: TrainedNetwork

    @property
    def test(self) -> Sequences:
        """The test sentences."""
        return self.prepared.test

    @cached_property
    def encoded(self) -> Encoded:
        """What is bound to the circuits of the test sentences."""
        return self.prepared.encoded(self.trained)

    @property
    def decision(self) -> NDArray[np.float64]:
        """Score of each outcome, shape (2**m,)."""
        return self.trained.decision

    @property
    def rule(self) -> DecisionRule:
        """The trained decision as a rule of the statistics."""
        return DecisionRule(tuple(self.decision.tolist()))

    @cached_property
    def judge(self) -> Judge:
        """What is right for the test rows."""
        return Judge.of(self.prepared.task, len(self.test), self.trained)

    @property
    def is_one_score(self) -> bool:
        """Whether one score of the outcome alone answers: of two classes, once a sequence."""
        return self.judge.is_one_score and self.trained.network.steps is None

    @cached_property
    def ideal_law(self) -> OutputLaw:
        """The exact outputs without noise, with the law of their shots."""
        return self.law(self.prepared.circuit.ideal)

    @cached_property
    def noisy_law(self) -> OutputLaw:
        """The same under the machine's noise."""
        return self.law(self.prepared.circuit.noisy)

    def law(self, engine: SequenceModel) -> OutputLaw:
        """Return the exact outputs of the test rows, with the law of their shots."""
        return self.prepared.circuit.law(self.trained, self.encoded, engine)

    @cached_property
    def ideal(self) -> NDArray[np.float64]:
        """Exact outcome distributions without noise, shape (n, 2**m)."""
        return self.distributions(self.prepared.circuit.ideal)

    @cached_property
    def noisy(self) -> NDArray[np.float64]:
        """Exact outcome distributions under the machine's noise, shape (n, 2**m)."""
        return self.distributions(self.prepared.circuit.noisy)

    def distributions(self, engine: SequenceModel) -> NDArray[np.float64]:
        """Return the exact outcome distributions of the test sentences, shape (n, 2**m)."""
        return exact_distributions(engine, self.encoded)


def settings_of(folder: Path) -> RunSettings:
    """Read the settings of a finished `qrnn-hw run`; its folder may have moved since.

    Raises:
        ConfigurationError: the folder holds no result and checkpoint of a run.
    """
    path = folder / "result.json"
    try:
        document = read_document(path)
    except (OSError, ValueError) as error:
        raise _unread(path, error) from error
    refuse_task(document, path)
    try:
        settings = RunSettings.from_json(document["settings"], folder)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise _unread(path, error) from error
    if not (folder / "checkpoint.npz").exists():
        raise ConfigurationError(
            f"a run's folder should hold its checkpoint.npz. Got {folder} without one; run "
            f"`qrnn-hw run --output {folder}` again."
        )
    return settings


def _unread(path: Path, error: Exception) -> ConfigurationError:
    lacks = isinstance(error, KeyError)  # as what `train` writes of a network has no settings
    why = f"has no {error}" if lacks else f"cannot be read ({type(error).__name__})"
    return ConfigurationError(
        f"a run's folder should hold the result.json of a finished `qrnn-hw run`. Got {path}, "
        f"which {why}; give the --output of a run."
    )


def trained_model(
    settings: RunSettings,
    progress: Progress,
    machine: Machine | None = None,
    check: Callable[[Prepared], None] = lambda prepared: None,
) -> TrainedModel:
    """Train under the machine's noise, or read the finished checkpoint in the output folder.

    Args:
        settings: what to train, on what, and where its checkpoint is.
        progress: told of each stage.
        machine: already open; None takes a real one as the run in the folder began with it, and
            opens any other.
        check: refuses what cannot be asked of the model, before it is trained.

    Raises:
        QRNNError, CircuitsError, CalibrationError: as the main job.
    """
    found = machine or kept_machine(settings)
    prepared = prepare(settings, settings.read(), progress, found)
    if not (settings.output / CHECKPOINT).exists():
        check(prepared)
    trained = prepared.training.trained(train(prepared, progress))
    return TrainedModel(placed_for(prepared, trained, progress), trained)


def with_sentences(model: TrainedModel, sentences: int | None) -> TrainedModel:
    """Return the model with the first so many test sentences; None leaves them."""
    if sentences is None:
        return model
    settings = replace(model.prepared.settings, sentences=sentences)
    return TrainedModel(model.prepared.told(settings), model.trained)
