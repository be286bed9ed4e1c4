"""Options that say how a file of data is read, and the one way from them to the data."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from qrnn_hw.cli.numbers import whole
from qrnn_hw.ranges import MOST_SEED, MOST_SERIES, MOST_WINDOW

if TYPE_CHECKING:
    from qrnn_hw.data.dataset import Dataset
    from qrnn_hw.data.read_options import ReadOptions

DatasetName = Annotated[
    str | None,
    typer.Option(
        "--dataset",
        help="Data by name. Sentences: amazon, imdb, yelp, or uci (all three, tested on amazon). "
        "Series: mackey-glass, narma10, lorenz63, stm, sunspots. Sequences: japanese-vowels.",
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
    typer.Option("--time", help="Column of the times: numbers, or dates with the year in front."),
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


def read_options(
    *,
    text: str | None = None,
    label: str | None = None,
    target: Sequence[str] | None = None,
    inputs: Sequence[str] | None = None,
    window: int | None = None,
    horizon: int | None = None,
    sequence: str | None = None,
    time: str | None = None,
    per_step: bool = False,
    steps: int | None = None,
    read: str = "first",
    embeddings: Path | None = None,
    test: Path | None = None,
    length: int | None = None,
    data_seed: int = 0,
) -> ReadOptions:
    """Return what the options of a command say of a file.

    Raises:
        UsageError: two do not go together, or one is out of its range.
    """
    from qrnn_hw.data.read_options import ReadOptions

    return ReadOptions(
        text=text,
        label=label,
        target=tuple(target or ()),
        inputs=tuple(inputs or ()),
        window=window,
        horizon=horizon,
        sequence=sequence,
        time=time,
        per_step=True if per_step else None,
        steps=steps,
        words=read,  # type: ignore[arg-type]
        embeddings=embeddings,
        test=test,
        length=length,
        data_seed=data_seed,
    )


def read_data(
    data: Path | None, dataset: str | None, options: ReadOptions, *, default: str
) -> Dataset:
    """Return the data of a command: a file, or a data set by name.

    Args:
        data: the user's own file; None without one.
        dataset: asked for by name; None is the default.
        options: how it is to be read.
        default: name of a data set.

    Raises:
        UsageError: both are asked for, or an option does not fit the data.
        ConfigurationError: the data cannot be read; one line with the place and what was expected.
    """
    from qrnn_hw.data.labelled_text import dataset_name
    from qrnn_hw.data.named import read_named
    from qrnn_hw.data.reading import read

    name = dataset_name(dataset, data, default)
    return read_named(name, options) if data is None else read(data, options)
