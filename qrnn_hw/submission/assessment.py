"""What a machine and an account would say to a workload, before anything is sent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from jobs.assess import Assessment, Conditions, total
from jobs.assess import assess as assess_parts
from jobs.cost import OPEN_PLAN, Estimate
from jobs.errors import PreflightError, ServiceUnavailableError
from jobs.preflight import Finding, Sending, request_findings, require
from jobs.service.pace import sending_seconds
from jobs.spec import JobSpec
from jobs.splitting import split
from qrnn_hw.errors import UsageError
from qrnn_hw.submission.machine import Machine
from qrnn_hw.submission.pricing import own_formula
from qrnn_hw.submission.workload import Workload

if TYPE_CHECKING:
    from qiskit.circuit import QuantumCircuit

    from jobs.service.runtime import Mode


@dataclass(frozen=True)
class PlanState:
    """What is known of the account's plan; None where the service did not tell."""

    name: str | None = None
    remaining_seconds: float | None = None


@dataclass(frozen=True, eq=False)
class Verdict:
    """What is said to one workload."""

    workload: Workload
    machine: Machine
    jobs: tuple[Assessment, ...]
    """The jobs; none while a circuit has free parameters."""

    circuit_findings: tuple[Finding, ...]
    plan: PlanState
    mode: Mode = "job"

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What is wrong with the circuits, and with sending all of it under the plan."""
        return (*self.circuit_findings, *plan_findings(self.estimate, self.plan, self.mode))

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings for which the machine would refuse the job."""
        return tuple(one for one in self.findings if one.severity == "error")

    @property
    def specs(self) -> tuple[JobSpec, ...]:
        """Every job."""
        return tuple(job.spec for job in self.jobs)

    @property
    def parts(self) -> tuple[JobSpec, ...]:
        """What they would be sent as, each within the limits of one."""
        return tuple(part.spec for job in self.jobs for part in job.parts)

    @property
    def estimate(self) -> Estimate | None:
        """The whole cost, or None when it cannot be told."""
        estimates = [job.estimate for job in self.jobs]
        known = [one for one in estimates if one is not None]
        return total(known) if len(known) == len(estimates) else None

    def to_json(self) -> dict[str, Any]:
        """Return a JSON document."""
        estimate = self.estimate
        left = self.plan.remaining_seconds
        return {
            "source": self.workload.name,
            "backend": self.machine.name,
            "ok": not self.errors,
            "findings": [asdict(one) for one in self.findings],
            "n_circuits": self.workload.n_circuits,
            "n_jobs": len(self.parts),
            "estimate": estimate and estimate_json(estimate),
            "rep_delay": self._rep_delay(),
            "sending_seconds": sending_seconds(len(self.parts)),
            "plan": {"name": self.plan.name, "remaining_seconds": left},
            "share_of_plan": estimate and share(estimate, self.plan),
        } | ({"placement": self.workload.placement} if self.workload.placement else {})

    def _rep_delay(self) -> dict[str, float]:
        """Return the time between two shots, and what the worst qubit keeps of an excitation."""
        from calibration.excitation import left_of_excitation

        machine = self.machine
        chosen, own = machine.rep_delay_seconds, machine.snapshot.rep_delay_seconds
        seconds = own if chosen is None else chosen
        circuits = [getattr(item, "circuit", item) for item in self.workload.items]
        used = used_qubits(circuits, machine.snapshot.n_qubits)
        left = left_of_excitation(machine.snapshot, used, seconds)
        return {
            "microseconds": 1e6 * seconds,
            "left_of_excitation": float(left.max(initial=0.0)),
        }


def used_qubits(circuits: Iterable[QuantumCircuit], n_qubits: int) -> tuple[int, ...]:
    """Return the qubits of a device that instructions other than barriers act on."""
    found = {
        circuit.find_bit(qubit).index
        for circuit in circuits
        for instruction in circuit.data
        if instruction.operation.name != "barrier"
        for qubit in instruction.qubits
    }
    return tuple(sorted(qubit for qubit in found if qubit < n_qubits))


def priced(jobs: Sequence[Assessment | Verdict]) -> Estimate:
    """Return the cost of all.

    Raises:
        PreflightError: a circuit cannot be timed; the first finding says why.
    """
    for job in jobs:
        if job.estimate is None:
            require(job.findings)
            raise PreflightError("A job should have a price. Got a circuit that cannot be timed.")
    found = total([job.estimate for job in jobs if job.estimate is not None])
    if found is None:
        raise PreflightError("There should be a job. Got none.")
    return found


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


def plan_findings(
    estimate: Estimate | None, plan: PlanState, mode: str = "job"
) -> tuple[Finding, ...]:
    """Return why the plan would not take jobs of this cost in this mode."""
    return tuple(request_findings(Sending(mode, plan.name, plan.remaining_seconds, estimate)))


def conditions_of(machine: Machine) -> Conditions:
    """Return what holds for every job on a machine, with the price as this account learned it."""
    snapshot, chosen = machine.snapshot, machine.rep_delay_seconds
    return Conditions(
        snapshot.target(),
        machine.faulty_qubits,
        snapshot.rep_delay_seconds if chosen is None else chosen,
        own_formula(),
    )


def assess_jobs(
    specs: Iterable[JobSpec], machine: Machine, conditions: Conditions | None = None
) -> tuple[Assessment, ...]:
    """Check and price jobs, each in the parts that it would be sent as.

    Args:
        specs: the jobs.
        machine: where.
        conditions: of the machine, where they are known already.
    """
    known = conditions or conditions_of(machine)
    return tuple(assess_parts(spec, split(spec), known) for spec in specs)


def assess(
    workload: Workload,
    machine: Machine,
    *,
    shots: int,
    seed: int = 0,
    mode: Mode = "job",
    plan: PlanState | None = None,
    conditions: Conditions | None = None,
) -> Verdict:
    """Check a workload against every rule of the machine and price it.

    Args:
        workload: what is to run.
        machine: where.
        shots: of each row of each circuit.
        seed: of a recorded device's shots.
        mode: job, batch or session.
        plan: of the account, None where it does not matter.
        conditions: of the machine, where they are known already.

    Raises:
        UsageError: fewer than one shot.
    """
    if shots < 1:
        raise UsageError(f"the number of shots should be at least 1. Got {shots}.")
    plan, known = plan or PlanState(), conditions or conditions_of(machine)
    if not workload.is_bound:
        return Verdict(workload, machine, (), known.findings(workload.items, shots), plan, mode)
    jobs = assess_jobs(_specs(workload, machine, shots, seed), machine, known)
    found = tuple(dict.fromkeys(one for job in jobs for one in job.findings))
    return Verdict(workload, machine, jobs, found, plan, mode)


def _specs(workload: Workload, machine: Machine, shots: int, seed: int) -> list[JobSpec]:
    return [
        JobSpec(
            pubs=pubs,
            shots=shots,
            executor=machine.executor_name,
            backend=machine.name,
            options=dict(workload.options)
            | ({"round": number} if workload.in_rounds else {})
            | machine.job_options,
            seed=None if machine.is_real else seed + number,
            # A recorded device draws from its calibration; on a real one it is part of the job
            # only when the circuits were made for it.
            snapshot=workload.snapshot if machine.is_real else machine.snapshot.digest,
        )
        for number, pubs in enumerate(workload.jobs)
    ]
