"""Asking before QPU time is spent: for what is not sent yet, and not twice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jobs.assess import Assessment, total
from jobs.budget import Budget
from jobs.cost import Estimate
from jobs.preflight import require
from jobs.service.submission import Terms
from jobs.store.store import Store
from qrnn_hw.submission.assessment import PlanState, plan_findings, plan_state
from qrnn_hw.submission.machine import Machine
from qrnn_hw.submission.simulation import Simulation

if TYPE_CHECKING:
    from jobs.service.runtime import Mode


ALIKE = 1.01
"""Times what was confirmed that is not asked about again: where a circuit is placed for the weights
that were trained, its gates take other times."""


@dataclass(frozen=True)
class Spending:
    """What is asked about."""

    estimate: Estimate
    n_jobs: int
    machine: Machine
    plan: PlanState
    simulation: Simulation | None = None
    """What is simulated in place of being sent, on recorded devices and twins."""


Confirm = Callable[[Spending], None]
"""Called with what would be sent; raises BudgetError to stop."""


@dataclass
class Consent:
    """Who is asked, and how much of it was agreed to."""

    machine: Machine
    confirm: Confirm
    budget_seconds: float | None = None
    """QPU seconds of all jobs of the command together, over all times that it is run."""

    mode: Mode = "job"
    agreed_seconds: float = 0.0

    def budget(self, store: Store) -> Budget:
        """Return the budget as the store's jobs leave it."""
        return Budget(store, self.machine.service, self.budget_seconds)

    def ask(self, jobs: Sequence[Assessment], store: Store) -> tuple[tuple[Terms | None, ...], ...]:
        """Hold what is not sent yet against machine, budget and plan, and have it confirmed.

        What costs no more than was confirmed before is not asked about again.

        Returns:
            The terms of each part of each job; None where it is sent already.

        Raises:
            BudgetError: it is too much, or was not confirmed.
            PreflightError: the machine would refuse it, or the plan has less left than it needs.
        """
        budget = self.budget(store)
        terms = budget.terms(jobs)
        self.confirm_unsent(jobs, store)
        return terms

    def confirm_unsent(
        self, jobs: Sequence[Assessment], store: Store, *, within_plan: bool = True
    ) -> None:
        """Ask about what is not sent yet, as `ask`, whatever the budget.

        Args:
            jobs: with those that are sent.
            store: which says what is.
            within_plan: whether the plan should have all of it left now.
        """
        parts = self.budget(store).unsent(jobs)
        estimate = total([part.estimate for part in parts if part.estimate is not None])
        if estimate is None or estimate.best_seconds <= self.agreed_seconds * ALIKE:
            return
        plan = plan_state(self.machine)
        if within_plan:
            require(plan_findings(estimate, plan, self.mode))
        simulated = None if self.machine.is_real else Simulation.of([one.spec for one in parts])
        self.confirm(Spending(estimate, len(parts), self.machine, plan, simulated))
        self.agreed_seconds = estimate.best_seconds
