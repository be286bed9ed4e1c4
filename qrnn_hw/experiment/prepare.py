"""Settings and data to all that comes before training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from jobs.counted import counted
from qrnn_hw.data.dataset import Dataset
from qrnn_hw.data.sequences import Sequences
from qrnn_hw.errors import UsageError
from qrnn_hw.experiment.canary_rows import Canaries
from qrnn_hw.experiment.evaluation import Evaluation
from qrnn_hw.experiment.fingerprints_before import run_before
from qrnn_hw.experiment.in_rounds import InRounds, check_rounds
from qrnn_hw.experiment.kept_calibration import open_as_begun
from qrnn_hw.experiment.kept_features import encoded_once
from qrnn_hw.experiment.one_circuit import OneCircuit
from qrnn_hw.experiment.progress import Progress
from qrnn_hw.experiment.rounds import RoundsEvaluation
from qrnn_hw.experiment.settings import RunSettings
from qrnn_hw.experiment.task import ModelTask, load_task
from qrnn_hw.experiment.tiled import TiledEvaluation
from qrnn_hw.experiment.training import Training
from qrnn_hw.mitigation.stack import Stack
from qrnn_hw.models.options import one_circuit_remedy
from qrnn_hw.networks.encoded import Encoded
from qrnn_hw.networks.network import Network, network_of
from qrnn_hw.networks.trained import TrainedNetwork
from qrnn_hw.submission.kept_placement import said
from qrnn_hw.submission.machine import Machine
from qrnn_hw.training.losses import check_robustness
from qrnn_hw.training.spsa import check_aer


@dataclass(frozen=True, eq=False)
class Prepared:
    """A network with its rows, and how it is run on a machine."""

    task: ModelTask
    execution: OneCircuit | InRounds
    """What is measured."""

    begun: OneCircuit | None = None
    """What was trained, where its circuit was placed again since; None is the same."""

    @property
    def trained_on(self) -> OneCircuit | InRounds:
        """Whose circuits and noise the training sees."""
        return self.begun or self.execution

    @property
    def settings(self) -> RunSettings:
        """What is run."""
        return self.execution.settings

    @property
    def machine(self) -> Machine:
        """What it is run on."""
        return self.execution.machine

    def told(self, settings: RunSettings) -> Prepared:
        """Return the same rows and circuits under settings that differ in neither."""
        begun = None if self.begun is None else replace(self.begun, settings=settings)
        return replace(self, execution=replace(self.execution, settings=settings), begun=begun)

    @property
    def circuit(self) -> OneCircuit:
        """The circuit of a model that has one for the whole sequence.

        Raises:
            UsageError: it is run in rounds.
        """
        if isinstance(self.execution, InRounds):
            remedy = one_circuit_remedy(self.settings.architecture)
            raise UsageError(
                "this should have a model whose sequence is one circuit. Got "
                f"{self.settings.model}, which is run in rounds; {remedy}."
            )
        return self.execution

    @property
    def test(self) -> Sequences:
        """The test rows that are run on the machine."""
        return self.task.test.take(np.arange(len(self.task.test))[: self.settings.sentences])

    @cached_property
    def network(self) -> Network:
        """What is trained.

        Raises:
            UsageError: a head that the model, its target or its training does not allow.
        """
        settings, task = self.settings, self.task
        found = network_of(
            settings.architecture,
            task.training.dim,
            target=task.target,
            steps=settings.head.readings(task.target, task.training),
            direct=settings.head.direct_steps(task.target, task.training),
        )
        check_robustness(found, settings.training)
        if settings.engine == "aer":
            check_aer(found)
        return found

    @cached_property
    def training(self) -> Training:
        """The training of the settings' seed, under the noise that they choose."""
        settings, task, execution = self.settings, self.task, self.trained_on
        seed = settings.seeds["training"]
        network = self.network
        content: dict[str, Any] = {
            "training": {"engine": settings.engine, "shots": settings.training_shots},
            "seeds": settings.seeds,
            "data": task.digest,
            "calibration": execution.calibration,
        }
        return Training(
            network,
            settings.training,
            (seed,),
            (task.start(network, seed),),
            (task.training,),
            (task.validation,),
            (task.test,),
            content,
            run_before(settings, task, network, execution.calibration),
            execution.readers(network),
            execution.aer,
            settings.head.shots,
        )

    def encoded(self, trained: TrainedNetwork) -> Encoded:
        """Return what is bound for the rows that are run, the same on every processor."""
        folder, identity = self.settings.output, self.training.identity
        every = encoded_once(trained, self.task.test, folder, identity)
        return every.take(np.arange(len(self.test)))

    def evaluation(
        self,
        trained: TrainedNetwork,
        encoded: Encoded,
        stacks: Sequence[Stack],
        canaries: Canaries | None = None,
    ) -> Evaluation | TiledEvaluation | RoundsEvaluation:
        """Return what is asked of the machine for the test rows, and the canaries beside them.

        Raises:
            UsageError: a stack that the model is not run with.
        """
        return replace(self.execution.evaluation(trained, encoded, stacks), canaries=canaries)


def prepare(
    settings: RunSettings, data: Dataset, progress: Progress, machine: Machine | None = None
) -> Prepared:
    """Open the machine, make the model's circuits its own, and part and scale the data.

    Args:
        settings: what to run.
        data: `settings.read()`, or other sequences with their target.
        progress: told of the stage, and which calibration is used where that is not today's.
        machine: already open; None opens that of the settings, with the calibration of the
            checkpoint in the output folder if there is one.

    Raises:
        QRNNError, CalibrationError, JobsError: see the exit codes.
    """
    in_rounds = settings.architecture.mode == "expectation"
    if in_rounds:
        check_rounds(settings)
    progress.stage(
        f"preparing {counted(len(data), 'row')} of {data.name}, opening {settings.backend}"
    )
    machine = machine or open_as_begun(settings, progress)
    machine = machine.with_rep_delay(settings.rep_delay_seconds)
    execution: OneCircuit | InRounds
    if in_rounds:
        execution = InRounds.on(machine, settings)
    else:
        execution = OneCircuit.on(machine, settings, lengths=data.sequences.lengths)
    if isinstance(execution, OneCircuit) and execution.placed.document is not None:
        progress.stage(said(execution.placed.document))
    found = Prepared(load_task(data, settings.seeds["split"]), execution)
    _ = found.network  # what it does not allow is said before anything is built on it
    return found
