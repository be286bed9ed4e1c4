"""The main job of a model in expectation mode: trained, and run in host rounds."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jobs.store.store import Store
from jobs.transpile.isa import check_fits
from qrnn_hw.classical.baselines import Baseline
from qrnn_hw.config import store_path, writable_folder
from qrnn_hw.data.labelled_text import LabelledText
from qrnn_hw.data.sequences import Sequences
from qrnn_hw.errors import UsageError
from qrnn_hw.experiment.controls import classical_controls
from qrnn_hw.experiment.kept_calibration import keep_calibration, open_as_begun
from qrnn_hw.experiment.kept_features import KeptRounds, encoded_once
from qrnn_hw.experiment.measure import Measure, Priced, Stored, running
from qrnn_hw.experiment.measured import accuracy_interval
from qrnn_hw.experiment.progress import Progress
from qrnn_hw.experiment.recipe_run import PreparedRecipe, prepare_recipe, train_recipe
from qrnn_hw.experiment.recipe_settings import RecipeSettings
from qrnn_hw.experiment.rounds import as_rounds, compiler
from qrnn_hw.experiment.rounds_training import with_noise
from qrnn_hw.experiment.settings import RunSettings
from qrnn_hw.experiment.task import Task, load_task
from qrnn_hw.networks.encoded import Encoded
from qrnn_hw.networks.expectation import Compile
from qrnn_hw.networks.finite_shots import outputs_in_rounds, sampled_outputs
from qrnn_hw.networks.network import TrainedNetwork
from qrnn_hw.statistics.intervals import Interval
from qrnn_hw.submission.consent import Confirm, Consent
from qrnn_hw.submission.machine import Machine
from qrnn_hw.train.trainer import TrainingState

ONLY_NONE = (
    "the only plan of a model in rounds is none: a corrected value that is fed back makes another "
    "run of other circuits."
)


@dataclass(frozen=True, eq=False)
class PreparedRounds:
    """All that comes before training, and what runs the rounds of a trained network."""

    settings: RunSettings
    machine: Machine
    recipe: PreparedRecipe
    """With the machine's noise where it is trained under it."""

    @property
    def test(self) -> Sequences:
        """The test sentences that are run on the machine."""
        every = self.recipe.test[0]
        return every.take(np.arange(len(every))[: self.settings.sentences])

    @cached_property
    def compiled(self) -> Compile:
        """What makes a logical circuit one of the machine's."""
        settings = self.settings
        seed = settings.seeds["transpiler"]
        return compiler(self.machine, seed=seed, decoupling=settings.decoupling)

    def encoded(self, network: TrainedNetwork) -> Encoded:
        """Return what is bound for the sentences that are run, the same on every processor."""
        every = encoded_once(
            network, self.recipe.test[0], self.settings.output, self.recipe.identity
        )
        return every.take(np.arange(len(self.test)))

    def scores(
        self,
        network: TrainedNetwork,
        encoded: Encoded,
        measure: Measure,
        *,
        is_planned: bool = False,
    ) -> NDArray[np.float64]:
        """Return the scores of sentences, shape (n,), asking for one round after the other.

        Args:
            network: trained.
            encoded: the sentences.
            measure: prices the rounds, runs them, or reads them from the store.
            is_planned: nothing new is bound.
        """
        seed = self.settings.seeds["shots_scale_1"]
        ask = as_rounds(measure, shots=self.settings.shots, seed=seed)
        kept = KeptRounds(ask, self.settings.output, is_planned=is_planned)
        return outputs_in_rounds(network, encoded, kept, self.compiled)[:, 0]

    def plan(self, network: TrainedNetwork, encoded: Encoded, store: Store) -> Priced:
        """Price all rounds; those whose answers are stored are the ones that were sent."""
        priced = Priced(self.machine, store=store)
        self.scores(network, encoded, priced, is_planned=True)
        return priced


def prepare_rounds(settings: RunSettings, text: LabelledText, machine: Machine) -> PreparedRounds:
    """Embed the text and prepare the training.

    Raises:
        UsageError: settings that a model in rounds does not take.
        SpecError: the machine has too few qubits.
    """
    _check(settings)
    check_fits(settings.architecture, machine.snapshot)
    recipe = prepare_recipe(_recipe(settings), text)
    if settings.trains_under_noise:
        recipe = with_noise(recipe, machine, settings)
    return PreparedRounds(settings, machine, recipe)


@dataclass(frozen=True, eq=False)
class RoundsOutcome:
    """All results of one run in rounds."""

    settings: RunSettings
    task: Task
    machine: Machine
    prepared: PreparedRecipe
    state: TrainingState
    planned: Priced
    measured: Stored
    labels: NDArray[np.int64]  # shape (n,)
    scores: dict[str, NDArray[np.float64]]  # each of shape (n,)
    """`ideal` without noise, `ideal_shots` with the noise of shots alone, `none` as measured; after
    a training under noise also `noisy_exact`, the machine's noise at infinite shots."""

    controls: tuple[Baseline, ...]

    @property
    def accuracy(self) -> dict[str, Interval]:
        """Test accuracy of each with its 95 % Wilson interval."""
        return {name: accuracy_interval(score, self.labels) for name, score in self.scores.items()}


def run_in_rounds(
    settings: RunSettings, text: LabelledText, progress: Progress, confirm: Confirm
) -> RoundsOutcome:
    """Train, plan all rounds, ask, and run them one after the other through the store.

    Readout is not corrected: a corrected value fed back makes another run of other circuits.

    Args:
        settings: what to run; its engine should be exact.
        text: labelled sentences to train and test on.
        progress: told of each stage.
        confirm: called with what all rounds would be sent as: before the training of a new run,
            after that of one that goes on; again only where more would be spent than was confirmed.

    Raises:
        QRNNError, CircuitsError, CalibrationError, JobsError: see the exit codes.
    """
    _check(settings)
    progress.stage(f"reading the vectors of {len(text):,} sentences, opening {settings.backend}")
    writable_folder(settings.output)
    machine = open_as_begun(settings, progress)
    prepared = prepare_rounds(settings, text, machine)
    recipe, test = prepared.recipe, prepared.test
    keep_calibration(machine, settings.output)
    task = load_task(settings, text)
    network = TrainedNetwork(recipe.network, recipe.initial[0])
    consent = Consent(machine, confirm, settings.budget_seconds)
    if not (settings.output / "checkpoint.npz").exists():
        progress.stage("building, checking and pricing the rounds")
        with Store(store_path()) as store:
            consent.ask(prepared.plan(network, network.encoded(test), store).jobs, store)
    noise = f"under the noise of {machine.name}" if recipe.noise else "without noise"
    progress.stage(f"training {settings.model} {noise}")
    state = train_recipe(recipe, progress)
    network = recipe.trained(state)
    encoded = prepared.encoded(network)
    progress.stage("training classical controls on the same rows")
    controls = classical_controls(
        task, n_parameters=network.n_parameters, seed=settings.seeds["training"]
    )
    with Store(store_path()) as store:
        # What of it is sent already is only known with the weights.
        planned = prepared.plan(network, encoded, store)
        progress.stage(f"running {len(planned.specs)} rounds on {machine.name}, one job each")
        measured = running(planned, consent, store, progress.advance)
        raw = prepared.scores(network, encoded, measured)
    found = _simulated(settings, network, test)
    if recipe.noise:
        found["noisy_exact"] = network.scores(test.values, test.lengths, recipe.reader)
    found["none"] = raw
    return RoundsOutcome(
        settings,
        task,
        machine,
        recipe,
        state,
        planned,
        measured,
        test.known_targets,
        found,
        controls,
    )


def _simulated(
    settings: RunSettings, trained: TrainedNetwork, test: Sequences
) -> dict[str, NDArray[np.float64]]:
    """Return the scores without the machine's noise, at infinite shots and at those of the run."""
    generator = np.random.default_rng(settings.seed)
    return {
        "ideal": trained.scores(test.values, test.lengths),
        "ideal_shots": sampled_outputs(trained, test, shots=settings.shots, generator=generator)[
            :, 0
        ],
    }


def _check(settings: RunSettings) -> None:
    if settings.plans not in ((), ("none",)):
        raise UsageError(
            f"{ONLY_NONE} Got {', '.join(settings.plans)}; leave --plan out, or choose --mode "
            "sampled."
        )
    given = {
        f"--engine {settings.engine}": settings.engine != "exact",
        "--snapshots": bool(settings.snapshots),
        "--margin": settings.training.margin > 0,
        "--variance-penalty": settings.training.variance_penalty > 0,
    }
    found = [option for option, is_given in given.items() if is_given]
    if found:
        raise UsageError(
            "a model in expectation mode is trained by exact gradients, under one calibration or "
            f"without noise. Got {', '.join(found)}; leave that out, or choose --mode sampled."
        )
    if settings.trains_under_noise and not settings.architecture.in_rounds:
        raise UsageError(
            "a training under noise in rounds needs steps that start anew. Got "
            f"{settings.model}, which prepares its state again in every round; leave out "
            "--training-noise, or choose --mode sampled."
        )


def _recipe(settings: RunSettings) -> RecipeSettings:
    options: dict[str, Any] = dict(settings.options)
    return RecipeSettings(
        model=settings.model,
        options=options,
        dataset=settings.dataset,
        data=settings.data,
        embeddings=settings.embeddings,
        seed=settings.seed,
        epochs=settings.training.epochs,
        learning_rate=settings.training.learning_rate,
        shots=settings.shots,
        output=settings.output,
    )
