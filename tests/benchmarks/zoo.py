"""Every model of the registry on the amazon file: published figure, ours, controls, five seeds.

Run by `make zoo`; writes build/zoo.json and docs/results.md after every training, and continues
where it was stopped: each training has a folder under build/zoo with its checkpoint and result.
`--epochs N` bounds the time of each training, `--models a b` chooses rows. Rows that were not run
say so.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo_page import KINDS, SHOTS, Results, page

from circuits.zoo.registry import REGISTRY, architecture
from qrnn_hw.classical.gru import gru_classifier
from qrnn_hw.data.dataset import Dataset
from qrnn_hw.experiment.recipe_settings import RecipeSettings
from qrnn_hw.experiment.recipe_training import assess_recipe, prepare_recipe
from qrnn_hw.experiment.settings import RunSettings, split_seed
from qrnn_hw.experiment.task import ModelTask, load_task
from qrnn_hw.recipes.recipes import PUBLISHED
from qrnn_hw.report.files import write_json, write_text
from qrnn_hw.training.options import TrainingOptions

BUILD, PAGE = Path("build/zoo"), Path("docs/results.md")
SEEDS = range(5)

# Those that train in minutes come first, so that an unfinished run has most rows.
ORDER = (
    ["dynamic-line", "stacked-3-minimal", "stacked-2-final-rot", "stacked-3-final-rot"]
    + ["stacked-3-enhanced", "adapted", "v3a", "v3b", "v1", "v2"]
    + [f"sim-v{version}" for version in range(1, 10)]
    + ["v4", "hybrid", "v5", "qlstm"]
)


class Stages:
    """Progress on stdout, one line a stage."""

    def stage(self, text: str) -> None:
        """Say what begins."""
        print(f"    {text}", flush=True)

    def advance(self, done: int, total: int, note: str = "") -> None:
        """Say nothing of epochs."""


@dataclass(frozen=True)
class Training:
    """One cell of the table: a model, a recipe and a mode."""

    model: str
    kind: str
    options: tuple[tuple[str, Any], ...] = ()

    @property
    def row(self) -> str:
        """The model as the table names it."""
        return ", ".join([self.model, *(str(value) for _, value in self.options)])

    @property
    def folder(self) -> Path:
        """Where its checkpoint and result lie."""
        return BUILD / "-".join([self.model, *(str(value) for _, value in self.options), self.kind])

    def settings(self, epochs: int | None) -> RecipeSettings:
        """Return what is trained, at most so many epochs."""
        published = self.kind == "published"
        own = PUBLISHED[self.model].epochs if published else TrainingOptions().epochs
        return RecipeSettings(
            self.model,
            "published" if published else "ours",
            dict(self.options),
            n_seeds=len(SEEDS),
            epochs=min(own, epochs or own),
            shots=SHOTS,
            frozen=self.kind == "frozen",
            output=self.folder,
        )


def trainings(models: list[str]) -> list[Training]:
    """Return all cells: every mode that is trained as a circuit, wirings as they apply."""
    found = []
    for kind in KINDS:
        for name in models:
            options = REGISTRY[name].options
            repaired = (("wiring", "repaired"),) if "wiring" in options else ()
            if kind == "published":
                found += [Training(name, kind)] if name in PUBLISHED else []
                continue
            if kind == "frozen" and not architecture(name).n_weights:
                continue
            found.append(Training(name, kind, repaired))
            if len(options["mode"]) > 1:
                found.append(Training(name, kind, (*repaired, ("mode", "sampled"))))
    return sorted(found, key=is_large)  # stable: what takes hours comes last


def is_large(training: Training) -> bool:
    """Return whether training follows density matrices, one for each value of the bits."""
    return architecture(training.model, **dict(training.options)).reads_previous


def one(training: Training, text: Dataset, epochs: int | None) -> dict[str, Any]:
    """Train, or continue, or read what is finished."""
    result = training.folder / "result.json"
    settings = training.settings(epochs)
    if result.exists():
        document: dict[str, Any] = json.loads(result.read_text())
        if document["epochs"]["asked"] >= (settings.epochs or 0):
            return document
    prepared = prepare_recipe(settings, text)
    document = assess_recipe(prepared, prepared.training.resumed(settings.output, Stages()))
    write_json(result, document)
    return document


def baselines(tasks: list[ModelTask]) -> dict[str, list[float]]:
    """Return the accuracies of the classifiers that depend on no model, split by split."""
    path = BUILD / "baselines.json"
    if path.exists():
        found: dict[str, list[float]] = json.loads(path.read_text())
        return found
    found = {}
    for seed, task in zip(SEEDS, tasks, strict=True):
        for control in task.classical(n_parameters=430, seed=seed)[:-1]:
            found.setdefault(control.name, []).append(control.accuracy)
    write_json(path, found)
    return found


def equal_gru(n_parameters: int, tasks: list[ModelTask]) -> dict[str, Any]:
    """Return the accuracies of a GRU of as nearly as can be so many parameters."""
    path = BUILD / f"gru-{n_parameters}.json"
    if not path.exists():
        runs = [
            gru_classifier(
                task.data.sequences,
                task.data.sequences.known_targets,
                task.rows,
                n_parameters=n_parameters,
                seed=seed,
            )
            for seed, task in zip(SEEDS, tasks, strict=True)
        ]
        write_json(
            path,
            {"n_parameters": runs[0].n_parameters, "values": [run.accuracy for run in runs]},
        )
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def keep(
    done: dict[Any, Any], training: Training, document: dict[str, Any], tasks: list[ModelTask]
) -> None:
    """Note a finished training and, beside ours, the classical network of equal size."""
    done[training] = document
    if training.kind == "ours":
        done[f"gru {training.row}"] = equal_gru(document["n_parameters"], tasks)


def write(
    done: dict[Any, Any], everything: list[Training], controls: dict[str, list[float]]
) -> None:
    """Write the page and the document of all that is there."""
    results = Results(
        {(t.row, t.kind): done.get(t) for t in everything},
        {t.row: done[f"gru {t.row}"]["values"] for t in everything if f"gru {t.row}" in done},
        controls,
    )
    write_text(PAGE, page(results))
    write_json(
        Path("build/zoo.json"),
        {
            "baselines": controls,
            "trainings": [
                {"row": t.row, "kind": t.kind, **done[t]} for t in everything if t in done
            ],
            "not_run": [f"{t.row}, {t.kind}" for t in everything if t not in done],
        },
    )


def main() -> None:
    """Run what is not there yet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=None)
    parser.add_argument("--models", nargs="*", default=list(ORDER))
    parser.add_argument("--kinds", nargs="*", default=list(KINDS))
    chosen = parser.parse_args()
    text = RunSettings(dataset="amazon").read()
    tasks = [load_task(text, split_seed(seed)) for seed in SEEDS]
    controls = baselines(tasks)
    everything = trainings(list(ORDER))
    done: dict[Any, Any] = {}
    for training in everything:
        if (training.folder / "result.json").exists():
            keep(done, training, json.loads((training.folder / "result.json").read_text()), tasks)
    write(done, everything, controls)
    for training in everything:
        if training.model not in chosen.models or training.kind not in chosen.kinds:
            continue
        print(f"{training.row}, {training.kind}", flush=True)
        document = one(training, text, chosen.epochs)
        keep(done, training, document, tasks)
        write(done, everything, controls)
        print(f"    {document['accuracy']['infinite']['value']:.3f}", flush=True)


if __name__ == "__main__":
    main()
