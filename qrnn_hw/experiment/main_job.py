"""The main job: sentences to a trained dynamic network, measured, mitigated and reported."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from calibration.noise import DeviceNoise
from calibration.series import read_series
from calibration.snapshot import Snapshot
from circuits.exact.sequence import SequenceModel
from jobs.transpile.isa import TranspiledStep, transpile_step
from jobs.transpile.lifted_step import sequence_model
from qrnn_hw.config import writable_folder
from qrnn_hw.data.labelled_text import LabelledText
from qrnn_hw.data.sequences import Sequences
from qrnn_hw.experiment.agreement import compare_with_aer
from qrnn_hw.experiment.controls import classical_controls
from qrnn_hw.experiment.kept_calibration import keep_calibration, keep_snapshots, open_as_begun
from qrnn_hw.experiment.kept_features import encoded_once
from qrnn_hw.experiment.outcome import Outcome, exact_distributions
from qrnn_hw.experiment.planning import Planned, choose_stack, evaluation_of, named_stacks
from qrnn_hw.experiment.progress import Progress
from qrnn_hw.experiment.resuming import read_state, resumed
from qrnn_hw.experiment.settings import AUTO, RunSettings
from qrnn_hw.experiment.task import Task, load_task
from qrnn_hw.networks.encoded import Encoded
from qrnn_hw.networks.frozen_rows import is_unchanged
from qrnn_hw.networks.identity import digest, network_content
from qrnn_hw.networks.network import Network, TrainedNetwork, network_of
from qrnn_hw.submission.consent import Confirm, Consent, ask_now
from qrnn_hw.submission.machine import Machine
from qrnn_hw.train.adam import Adam
from qrnn_hw.train.checkpoint import Identity
from qrnn_hw.train.spsa import SPSA, AerReadings
from qrnn_hw.train.trainer import Stepper, TrainingState


@dataclass(frozen=True, eq=False)
class Prepared:
    """All that comes before training."""

    settings: RunSettings
    task: Task
    network: Network
    machine: Machine
    transpiled: TranspiledStep
    noise: DeviceNoise
    noisy: SequenceModel
    ideal: SequenceModel
    other_noises: tuple[DeviceNoise, ...] = ()
    """Of the machine's other calibrations, trained under in turn with its own."""

    @property
    def test(self) -> Sequences:
        """The test sentences that are run on the machine."""
        return self.task.test.take(np.arange(len(self.task.test))[: self.settings.sentences])

    @property
    def training_noises(self) -> tuple[DeviceNoise, ...]:
        """What is trained under in turn; nothing where the training is without noise."""
        return (self.noise, *self.other_noises) if self.settings.trains_under_noise else ()

    @cached_property
    def identity(self) -> Identity:
        """What a checkpoint must have been trained on to be resumed."""
        settings = self.settings
        options = settings.training.to_json()
        options.pop("epochs")
        machine: dict[str, Any] = {
            "snapshot": self.machine.snapshot.digest,
            "decoupling": settings.decoupling,
            "others": [noise.snapshot.digest for noise in self.other_noises],
            "noise": settings.trains_under_noise,
        }
        content = network_content(self.network) | {
            "training": options | {"engine": settings.engine, "shots": settings.training_shots},
            "seeds": settings.seeds,
            "data": self.task.digest,
            "calibration": machine,
        }
        return Identity(content, self._fingerprints_before())

    def _fingerprints_before(self) -> tuple[str, ...]:
        """Return by what commit 2b9fe54 knew this training, if it had its circuits and its loss."""
        settings, options = self.settings, self.settings.training.to_json()
        if settings.training.is_regularised or not is_unchanged(self.network.architecture):
            return ()
        options.pop("epochs")
        content: dict[str, Any] = {
            "model": settings.model,
            "engine": settings.engine,
            "training": options,
            "seeds": settings.seeds,
            "task": self.task.arrays_digest,
            "snapshot": self.machine.snapshot.digest,
        }
        if settings.decoupling is not None:
            content["decoupling"] = settings.decoupling
        if settings.options:
            content["options"] = settings.options
        if not settings.trains_under_noise:
            content["noise"] = "none"
        if self.other_noises:
            content["other_snapshots"] = [noise.snapshot.digest for noise in self.other_noises]
        return (digest(content),)

    def stepper(self) -> Stepper:
        """Return what takes the steps of the training."""
        settings, task = self.settings, self.task
        seed, noises = settings.seeds["training"], self.training_noises
        options = replace(settings.training, seed=seed)
        if settings.engine == "aer":
            readings = AerReadings(self.transpiled, noises or (None,), settings.training_shots)
            return SPSA(self.network, readings, task.training, task.validation, options)
        models = [self.noisy if noises else self.ideal]
        models += [sequence_model(self.transpiled, noise) for noise in noises[1:]]
        readers = [model.distributions for model in models]
        held = [task.validation]
        return Adam(self.network, [task.training], held, options, [seed], readers=readers)

    def initial(self) -> TrainedNetwork:
        """Return the network before its training."""
        seed = self.settings.seeds["training"]
        return TrainedNetwork(self.network, self.network.initial(seed, self.task.projection))

    def trained(self, state: TrainingState) -> TrainedNetwork:
        """Return the network with the parameters that a training kept."""
        return TrainedNetwork(self.network, state.of())

    def encoded(self, trained: TrainedNetwork) -> Encoded:
        """Return what is bound for the sentences that are run, the same on every processor."""
        folder = self.settings.output
        every = encoded_once(trained, self.task.test, folder, self.identity)
        return every.take(np.arange(len(every))[: self.settings.sentences])


def prepare(
    settings: RunSettings, text: LabelledText, progress: Progress, machine: Machine | None = None
) -> Prepared:
    """Embed the text, open the machine, transpile the step and lift it with its noise.

    Args:
        settings: what to run.
        text: labelled sentences.
        progress: is told which calibration is used, where that is not today's.
        machine: already open; None opens that of the settings, with the calibration of the
            checkpoint in the output folder if there is one.
    """
    architecture = settings.architecture
    machine = machine or open_as_begun(settings, progress)
    others = read_series(settings.snapshots, machine.snapshot.backend)
    task = load_task(settings, text)
    transpiled = transpile_step(
        architecture,
        machine.snapshot,
        seed=settings.seeds["transpiler"],
        decoupling=settings.decoupling,
    )
    noise = DeviceNoise(transpiled.snapshot)
    return Prepared(
        settings,
        task,
        network_of(architecture, task.vectors.dim),
        machine,
        transpiled,
        noise,
        noisy=sequence_model(transpiled, noise),
        ideal=sequence_model(transpiled, None),
        other_noises=other_noises(noise, others),
    )


def other_noises(noise: DeviceNoise, snapshots: Sequence[Snapshot]) -> tuple[DeviceNoise, ...]:
    """Return the noise of a transpiled circuit under other calibrations of the whole device.

    Equal ones count once, and none that equals its own.

    Raises:
        CalibrationError: a calibration lacks the circuit's qubits.
    """
    active = [snapshot.restrict(noise.snapshot.physical) for snapshot in snapshots]
    return tuple(
        replace(noise, snapshot=one)
        for n, one in enumerate(active)
        if one not in (noise.snapshot, *active[:n])
    )


def train_or_resume(prepared: Prepared, progress: Progress) -> TrainingState:
    """Train, from the checkpoint in the output folder if there is one.

    Raises:
        ConfigurationError: the checkpoint is unreadable or of another run, or the loss diverged.
    """
    settings = prepared.settings
    keep_calibration(prepared.machine, settings.output)
    keep_snapshots(settings)
    return resumed(
        prepared.stepper(),
        settings.training,
        [prepared.initial().parameters],
        settings.output / "checkpoint.npz",
        prepared.identity,
        progress,
    )


def read_trained(prepared: Prepared) -> TrainedNetwork:
    """Return the network as the checkpoint in the output folder has it.

    Raises:
        ConfigurationError: the checkpoint is unreadable or of another run.
    """
    path = prepared.settings.output / "checkpoint.npz"
    initial = [prepared.initial().parameters]
    return prepared.trained(read_state(prepared.stepper(), initial, path, prepared.identity))


def run_main_job(
    settings: RunSettings, text: LabelledText, progress: Progress, confirm: Confirm
) -> Outcome:
    """Run all steps and return everything that a report needs.

    Args:
        settings: what to run.
        text: labelled sentences to train and test on.
        progress: told of each stage.
        confirm: called with what is to be sent: before the training of a new run, after that of
            one that goes on; again only where more would be spent than was confirmed.

    Raises:
        QRNNError, CircuitsError, CalibrationError, JobsError: see the exit codes.
    """
    progress.stage(f"reading the vectors of {len(text):,} sentences, opening {settings.backend}")
    prepared = prepare(settings, text, progress)
    writable_folder(settings.output)
    test = prepared.test
    network, stacks = prepared.initial(), named_stacks(settings)
    evaluation = evaluation_of(prepared, network.encoded(test), network.decision, stacks)
    evaluation.check()  # what cannot be planned is said before the training
    consent = Consent(prepared.machine, confirm, settings.budget_seconds)
    # What is sent of a run that goes on, or of a plan yet to be chosen, is only known after it.
    if AUTO not in settings.plans and not (settings.output / "checkpoint.npz").exists():
        progress.stage("building, checking and pricing the jobs")
        ask_now(consent, Planned.of(prepared, evaluation).priced.jobs)
    noise = (
        f"under the noise of {prepared.machine.name}"
        if prepared.training_noises
        else "without noise"
    )
    progress.stage(f"training {settings.model} {noise}")
    state = train_or_resume(prepared, progress)
    trained = prepared.trained(state)
    encoded = prepared.encoded(trained)
    progress.stage("training classical controls on the same rows")
    controls = classical_controls(
        prepared.task, n_parameters=trained.n_parameters, seed=settings.seeds["training"]
    )
    progress.stage("checking the exact engine against Aer")
    noisy = exact_distributions(prepared.noisy, encoded)
    longest = int(np.argmax(test.lengths))
    agreement = compare_with_aer(
        prepared.transpiled,
        prepared.noise,
        noisy[longest],
        encoded.take(np.array([longest])),
        seed=settings.seeds["shots_scale_1"],
    )
    ideal = exact_distributions(prepared.ideal, encoded)
    evaluation = evaluation.trained(encoded, trained.decision)
    if AUTO in settings.plans:
        scores = ideal @ trained.decision
        chosen = choose_stack(prepared, encoded, trained.decision, scores, progress)
        evaluation = replace(evaluation, stacks=named_stacks(settings, chosen))
    planned = Planned.of(prepared, evaluation)
    measured = planned.measure(consent, progress)
    return Outcome(
        settings=settings,
        task=prepared.task,
        machine=prepared.machine,
        transpiled=prepared.transpiled,
        state=state,
        trained=trained,
        trained_under=tuple(noise.snapshot.taken for noise in prepared.training_noises),
        test=test,
        controls=controls,
        agreement=agreement,
        planned=planned.priced,
        measured=measured,
        ideal=ideal,
        noisy=noisy,
    )
