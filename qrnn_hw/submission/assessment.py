"""What a machine would say to a job, and what it would cost, before anything is sent."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from jobs.cost import DEFAULT_FORMULA, OPEN_PLAN, Estimate, Formula, qpu_seconds
from jobs.errors import ServiceUnavailableError, SpecError
from jobs.limits import DEFAULT_LIMITS
from jobs.preflight import Finding, Request, preflight
from jobs.spec import JobSpec
from jobs.splitting import split
from qrnn_hw.errors import UsageError
from qrnn_hw.submission.machine import Machine
from qrnn_hw.submission.workload import Workload

if TYPE_CHECKING:
    from jobs.runtime import Mode


@dataclass(frozen=True)
class PlanState:
    """What is known of the account's plan; None where the service did not tell."""

    name: str | None = None
    remaining_seconds: float | None = None


@dataclass(frozen=True, eq=False)
class Assessment:
    """The verdict on one workload."""

    workload: Workload
    machine: Machine
    findings: tuple[Finding, ...]
    spec: JobSpec | None
    """The job; None while a circuit has free parameters."""

    parts: tuple[JobSpec, ...]
    """The jobs that it would be sent as, each within the limits of one."""

    estimates: tuple[Estimate, ...]
    """Of each part; empty when a circuit cannot be timed."""

    plan: PlanState

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings for which the machine would refuse the job."""
        return tuple(one for one in self.findings if one.severity == "error")

    @property
    def estimate(self) -> Estimate | None:
        """The whole cost, or None when it cannot be told."""
        if not self.estimates:
            return None
        return sum(self.estimates[1:], start=self.estimates[0])

    def to_json(self) -> dict[str, Any]:
        """Return a JSON document."""
        estimate = self.estimate
        left = self.plan.remaining_seconds
        return {
            "source": self.workload.name,
            "backend": self.machine.name,
            "ok": not self.errors,
            "findings": [asdict(one) for one in self.findings],
            "n_circuits": len(self.workload.items),
            "n_jobs": len(self.parts),
            "estimate": estimate and estimate_json(estimate),
            "plan": {"name": self.plan.name, "remaining_seconds": left},
            "share_of_plan": estimate and share(estimate, self.plan),
        }


def total_estimate(verdicts: Sequence[Assessment]) -> Estimate:
    """Return the cost of all, each of which preflight has passed.

    Raises:
        ValueError: one cannot be timed.
    """
    estimates = [one.estimate for one in verdicts if one.estimate is not None]
    if len(estimates) < max(len(verdicts), 1):
        raise ValueError("only what passed preflight has a price")
    return sum(estimates[1:], start=estimates[0])


def estimate_json(estimate: Estimate) -> dict[str, float]:
    """Return the cost as a JSON object."""
    return {
        "low_seconds": estimate.low_seconds,
        "best_seconds": estimate.best_seconds,
        "high_seconds": estimate.high_seconds,
        "executions": estimate.executions,
        "longest_path_seconds": estimate.circuit_seconds,
    }


def share(estimate: Estimate, plan: PlanState) -> float | None:
    """Return the estimate's part of what the plan has left, of a fresh Open plan if unknown.

    None when nothing is left.
    """
    left = OPEN_PLAN.seconds if plan.remaining_seconds is None else plan.remaining_seconds
    return estimate.share_of(left) if left > 0 else None


def plan_state(machine: Machine) -> PlanState:
    """Ask a real machine's account for its plan; a service that cannot tell stops nobody."""
    if machine.service is None:
        return PlanState()
    try:
        name = machine.service.plan()
        return PlanState(name, machine.service.remaining_seconds())
    except ServiceUnavailableError:
        return PlanState()


def execution_limit_seconds(estimates: tuple[Estimate, ...], budget_seconds: float | None) -> int:
    """Return the default `max_execution_time` of a job: twice its high estimate, or the budget."""
    lowest, highest = DEFAULT_LIMITS.execution_seconds
    wanted = max(10.0, 2 * max(one.high_seconds for one in estimates))
    if budget_seconds is not None:
        wanted = min(wanted, budget_seconds)
    return min(max(math.ceil(wanted), lowest), highest)


def assess(
    workload: Workload,
    machine: Machine,
    *,
    shots: int,
    seed: int = 0,
    mode: Mode = "job",
    plan: PlanState | None = None,
    formula: Formula = DEFAULT_FORMULA,
) -> Assessment:
    """Check a workload against every rule of the machine and price it.

    Args:
        workload: what is to run.
        machine: where.
        shots: of each row of each circuit.
        seed: of a recorded device's shots.
        mode: job, batch or session.
        plan: of the account, None where it does not matter.
        formula: of the price.

    Raises:
        UsageError: fewer than one shot.
    """
    if shots < 1:
        raise UsageError(f"the number of shots should be at least 1. Got {shots}.")
    target = machine.snapshot.target()
    plan = plan or PlanState()
    if not workload.is_bound:
        found = preflight(workload.items, target, shots=shots, faulty_qubits=machine.faulty_qubits)
        return Assessment(workload, machine, found, None, (), (), plan)
    whole = _spec(workload, machine, shots, seed)
    parts = split(whole)
    estimates = tuple(_estimates(parts, machine, formula))
    left = plan.remaining_seconds
    findings: list[Finding] = []
    for index, part in enumerate(parts):
        request = Request(mode=mode, plan=plan.name, remaining_seconds=left)
        if estimates:
            limit = execution_limit_seconds(estimates, None)
            request = Request(mode, plan.name, left, estimates[index], limit)
            left = None if left is None else left - estimates[index].best_seconds
        for one in preflight(
            part.pubs,
            target,
            shots=shots,
            request=request,
            faulty_qubits=machine.faulty_qubits,
        ):
            if one not in findings:
                findings.append(one)
    return Assessment(workload, machine, tuple(findings), whole, parts, estimates, plan)


def _spec(workload: Workload, machine: Machine, shots: int, seed: int) -> JobSpec:
    return JobSpec(
        pubs=workload.pubs,
        shots=shots,
        executor=machine.executor_name,
        backend=machine.name,
        options=workload.options,
        seed=None if machine.is_real else seed,
        # A recorded device draws from its calibration; on a real one it is part of the job only
        # when the circuits were made for it.
        snapshot=workload.snapshot if machine.is_real else machine.snapshot.digest,
    )


def _estimates(parts: tuple[JobSpec, ...], machine: Machine, formula: Formula) -> list[Estimate]:
    target = machine.snapshot.target()
    try:
        return [
            qpu_seconds(
                part.pubs,
                target,
                shots=part.shots,
                rep_delay_seconds=machine.snapshot.rep_delay_seconds,
                formula=formula,
            )
            for part in parts
        ]
    except SpecError:
        # What cannot be timed is what the machine does not have: a finding says so.
        return []
