"""A model trained by a named recipe, from several seeds, and tested with and without shot noise."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from circuits.definition import Architecture
from circuits.registry import architecture, row
from qrnn_hw.config import writable_folder
from qrnn_hw.data.labelled_text import LabelledText
from qrnn_hw.data.split import Split
from qrnn_hw.data.usage import Usage, usage
from qrnn_hw.errors import ConfigurationError
from qrnn_hw.networks.hybrid_network import network_of
from qrnn_hw.networks.network import CircuitNetwork, Network, Parameters
from qrnn_hw.recipes.published_features import published_features, published_words
from qrnn_hw.recipes.recipe_settings import RecipeSettings
from qrnn_hw.recipes.recipes import FAULTS, PUBLISHED_ACCURACY, Recipe, split_rows
from qrnn_hw.run.progress import Progress
from qrnn_hw.run.settings import RunSettings
from qrnn_hw.run.task import load_task, vectors_of
from qrnn_hw.statistics.intervals import Interval, mean_interval, wilson
from qrnn_hw.train.checkpoint import fingerprint
from qrnn_hw.train.ensemble import (
    EnsembleState,
    Part,
    Schedule,
    load,
    save,
    start,
    train_ensemble,
)
from qrnn_hw.train.exact import MARGIN_SCALE
from qrnn_hw.train.options import TrainingOptions

PUBLISHED_SPLIT = 42


@dataclass(frozen=True, eq=False)
class PreparedRecipe:
    """A network with its rows, before training."""

    settings: RecipeSettings
    network: Network
    schedule: Schedule
    initial: tuple[Parameters, ...]
    training: Part
    validation: Part | None
    test: Part
    usage: Usage
    published: Recipe | None = None
    noise: str | None = None
    """Digest of the calibration that the network has the noise of; None is without noise."""

    @property
    def fingerprint(self) -> str:
        """What a checkpoint must have been trained on; epochs are not in it."""
        parts = [self.training, self.test, *([self.validation] if self.validation else [])]
        schedule = asdict(self.schedule)
        schedule.pop("epochs")
        content = {
            "model": self.settings.model,
            "options": dict(self.network.architecture.options),
            "recipe": self.settings.recipe,
            "schedule": schedule,
            "seeds": list(self.settings.seeds),
            "data": [_digest(array) for part in parts for array in part],
        }
        if self.noise is not None:  # so that older checkpoints keep theirs
            content["noise"] = self.noise
        return fingerprint(content)


def prepare_recipe(settings: RecipeSettings, text: LabelledText) -> PreparedRecipe:
    """Make the features of every seed and the network.

    Raises:
        UsageError: the words do not vary enough to be reduced or scaled.
    """
    model = architecture(settings.model, **settings.options)
    if settings.recipe == "published":
        return _published(settings, model, text)
    return _ours(settings, model, text)


def _published(settings: RecipeSettings, model: Architecture, text: LabelledText) -> PreparedRecipe:
    """Set up the published procedure: one split for all seeds, batches of one."""
    recipe = settings.published()
    train, test = split_rows(text.labels, recipe, seed=PUBLISHED_SPLIT, groups=text.groups)
    vectors = vectors_of(text, settings.embeddings)
    # PCA has no seed: its features are made once.
    n_fits = 1 if recipe.reduction == "pca" else settings.n_seeds
    made = [
        published_features(text.texts, vectors, train, recipe, seed=seed)
        for seed in settings.seeds[:n_fits]
    ]
    features = made * (settings.n_seeds if n_fits == 1 else 1)
    lengths = np.full(len(text), recipe.n_steps)
    network = CircuitNetwork(
        model,
        recipe.n_reduced,
        encoding="linear" if recipe.linear_input else "none",
        head=recipe.head,
    )
    schedule = Schedule(
        settings.epochs or recipe.epochs,
        recipe.batch_size,
        settings.learning_rate or recipe.learning_rate,
        frozen=settings.frozen,
    )
    return PreparedRecipe(
        settings,
        network,
        schedule,
        tuple(network.initial(seed) for seed in settings.seeds),
        _part(features, [lengths] * settings.n_seeds, text, [train] * settings.n_seeds),
        None,
        _part(features, [lengths] * settings.n_seeds, text, [test] * settings.n_seeds),
        usage(text, Split(train, train[:0], test), vectors, published_words),
        recipe,
    )


def _ours(settings: RecipeSettings, model: Architecture, text: LabelledText) -> PreparedRecipe:
    """Set up the pipeline of the main job without noise: a split of its own for each seed."""
    tasks = [
        load_task(
            RunSettings(
                dataset=settings.dataset,
                data=settings.data,
                embeddings=settings.embeddings,
                seed=seed,
            ),
            text,
        )
        for seed in settings.seeds
    ]
    options = TrainingOptions()
    network = network_of(model, tasks[0].vectors.dim, scale=MARGIN_SCALE)
    schedule = Schedule(
        settings.epochs or options.epochs,
        options.batch_size,
        settings.learning_rate or options.learning_rate,
        options.projection_decay,
        options.averaging,
        options.patience,
        settings.frozen,
    )
    values = [task.sequences.values for task in tasks]
    lengths = [np.maximum(task.sequences.lengths, 1) for task in tasks]
    return PreparedRecipe(
        settings,
        network,
        schedule,
        tuple(
            network.initial(seed, task.projection)
            for seed, task in zip(settings.seeds, tasks, strict=True)
        ),
        _part(values, lengths, text, [task.rows.train for task in tasks]),
        _part(values, lengths, text, [task.rows.validation for task in tasks]),
        _part(values, lengths, text, [task.rows.test for task in tasks]),
        tasks[0].usage,
    )


def train_recipe(prepared: PreparedRecipe, progress: Progress) -> EnsembleState:
    """Train, from the checkpoint in the output folder if there is one.

    Raises:
        ConfigurationError: the folder cannot be written to, the checkpoint is of another run, or
            the loss diverged.
    """
    settings, schedule = prepared.settings, prepared.schedule
    path = writable_folder(settings.output) / "checkpoint.npz"
    state = start(prepared.initial, schedule)
    run = prepared.fingerprint
    if path.exists():
        state = load(path, state, run)
        if state.finished_epochs > schedule.epochs:
            raise ConfigurationError(
                f"{path} should have at most the {schedule.epochs} epochs asked for. Got "
                f"{state.finished_epochs}; raise --epochs, remove it, or choose another --output."
            )
        progress.stage(f"resuming after epoch {state.finished_epochs}")

    def after_epoch(state: EnsembleState) -> None:
        save(path, state, run)
        loss = state.history[-1, :, 0].mean()
        progress.advance(state.finished_epochs, schedule.epochs, f"training loss {loss:.3f}")

    return train_ensemble(
        prepared.network,
        prepared.training,
        prepared.validation,
        schedule,
        settings.seeds,
        state,
        after_epoch,
    )


def assess_recipe(prepared: PreparedRecipe, state: EnsembleState) -> dict[str, Any]:
    """Return the JSON document of a trained recipe: accuracies with and without shot noise."""
    settings, network = prepared.settings, prepared.network
    infinite, sampled, constant = [], [], []
    score = jax.jit(jax.vmap(network.score, (None, 0, 0)))
    for index, seed in enumerate(settings.seeds):
        parameters = state.of(index)
        inputs, lengths, labels = (array[index] for array in prepared.test)
        exact = np.asarray(score(parameters, jnp.asarray(inputs), jnp.asarray(lengths)))
        infinite.append((exact > 0) == (labels == 1))
        generator = np.random.default_rng([seed, settings.shots])
        drawn = network.sampled_scores(
            parameters, inputs, lengths, shots=settings.shots, generator=generator
        )
        sampled.append((drawn > 0) == (labels == 1))
        share = float((exact > 0).mean())
        constant.append(max(share, 1 - share))
    published = prepared.published
    return {
        "schema_version": 1,
        "model": settings.model,
        "mode": network.architecture.mode,
        "options": dict(network.architecture.options),
        "recipe": settings.recipe,
        "faults": []
        if published is None
        else [name for name in FAULTS if getattr(published, name)],
        "frozen": settings.frozen,
        "dataset": str(settings.data or settings.dataset),
        "seeds": list(settings.seeds),
        "shots": settings.shots,
        "epochs": {
            "recipe": TrainingOptions().epochs if published is None else published.epochs,
            "asked": prepared.schedule.epochs,
            "run": state.finished_epochs,
            "kept": (state.best_epoch + 1).tolist(),
        },
        "n_parameters": sum(int(value[0].size) for value in state.best.values()),
        "n_quantum_weights": network.architecture.n_weights,
        "accuracy": {"infinite": _summary(infinite), "shots": _summary(sampled)},
        "largest_share_of_one_label": constant,
        "published_accuracy": published_accuracy(network.architecture),
        "rows": {"training": prepared.training.labels.shape[1], "test": len(infinite[0])},
        "data": prepared.usage.to_json(),
        "history": state.history.tolist(),
    }


def published_accuracy(model: Architecture) -> float | None:
    """Return the source's accuracy; a model in another feedback mode is not the one it trained."""
    as_published = model.mode == row(model.name).default("mode")
    return PUBLISHED_ACCURACY.get(model.name) if as_published else None


def _summary(correct: list[NDArray[np.bool_]]) -> dict[str, Any]:
    """Return the mean over seeds with Student's interval; of one seed, Wilson's over sentences."""
    values = [float(one.mean()) for one in correct]
    interval: Interval = (
        mean_interval(np.array(values))
        if len(values) > 1
        else wilson(int(correct[0].sum()), len(correct[0]))
    )
    return {"values": values, **interval.to_json()}


def _part(
    features: list[NDArray[np.float64]],
    lengths: list[NDArray[np.int64]],
    text: LabelledText,
    rows: list[NDArray[np.int64]],
) -> Part:
    labels = np.asarray(text.labels)
    return Part(
        np.stack([f[r] for f, r in zip(features, rows, strict=True)]),
        np.stack([n[r] for n, r in zip(lengths, rows, strict=True)]),
        np.stack([labels[r] for r in rows]),
    )


def _digest(array: NDArray[Any]) -> str:
    import hashlib

    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()
