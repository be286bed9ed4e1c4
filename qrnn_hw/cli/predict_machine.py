"""`qrnn-hw predict` on a machine: priced first, sent in batches, answered with certificates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from jobs.counted import counted
from qrnn_hw.cli.output import print_json, print_table
from qrnn_hw.cli.predict import said_answer, scores, spans

if TYPE_CHECKING:
    from qrnn_hw.answers.model_file import Model
    from qrnn_hw.answers.on_machine import Asking
    from qrnn_hw.answers.prediction import Prediction
    from qrnn_hw.answers.prices import Price
    from qrnn_hw.answers.votes import Votes
    from qrnn_hw.data.inputs import Inputs
    from qrnn_hw.experiment.settings import RunSettings


def ask_machine(
    model: Model,
    inputs: Inputs,
    settings: RunSettings,
    asking: Asking,
    *,
    yes: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Price, or send and answer; a batch that the budget forbids ends it with what there is."""
    from jobs.store.store import Store
    from qrnn_hw.answers.asked_rows import notes_of
    from qrnn_hw.answers.in_words import said_of
    from qrnn_hw.answers.machine_answer import predictions, said_of_canaries
    from qrnn_hw.answers.on_machine import ask, votes_on
    from qrnn_hw.answers.prices import price
    from qrnn_hw.cli.progress import ConsoleProgress
    from qrnn_hw.cli.spending import confirmation
    from qrnn_hw.config import store_path
    from qrnn_hw.report.files import write_json
    from qrnn_hw.submission.consent import Consent

    with ConsoleProgress() as progress, Store(store_path()) as store:
        progress.stage(f"opening {settings.backend}")
        votes, settings = votes_on(model, inputs, settings, asking, keeps=not dry_run)
        if not dry_run:
            machine = votes.question.execution.machine
            consent = Consent(machine, confirmation(yes=yes), settings.budget_seconds)
            ask(votes, consent, store, progress)
        else:
            cost = price(votes, store)
    if dry_run:
        print_price(cost, votes.question.execution.machine.name, as_json=as_json)
        return
    found = predictions(votes, inputs.names, notes_of(model, inputs))
    document = _document(votes, found, settings)
    write_json(settings.output / "predictions.json", document)
    if as_json:
        print_json(document["answers"])
    else:
        print_table(HEADER, [row(one) for one in found])
        for line in (*said_of(model), said_of_canaries(votes)):
            typer.echo(line)
        typer.echo(f"{settings.output / 'predictions.json'}: {_sent(votes)}")
    if votes.stopped is not None:
        raise _too_little(votes, settings)


HEADER = (
    "",
    "this machine's label",
    "noiseless label*",
    "score",
    "95 %, this machine's mean",
    "95 %, noiseless*",
    "shots",
    "",
)


def row(one: Prediction) -> tuple[str, ...]:
    """Return a line of the table; * if canaries are representative."""
    from qrnn_hw.statistics.certificates import NOISELESS

    assert one.machine is not None
    said, noiseless = said_answer(one.answer), ""
    known, labels = one.machine["noiseless"], one.machine.get("certificates")
    if labels is not None:
        said += "" if one.is_certain or one.answer is None else " (not certain)"
        own = labels[NOISELESS]
        own = own if isinstance(own, list) else [own]
        noiseless = " | ".join(label or "not certified" for label in own)
    return (
        one.name,
        said,
        noiseless,
        scores(one),
        spans(one.low, one.high),
        "not known" if known is None else spans(known["low"], known["high"]),
        f"{one.shots:,}",
        one.note,
    )


def _document(votes: Votes, found: list[Prediction], settings: RunSettings) -> dict[str, Any]:
    from qrnn_hw.answers.machine_answer import said_of_canaries
    from qrnn_hw.experiment.versions import package_versions

    question = votes.question
    return {
        "model": question.model.name,
        "backend": question.execution.machine.name,
        "snapshot": question.execution.machine.snapshot.digest,
        **question.execution.described(),
        "delta": votes.delta,
        "looks": list(votes.looks),
        "until_noiseless": votes.until_noiseless,
        "seed": question.seed,
        "repetitions": settings.repetitions,
        "batches": [
            {"rows": rows.tolist(), "jobs": keys}
            for rows, keys in zip(votes.asked, votes.jobs, strict=True)
        ],
        "qpu_seconds": votes.seconds,
        "canaries": said_of_canaries(votes),
        "answers": [one.to_json() for one in found],
        "versions": package_versions(),
    }


def _sent(votes: Votes) -> str:
    n_jobs = sum(len(one.parts) for one in votes.assessed)
    return (
        f"{counted(n_jobs, 'job')} in {counted(len(votes.jobs), 'batch', 'batches')}, about "
        f"{votes.seconds:.1f} s of QPU time by their estimates"
    )


def _too_little(votes: Votes, settings: RunSettings) -> Exception:
    from jobs.errors import BudgetError

    return BudgetError(
        f"the answers should stay within the budget of {settings.budget_seconds:g} s. "
        f"Done and kept: {counted(len(votes.jobs), 'batch', 'batches')}; undecided: "
        f"{counted(len(votes.open_rows()), 'row')}; run the same command again with a "
        "larger --budget."
    )


def print_price(cost: Price, machine: str, *, as_json: bool) -> None:
    """Print what is left to be sent to a machine, and what it would cost."""
    if as_json:
        print_json(cost.to_json())
        return
    if cost.first is None:
        typer.echo(f"{machine}: everything is in the store, nothing would be sent.")
        return
    lines = [("spent before", f"{cost.spent_seconds:.1f} s")] if cost.spent_seconds else []
    for name, one in (
        ("the next batch", cost.first),
        ("expected, by the machine's calibration", cost.expected),
        ("at most", cost.most),
    ):
        if one is not None:
            span = f"{one.low_seconds:.1f} to {one.high_seconds:.1f} s"
            lines.append((name, f"{one.best_seconds:.1f} s ({span}), {one.executions:,} shots"))
    lines.append(("jobs at most", str(cost.n_jobs)))
    print_table(("", f"QPU time on {machine}; nothing was sent"), lines)
