"""The question before QPU seconds are spent."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import typer

from jobs.cost import OPEN_PLAN, Estimate
from jobs.errors import BudgetError
from qrnn_hw.submission.machine import Machine

if TYPE_CHECKING:
    from qrnn_hw.submission.assessment import PlanState


def confirm_spending(
    estimate: Estimate,
    machine: Machine,
    *,
    budget_seconds: float | None,
    yes: bool,
    plan: PlanState | None = None,
) -> None:
    """Show the estimate and ask; recorded devices cost nothing and are not asked about.

    Raises:
        BudgetError: the estimate is above the budget, or the answer is not yes.
    """
    text = described(estimate, machine, plan)
    check_budget(estimate, machine, budget_seconds)
    if not machine.is_real:
        return
    typer.echo(text, err=True)
    if yes:
        return
    if not sys.stdin.isatty():
        raise BudgetError("spending QPU time should be confirmed. Got no terminal; add --yes.")
    if not typer.confirm("Send the jobs?", err=True):
        raise BudgetError("spending QPU time was not confirmed; nothing was sent.")


def check_budget(estimate: Estimate, machine: Machine, budget_seconds: float | None) -> None:
    """Refuse an estimate whose upper end is above the budget.

    Raises:
        BudgetError: it is.
    """
    if budget_seconds is not None and not estimate.high_seconds <= budget_seconds:
        raise BudgetError(
            f"the estimate should stay within the budget of {budget_seconds:g} s. Got "
            f"{described(estimate, machine)}; use fewer shots or circuits."
        )


def described(estimate: Estimate, machine: Machine, plan: PlanState | None = None) -> str:
    """Return the estimate in one line, as a share of what the plan has left if that is known."""
    left = None if plan is None else plan.remaining_seconds
    if left is None:
        share = f"{estimate.share_of(OPEN_PLAN.seconds):.1%} of an Open-plan month"
    else:
        share = f"{left:.0f} s are left on the plan"
    waits = f"; the machine is out of service now ({machine.trouble})" if machine.trouble else ""
    return (
        f"{machine.name}: about {estimate.best_seconds:.1f} s of QPU time "
        f"({estimate.low_seconds:.1f} to {estimate.high_seconds:.1f} s), {share}{waits}"
    )
