"""The question before QPU seconds are spent."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import typer

from jobs.cost import OPEN_PLAN, Estimate
from jobs.counted import counted
from jobs.errors import BudgetError
from jobs.service.pace import sending_seconds
from qrnn_hw.submission.machine import Machine
from qrnn_hw.submission.simulation import TOLD_SECONDS

if TYPE_CHECKING:
    from qrnn_hw.submission.assessment import PlanState
    from qrnn_hw.submission.consent import Confirm, Spending


def confirmation(*, yes: bool, remedy: str = "fewer --shots take less") -> Confirm:
    """Return what shows the estimate and asks; recorded devices cost nothing and are not asked.

    Of these it is said what takes long to simulate.

    Args:
        yes: show it only.
        remedy: what to do where a simulation takes too long.
    """

    def confirm(spending: Spending) -> None:
        simulated = spending.simulation
        if simulated is not None and simulated.seconds >= TOLD_SECONDS:
            typer.echo(f"{spending.machine.name}: {simulated}; {remedy}", err=True)
        if not spending.machine.is_real:
            return
        text = described(spending.estimate, spending.machine, spending.plan, spending.n_jobs)
        typer.echo(text, err=True)
        if yes:
            return
        if not sys.stdin.isatty():
            raise BudgetError("spending QPU time should be confirmed. Got no terminal; add --yes.")
        if not typer.confirm("Send the jobs?", err=True):
            raise BudgetError("spending QPU time was not confirmed; nothing was sent.")

    return confirm


def described(
    estimate: Estimate, machine: Machine, plan: PlanState | None = None, n_jobs: int = 1
) -> str:
    """Return the estimate in one line, as a share of what the plan has left if that is known."""
    left = None if plan is None else plan.remaining_seconds
    if left is None:
        share = f"{estimate.share_of(OPEN_PLAN.seconds):.1%} of an Open-plan month"
    else:
        share = f"{left:.0f} s are left on the plan"
    minutes = sending_seconds(n_jobs) / 60
    pace = f", {minutes:.0f} min or more to send {counted(n_jobs, 'job')}" if minutes else ""
    waits = f"; the machine is out of service now ({machine.trouble})" if machine.trouble else ""
    return (
        f"{machine.name}: about {estimate.best_seconds:.1f} s of QPU time "
        f"({estimate.low_seconds:.1f} to {estimate.high_seconds:.1f} s), {share}{pace}{waits}"
    )
