"""Options that say how a file of data is read, and the one way from them to the data."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from qrnn_hw.cli.numbers import whole
from qrnn_hw.ranges import MOST_SEED, MOST_SERIES, MOST_WINDOW

if TYPE_CHECKING:
    from qrnn_hw.data.read_options import ReadOptions

DatasetName = Annotated[
    str | None,
    typer.Option(
        "--dataset",
        help="Data by name. Sentences: amazon, imdb, yelp, or uci (all three, tested on amazon). "
        "Series: mackey-glass, narma10, lorenz63, stm, parity, sunspots. Sequences: "
        "japanese-vowels.",
    ),
]
DataFile = Annotated[
    Path | None,
    typer.Option(
        "--data",
        help="Your own file. .csv, .tsv or .parquet: sentences with labels; with --target a "
        "series; with --sequence a step of a sequence in each row. .npz: arrays X and y. .ts: as "
        "aeon and sktime write it.",
    ),
]
TestFile = Annotated[
    Path | None, typer.Option("--test", help="A second file like --data, to test on.")
]
TextColumn = Annotated[
    str | None, typer.Option("--text", help="Column of the sentences; text by default.")
]
LabelColumn = Annotated[
    str | None, typer.Option("--label", help="Column of the classes; label by default.")
]
TargetColumns = Annotated[
    list[str] | None,
    typer.Option("--target", help="Column of the number to be forecast; may be repeated."),
]
InputColumns = Annotated[
    list[str] | None,
    typer.Option(
        "--inputs",
        help="Column that the model reads; may be repeated. By default the target's own past, and "
        "with --sequence all other columns.",
    ),
]
Window = Annotated[
    int | None,
    whole(1, MOST_WINDOW, "--window", help="Steps of a series that are read; 12 by default."),
]
Horizon = Annotated[
    int | None,
    whole(
        0,
        MOST_WINDOW,
        "--horizon",
        help="Steps from the last one that is read to the target; 1 by default.",
    ),
]
SequenceColumn = Annotated[
    str | None, typer.Option("--sequence", help="Column that says to which sequence a row belongs.")
]
TimeColumn = Annotated[
    str | None,
    typer.Option("--time", help="Column of the times: numbers, or dates."),
]
Gaps = Annotated[
    str,
    typer.Option(
        "--gaps",
        help="What a gap in a series is: refused, or last, the number before it; their count is "
        "said.",
    ),
]
Changes = Annotated[
    bool,
    typer.Option(
        "--changes",
        help="Of a series: read and forecast what changes from row to row, over the horizon, in "
        "place of its level. For a level that wanders off the range of its past.",
    ),
]
PerStep = Annotated[
    bool, typer.Option("--per-step", help="Every step has a target, not the sequence alone.")
]
WordsRead = Annotated[
    int | None,
    whole(1, MOST_WINDOW, "--steps", help="Words of a text that are read; 10 by default."),
]
WhichWords = Annotated[
    str,
    typer.Option("--read", help="Which words are read of a longer text: first, last or spread."),
]
Length = Annotated[
    int | None,
    whole(10, MOST_SERIES, "--length", help="Steps of a series that is made; 2000 by default."),
]
DataSeed = Annotated[int, whole(0, MOST_SEED, "--data-seed", help="Of a series that is made.")]


@dataclass(frozen=True)
class ChosenData:
    """What the options of a command say of its data."""

    data: Path | None
    dataset: str | None
    reading: ReadOptions

    def name(self, default: str) -> str:
        """Return the data set's name, the default where a file or nothing is given.

        Raises:
            UsageError: both a file and a name are given.
        """
        from qrnn_hw.data.labelled_text import dataset_name

        return dataset_name(self.dataset, self.data, default)


def read_options(
    dataset: DatasetName = None,
    data: DataFile = None,
    test: TestFile = None,
    text: TextColumn = None,
    label: LabelColumn = None,
    target: TargetColumns = None,
    inputs: InputColumns = None,
    window: Window = None,
    horizon: Horizon = None,
    sequence: SequenceColumn = None,
    time: TimeColumn = None,
    gaps: Gaps = "refused",
    changes: Changes = False,
    per_step: PerStep = False,
    steps: WordsRead = None,
    read: WhichWords = "first",
    length: Length = None,
    data_seed: DataSeed = 0,
) -> ChosenData:
    """Return what the options of a command say of its data.

    Raises:
        UsageError: two do not go together, or one is out of its range.
    """
    from qrnn_hw.data.read_options import ReadOptions

    reading = ReadOptions(
        text=text,
        label=label,
        target=tuple(target or ()),
        inputs=tuple(inputs or ()),
        window=window,
        horizon=horizon,
        sequence=sequence,
        time=time,
        gaps=gaps,  # type: ignore[arg-type]
        changes=changes,
        per_step=True if per_step else None,
        steps=steps,
        words=read,  # type: ignore[arg-type]
        test=test,
        length=length,
        data_seed=data_seed,
    )
    return ChosenData(data, dataset, reading)


OPTIONS = tuple(inspect.signature(read_options).parameters)
"""Names of the options, as a command's context has them."""


def reads_data(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options above; it takes what they say as its keyword `chosen`."""
    signature = inspect.signature(command, eval_str=True)
    own = [one for name, one in signature.parameters.items() if name != "chosen"]
    shared = inspect.signature(read_options, eval_str=True).parameters.values()

    @wraps(command)
    def reading(**given: Any) -> Any:
        told = {name: given.pop(name) for name in OPTIONS}
        return command(**given, chosen=read_options(**told))

    parameters = [one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in (*own, *shared)]
    told: Any = reading
    told.__signature__ = signature.replace(parameters=parameters)
    told.__annotations__ = {one.name: one.annotation for one in parameters}
    return reading
