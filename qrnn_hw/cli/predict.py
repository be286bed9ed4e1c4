"""`qrnn-hw predict` and `export`: what a trained model answers, and the model as one file."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from qrnn_hw.cli.numbers import real, whole
from qrnn_hw.cli.options import Budget, Effects, MachineSeed, Yes
from qrnn_hw.cli.output import Json, print_json, print_table
from qrnn_hw.ranges import MOST_ROUNDS, MOST_SEED, MOST_SENTENCES, MOST_SHOTS

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
    seed: Annotated[int, whole(0, MOST_SEED, help="Of drawn shots.")] = 0,
    backend: Annotated[
        str | None,
        typer.Option(
            help="With --shots: the machine that runs them, fake_... (recorded, offline), "
            "twin:fake_... or ibm_... (real). Without: exact answers under the noise of a recorded "
            "device. By default neither noise nor machine."
        ),
    ] = None,
    effects: Effects = None,
    machine_seed: MachineSeed = None,
    placement: Annotated[
        str | None,
        typer.Option(
            help="On a machine: level-3, auto (where this model's outputs for these rows lose "
            "least), or one qubit for each wire. By default that of the run on the run's machine, "
            "else level-3."
        ),
    ] = None,
    plan: Annotated[
        str | None,
        typer.Option(
            help="On a machine, with a number of shots: the mitigation stack that combines them, "
            "such as 'linear(1,3) + terminal'. By default none."
        ),
    ] = None,
    most: Annotated[
        int | None,
        whole(1, MOST_SHOTS, help="With --shots auto on a machine: most shots of a row."),
    ] = None,
    canaries: Annotated[
        int | None,
        whole(
            0,
            MOST_SENTENCES,
            help="On a machine: held-out rows of the training, whose answers are known, that are "
            "run along; 8 by default, 0 for none. Without them nothing is said of the noiseless "
            "label.",
        ),
    ] = None,
    repetitions: Annotated[
        int | None,
        whole(
            1,
            MOST_ROUNDS,
            help="On a machine: into how many repetitions a job deals its circuits, at most; 20 by "
            "default. No label is certain while they disagree.",
        ),
    ] = None,
    noiseless: Annotated[
        bool,
        typer.Option(
            "--noiseless",
            help="With --shots auto on a machine: go on until the noiseless label is certain too, "
            "if canaries are representative.",
        ),
    ] = False,
    budget: Budget = None,
    yes: Yes = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="On a machine: check and price only; send nothing.")
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option(
            help="On a machine: folder of predictions.json and of the calibration that was begun "
            "with; by default one in runs for just these rows."
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Answer sentences, a file, or the lines of standard input with a trained model.

    The same input has the same answer in every process. A label is certain where a wrong one has
    at most the probability delta; with --shots auto one that does not get so far is left undecided.
    Words without a vector, and numbers outside the range of the training data, are said.

    With --backend and --shots a machine answers, through the store: batches of shots, each only of
    the rows that are still open, until each label is certain. The same command goes on where it was
    interrupted, and pays nothing twice. Certified are this machine's label, and apart from it the
    noiseless one, if canaries are representative. Heads that read the bits of every step, and
    --plan, are asked once, with a number of shots.
    """
    from qrnn_hw.errors import UsageError
    from qrnn_hw.submission.machine import chosen_backend

    number = _shots(shots)
    if text and data is not None:
        raise UsageError("either --text or --data should be given. Got both; leave one out.")
    if backend is not None or effects is not None or machine_seed is not None:
        backend = chosen_backend(backend or "fake_boston", effects, machine_seed)
    asks = backend is not None and number is not None
    _refuse_useless(
        {
            "--placement": placement is not None and backend is None,
            "--most": most is not None and not (asks and number == "auto"),
            "--noiseless": noiseless and not (asks and number == "auto"),
            "--canaries": canaries is not None and not asks,
            "--repetitions": repetitions is not None and not asks,
            "--budget": budget is not None and not asks,
            "--dry-run": dry_run and not asks,
            "--output": output is not None and not asks,
            "--plan": plan is not None and not asks,
        }
    )
    given = None if data is not None else _texts(text)

    from qrnn_hw.answers.asked_rows import from_file, from_texts
    from qrnn_hw.answers.in_words import said_of
    from qrnn_hw.answers.prediction import predict as answered
    from qrnn_hw.answers.runs import noisy_reader, opened_model, settings_on

    model = opened_model(source)
    if given is not None:
        inputs = from_texts(model, list(given.values()), names=list(given))
    else:
        inputs = from_file(model, data)
    if backend is not None and number is not None:
        from qrnn_hw.answers.on_machine import MOST, Asking
        from qrnn_hw.cli.predict_machine import ask_machine

        settings = settings_on(
            model,
            backend,
            source,
            placement=placement,
            canaries=canaries,
            repetitions=repetitions,
            budget_seconds=budget,
            output=output or Path(),
        )
        fixed = None if number == "auto" else number
        stacks = () if plan is None else (plan,)
        asking = Asking(fixed, delta, most or MOST, noiseless, seed, stacks)
        if fixed is not None and asking.asks_once(model):
            from qrnn_hw.cli.predict_once import ask_once

            ask_once(model, inputs, settings, asking, yes=yes, dry_run=dry_run, as_json=json)
            return
        ask_machine(model, inputs, settings, asking, yes=yes, dry_run=dry_run, as_json=json)
        return
    reader = None if backend is None else noisy_reader(model, inputs, backend, source, placement)
    found = answered(model, inputs, shots=number, delta=delta, seed=seed, reader=reader)
    if json:
        print_json([one.to_json() for one in found])
        return
    header, rows = (
        ("", "answer", "score", "95 % interval", "shots", ""),
        [_row(one) for one in found],
    )
    shown = [place for place in range(len(header)) if place != 2 or any(row[2] for row in rows)]
    print_table([header[n] for n in shown], [[row[n] for n in shown] for row in rows])
    for line in said_of(model):
        typer.echo(line)


def export(
    run: Annotated[Path, typer.Argument(help="Folder of a finished run or training of a head.")],
    output: Annotated[Path, typer.Argument(help="File to write, such as model.qrnn.")],
    json: Json = False,
) -> None:
    """Write the trained model of a run as one file, with all that a prediction needs."""
    from qrnn_hw.answers.runs import opened_model

    path = opened_model(run).save(output)
    if json:
        print_json({"model": str(path), "bytes": path.stat().st_size})
    else:
        typer.echo(f"{path}: {path.stat().st_size:,} bytes")


def _texts(given: list[str] | None) -> dict[str, str]:
    """Return sentences by name: blank lines of standard input are passed over, but counted."""
    if given:
        return {f"text {number}": text for number, text in enumerate(given, start=1)}
    from qrnn_hw.data.lines import stream_lines

    # Read as bytes, so that what is no UTF-8 is refused as in a file, whatever the terminal's is.
    stream = getattr(sys.stdin, "buffer", None) or io.BytesIO(sys.stdin.read().encode())
    lines = stream_lines(stream, "standard input")
    return {f"line {number}": line.strip() for number, line in lines if line.strip()}


def _refuse_useless(given: dict[str, bool]) -> None:
    from qrnn_hw.errors import UsageError

    if found := [name for name, is_useless in given.items() if is_useless]:
        raise UsageError(
            f"{', '.join(found)} should come with a machine's shots: --backend and --shots, of "
            "--most and --noiseless --shots auto. Got no such; leave that out."
        )


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


def scores(one: Any) -> str:
    """Say each score, a line each with its class where there are several; numbers are answers."""
    leaf = one.answer
    while isinstance(leaf, list):
        leaf = leaf[0]
    if isinstance(leaf, float):
        return ""
    names = one.outputs if len(one.outputs) > 1 else ("",)
    each = _flat(one.score)
    named = zip(names * (len(each) // len(names)), each, strict=True)
    return "\n".join(f"{name} {number:+.4f}".lstrip() for name, number in named)


def spans(low: list[Any], high: list[Any]) -> str:
    """Say the ends of intervals, a line each."""
    ends = zip(_flat(low), _flat(high), strict=True)
    return "\n".join(f"{a:+.4f} to {b:+.4f}" for a, b in ends)


def _row(one: Any) -> tuple[str, ...]:
    said = said_answer(one.answer)
    if not one.is_certain and one.answer is not None:
        said += " (not certain)"
    score, interval, shots = scores(one), spans(one.low, one.high), f"{one.shots or 0:,}"
    if one.shots is None:
        interval, shots = "exact", ""
    return one.name, said, score, interval, shots, one.note


def said_answer(answer: Any) -> str:
    """Return an answer in words; of several, one for each step, with a bar between them."""
    if answer is None or isinstance(answer, str):
        return answer or "undecided"
    if answer and not isinstance(answer[0], float):
        return " | ".join(said_answer(one) for one in answer)
    return ", ".join(f"{number:.6g}" for number in answer)


def _flat(numbers: list[Any]) -> list[float]:
    """Return numbers that may be lists of numbers, one after the other."""
    return [x for one in numbers for x in (one if isinstance(one, list) else [one])]
