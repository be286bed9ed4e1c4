"""`qrnn-hw preflight`: whether the machine would run it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from qrnn_hw.cli import options
from qrnn_hw.cli.output import Json, print_json

if TYPE_CHECKING:
    from qrnn_hw.submission.assessment import Verdict


def preflight(
    source: options.Source,
    backend: options.Backend,
    effects: options.Effects = None,
    machine_seed: options.MachineSeed = None,
    option: options.ModelOptions = None,
    steps: options.Steps = 10,
    rows: options.Rows = 1,
    shots: options.Shots = 1000,
    seed: options.Seed = 0,
    placement: options.Placement = "level-3",
    tiles: options.Tiles = None,
    guard: options.Guard = None,
    rep_delay: options.RepDelay = None,
    mode: options.ModeOption = "job",
    remote: Annotated[
        bool, typer.Option("--remote", help="Also ask for the service's dry run (paid plans).")
    ] = False,
    json: Json = False,
) -> None:
    """Check a model or a circuit file against every rule of a machine; nothing is sent.

    Exit code 4 when the machine would refuse it.
    """
    from qrnn_hw.submission.machine import chosen_backend

    (verdict,) = assessed(
        source,
        chosen_backend(backend, effects, machine_seed),
        options=option or (),
        steps=steps,
        rows=rows,
        shots=shots,
        seed=seed,
        mode=mode,
        placement=placement,
        tiles=tiles,
        guard=guard,
        rep_delay=rep_delay,
    )
    if remote and not verdict.errors:
        from qrnn_hw.submission.dry_run import with_dry_run
        from qrnn_hw.submission.following import POLLING

        verdict = with_dry_run(verdict, POLLING)
    if json:
        print_json(verdict.to_json())
    else:
        _print(verdict)
    if verdict.errors:
        raise typer.Exit(4)


def assessed(
    source: str,
    backend: str,
    *,
    options: Sequence[str],
    steps: int,
    rows: int,
    shots: int,
    seed: int,
    mode: str,
    factors: Sequence[int] = (1,),
    placement: str = "level-3",
    tiles: str | None = None,
    guard: int | None = None,
    rep_delay: float | None = None,
) -> tuple[Verdict, ...]:
    """Load a workload, open its machine and assess the one on the other, folded by each factor.

    What is quickly known to be wrong is said before the slow imports.
    """
    from qrnn_hw.errors import UsageError
    from qrnn_hw.submission.kept_placement import said
    from qrnn_hw.submission.placing import placement_name
    from qrnn_hw.submission.source import check_source
    from qrnn_hw.submission.tiles import Tiles
    from qrnn_hw.submission.workload import load_workload

    if mode not in ("job", "batch", "session"):
        raise UsageError(
            f"the mode should be one of batch, job, session. Got {mode!r}; a model's own mode is "
            "given as --option mode=..."
        )
    if shots < 1:
        raise UsageError(f"the number of shots should be at least 1. Got {shots}.")
    asked = Tiles.of(tiles, guard, placement_name(placement))
    check_source(source, options)

    from qrnn_hw.submission.assessment import plan_state
    from qrnn_hw.submission.folded import assess_folded
    from qrnn_hw.submission.machine import open_machine

    machine = open_machine(backend).with_rep_delay(None if rep_delay is None else 1e-6 * rep_delay)
    workload = load_workload(
        source,
        machine,
        options=options,
        steps=steps,
        rows=rows,
        seed=seed,
        placement=placement,
        tiles=asked,
    )
    if workload.placement is not None:
        typer.echo(said(workload.placement), err=True)
    return assess_folded(
        workload,
        machine,
        factors,
        shots=shots,
        seed=seed,
        mode=mode,  # type: ignore[arg-type]
        plan=plan_state(machine),
    )


def _print(verdict: Verdict) -> None:
    warnings = len(verdict.findings) - len(verdict.errors)
    typer.echo(
        f"{verdict.workload.name} on {verdict.machine.name}: {len(verdict.errors)} errors, "
        f"{warnings} warnings"
    )
    for one in verdict.findings:
        typer.echo(f"{one.severity} {one}")
    if verdict.estimate is not None:
        from qrnn_hw.cli.spending import described

        typer.echo(described(verdict.estimate, verdict.machine, verdict.plan, len(verdict.parts)))
