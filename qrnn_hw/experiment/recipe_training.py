"""A model trained by a named recipe, from several seeds, and tested with and without shot noise."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from circuits.definition import Architecture
from circuits.zoo.registry import architecture, row
from qrnn_hw.data.dataset import Dataset
from qrnn_hw.data.labelled_text import LabelledText
from qrnn_hw.data.read_text import vectors_of
from qrnn_hw.data.sequences import Sequences
from qrnn_hw.data.split import Split
from qrnn_hw.data.target import Classes
from qrnn_hw.data.usage import Usage, usage
from qrnn_hw.errors import UsageError
from qrnn_hw.experiment.direct_share import direct_share
from qrnn_hw.experiment.fingerprints_before import recipe_before
from qrnn_hw.experiment.quality import Judge
from qrnn_hw.experiment.recipe_settings import RecipeSettings
from qrnn_hw.experiment.settings import split_seed
from qrnn_hw.experiment.task import ModelTask, load_task
from qrnn_hw.experiment.training import Training
from qrnn_hw.networks.encoding import Parameters
from qrnn_hw.networks.finite_shots import sampled_outputs
from qrnn_hw.networks.identity import digest
from qrnn_hw.networks.network import Network, network_of
from qrnn_hw.recipes.published_features import published_features, published_words
from qrnn_hw.recipes.recipes import FAULTS, PUBLISHED_ACCURACY, Recipe, split_rows
from qrnn_hw.statistics.intervals import Interval, mean_interval
from qrnn_hw.training.options import TrainingOptions
from qrnn_hw.training.trainer import TrainingState

PUBLISHED_SPLIT = 42


@dataclass(frozen=True, eq=False)
class PreparedRecipe:
    """A training by a recipe, before it begins."""

    settings: RecipeSettings
    training: Training
    tasks: tuple[ModelTask, ...]
    """Of each seed, by our own recipe."""

    usage: Usage | None
    published: Recipe | None = None


def prepare_recipe(settings: RecipeSettings, data: Dataset) -> PreparedRecipe:
    """Make the features of every seed and the network.

    Raises:
        UsageError: the words do not vary enough to be reduced or scaled.
    """
    model = architecture(settings.model, **settings.options)
    if settings.recipe == "published":
        return _published(settings, model, _text(data))
    return _ours(settings, model, data)


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
    network = network_of(
        model,
        recipe.n_reduced,
        form="linear" if recipe.linear_input else "none",
        head=recipe.head,
        scale=1.0,
    )
    options = TrainingOptions(
        epochs=settings.epochs or recipe.epochs,
        batch_size=recipe.batch_size,
        learning_rate=settings.learning_rate or recipe.learning_rate,
        projection_decay=0.0,
        averaging=0.0,
        patience=None,
    )
    labels = np.asarray(text.labels)
    rows = [Sequences(values, lengths, labels) for values in features]
    words = [[w for w in published_words(one) if w in vectors.index] for one in text.texts]
    known = sorted({vectors.index[word] for row in words for word in row})
    content = [words, labels.tolist(), train.tolist(), test.tolist()]
    data = digest(content), hashlib.sha256(vectors.vectors[known].tobytes()).hexdigest()
    training = _training(
        settings,
        network,
        options,
        tuple(network.initial(seed) for seed in settings.seeds),
        [tuple(one.take(train) for one in rows), tuple(one.take(test) for one in rows)],
        data,
        recipe,
    )
    used = usage(text, Split(train, train[:0], test), vectors, published_words)
    return PreparedRecipe(settings, training, (), used, recipe)


def _text(data: Dataset) -> LabelledText:
    if data.text is None or len(data.text.classes) != 2:
        raise UsageError(
            f"the published recipe should have sentences of two classes. Got {data.name}; use "
            "--recipe ours."
        )
    return data.text


def _ours(settings: RecipeSettings, model: Architecture, data: Dataset) -> PreparedRecipe:
    """Set up the pipeline of a run without noise: a split of its own for each seed."""
    tasks = [load_task(data, split_seed(seed)) for seed in settings.seeds]
    default = TrainingOptions()
    rows = tasks[0].training
    steps = settings.head.readings(data.target, rows)
    direct = settings.head.direct_steps(data.target, rows)
    network = network_of(model, rows.dim, target=data.target, steps=steps, direct=direct)
    options = replace(
        default,
        epochs=settings.epochs or default.epochs,
        learning_rate=settings.learning_rate or default.learning_rate,
    )
    starts = zip(settings.seeds, tasks, strict=True)
    training = _training(
        settings,
        network,
        options,
        tuple(task.start(network, seed) for seed, task in starts),
        [
            tuple(getattr(task, part) for task in tasks)
            for part in ("training", "test", "validation")
        ],
        tuple(task.digest for task in tasks),
    )
    return PreparedRecipe(settings, training, tuple(tasks), tasks[0].usage)


def _training(
    settings: RecipeSettings,
    network: Network,
    options: TrainingOptions,
    initial: tuple[Parameters, ...],
    parts: Sequence[tuple[Sequences, ...]],
    data: tuple[str, ...],
    recipe: Recipe | None = None,
) -> Training:
    """Return the training of all seeds; its parts are training, test and perhaps validation."""
    rows, test, *validation = parts
    return Training(
        network,
        options,
        settings.seeds,
        initial,
        rows,
        validation[0] if validation else None,
        test,
        {
            "recipe": [settings.recipe, recipe and asdict(recipe)],
            "training": {"frozen": settings.frozen},
            "seeds": list(settings.seeds),
            "data": list(data),
            "calibration": None,
        },
        recipe_before(
            network, settings.recipe, options, settings.seeds, parts, frozen=settings.frozen
        ),
        head_shots=settings.head.shots,
        frozen=settings.frozen,
    )


def assess_recipe(prepared: PreparedRecipe, state: TrainingState) -> dict[str, Any]:
    """Return the JSON document of a trained recipe: accuracies with and without shot noise."""
    settings, training = prepared.settings, prepared.training
    network = training.network
    infinite, sampled, constant, direct = [], [], [], []
    for index, seed in enumerate(settings.seeds):
        trained, test = training.trained(state, index), training.test[index]
        judge = Judge(network.target, test.known_targets, None, 1, test.lengths)
        if prepared.tasks:
            judge = Judge.of(prepared.tasks[index], len(test), trained)
        generator = np.random.default_rng([seed, settings.shots])
        outputs = trained.circuit_outputs(test.values, test.lengths)
        exact, beside = judge.answers(outputs), direct_share(judge, outputs)
        direct += [] if beside is None else [beside.to_json()]
        infinite.append(judge.intervals(exact))
        drawn = sampled_outputs(trained, test, shots=settings.shots, generator=generator)
        sampled.append(judge.intervals(judge.answers(drawn)))
        if isinstance(network.target, Classes):
            constant.append(float(np.bincount(exact).max()) / len(exact))
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
            "asked": training.options.epochs,
            "run": state.finished_epochs,
            "kept": (state.best_epoch + 1).tolist(),
        },
        "n_parameters": sum(int(value[0].size) for value in state.best.values()),
        "n_quantum_weights": network.architecture.n_weights,
        **{
            measure: {"infinite": _summary(infinite, measure), "shots": _summary(sampled, measure)}
            for measure in infinite[0]
        },
        "largest_share_of_one_label": constant,
        **({"direct": direct} if direct else {}),
        "published_accuracy": published_accuracy(network.architecture),
        "rows": {"training": len(training.training[0]), "test": len(training.test[0])},
        "data": prepared.usage and prepared.usage.to_json(),
        "notes": [one for task in prepared.tasks[:1] for one in task.data.notes],
        "history": state.history[..., :2].tolist(),
    }


def published_accuracy(model: Architecture) -> float | None:
    """Return the source's accuracy; a model in another feedback mode is not the one it trained."""
    as_published = model.mode == row(model.name).default("mode")
    return PUBLISHED_ACCURACY.get(model.name) if as_published else None


def _summary(found: list[dict[str, Interval]], measure: str) -> dict[str, Any]:
    """Return the mean over seeds with Student's interval; of one seed, that over its rows."""
    values = [one[measure].value for one in found]
    interval = mean_interval(np.array(values)) if len(values) > 1 else found[0][measure]
    return {"values": values, **interval.to_json()}
