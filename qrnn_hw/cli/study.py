"""`qrnn-hw study`: questions put to trained models, answered by many runs of one design."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from qrnn_hw.studies.grid import Grid

app = typer.Typer(
    name="study",
    help="Study shots, noise and mitigation of trained models.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


@app.command("shots")
def shots(
    run: Annotated[
        Path | None,
        typer.Option(help="Folder of a finished `qrnn-hw run`; its trained model is studied."),
    ] = None,
    model: Annotated[str, typer.Option(help="Without --run: the model to train.")] = "dynamic-line",
    dataset: Annotated[
        str | None, typer.Option(help="Without --run: amazon, imdb, yelp, or uci (the default).")
    ] = None,
    data: Annotated[Path | None, typer.Option(help="Without --run: your own TSV.")] = None,
    backend: Annotated[
        str, typer.Option(help="Without --run: recorded device, fake_...")
    ] = "fake_boston",
    epochs: Annotated[int, typer.Option(help="Without --run: at most so many epochs.")] = 30,
    seed: Annotated[int, typer.Option(help="Of training without --run, and of all draws.")] = 0,
    sentences: Annotated[int | None, typer.Option(help="Only so many test sentences.")] = None,
    counts: Annotated[
        str | None, typer.Option("--shots", help="Shot counts, such as 10,100,1000.")
    ] = None,
    repeats: Annotated[int, typer.Option(help="Drawn runs of each input at each count.")] = 100,
    delta: Annotated[
        float, typer.Option(help="Flip probability at which a label counts as certain.")
    ] = 0.01,
    adaptive: Annotated[
        bool, typer.Option(help="Also stop each input early, against fixed shots.")
    ] = True,
    max_shots: Annotated[int, typer.Option(help="Cap of the adaptive shots.")] = 100_000,
    output: Annotated[
        Path, typer.Option(help="Folder of report.html, report.md, rows.csv, study.json.")
    ] = Path("runs/shots"),
    json: Json = False,
) -> None:
    """Find how many shots a trained model's labels need until they hold still.

    Everything follows from the exact distribution of each input, computed once: no shot is
    simulated twice. Without --run the model is trained first; its checkpoint stays in the output
    folder, so that the next study of it starts at once.
    """
    from circuits import architecture
    from qrnn_hw.data.labelled_text import dataset_name
    from qrnn_hw.settings import RunSettings
    from qrnn_hw.studies.shots import DEFAULT_SHOT_COUNTS, ShotPlan
    from qrnn_hw.train.options import TrainingOptions

    plan = ShotPlan(
        shot_counts=_numbers(counts) if counts else DEFAULT_SHOT_COUNTS,
        n_repeats=repeats,
        delta=delta,
        seed=seed,
    )
    architecture(model)
    training = TrainingOptions(epochs=epochs)
    settings = RunSettings(
        model,
        dataset_name(dataset, data),
        data,
        backend=backend,
        seed=seed,
        training=training,
        output=output,
    )
    _check_counts(sentences=sentences, max_shots=max_shots)

    from qrnn_hw.cli.progress import ConsoleProgress
    from qrnn_hw.report.shot_report import write_shot_report
    from qrnn_hw.studies.shot_experiment import study_shots_of
    from qrnn_hw.studies.trained import settings_of, trained_model, with_sentences

    if run is not None:
        settings = settings_of(run)
    with ConsoleProgress() as progress:
        trained = with_sentences(trained_model(settings, progress), sentences)
        progress.stage(f"studying {len(trained.test)} sentences at {len(plan.shot_counts)} counts")
        experiment = study_shots_of(
            trained, plan, adaptive_max_shots=max_shots if adaptive else None
        )
        progress.stage("writing the report")
        document = write_shot_report(experiment, output)
    if json:
        _print_json(document)
        return
    from qrnn_hw.cli.tables import print_findings, print_table
    from qrnn_hw.report.shot_report import shot_table

    print_findings(document["findings"])
    print_table("under the machine's noise", shot_table(experiment, "noisy", intervals=False))
    typer.echo(f"report: {document['report']}")


def _numbers(text: str) -> tuple[int, ...]:
    from qrnn_hw.errors import UsageError

    parts = [part.strip().replace("_", "") for part in text.split(",")]
    if not all(part.isascii() and part.isdecimal() and len(part) < 19 for part in parts):
        raise UsageError(f"shots should be whole numbers with commas between. Got {text!r}.")
    return tuple(map(int, parts))


def _check_counts(**values: int | None) -> None:
    from qrnn_hw.errors import UsageError

    for name, value in values.items():
        if value is not None and value < 1:
            raise UsageError(f"--{name.replace('_', '-')} should be at least 1. Got {value}.")


def _print_json(document: Any) -> None:
    from json import dumps

    typer.echo(dumps(document, indent=2, allow_nan=False))


Design = Annotated[
    Path | None,
    typer.Argument(help="TOML file: study = 'noise', a table [axes], a table [fixed]."),
]
Axis = Annotated[
    list[str] | None,
    typer.Option("--axis", help="NAME=VALUE,VALUE,...; may be repeated, in place of a file."),
]
Fixed = Annotated[
    list[str] | None, typer.Option("--set", help="NAME=VALUE for all cells; may be repeated.")
]
ShardOption = Annotated[str | None, typer.Option(help="Run only every n-th cell: i/n.")]
Merge = Annotated[
    list[Path] | None, typer.Option(help="Add the rows of this rows.jsonl first; may be repeated.")
]
Workers = Annotated[int, typer.Option(help="Processes that run cells.")]
Cluster = Annotated[
    str | None, typer.Option(help="Address of a Dask scheduler that runs the cells.")
]
RetryFailed = Annotated[bool, typer.Option("--retry-failed", help="Run failed cells again.")]


@app.command("noise")
def noise(
    design: Design = None,
    axis: Axis = None,
    fixed: Fixed = None,
    shard: ShardOption = None,
    merge: Merge = None,
    workers: Workers = 1,
    cluster: Cluster = None,
    retry_failed: RetryFailed = False,
    output: Annotated[Path, typer.Option(help="Folder of rows, models and report.")] = Path(
        "runs/noise"
    ),
    json: Json = False,
) -> None:
    """Scale gate, readout, idle and reset noise apart and see where a trained model breaks.

    Each model is trained once under its machine's noise. Killed and run again, the study goes on;
    run twice, it does nothing.
    """
    _run_grid(
        "noise", design, axis, fixed, shard, merge, workers, cluster, retry_failed, output, json
    )


@app.command("mitigation")
def mitigation(
    design: Design = None,
    axis: Axis = None,
    fixed: Fixed = None,
    shard: ShardOption = None,
    merge: Merge = None,
    workers: Workers = 1,
    cluster: Cluster = None,
    retry_failed: RetryFailed = False,
    output: Annotated[Path, typer.Option(help="Folder of rows, models and report.")] = Path(
        "runs/mitigation"
    ),
    json: Json = False,
) -> None:
    """Hold mitigation stacks against each other at equal total shots.

    Each model is trained once under its machine's noise. Killed and run again, the study goes on;
    run twice, it does nothing.
    """
    _run_grid(
        "mitigation",
        design,
        axis,
        fixed,
        shard,
        merge,
        workers,
        cluster,
        retry_failed,
        output,
        json,
    )


def _run_grid(
    kind: str,
    design: Path | None,
    axes: list[str] | None,
    fixed: list[str] | None,
    shard: str | None,
    merge: list[Path] | None,
    workers: int,
    cluster: str | None,
    retry_failed: bool,
    output: Path,
    json: bool,
) -> None:
    from qrnn_hw.cli.progress import ConsoleProgress
    from qrnn_hw.errors import UsageError
    from qrnn_hw.studies.engine import run_cells
    from qrnn_hw.studies.grid import Shard
    from qrnn_hw.studies.kinds import evaluator
    from qrnn_hw.studies.rows import RowFile, in_order

    if design is not None and (axes or fixed):
        raise UsageError("a study is a file, or --axis and --set. Got both.")
    chosen = _grid(kind, design, axes, fixed)
    cells = chosen.cells(Shard.parse(shard) if shard else None)
    rows = RowFile(output / "rows.jsonl")
    with ConsoleProgress() as progress:
        if merge:
            progress.stage(f"{rows.merge(merge)} rows added from {len(merge)} files")
        tally = run_cells(
            cells,
            rows,
            evaluator(kind, output),
            progress,
            n_workers=workers,
            cluster=cluster,
            retry_failed=retry_failed,
        )
        if tally.n_run == 0:
            progress.stage("nothing to do: every cell has its row")
        from qrnn_hw.report.grid_report import row_table, write_grid_report

        found = in_order(chosen.cells(), rows.read())
        document = write_grid_report(chosen, found, output)
    if json:
        _print_json(document)
        return
    from qrnn_hw.cli.tables import print_findings, print_table

    print_findings(document["findings"])
    print_table(f"{len(found)} of {len(chosen.cells())} cells", row_table(chosen, found))
    typer.echo(f"report: {document['report']}")


def _grid(kind: str, design: Path | None, axes: list[str] | None, fixed: list[str] | None) -> Grid:
    from qrnn_hw.errors import UsageError
    from qrnn_hw.studies.grid import grid, read_grid
    from qrnn_hw.studies.kinds import USUAL_AXES, defaults

    known = defaults(kind)
    if design is not None:
        return read_grid(design, {kind: known})
    parsed: dict[str, list[Any]] = {}
    for text in [*(axes or []), *(fixed or [])]:
        name, separator, values = text.partition("=")
        if not separator:
            raise UsageError(f"an axis should be given as NAME=VALUE,VALUE. Got {text!r}.")
        parsed[name] = [_like(value, known.get(name)) for value in values.split(",")]
    set_names = {text.partition("=")[0] for text in fixed or []}
    single = {name: values[0] for name, values in parsed.items() if name in set_names}
    given = {name: values for name, values in parsed.items() if name not in set_names}
    usual = {n: v for n, v in USUAL_AXES[kind].items() if n not in parsed}
    return grid(kind, given | usual, single, known)


def _like(text: str, default: object) -> Any:
    """Read a value as typed, as the type of the parameter's default."""
    try:
        if isinstance(default, int | float):
            return type(default)(text)
    except ValueError:
        pass  # the grid refuses it by name
    return text
