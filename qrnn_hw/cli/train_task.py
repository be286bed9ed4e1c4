"""`qrnn-hw train --task`: a recurrent core on one of the six tasks."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from qrnn_hw.cli.output import print_json
from qrnn_hw.errors import UsageError

if TYPE_CHECKING:
    from qrnn_hw.tasks.task import Task
    from qrnn_hw.training.checkpoint import Identity


@dataclass(frozen=True)
class TaskWanted:
    """What the command was told of a task."""

    task: str
    core: str
    options: tuple[str, ...]
    data: Path | None
    embeddings: Path | None
    seed: int
    n_seeds: int
    epochs: int | None
    output: Path | None


def train_task(wanted: TaskWanted, others: str, *, as_json: bool) -> None:
    """Train from each seed, write result.json and the parameters, and print the qualities.

    A training that was interrupted goes on from the checkpoint of its seed in the output folder,
    to the same numbers; a finished one is not trained again.

    Args:
        wanted: what to train.
        others: options of a model that were given and mean nothing here.
        as_json: print the document in place of a table.

    Raises:
        UsageError, UnknownNameError: what a task does not take.
        DataError: data that is missing or malformed.
        ConfigurationError: a folder of something else, or a training that does not fit into memory.
    """
    if others:
        raise UsageError(
            "--task should come with --core, --option, --data, --embeddings, --seed, --seeds, "
            f"--epochs, --output and --json alone. Got {others}."
        )
    if wanted.task == "copy" and wanted.data is not None:
        raise UsageError("the task copy draws its data. Got --data; leave it out.")
    if wanted.task != "sentiment" and wanted.embeddings is not None:
        raise UsageError(
            f"--embeddings should come with the task sentiment. Got the task {wanted.task}, "
            "which trains its own."
        )

    from qrnn_hw.cli.progress import ConsoleProgress
    from qrnn_hw.cli.task_document import check_folder, described, print_trained, trained
    from qrnn_hw.config import writable_folder
    from qrnn_hw.models.options import named_options
    from qrnn_hw.report.files import write_json
    from qrnn_hw.tasks.catalogue import chosen_options, entry_of, equal_task
    from qrnn_hw.tasks.fit import fit
    from qrnn_hw.tasks.fit_state import Checkpoint
    from qrnn_hw.tasks.kept_parameters import save_parameters
    from qrnn_hw.tasks.memory import within_memory

    given = named_options(wanted.options)
    size, own, settings = chosen_options(
        wanted.task, given, carried=wanted.data is None, core=wanted.core
    )
    if wanted.embeddings is not None:
        settings["embeddings"] = wanted.embeddings
    entry = entry_of(wanted.task)
    options = replace(own, epochs=wanted.epochs or own.epochs)
    folder = writable_folder(wanted.output or _default_folder(wanted, size, settings))
    with ConsoleProgress() as progress, within_memory():
        progress.stage(f"reading the data of {wanted.task}")
        task, width = equal_task(entry.make(wanted.data, settings), wanted.core, size)
        kept = {"task": settings, "size": asdict(size), "width": width, "fit": asdict(options)}
        document = described(task, wanted.core, kept)
        check_folder(folder / "result.json", document)
        fitted = []
        for seed in range(wanted.seed, wanted.seed + wanted.n_seeds):
            own = replace(options, seed=seed)
            run = _identity(wanted, task, settings, size=asdict(size), width=width, fit=asdict(own))
            checkpoint = Checkpoint(folder / f"checkpoint-{seed}.npz", run)
            goes_on = ", from its checkpoint" if checkpoint.path.exists() else ""
            progress.stage(f"training {wanted.core} on {task.name}, seed {seed}{goes_on}")
            fitted.append(fit(task, own, progress.advance, checkpoint))
            save_parameters(folder / f"parameters-{seed}.npz", fitted[-1].parameters)
    document |= trained(wanted.seed, fitted)
    write_json(folder / "result.json", document)
    if as_json:
        print_json(document)
        return
    print_trained(document)
    typer.echo(f"result: {folder / 'result.json'}")


def _default_folder(wanted: TaskWanted, size: Any, settings: dict[str, Any]) -> Path:
    from qrnn_hw.experiment.run_folder import RUNS, settings_digest

    told = asdict(wanted) | {
        "size": asdict(size),
        "settings": {k: str(v) for k, v in settings.items()},
    }
    del told["output"], told["options"]
    told["data"] = str(wanted.data and wanted.data.absolute())
    told["embeddings"] = str(wanted.embeddings and wanted.embeddings.absolute())
    return RUNS / f"task-{wanted.task}-{wanted.core}-{settings_digest(told)}"


def _identity(wanted: TaskWanted, task: Task, settings: dict[str, Any], **trained: Any) -> Identity:
    """Return what the numbers of a training depend on.

    Another number of epochs decays the learning rate another way: it is another training.
    """
    from qrnn_hw.training.checkpoint import Identity

    told = {name: value for name, value in settings.items() if name != "embeddings"}
    facts = [list(fact) for fact in task.facts if fact[0] != "source"]
    content = {
        "task": [wanted.task, told, facts, task.n_batches],
        "core": [wanted.core, trained["width"], trained["size"]],
        "training": trained["fit"],
        "data": task.digest(),
    }
    return Identity(content)
