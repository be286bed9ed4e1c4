"""`qrnn-hw submit`: send a job once, and never by surprise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from qrnn_hw.cli import options
from qrnn_hw.cli.output import Json, print_json, print_table

if TYPE_CHECKING:
    from jobs.states import State
    from jobs.store import Store
    from qrnn_hw.submission.assessment import Assessment


def submit(
    source: options.Source,
    backend: options.Backend,
    shots: options.Shots,
    option: options.ModelOptions = None,
    steps: options.Steps = 10,
    rows: options.Rows = 1,
    seed: options.Seed = 0,
    fold: Annotated[
        str | None,
        typer.Option(
            help="Odd scale factors such as 1,3,5: one job for each, every gate repeated and every "
            "delay stretched by it, all in one estimate and one question. `qrnn-hw mitigate` "
            "extrapolates them to zero noise; the command for it is printed."
        ),
    ] = None,
    budget: Annotated[
        float | None, typer.Option(help="Refuse to send if the estimate is above these seconds.")
    ] = None,
    mode: options.ModeOption = "job",
    yes: Annotated[bool, typer.Option("--yes", help="Spend QPU time without asking.")] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until the jobs have ended.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check and price only; send nothing.")
    ] = False,
    json: Json = False,
) -> None:
    """Check, price and send a model or a circuit file.

    The same command again sends nothing twice: a job that is known is found in the store, and one
    whose sending was cut short is looked up at the service first.
    """
    from jobs.preflight import require
    from jobs.store import Store
    from qrnn_hw.cli.preflight import assessed
    from qrnn_hw.config import store_path
    from qrnn_hw.submission.folded import parse_factors

    factors = (1,) if fold is None else parse_factors(fold)
    verdicts = assessed(
        source,
        backend,
        options=option or (),
        steps=steps,
        rows=rows,
        shots=shots,
        seed=seed,
        mode=mode,
        factors=factors,
    )
    for verdict in verdicts:
        require(verdict.findings)
    with Store(store_path()) as store:
        keys, interrupted = send_and_follow(
            verdicts, store, mode=mode, budget=budget, yes=yes, dry_run=dry_run, wait=wait
        )
        _print(keys, verdicts, () if interrupted else factors, store, json)
        if interrupted:
            raise SystemExit(130)
        if wait and keys:
            from jobs.retrieval import collect

            for verdict in verdicts:
                if verdict.spec is not None:
                    collect(verdict.spec.key, store)


def send_and_follow(
    verdicts: Sequence[Assessment],
    store: Store,
    *,
    mode: str,
    budget: float | None,
    yes: bool,
    dry_run: bool,
    wait: bool,
) -> tuple[tuple[str, ...], bool]:
    """Return the keys of the jobs, and whether the user stopped the command, not the jobs.

    All verdicts are of one machine.
    """
    from qrnn_hw.submission.following import follow, known_keys

    try:
        keys = _sent(verdicts, store, mode, budget, yes, dry_run)
        if wait:
            follow(keys, verdicts[0], store, report_change)
        return keys, False
    except (KeyboardInterrupt, typer.Abort):
        specs = [verdict.spec for verdict in verdicts if verdict.spec is not None]
        keys = tuple(key for spec in specs for key in known_keys(spec, store))
        typer.echo(come_back(keys), err=True)
        return keys, True


def _sent(
    verdicts: Sequence[Assessment],
    store: Store,
    mode: str,
    budget: float | None,
    yes: bool,
    dry_run: bool,
) -> tuple[str, ...]:
    """Send the jobs after one question, and return their keys; none of a dry run."""
    from qrnn_hw.cli.spending import check_budget, confirm_spending, described
    from qrnn_hw.submission.assessment import total_estimate
    from qrnn_hw.submission.following import is_under_way, send

    machine, plan = verdicts[0].machine, verdicts[0].plan
    if dry_run:
        estimate = total_estimate(verdicts)
        check_budget(estimate, machine, budget)
        typer.echo(described(estimate, machine, plan), err=True)
        return ()
    waiting = [one for one in verdicts if one.spec is None or not is_under_way(one.spec, store)]
    if waiting:
        confirm_spending(
            total_estimate(waiting), machine, budget_seconds=budget, yes=yes, plan=plan
        )
    _mention_intents(store)
    return tuple(
        key
        for verdict in verdicts
        for key in send(verdict, store, mode=mode, budget_seconds=budget)  # type: ignore[arg-type]
    )


def _mention_intents(store: Store) -> None:
    doubtful = len(store.jobs(limit=None, states=("intended",)))
    if doubtful:
        typer.echo(
            f"{doubtful} earlier jobs were cut short while they were sent; `qrnn-hw jobs adopt` "
            "looks them up.",
            err=True,
        )


def report_change(key: str, state: State) -> None:
    """Say on stderr that a job is in a new state."""
    from jobs.states import state_name

    typer.echo(f"{key[:12]} {state_name(state)}", err=True)


def come_back(keys: Sequence[str]) -> str:
    """Return how to find jobs that go on without us."""
    if not keys:
        return "interrupted; nothing was sent"
    names = " ".join(key[:12] for key in keys)
    return f"interrupted; the jobs go on. Come back with: qrnn-hw jobs watch {names}"


def _print(
    keys: tuple[str, ...],
    verdicts: Sequence[Assessment],
    factors: Sequence[int],
    store: Store,
    json: bool,
) -> None:
    from qrnn_hw.submission.assessment import estimate_json, total_estimate
    from qrnn_hw.submission.folded import mitigate_command
    from qrnn_hw.submission.job_documents import short_document

    jobs: list[dict[str, Any]] = [short_document(key, store) for key in keys]
    document = {"jobs": jobs, "estimate": estimate_json(total_estimate(verdicts))}
    if len(factors) > 1 and jobs:
        document["folded"] = [
            {"scale_factor": factor, "key": verdict.spec and verdict.spec.key}
            for factor, verdict in zip(factors, verdicts, strict=True)
        ]
        document["mitigate"] = mitigate_command(verdicts, factors)
    if json:
        print_json(document)
    elif jobs:
        print_table(
            ("key", "id", "state"),
            [(job["key"][:12], job["id"] or "", job["state"]) for job in jobs],
        )
        if "mitigate" in document:
            pending = any(job["state"] != "done" for job in jobs)
            if pending:
                typer.echo(f"next: qrnn-hw jobs watch {' '.join(key[:12] for key in keys)}")
            typer.echo(f"{'then' if pending else 'next'}: {document['mitigate']}")
