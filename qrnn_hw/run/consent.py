"""Asking before a run spends QPU time: only for what is not sent yet, and never twice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from jobs.cost import Estimate
from jobs.preflight import Request, request_findings, require
from jobs.spec import JobSpec
from jobs.store import Store
from qrnn_hw.config import store_path
from qrnn_hw.submission.assessment import PlanState, plan_state
from qrnn_hw.submission.following import is_under_way
from qrnn_hw.submission.machine import Machine

Confirm = Callable[[Estimate, Machine, PlanState], None]
"""Called with the price of what would be sent; raises BudgetError to stop."""


class Planned(Protocol):
    """Jobs with the estimate of each."""

    @property
    def specs(self) -> Sequence[JobSpec]:
        """The jobs, in the order in which they are sent."""

    @property
    def estimates(self) -> Sequence[Estimate]:
        """Of each job."""


def agree(planned: Planned, machine: Machine, confirm: Confirm) -> None:
    """Hold what is not sent yet against the plan, and have it confirmed.

    The circuits' weights do not matter to the price, so that this may come before the training.

    Raises:
        BudgetError: it is too much, or was not confirmed.
        PreflightError: the plan has less left than it needs.
        StoreError: the store of jobs cannot be used.
    """
    with Store(store_path()) as store:
        unsent = [
            estimate
            for spec, estimate in zip(planned.specs, planned.estimates, strict=True)
            if not is_under_way(spec, store)
        ]
    if not unsent:
        return
    estimate = sum(unsent[1:], start=unsent[0])
    plan = plan_state(machine)
    request = Request(plan=plan.name, remaining_seconds=plan.remaining_seconds, estimate=estimate)
    require(request_findings(request))
    confirm(estimate, machine, plan)
