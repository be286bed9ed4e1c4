"""`qrnn-hw predict` and `export`: what a trained model answers, and the model as one file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from qrnn_hw.cli.numbers import real, whole
from qrnn_hw.cli.output import Json, print_json, print_table
from qrnn_hw.ranges import MOST_SEED, MOST_SHOTS

Source = Annotated[
    Path, typer.Argument(metavar="RUN|MODEL", help="Folder of a finished run, or a .qrnn file.")
]


def predict(
    source: Source,
    text: Annotated[
        list[str] | None, typer.Option(help="A sentence to answer; may be repeated.")
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(help="A file of the form that the model was trained on, without targets."),
    ] = None,
    shots: Annotated[
        str | None,
        typer.Option(
            help="Shots of each row, or auto: until its label is certain. By default exact."
        ),
    ] = None,
    delta: Annotated[
        float, real(0, 0.5, help="Probability of a wrong label that is accepted.")
    ] = 0.01,
    seed: Annotated[int, whole(0, MOST_SEED, help="Of the shots.")] = 0,
    backend: Annotated[
        str | None,
        typer.Option(help="Answer under the noise of a recorded device, fake_...; else none."),
    ] = None,
    json: Json = False,
) -> None:
    """Answer sentences, a file, or the lines of standard input with a trained model.

    The same input has the same answer in every process. A label is certain where a wrong one has
    at most the probability delta; with --shots auto one that does not get so far is left undecided.
    Words without a vector, and numbers outside the range of the training data, are said.
    """
    from qrnn_hw.errors import UsageError

    number = _shots(shots)
    if text and data is not None:
        raise UsageError("either --text or --data should be given. Got both; leave one out.")

    from qrnn_hw.answers.prediction import from_file, from_texts
    from qrnn_hw.answers.prediction import predict as answered
    from qrnn_hw.answers.runs import noisy_reader, opened_model

    model = opened_model(source)
    if data is not None:
        inputs = from_file(model, data)
    else:
        given = list(text or ()) or [line.strip() for line in sys.stdin if line.strip()]
        inputs = from_texts(model, given)
    reader = None if backend is None else noisy_reader(model, backend)
    found = answered(model, inputs, shots=number, delta=delta, seed=seed, reader=reader)
    if json:
        print_json([one.to_json() for one in found])
        return
    print_table(("", "answer", "score", "95 % interval", "shots", ""), [_row(one) for one in found])


def export(
    run: Annotated[Path, typer.Argument(help="Folder of a finished run.")],
    output: Annotated[Path, typer.Argument(help="File to write, such as model.qrnn.")],
    json: Json = False,
) -> None:
    """Write the trained model of a run as one file, with all that a prediction needs."""
    from qrnn_hw.answers.runs import model_of_run

    path = model_of_run(run).save(output)
    if json:
        print_json({"model": str(path), "bytes": path.stat().st_size})
    else:
        typer.echo(f"{path}: {path.stat().st_size:,} bytes")


def _shots(given: str | None) -> Any:
    from qrnn_hw.errors import UsageError

    if given is None or given == "auto":
        return given
    if not (given.isascii() and given.isdecimal() and 1 <= int(given[:20]) <= MOST_SHOTS):
        raise UsageError(
            f"--shots should be auto, or a whole number from 1 to {MOST_SHOTS:,}. "
            f"Got {given[:40]!r}."
        )
    return int(given)


def _row(one: Any) -> tuple[str, ...]:
    said = "undecided" if one.answer is None else one.answer
    if not isinstance(said, str):
        said = ", ".join(f"{number:.6g}" for number in said)
    elif not one.is_certain and one.answer is not None:
        said += " (not certain)"
    score = ", ".join(f"{number:+.4f}" for number in one.score)
    spans = zip(one.low, one.high, strict=True)
    interval, shots = ", ".join(f"{a:+.4f} to {b:+.4f}" for a, b in spans), f"{one.shots or 0:,}"
    if one.shots is None:
        interval, shots = "exact", ""
    return one.name, said, score, interval, shots, one.note
