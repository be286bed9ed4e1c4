"""`qrnn-hw submit`: send a job once, and never by surprise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from qrnn_hw.cli import options
from qrnn_hw.cli.output import Json, print_json, print_table

if TYPE_CHECKING:
    from jobs.states import State
    from jobs.store.store import Store
    from qrnn_hw.submission.assessment import Verdict


def submit(
    source: options.Source,
    backend: options.Backend,
    shots: options.Shots,
    effects: options.Effects = None,
    machine_seed: options.MachineSeed = None,
    option: options.ModelOptions = None,
    steps: options.Steps = 10,
    rows: options.Rows = 1,
    seed: options.Seed = 0,
    placement: options.Placement = "level-3",
    tiles: options.Tiles = None,
    guard: options.Guard = None,
    fold: Annotated[
        str | None,
        typer.Option(
            help="Odd scale factors such as 1,3,5: one job for each, every gate repeated and every "
            "delay stretched by it, all in one estimate and one question. `qrnn-hw mitigate` "
            "extrapolates them to zero noise; the command for it is printed."
        ),
    ] = None,
    rep_delay: options.RepDelay = None,
    budget: options.Budget = None,
    mode: options.ModeOption = "job",
    fresh: Annotated[
        bool,
        typer.Option(
            "--fresh",
            help="Send another job where the last one of this command has ended, made for the "
            "machine as it is calibrated now.",
        ),
    ] = False,
    yes: options.Yes = False,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until the jobs have ended.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check and price only; send nothing.")
    ] = False,
    json: Json = False,
) -> None:
    """Check, price and send a model or a circuit file.

    The same command again means the same job, even after the machine was calibrated anew: one that
    is known is found in the store, and one whose sending was cut short is looked up at the service
    first. --fresh asks for another.
    """
    from jobs.store.store import Store
    from qrnn_hw.cli.preflight import assessed
    from qrnn_hw.config import store_path
    from qrnn_hw.submission.folded import parse_factors
    from qrnn_hw.submission.machine import chosen_backend

    factors = (1,) if fold is None else parse_factors(fold)
    verdicts = assessed(
        source,
        chosen_backend(backend, effects, machine_seed),
        options=option or (),
        steps=steps,
        rows=rows,
        shots=shots,
        seed=seed,
        mode=mode,
        factors=factors,
        placement=placement,
        tiles=tiles,
        guard=guard,
        rep_delay=rep_delay,
    )
    with Store(store_path()) as store:
        verdicts, keys, interrupted = send_and_follow(
            verdicts, store, budget=budget, yes=yes, fresh=fresh, dry_run=dry_run, wait=wait
        )
        _print(keys, verdicts, () if interrupted else factors, store, json)
        if interrupted:
            raise SystemExit(130)
        if wait and keys:
            from jobs.service.retrieval import collect

            for verdict in verdicts:
                for spec in verdict.specs:
                    collect(spec.key, store)


def send_and_follow(
    verdicts: Sequence[Verdict],
    store: Store,
    *,
    budget: float | None,
    yes: bool,
    fresh: bool = False,
    dry_run: bool = False,
    wait: bool = False,
) -> tuple[tuple[Verdict, ...], tuple[str, ...], bool]:
    """Send what is not sent yet, after one question.

    All verdicts are of one machine.

    Returns:
        The verdicts with known jobs in place, the keys of what is at the service or was run here,
        none of a dry run, and whether the user stopped the command, not the jobs.
    """
    from jobs.preflight import require
    from qrnn_hw.submission.following import follow, known_keys
    from qrnn_hw.submission.same_job import as_known

    for verdict in verdicts:
        if not verdict.jobs:
            require(verdict.findings)
    meant = tuple(as_known(verdict, store, fresh=fresh) for verdict in verdicts)
    try:
        keys = _sent(verdicts, meant, store, budget, yes, dry_run)
        if wait:
            follow(keys, meant[0].machine, store, report_change)
        return meant, keys, False
    except (KeyboardInterrupt, typer.Abort):
        specs = [spec for verdict in meant for spec in verdict.specs]
        keys = tuple(key for spec in specs for key in known_keys(spec, store))
        typer.echo(come_back(keys), err=True)
        return meant, keys, True


def _sent(
    made_today: Sequence[Verdict],
    meant: Sequence[Verdict],
    store: Store,
    budget: float | None,
    yes: bool,
    dry_run: bool,
) -> tuple[str, ...]:
    """Send the jobs after one question, and return their keys; none of a dry run."""
    from qrnn_hw.cli.spending import confirmation, described
    from qrnn_hw.submission.assessment import priced
    from qrnn_hw.submission.consent import Consent
    from qrnn_hw.submission.following import send
    from qrnn_hw.submission.same_job import note_requests

    machine, plan = meant[0].machine, meant[0].plan
    jobs = [job for verdict in meant for job in verdict.jobs]
    consent = Consent(machine, confirmation(yes=yes or dry_run), budget, meant[0].mode)
    terms = iter(consent.ask(jobs, store))
    if dry_run:
        if not machine.is_real:
            n_parts = sum(len(verdict.parts) for verdict in meant)
            typer.echo(described(priced(meant), machine, plan, n_parts), err=True)
        return ()
    _mention_intents(store)
    keys: list[str] = []
    for today, verdict in zip(made_today, meant, strict=True):
        note_requests(today, verdict, store)
        keys += send(verdict, store, [next(terms) for _ in verdict.jobs])
    return tuple(keys)


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
    verdicts: Sequence[Verdict],
    factors: Sequence[int],
    store: Store,
    json: bool,
) -> None:
    from jobs.assess import total
    from qrnn_hw.submission.assessment import estimate_json
    from qrnn_hw.submission.folded import mitigate_command
    from qrnn_hw.submission.job_documents import short_document

    jobs: list[dict[str, Any]] = [short_document(key, store) for key in keys]
    # What ran before needs no price under today's calibration, which may have none.
    estimates = [one for verdict in verdicts if (one := verdict.estimate) is not None]
    cost = total(estimates) if len(estimates) == len(verdicts) else None
    document: dict[str, Any] = {"jobs": jobs, "estimate": cost and estimate_json(cost)}
    if verdicts and verdicts[0].workload.placement is not None:
        document["placement"] = verdicts[0].workload.placement
    if len(factors) > 1 and jobs:
        document["folded"] = [
            {"scale_factor": factor, "key": spec.key}
            for factor, verdict in zip(factors, verdicts, strict=True)
            for spec in verdict.specs
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
