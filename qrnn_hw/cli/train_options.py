"""Options of `qrnn-hw train`, by what is trained: a model, a head, a task."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from qrnn_hw.cli.numbers import whole
from qrnn_hw.ranges import MOST_EPOCHS, MOST_SEED, MOST_SEEDS, MOST_SHOTS, MOST_WINDOW

Name = Annotated[
    str | None,
    typer.Argument(help="Model name, as `qrnn-hw models list` gives it; left out with --task."),
]

Task = Annotated[
    str | None,
    typer.Option(
        help="In place of a model: one of the tasks mnist, pmnist, copy, language, "
        "translation, sentiment, on the data that is carried or on --data; --option sets its own "
        "options, and an unknown one is answered with those there are."
    ),
]

Core = Annotated[
    str,
    typer.Option(
        help="Of a task: qrnn, product, frozen, no-quantum, rnn, gru, lstm or orthogonal, "
        "each of the hybrid's number of parameters."
    ),
]

Recipe = Annotated[
    str,
    typer.Option(help="published (the first source's procedure, faults and all) or ours."),
]

FirstSeed = Annotated[int, whole(0, MOST_SEED, help="The first seed.")]

Seeds = Annotated[int, whole(1, MOST_SEEDS, help="Train from so many seeds at once.")]

Epochs = Annotated[
    int | None,
    whole(1, MOST_EPOCHS, help="At most so many; the recipe's own number by default."),
]

Faults = Annotated[
    list[str] | None,
    typer.Option(
        help="Keep only this fault of the published recipe: angles_truncated, "
        "scaled_on_all_rows, unstratified, repeats_shared or none; may be repeated."
    ),
]

TestShots = Annotated[
    int | None,
    whole(1, MOST_SHOTS, help="Of each circuit in the test with shots; 1,000 by default."),
]

Freeze = Annotated[
    bool, typer.Option("--freeze", help="Leave the circuit's weights as drawn: a control.")
]

Trained = Annotated[
    str,
    typer.Option(
        "--train",
        help="all, or head: the circuit stays as drawn, a reservoir, and ridge fits a head to "
        "the bits of every step.",
    ),
]

ReadSteps = Annotated[
    int | None,
    whole(
        1,
        MOST_WINDOW,
        help="With --train head: how many of the last steps the head reads; by default all, "
        "of stm and parity one, so that the circuit alone remembers.",
    ),
]

Washout = Annotated[
    int,
    whole(
        0,
        MOST_WINDOW,
        help="With --train head and --per-step: first steps of a sequence that do not count.",
    ),
]

Draws = Annotated[
    int | None,
    whole(
        1,
        MOST_SEEDS,
        help="With --train head: circuits that are drawn, one of which validation rows choose; "
        "8 by default.",
    ),
]

HeadBackend = Annotated[
    str | None,
    typer.Option(
        help="With --train head: exact readings under the noise of a recorded device, or with "
        "--on-machine the machine that runs the jobs."
    ),
]

OnMachine = Annotated[
    bool,
    typer.Option(
        "--on-machine",
        help="With --train head: fit the head to jobs in the store, sent to --backend with "
        "--shots of every row.",
    ),
]

DryRun = Annotated[
    bool,
    typer.Option("--dry-run", help="With --on-machine: check and price only; send nothing."),
]

Output = Annotated[
    Path | None,
    typer.Option(
        help="Folder of checkpoint.npz and result.json; by default one of its own for these "
        "settings, runs/train-MODEL-RECIPE-DIGEST."
    ),
]
