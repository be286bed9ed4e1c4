"""`qrnn-hw study`: questions put to trained models, answered by many runs of one design."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jobs.counted import counted
from qrnn_hw.cli.numbers import whole
from qrnn_hw.cli.options import Placement
from qrnn_hw.cli.output import Json, Parquet
from qrnn_hw.cli.study_device import device
from qrnn_hw.cli.study_shots import shots
from qrnn_hw.ranges import MOST_WORKERS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from qrnn_hw.studies.grid import Grid
    from qrnn_hw.studies.rows import CellRow

app = typer.Typer(
    name="study",
    help="Study shots, noise and mitigation of trained models.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


app.command("shots")(shots)
app.command("device")(device)


def _print_json(document: Any) -> None:
    from json import dumps

    typer.echo(dumps(document, indent=2, allow_nan=False))


Design = Annotated[
    Path | None,
    typer.Argument(
        help="TOML file: study = 'noise' or 'mitigation', a table [axes], a table [fixed]."
    ),
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
Workers = Annotated[int, whole(1, MOST_WORKERS, help="Processes that run cells.")]
Cluster = Annotated[
    str | None, typer.Option(help="Address of a Dask scheduler that runs the cells.")
]
RetryFailed = Annotated[bool, typer.Option("--retry-failed", help="Run failed cells again.")]
Folder = Annotated[Path, typer.Option(help="Folder of rows, models and report.")]


def _of_grid(kind: str, question: str) -> Callable[..., None]:
    """Return the command of one kind of study: all have the same options."""

    def study(
        design: Design = None,
        axis: Axis = None,
        fixed: Fixed = None,
        placement: Placement = "level-3",
        shard: ShardOption = None,
        merge: Merge = None,
        workers: Workers = 1,
        cluster: Cluster = None,
        retry_failed: RetryFailed = False,
        output: Folder = Path("runs") / kind,
        parquet: Parquet = False,
        json: Json = False,
    ) -> None:
        _run_grid(
            kind,
            design,
            axis,
            fixed,
            placement,
            shard,
            merge,
            workers,
            cluster,
            retry_failed,
            output,
            parquet,
            json,
        )

    study.__doc__ = f"""{question}

    Each model is trained once under its machine's noise. Killed and run again, the study goes on;
    run twice, it does nothing.
    """
    return study


app.command("noise")(
    _of_grid(
        "noise",
        "Scale gate, readout, idle and reset noise apart and see where a trained model breaks.",
    )
)
app.command("mitigation")(
    _of_grid("mitigation", "Hold mitigation stacks against each other at equal total shots.")
)


def _run_grid(
    kind: str,
    design: Path | None,
    axes: list[str] | None,
    fixed: list[str] | None,
    placement: str,
    shard: str | None,
    merge: list[Path] | None,
    workers: int,
    cluster: str | None,
    retry_failed: bool,
    output: Path,
    parquet: bool,
    json: bool,
) -> None:
    from qrnn_hw.cli.progress import ConsoleProgress
    from qrnn_hw.config import writable_folder
    from qrnn_hw.errors import UsageError
    from qrnn_hw.studies.engine import check_workers, run_cells
    from qrnn_hw.studies.grid import Shard, placed
    from qrnn_hw.studies.kinds import evaluator
    from qrnn_hw.studies.rows import RowFile, in_order

    if parquet:
        from qrnn_hw.report.parquet import require_parquet

        require_parquet()
    if design is not None and (axes or fixed):
        raise UsageError("a study is a file, or --axis and --set. Got both.")
    chosen = placed(_grid(kind, design, axes, fixed), placement)
    cells = chosen.cells(Shard.parse(shard) if shard else None)
    check_workers(workers)
    rows = RowFile(writable_folder(output) / "rows.jsonl")
    with ConsoleProgress() as progress:
        if merge:
            progress.stage(
                f"{counted(rows.merge(merge), 'row')} added from {counted(len(merge), 'file')}"
            )
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
        document = write_grid_report(chosen, found, output, parquet=parquet)
    if json:
        _print_json(document)
    else:
        from qrnn_hw.cli.tables import print_findings, print_table

        print_findings(document["findings"])
        print_table(
            f"{len(found)} of {counted(len(chosen.cells()), 'cell')}",
            row_table(chosen, found, intervals=False),
        )
        typer.echo(f"report: {document['report']}")
    _say_what_failed(found)


def _say_what_failed(rows: Sequence[CellRow]) -> None:
    from jobs.errors import PartialResultError
    from qrnn_hw.errors import ConfigurationError

    errors = [str(row.error) for row in rows if row.result is None]
    if errors:
        kind = ConfigurationError if len(errors) == len(rows) else PartialResultError
        raise kind(
            f"every cell should give a result. Got {len(errors)} of {len(rows)} that failed, the "
            f"first with {errors[0].rstrip('.')}. Change the study, or run it again with "
            "--retry-failed."
        )


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
        if name in parsed:
            raise UsageError(f"--axis and --set should give each name once. Got {name} again.")
        split = re.split(r",(?![^(]*\))", values)  # not within the brackets of a stack's name
        parsed[name] = [_like(value, known.get(name)) for value in split]
    set_names = {text.partition("=")[0] for text in fixed or []}
    single = {name: values[0] for name, values in parsed.items() if name in set_names}
    several = [name for name in single if len(parsed[name]) > 1]
    if several:
        raise UsageError(
            f"--set should give one value for all cells. Got several of {several[0]}; use --axis."
        )
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
