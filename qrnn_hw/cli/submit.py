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

    verdict = assessed(
        source,
        backend,
        options=option or (),
        steps=steps,
        rows=rows,
        shots=shots,
        seed=seed,
        mode=mode,
    )
    require(verdict.findings)
    with Store(store_path()) as store:
        keys, interrupted = send_and_follow(
            verdict, store, mode=mode, budget=budget, yes=yes, dry_run=dry_run, wait=wait
        )
        _print(keys, verdict, store, json)
        if interrupted:
            raise SystemExit(130)
        if wait and verdict.spec is not None and keys:
            from jobs.retrieval import collect

            collect(verdict.spec.key, store)


def send_and_follow(
    verdict: Assessment,
    store: Store,
    *,
    mode: str,
    budget: float | None,
    yes: bool,
    dry_run: bool,
    wait: bool,
) -> tuple[tuple[str, ...], bool]:
    """Return the keys of the jobs, and whether the user stopped the command, not the jobs."""
    from qrnn_hw.submission.following import follow, known_keys

    try:
        keys = _sent(verdict, store, mode, budget, yes, dry_run)
        if wait:
            follow(keys, verdict, store, report_change)
        return keys, False
    except (KeyboardInterrupt, typer.Abort):
        keys = known_keys(verdict.spec, store) if verdict.spec is not None else ()
        typer.echo(come_back(keys), err=True)
        return keys, True


def _sent(
    verdict: Assessment,
    store: Store,
    mode: str,
    budget: float | None,
    yes: bool,
    dry_run: bool,
) -> tuple[str, ...]:
    """Send the job after the question, and return its keys; none of a dry run."""
    from qrnn_hw.cli.spending import check_budget, confirm_spending, described
    from qrnn_hw.submission.following import is_under_way, send

    estimate, spec = verdict.estimate, verdict.spec
    assert estimate is not None  # preflight refuses what cannot be timed,
    assert spec is not None  # and what has free parameters
    if dry_run:
        check_budget(estimate, verdict.machine, budget)
        typer.echo(described(estimate, verdict.machine, verdict.plan), err=True)
        return ()
    if not is_under_way(spec, store):
        confirm_spending(
            estimate, verdict.machine, budget_seconds=budget, yes=yes, plan=verdict.plan
        )
    _mention_intents(store)
    return send(verdict, store, mode=mode, budget_seconds=budget)  # type: ignore[arg-type]


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


def _print(keys: tuple[str, ...], verdict: Assessment, store: Store, json: bool) -> None:
    from qrnn_hw.submission.job_documents import short_document

    jobs: list[dict[str, Any]] = [short_document(key, store) for key in keys]
    if json:
        assessment = verdict.to_json()
        print_json({"jobs": jobs, "estimate": assessment["estimate"]})
    elif jobs:
        print_table(
            ("key", "id", "state"),
            [(job["key"][:12], job["id"] or "", job["state"]) for job in jobs],
        )
