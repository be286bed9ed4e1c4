"""The one pipeline: prepare, train, plan, measure; what it found is an `Outcome`."""

from __future__ import annotations

from jobs.store.store import Store
from qrnn_hw.config import store_path, writable_folder
from qrnn_hw.data.dataset import Dataset
from qrnn_hw.errors import UsageError
from qrnn_hw.experiment.canaries import canaries_of, priced_canaries
from qrnn_hw.experiment.choosing import choose
from qrnn_hw.experiment.kept_calibration import keep_calibration, keep_snapshots
from qrnn_hw.experiment.kept_minutes import bought_once
from qrnn_hw.experiment.measure import Priced
from qrnn_hw.experiment.outcome import Outcome
from qrnn_hw.experiment.place_for_trained import placed_for
from qrnn_hw.experiment.plan import Plan, named_stacks
from qrnn_hw.experiment.prepare import Prepared, prepare
from qrnn_hw.experiment.progress import Progress, Quiet
from qrnn_hw.experiment.rounds import RoundsEvaluation
from qrnn_hw.experiment.settings import AUTO, RunSettings
from qrnn_hw.experiment.training import CHECKPOINT
from qrnn_hw.submission.assessment import conditions_of
from qrnn_hw.submission.consent import Confirm, Consent
from qrnn_hw.training.trainer import TrainingState


def train(prepared: Prepared, progress: Progress) -> TrainingState:
    """Train, from the checkpoint in the output folder if there is one.

    Raises:
        ConfigurationError: the checkpoint is unreadable or of another run, or the loss diverged.
    """
    settings, machine = prepared.settings, prepared.machine
    keep_calibration(machine, settings.output)
    keep_snapshots(settings)
    prepared.execution.keep(settings.output)
    noise = f"under the noise of {machine.name}" if settings.trains_under_noise else "without noise"
    progress.stage(f"training {settings.model} {noise}")
    return prepared.training.resumed(settings.output, progress)


def run(settings: RunSettings, data: Dataset, progress: Progress, confirm: Confirm) -> Outcome:
    """Run all steps and return everything that a report needs.

    Args:
        settings: what to run.
        data: what to train and test on, `settings.read()` or other rows with a target.
        progress: told of each stage.
        confirm: called with what is to be sent: before the training of a new run, after that of
            one that goes on; again only where more would be spent than was confirmed.

    Raises:
        QRNNError, CircuitsError, CalibrationError, JobsError: see the exit codes.
    """
    prepared = prepare(settings, data, progress)
    if settings.minutes is not None:
        prepared = bought_once(prepared, settings.minutes, progress)
    return run_prepared(prepared, progress, confirm)


def priced(prepared: Prepared) -> Priced:
    """Return what a trained network's run would send, checked against the machine and priced.

    Raises:
        ConfigurationError: the checkpoint in the output folder is unreadable or of another run.
        UsageError: too few shots, a stack that the model has no circuits for, or one that is yet to
            be chosen.
    """
    training, settings = prepared.training, prepared.settings
    if AUTO in settings.plans:
        raise UsageError(
            "a plan should name its stacks, to be priced before anything is sent. Got auto, which "
            "tries some on the machine first; name them, or use `qrnn-hw run --plan auto`."
        )
    trained = training.trained(training.read(settings.output))
    prepared = placed_for(prepared, trained, Quiet())
    encoded, canaries = prepared.encoded(trained), canaries_of(prepared, trained)
    evaluation = prepared.evaluation(trained, encoded, named_stacks(settings), canaries)
    evaluation.check()
    with Store(store_path()) as store:
        return Plan.of(evaluation, Priced(prepared.machine, store=store)).priced


def run_prepared(prepared: Prepared, progress: Progress, confirm: Confirm) -> Outcome:
    """Run all steps after the preparation; arguments and errors as `run`."""
    settings = prepared.settings
    writable_folder(settings.output)
    machine, test, training = prepared.machine, prepared.test, prepared.training
    conditions = conditions_of(machine)
    consent = Consent(machine, confirm, settings.budget_seconds)
    untrained, stacks = training.untrained, named_stacks(settings)
    priced = priced_canaries(prepared, untrained)
    evaluation = prepared.evaluation(untrained, untrained.encoded(test), stacks, priced)
    evaluation.check()  # what cannot be planned is said before the training
    # What is sent of a run that goes on, or of a plan yet to be chosen, is only known after it.
    if AUTO not in settings.plans and not (settings.output / CHECKPOINT).exists():
        progress.stage("building, checking and pricing the jobs")
        with Store(store_path()) as store:
            before = Priced(machine, store=store, conditions=conditions)
            consent.ask(Plan.of(evaluation, before).priced.jobs, store)
    state = train(prepared, progress)
    trained = training.trained(state)
    prepared = placed_for(prepared, trained, progress)
    encoded = prepared.encoded(trained)
    progress.stage("training classical models on the same rows")
    controls = prepared.task.classical(
        n_parameters=trained.n_parameters, seed=settings.seeds["training"]
    )
    simulated = prepared.execution.simulated(trained, test, encoded, progress)
    canaries, choice = canaries_of(prepared, trained), None
    with Store(store_path()) as store:
        if AUTO in settings.plans:
            ideal, circuit = simulated.outputs["ideal"], prepared.circuit
            choice = choose(circuit, trained, encoded, ideal, canaries, consent, store, progress)
            stacks = named_stacks(settings, choice.plan.stack)
            progress.stage(f"plan chosen: {choice.plan.stack.name}")
        evaluation = prepared.evaluation(trained, encoded, stacks, canaries)
        for line in () if isinstance(evaluation, RoundsEvaluation) else evaluation.assumptions:
            progress.stage(line)
        plan = Plan.of(evaluation, Priced(machine, store=store, conditions=conditions))
        measured, jobs = plan.measure(consent, store, progress)
    return Outcome(prepared, state, trained, controls, simulated, plan, measured, jobs, choice)
