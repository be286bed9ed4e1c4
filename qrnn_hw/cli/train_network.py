"""`qrnn-hw train MODEL`: a network by a named recipe, without a machine."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from qrnn_hw.cli.output import print_json, print_table

if TYPE_CHECKING:
    from qrnn_hw.experiment.recipe_settings import RecipeSettings


def train_network(settings: RecipeSettings, output: Path | None, *, as_json: bool) -> None:
    """Train by a recipe, test with infinite shots and with few, and write result.json."""
    from qrnn_hw.cli.progress import ConsoleProgress
    from qrnn_hw.config import writable_folder
    from qrnn_hw.data.usage import data_lines
    from qrnn_hw.experiment.recipe_settings import default_folder
    from qrnn_hw.experiment.recipe_training import assess_recipe, prepare_recipe
    from qrnn_hw.report.files import write_json
    from qrnn_hw.report.labels import MEASURES

    settings = replace(settings, output=output or default_folder(settings))
    rows = settings.read()
    writable_folder(settings.output)
    with ConsoleProgress() as progress:
        progress.stage("making the features")
        prepared = prepare_recipe(settings, rows)
        progress.stage(f"training {settings.model}, recipe {settings.recipe}")
        state = prepared.training.resumed(settings.output, progress)
        progress.stage("testing")
        document = assess_recipe(prepared, state)
        write_json(settings.output / "result.json", document)
    if as_json:
        print_json(document)
        return
    for measure, said in MEASURES.items():
        if measure in document:
            print_table(("", f"test {said}", "95 % interval"), _rows(document, measure))
    for one in document.get("direct", ())[:1]:
        typer.echo(f"direct, first seed: {one['said']}")
    for line in data_lines(document):
        typer.echo(f"data: {line}")


def _rows(document: dict[str, Any], measure: str) -> list[tuple[str, str, str]]:
    from qrnn_hw.report.labels import between

    rows = []
    for key, label in (
        ("infinite", "infinite shots"),
        ("shots", f"{document['shots']:,} shots of each circuit"),
    ):
        one = document[measure][key]
        rows.append((label, f"{one['value']:.3f}", between(one["low"], one["high"])))
    if measure == "accuracy" and document["published_accuracy"] is not None:
        rows.append(("published, amazon file", f"{document['published_accuracy']:.3f}", ""))
    return rows
