"""`qrnn-hw train`: a model by a named recipe, the head of a drawn circuit, or a core on a task."""

from __future__ import annotations

from collections.abc import Mapping

from qrnn_hw.cli.options import (
    Budget,
    Degree,
    Direct,
    Effects,
    Embeddings,
    FeedbackMode,
    HeadShots,
    MachineSeed,
    ModelOptions,
    Reading,
    Wiring,
    Yes,
)
from qrnn_hw.cli.output import Json
from qrnn_hw.cli.reading import ChosenData, reads_data
from qrnn_hw.cli.train_options import (
    Core,
    Draws,
    DryRun,
    Epochs,
    Faults,
    FirstSeed,
    Freeze,
    HeadBackend,
    Name,
    OnMachine,
    Output,
    ReadSteps,
    Recipe,
    Seeds,
    Task,
    TestShots,
    Trained,
    Washout,
)
from qrnn_hw.errors import UsageError


@reads_data
def train(
    *,
    name: Name = None,
    task: Task = None,
    core: Core = "qrnn",
    recipe: Recipe = "ours",
    option: ModelOptions = None,
    mode: FeedbackMode = None,
    wiring: Wiring = None,
    reading: Reading = None,
    degree: Degree = None,
    direct: Direct = None,
    head_shots: HeadShots = None,
    chosen: ChosenData,
    embeddings: Embeddings = None,
    seed: FirstSeed = 0,
    seeds: Seeds = 1,
    epochs: Epochs = None,
    fault: Faults = None,
    shots: TestShots = None,
    freeze: Freeze = False,
    what: Trained = "all",
    read_steps: ReadSteps = None,
    washout: Washout = 0,
    draws: Draws = None,
    backend: HeadBackend = None,
    effects: Effects = None,
    machine_seed: MachineSeed = None,
    on_machine: OnMachine = False,
    budget: Budget = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    output: Output = None,
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
    useless = _given(
        {
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
    )
    if what == "all" and useless:
        raise UsageError(f"{useless} should come with --train head. Got none.")
    options = tuple(option or ())
    if task is not None:
        from qrnn_hw.cli.train_task import TaskWanted, train_task

        others = _given(
            {
                f"the model {name}": name,
                f"--recipe {recipe}": recipe != "ours",
                "--mode": mode,
                "--wiring": wiring,
                "--dataset": chosen.dataset,
                **{f"--{one.replace('_', '-')}": True for one in chosen.reading.given},
                "--fault": fault,
                "--shots": shots,
                "--freeze": freeze,
                "--reading": reading,
                "--degree": degree,
                "--direct": direct,
                "--head-shots": head_shots is not None,
                "--train head": what == "head",
            }
        )
        of_task = TaskWanted(
            task, core, options, chosen.data, embeddings, seed, seeds, epochs, output
        )
        train_task(of_task, others, as_json=json)
        return
    if name is None or (core != "qrnn" and what == "all"):
        found = "neither" if name is None else f"--core {core} without --task"
        raise UsageError(f"train should be given a model, or --task. Got {found}.")
    if what == "head":
        from qrnn_hw.cli.train_head import HeadWanted, train_head

        others = _given(
            {
                f"--core {core}": core != "qrnn",
                f"--recipe {recipe}": recipe != "ours",
                "--epochs": epochs,
                "--fault": fault,
                "--freeze": freeze,
                "--seeds": seeds != 1,
                f"--reading {reading}": reading not in (None, "steps"),
            }
        )
        of_head = HeadWanted(
            name,
            options,
            mode,
            wiring,
            chosen,
            embeddings,
            seed,
            degree,
            bool(direct),
            head_shots,
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
        )
        train_head(of_head, others, yes=yes, dry_run=dry_run, as_json=json)
        return
    from qrnn_hw.cli.train_network import train_network
    from qrnn_hw.experiment.recipe_settings import RecipeSettings
    from qrnn_hw.models.options import chosen_architecture
    from qrnn_hw.networks.head_options import HEAD_SHOTS, head_of

    settings = RecipeSettings(
        model=name,
        recipe=recipe,  # type: ignore[arg-type]
        options=dict(chosen_architecture(name, option, mode=mode, wiring=wiring).options),
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
        head=head_of(reading, degree, direct, head_shots, shots=shots or HEAD_SHOTS),
    )
    train_network(settings, output, as_json=json)


def _given(values: Mapping[str, object]) -> str:
    """Return the names of options that were given, in one line."""
    return ", ".join(name for name, value in values.items() if value)
