"""Arguments and options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from qrnn_hw.cli.numbers import real, whole
from qrnn_hw.ranges import (
    MOST_REP_DELAY_MICROSECONDS,
    MOST_ROWS,
    MOST_SECONDS,
    MOST_SEED,
    MOST_SHOTS,
    MOST_STEPS,
)

Source = Annotated[
    str,
    typer.Argument(
        metavar="MODEL|FILE", help="A model's name, or a .qpy or .qasm file of an ISA circuit."
    ),
]
Backend = Annotated[
    str,
    typer.Option(
        help="fake_... (recorded, offline), twin:fake_... (with effects that no calibration "
        "reports), or a real machine of the account.",
    ),
]
Effects = Annotated[
    str | None,
    typer.Option(
        help="Of a twin: what is wrong with it, such as reset=0.015,gate-drift=0.3, or mild, or "
        "full. `qrnn-hw backends --effects` lists them."
    ),
]
MachineSeed = Annotated[
    int | None,
    whole(0, 2**32 - 1, help="Of a twin: which machine with these effects."),
]
Shots = Annotated[int, whole(1, MOST_SHOTS, help="Shots of each row of each circuit.")]
Steps = Annotated[int, whole(1, MOST_STEPS, help="Time steps T of a model.")]
Rows = Annotated[
    int, whole(1, MOST_ROWS, help="Random input sequences of a model; copies of a file's circuit.")
]
Seed = Annotated[
    int, whole(0, MOST_SEED, help="Of a model's random inputs and weights, and of simulated shots.")
]
Budget = Annotated[
    float | None,
    real(
        0,
        MOST_SECONDS,
        help="QPU seconds that the jobs of this command may take together, whatever their end and "
        "over all times that it is run. More is refused before it is sent, and the jobs' limits at "
        "the service stay within it.",
    ),
]
Placement = Annotated[
    str,
    typer.Option(
        help="Where on the machine a model lies: level-3 (the transpiler's choice), auto (the "
        "placement where its own answers lose least, by the exact engine), or one qubit for each "
        "wire, such as 35,19,15,14.",
    ),
]
Tiles = Annotated[
    str | None,
    typer.Option(
        help="Copies of the circuit side by side on the chip, each with other sequences: auto, for "
        "as many as the calibration allows, or a number. By default one, where the transpiler puts "
        "it.",
    ),
]
Guard = Annotated[
    int | None,
    whole(0, 2, help="With --tiles: couplings that are kept between two of them; 1 by default."),
]
Minutes = Annotated[
    float | None,
    real(
        0.001,
        MOST_SECONDS,
        help="QPU minutes that choose the shots in place of --shots: as many as they buy for all "
        "plans on all tiles, said before anything runs; a plan that they cannot pay is left out. "
        "They are the budget too.",
    ),
]
RepDelay = Annotated[
    float | None,
    real(
        0,
        MOST_REP_DELAY_MICROSECONDS,
        help="Microseconds between two shots, within the machine's range; by default the machine's "
        "own. Qubits that were not reset keep what has not decayed by then.",
    ),
]
Yes = Annotated[bool, typer.Option("--yes", help="Spend QPU time without asking.")]
ModeOption = Annotated[str, typer.Option(help="job, batch or session (not on the Open plan).")]
ModelOptions = Annotated[
    list[str] | None,
    typer.Option(
        "--option",
        "-o",
        help="Option of the model, NAME=VALUE, such as mode=sampled; may be repeated. "
        "`qrnn-hw models show` lists them.",
    ),
]
Reading = Annotated[
    str | None,
    typer.Option(
        "--reading",
        help="What the trained head reads: final, the bits after the last step, or steps, the bits "
        "that every step records too. By default final; steps where every step has a target.",
    ),
]
Degree = Annotated[
    int | None,
    whole(
        1,
        8,
        "--degree",
        help="Of a head that reads every step: most bits of a product; 2 by default.",
    ),
]
Direct = Annotated[
    bool | None,
    typer.Option(
        "--direct/--no-direct",
        help="Of numbers: let what was last read reach the answer past the circuit too, as a line "
        "that is trained with it (default: no-direct). Shots and noise act on the rest.",
        show_default=False,
    ),
]
HeadShots = Annotated[
    int | None,
    whole(
        0,
        MOST_SHOTS,
        "--head-shots",
        help="Shots of an answer that a head fitted by ridge (--direct) is for: it weighs what so "
        "few add to its errors. By default those of --shots, else 1000; 0 is infinitely many.",
    ),
]
FeedbackMode = Annotated[
    str | None,
    typer.Option("--mode", help="Short for --option mode=coherent, sampled or expectation."),
]
Wiring = Annotated[str | None, typer.Option(help="Short for --option wiring=faithful or repaired.")]
Snapshots = Annotated[
    list[Path] | None,
    typer.Option(
        help="Another calibration of the device, a file of `calibrate snapshot`; may be repeated."
    ),
]
Learned = Annotated[
    list[Path] | None,
    typer.Option(
        help="What was measured of the machine beside what it reports, a file of `calibrate "
        "readout --output`; may be repeated. Training and forecasts then hold it."
    ),
]
Data = Annotated[
    Path | None,
    typer.Option(help="Your own labelled text: TSV with the columns label and text."),
]
Embeddings = Annotated[
    Path | None, typer.Option(help="Your own word vectors: GloVe text format or .npz.")
]
