"""The question before QPU seconds are spent."""

from __future__ import annotations

import sys

import typer

from jobs.cost import OPEN_PLAN, Estimate
from jobs.errors import BudgetError
from qrnn_hw.machine import Machine


def confirm_spending(
    estimate: Estimate, machine: Machine, *, budget_seconds: float | None, yes: bool
) -> None:
    """Show the estimate and ask; recorded devices cost nothing and are not asked about.

    Raises:
        BudgetError: the estimate is above the budget, or the answer is not yes.
    """
    text = (
        f"{machine.name}: about {estimate.best_seconds:.0f} s of QPU time "
        f"({estimate.low_seconds:.0f} to {estimate.high_seconds:.0f} s), "
        f"{estimate.share_of(OPEN_PLAN.seconds):.0%} of an Open-plan month"
    )
    if budget_seconds is not None and estimate.high_seconds > budget_seconds:
        raise BudgetError(
            f"the estimate should stay within the budget of {budget_seconds:g} s. Got {text}; use "
            "fewer --shots or --sentences."
        )
    if not machine.is_real:
        return
    typer.echo(text, err=True)
    if yes:
        return
    if not sys.stdin.isatty():
        raise BudgetError("spending QPU time should be confirmed. Got no terminal; add --yes.")
    if not typer.confirm("Send the jobs?", err=True):
        raise BudgetError("spending QPU time was not confirmed; nothing was sent.")
