"""`qrnn-hw predict` of rows that a machine is asked once: any head, under a mitigation stack."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from jobs.counted import counted
from qrnn_hw.cli.output import print_json, print_table
from qrnn_hw.cli.predict_machine import HEADER, print_price, row

if TYPE_CHECKING:
    from qrnn_hw.answers.model_file import Model
    from qrnn_hw.answers.on_machine import Asking
    from qrnn_hw.data.inputs import Inputs
    from qrnn_hw.experiment.settings import RunSettings


def ask_once(
    model: Model,
    inputs: Inputs,
    settings: RunSettings,
    asking: Asking,
    *,
    yes: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Price, or send and answer."""
    from jobs.store.store import Store
    from qrnn_hw.answers.asked_rows import notes_of
    from qrnn_hw.answers.in_words import said_of
    from qrnn_hw.answers.on_machine import once_on
    from qrnn_hw.cli.progress import ConsoleProgress
    from qrnn_hw.cli.spending import confirmation
    from qrnn_hw.config import store_path
    from qrnn_hw.experiment.versions import package_versions
    from qrnn_hw.report.files import write_json
    from qrnn_hw.submission.consent import Consent

    with ConsoleProgress() as progress, Store(store_path()) as store:
        progress.stage(f"opening {settings.backend}")
        once, settings = once_on(model, inputs, settings, asking, keeps=not dry_run)
        machine = once.question.execution.machine
        if dry_run:
            cost = once.price(store)
        else:
            progress.stage(f"asking {counted(len(inputs.names), 'row')} of {machine.name}")
            consent = Consent(machine, confirmation(yes=yes), settings.budget_seconds)
            asked = once.ask(consent, store, progress)
    if dry_run:
        print_price(cost, machine.name, as_json=as_json)
        return
    (stack,) = once.stacks
    found = asked.predictions(stack, inputs.names, notes_of(model, inputs))
    answers = [one.to_json() for one in found]
    document = {
        "model": model.name,
        "backend": machine.name,
        "snapshot": machine.snapshot.digest,
        **once.question.execution.described(),
        "plan": stack.name,
        "shots": once.shots,
        "delta": once.delta,
        "seed": once.question.seed,
        "repetitions": settings.repetitions,
        "jobs": asked.keys,
        "qpu_seconds": asked.priced.estimate.best_seconds,
        "canaries": asked.said_of_canaries(stack),
        "answers": answers,
        "versions": package_versions(),
    }
    write_json(settings.output / "predictions.json", document)
    if as_json:
        print_json(answers)
        return
    print_table(HEADER, [row(one) for one in found])
    for line in (*said_of(model), asked.said_of_canaries(stack)):
        typer.echo(line)
    seconds = asked.priced.estimate.best_seconds
    typer.echo(
        f"{settings.output / 'predictions.json'}: {counted(asked.priced.n_parts, 'job')}, about "
        f"{seconds:.1f} s of QPU time by their estimates"
    )
