"""`qrnn-hw train`: a model by a named recipe, without a machine."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from qrnn_hw.cli.numbers import whole
from qrnn_hw.cli.options import (
    Budget,
    Degree,
    Effects,
    Embeddings,
    FeedbackMode,
    MachineSeed,
    ModelOptions,
    Reading,
    Wiring,
    Yes,
)
from qrnn_hw.cli.output import Json, print_json, print_table
from qrnn_hw.cli.reading import ChosenData, reads_data
from qrnn_hw.errors import UsageError
from qrnn_hw.ranges import MOST_EPOCHS, MOST_SEED, MOST_SEEDS, MOST_SHOTS, MOST_WINDOW


@reads_data
def train(
    *,
    name: Annotated[
        str | None,
        typer.Argument(help="Model name, as `qrnn-hw models list` gives it; left out with --task."),
    ] = None,
    task: Annotated[
        str | None,
        typer.Option(
            help="In place of a model: one of the tasks mnist, pmnist, copy, language, "
            "translation, sentiment, on the data that is carried or on --data."
        ),
    ] = None,
    core: Annotated[
        str,
        typer.Option(
            help="Of a task: qrnn, product, frozen, no-quantum, rnn, gru, lstm or orthogonal, "
            "each of the hybrid's number of parameters."
        ),
    ] = "qrnn",
    recipe: Annotated[
        str,
        typer.Option(help="published (the first source's procedure, faults and all) or ours."),
    ] = "ours",
    option: ModelOptions = None,
    mode: FeedbackMode = None,
    wiring: Wiring = None,
    reading: Reading = None,
    degree: Degree = None,
    chosen: ChosenData,
    embeddings: Embeddings = None,
    seed: Annotated[int, whole(0, MOST_SEED, help="The first seed.")] = 0,
    seeds: Annotated[int, whole(1, MOST_SEEDS, help="Train from so many seeds at once.")] = 1,
    epochs: Annotated[
        int | None,
        whole(1, MOST_EPOCHS, help="At most so many; the recipe's own number by default."),
    ] = None,
    fault: Annotated[
        list[str] | None,
        typer.Option(
            help="Keep only this fault of the published recipe: angles_truncated, "
            "scaled_on_all_rows, unstratified, repeats_shared or none; may be repeated."
        ),
    ] = None,
    shots: Annotated[
        int | None,
        whole(1, MOST_SHOTS, help="Of each circuit in the test with shots; 1,000 by default."),
    ] = None,
    freeze: Annotated[
        bool, typer.Option("--freeze", help="Leave the circuit's weights as drawn: a control.")
    ] = False,
    what: Annotated[
        str,
        typer.Option(
            "--train",
            help="all, or head: the circuit stays as drawn, a reservoir, and ridge fits a head to "
            "the bits of every step.",
        ),
    ] = "all",
    read_steps: Annotated[
        int | None,
        whole(
            1,
            MOST_WINDOW,
            help="With --train head: how many of the last steps the head reads; by default all, "
            "of stm and parity one, so that the circuit alone remembers.",
        ),
    ] = None,
    washout: Annotated[
        int,
        whole(
            0,
            MOST_WINDOW,
            help="With --train head and --per-step: first steps of a sequence that do not count.",
        ),
    ] = 0,
    draws: Annotated[
        int | None,
        whole(
            1,
            MOST_SEEDS,
            help="With --train head: circuits that are drawn, one of which validation rows choose; "
            "8 by default.",
        ),
    ] = None,
    backend: Annotated[
        str | None,
        typer.Option(
            help="With --train head: exact readings under the noise of a recorded device, or with "
            "--on-machine the machine that runs the jobs."
        ),
    ] = None,
    effects: Effects = None,
    machine_seed: MachineSeed = None,
    on_machine: Annotated[
        bool,
        typer.Option(
            "--on-machine",
            help="With --train head: fit the head to jobs in the store, sent to --backend with "
            "--shots of every row.",
        ),
    ] = False,
    budget: Budget = None,
    yes: Yes = False,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="With --on-machine: check and price only; send nothing."),
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option(
            help="Folder of checkpoint.npz and result.json; by default one of its own for these "
            "settings, runs/train-MODEL-RECIPE-DIGEST."
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Train a model by a recipe, without noise, and test it with infinite shots and with few.

    A run that was interrupted goes on from the checkpoint in the output folder. With --task a
    recurrent core is trained on one of six tasks, with exact read-outs and no machine. With --train
    head a reservoir's head is fitted, beside the classical models of the task; `predict` and
    `export` take its folder.
    """
    if what not in ("all", "head"):
        raise UsageError(f"--train should be all or head. Got {what[:40]!r}.")
    of_head = {
        "--read-steps": read_steps,
        "--washout": washout,
        "--draws": draws,
        "--backend": backend,
        "--effects": effects,
        "--machine-seed": machine_seed,
        "--on-machine": on_machine,
        "--budget": budget,
        "--dry-run": dry_run,
    }
    useless = [option for option, value in of_head.items() if value not in (None, False, 0)]
    if what == "all" and useless:
        raise UsageError(f"{', '.join(useless)} should come with --train head. Got none.")
    if what == "head" and task is None and name is not None:
        from qrnn_hw.cli.train_head import HeadWanted, train_head

        not_of_head = {
            f"--core {core}": core != "qrnn",
            f"--recipe {recipe}": recipe != "ours",
            "--epochs": epochs,
            "--fault": fault,
            "--freeze": freeze,
            "--seeds": seeds != 1,
            f"--reading {reading}": reading not in (None, "steps"),
        }
        if found_given := [option for option, value in not_of_head.items() if value]:
            raise UsageError(
                "--train head should leave the circuit as it is drawn. Got "
                f"{', '.join(found_given)}; leave that out."
            )
        train_head(
            HeadWanted(
                name,
                tuple(option or ()),
                mode,
                wiring,
                chosen,
                embeddings,
                seed,
                degree,
                read_steps,
                washout,
                8 if draws is None else draws,
                backend,
                effects,
                machine_seed,
                on_machine,
                shots,
                budget,
                output,
            ),
            yes=yes,
            dry_run=dry_run,
            as_json=json,
        )
        return
    if task is not None:
        from qrnn_hw.cli.train_task import TaskWanted, train_task

        given = {
            f"the model {name}": name,
            f"--recipe {recipe}": recipe != "ours",
            "--mode": mode,
            "--wiring": wiring,
            "--dataset": chosen.dataset,
            "options of data": chosen.reading.given,
            "--fault": fault,
            "--shots": shots,
            "--freeze": freeze,
            "--reading": reading,
            "--degree": degree,
            "--train head": what == "head",
        }
        wanted = TaskWanted(
            task, core, tuple(option or ()), chosen.data, embeddings, seed, seeds, epochs, output
        )
        train_task(wanted, [what for what, value in given.items() if value], as_json=json)
        return
    if name is None or core != "qrnn":
        found = "neither" if name is None else f"--core {core} without --task"
        raise UsageError(f"train should be given a model, or --task. Got {found}.")
    from qrnn_hw.models.options import chosen_architecture

    options = dict(chosen_architecture(name, option, mode=mode, wiring=wiring).options)

    from qrnn_hw.cli.progress import ConsoleProgress
    from qrnn_hw.config import writable_folder
    from qrnn_hw.data.usage import data_lines
    from qrnn_hw.experiment.recipe_settings import RecipeSettings, default_folder
    from qrnn_hw.experiment.recipe_training import assess_recipe, prepare_recipe
    from qrnn_hw.networks.head_options import head_of
    from qrnn_hw.report.files import write_json
    from qrnn_hw.report.labels import MEASURES

    settings = RecipeSettings(
        model=name,
        recipe=recipe,  # type: ignore[arg-type]
        options=options,
        dataset=chosen.name(RecipeSettings.dataset),
        data=chosen.data,
        reading=chosen.reading,
        embeddings=embeddings,
        seed=seed,
        n_seeds=seeds,
        epochs=epochs,
        faults=tuple(fault) if fault else None,
        shots=1000 if shots is None else shots,
        frozen=freeze,
        head=head_of(reading, degree),
    )
    settings = replace(settings, output=output or default_folder(settings))
    rows = settings.read()
    writable_folder(settings.output)
    with ConsoleProgress() as progress:
        progress.stage("making the features")
        prepared = prepare_recipe(settings, rows)
        progress.stage(f"training {name}, recipe {recipe}")
        state = prepared.training.resumed(settings.output, progress)
        progress.stage("testing")
        document = assess_recipe(prepared, state)
        write_json(settings.output / "result.json", document)
    if json:
        print_json(document)
    else:
        for measure, said in MEASURES.items():
            if measure in document:
                print_table(("", f"test {said}", "95 % interval"), _rows(document, measure))
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
