"""The main job: sentences to a trained dynamic network, measured, mitigated and reported."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from calibration.noise import DeviceNoise
from calibration.series import read_series
from calibration.snapshot import Snapshot
from circuits.exact.sequence import SequenceModel
from jobs.exact import sequence_model
from jobs.isa import TranspiledStep, transpile_step
from jobs.store import Store
from qrnn_hw.config import store_path, writable_folder
from qrnn_hw.data.labelled_text import LabelledText
from qrnn_hw.errors import ConfigurationError
from qrnn_hw.networks.classifier import Examples, Weights, initial_weights
from qrnn_hw.run.agreement import compare_with_aer
from qrnn_hw.run.consent import Confirm, agree
from qrnn_hw.run.controls import classical_controls
from qrnn_hw.run.evaluate import Measured, plan_shots
from qrnn_hw.run.kept_calibration import keep_calibration, keep_snapshots, open_as_begun
from qrnn_hw.run.measurement import PlannedJobs, measure, plan_jobs
from qrnn_hw.run.outcome import Outcome, exact_distributions
from qrnn_hw.run.progress import Progress
from qrnn_hw.run.settings import RunSettings
from qrnn_hw.run.task import Task, load_task
from qrnn_hw.submission.assessment import execution_limit_seconds
from qrnn_hw.submission.machine import Machine
from qrnn_hw.train.aer import AerTrainer
from qrnn_hw.train.checkpoint import fingerprint, load, save
from qrnn_hw.train.exact import TrainingState, start, train


@dataclass(frozen=True, eq=False)
class Prepared:
    """All that comes before training."""

    settings: RunSettings
    task: Task
    machine: Machine
    transpiled: TranspiledStep
    noise: DeviceNoise
    noisy: SequenceModel
    ideal: SequenceModel
    other_noises: tuple[DeviceNoise, ...] = ()
    """Of the machine's other calibrations, trained under in turn with its own."""

    @property
    def test(self) -> Examples:
        """The test sentences that are run on the machine."""
        return self.task.test.take(np.arange(len(self.task.test))[: self.settings.sentences])

    @property
    def training_noises(self) -> tuple[DeviceNoise, ...]:
        """What is trained under in turn; nothing where the training is without noise."""
        return (self.noise, *self.other_noises) if self.settings.trains_under_noise else ()

    def initial_weights(self) -> Weights:
        """Return the weights to start training from."""
        seed = self.settings.seeds["training"]
        return initial_weights(self.transpiled.architecture, self.task.projection, seed=seed)

    def run_fingerprint(self) -> str:
        """Return what a checkpoint must have been trained on to be resumed.

        The number of epochs is not in it: a longer run may resume a shorter one.
        """
        options: dict[str, Any] = self.settings.training.to_json()
        options.pop("epochs")
        content: dict[str, Any] = {
            "model": self.settings.model,
            "engine": self.settings.engine,
            "training": options,
            "seeds": self.settings.seeds,
            "task": self.task.digest,
            "snapshot": self.machine.snapshot.digest,
        }
        if self.settings.decoupling is not None:  # so that older checkpoints keep theirs
            content["decoupling"] = self.settings.decoupling
        if self.settings.options:
            content["options"] = self.settings.options
        if not self.settings.trains_under_noise:
            content["noise"] = "none"
        if self.other_noises:
            content["other_snapshots"] = [noise.snapshot.digest for noise in self.other_noises]
        return fingerprint(content)


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
    network = settings.architecture
    machine = machine or open_as_begun(settings, progress)
    others = read_series(settings.snapshots, machine.snapshot.backend)
    task = load_task(settings, text)
    transpiled = transpile_step(
        network,
        machine.snapshot,
        seed=settings.seeds["transpiler"],
        decoupling=settings.decoupling,
    )
    noise = DeviceNoise(transpiled.snapshot)
    return Prepared(
        settings,
        task,
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
    settings, task = prepared.settings, prepared.task
    options = replace(settings.training, seed=settings.seeds["training"])
    state = start(prepared.initial_weights(), options)
    run = prepared.run_fingerprint()
    path = settings.output / "checkpoint.npz"
    keep_calibration(prepared.machine, settings.output)
    keep_snapshots(settings)
    if path.exists():
        state = load(path, state, run)
        if state.finished_epochs > options.epochs:
            raise ConfigurationError(
                f"{path} should have at most the {options.epochs} epochs asked for. Got "
                f"{state.finished_epochs}; raise --epochs, remove it, or choose another --output."
            )
        progress.stage(f"resuming after epoch {state.finished_epochs}")

    def after_epoch(state: TrainingState) -> None:
        save(path, state, run)
        last = state.history[-1]
        progress.advance(
            state.finished_epochs,
            options.epochs,
            f"validation loss {last.validation_loss:.3f}, accuracy {last.validation_accuracy:.3f}",
        )

    noises = prepared.training_noises
    if settings.engine == "aer":
        trainer = AerTrainer(prepared.transpiled, noises or (None,), settings.training_shots)
        return trainer.train(task.training, task.validation, options, state, after_epoch)
    models = [prepared.noisy if noises else prepared.ideal]
    models += [sequence_model(prepared.transpiled, noise) for noise in noises[1:]]
    return train(models, task.training, task.validation, options, state, after_epoch)


def run_main_job(
    settings: RunSettings, text: LabelledText, progress: Progress, confirm: Confirm
) -> Outcome:
    """Run all steps and return everything that a report needs.

    Args:
        settings: what to run.
        text: labelled sentences to train and test on.
        progress: told of each stage.
        confirm: called once with the estimate of what is to be sent: before the training of a
            new run, after that of one that goes on.

    Raises:
        QRNNError, CircuitsError, CalibrationError, JobsError: see the exit codes.
    """
    progress.stage(f"reading the vectors of {len(text):,} sentences, opening {settings.backend}")
    prepared = prepare(settings, text, progress)
    writable_folder(settings.output)
    test = prepared.test
    plan_shots(settings.shots, len(test))  # too few shots are said before the training
    is_new = not (settings.output / "checkpoint.npz").exists()
    if is_new:
        progress.stage("building, checking and pricing the jobs")
        agree(_planned(prepared, prepared.initial_weights()), prepared.machine, confirm)
    noise = (
        f"under the noise of {prepared.machine.name}"
        if prepared.training_noises
        else "without noise"
    )
    progress.stage(f"training {settings.model} {noise}")
    state = train_or_resume(prepared, progress)
    weights: Weights = state.best
    progress.stage("training classical controls on the same rows")
    controls = classical_controls(
        prepared.task, n_parameters=weights.n_parameters, seed=settings.seeds["training"]
    )
    progress.stage("checking the exact engine against Aer")
    noisy = exact_distributions(prepared.noisy, weights, test)
    longest = int(np.argmax(test.lengths))
    agreement = compare_with_aer(
        prepared.transpiled,
        prepared.noise,
        noisy[longest],
        weights,
        test.take(np.array([longest])),
        seed=settings.seeds["shots_scale_1"],
    )
    planned = _planned(prepared, weights)
    if not is_new:  # what of it is sent already is only known with the weights
        agree(planned, prepared.machine, confirm)
    progress.stage(f"running {len(planned.specs)} jobs on {prepared.machine.name}")
    measured = _measure(prepared, planned, progress)
    return Outcome(
        settings=settings,
        task=prepared.task,
        machine=prepared.machine,
        transpiled=prepared.transpiled,
        state=state,
        trained_under=tuple(noise.snapshot.taken for noise in prepared.training_noises),
        test=test,
        controls=controls,
        agreement=agreement,
        planned=planned,
        measured=measured,
        ideal=exact_distributions(prepared.ideal, weights, test),
        noisy=noisy,
    )


def _planned(prepared: Prepared, weights: Weights) -> PlannedJobs:
    return plan_jobs(
        prepared.settings, prepared.machine, prepared.transpiled, weights, prepared.test
    )


def _measure(prepared: Prepared, planned: PlannedJobs, progress: Progress) -> Measured:
    with Store(store_path()) as store:
        store.put_snapshot(prepared.machine.snapshot.digest, prepared.machine.snapshot.to_json())
        limit = execution_limit_seconds((planned.estimate,), prepared.settings.budget_seconds)
        executor = prepared.machine.executor(max_execution_seconds=limit)
        return measure(planned, executor, store, progress.advance)
