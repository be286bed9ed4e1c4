"""A workload folded by several scale factors: one job for each, priced and asked about together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from jobs.preflight import Finding
from jobs.spec import Pub
from qrnn_hw.errors import UsageError
from qrnn_hw.mitigation.folding import count_folded, fold
from qrnn_hw.submission.assessment import PlanState, Verdict, assess, conditions_of
from qrnn_hw.submission.machine import Machine
from qrnn_hw.submission.workload import Workload

if TYPE_CHECKING:
    from jobs.service.runtime import Mode

LARGEST_FACTOR = 99
"""Far more noise than any extrapolation comes back from."""


def fold_workload(workload: Workload, factor: int) -> Workload:
    """Return the workload with every circuit folded; as it is by the factor 1.

    Raises:
        UsageError: a circuit has free parameters, no gate to fold, or something that cannot be.
    """
    if factor == 1:
        return workload
    if any(count_folded(pub.circuit) == 0 for pub in workload.pubs):
        raise UsageError(
            f"a circuit to fold should have gates that take time. Got none in {workload.name}; "
            "leave --fold out."
        )
    folded = {id(pub.circuit): fold(pub.circuit, factor) for pub in workload.pubs}
    return replace(
        workload,
        name=f"{workload.name} folded by {factor}",
        items=tuple(Pub(folded[id(pub.circuit)], pub.parameters) for pub in workload.pubs),
        asked=dict(workload.asked) | {"fold": factor} if workload.asked else {},
    )


def assess_folded(
    workload: Workload,
    machine: Machine,
    factors: Sequence[int],
    *,
    shots: int,
    seed: int = 0,
    mode: Mode = "job",
    plan: PlanState | None = None,
) -> tuple[Verdict, ...]:
    """Check and price the workload folded by each factor, as jobs that are sent one by one.

    The job of a factor does not depend on the others, so it is known when it is sent again in
    another list; on a recorded device each draws shots of its own.

    Args:
        workload: what is to run, scheduled so far as its idling is to be amplified too.
        machine: where.
        factors: odd, 1 for the circuit as it is.
        shots: of each row of each circuit of each job.
        seed: of a recorded device's shots.
        mode: job, batch or session.
        plan: of the account.

    Raises:
        UsageError: fewer than one shot, or circuits that cannot be folded.
    """
    if len(factors) > 1 and workload.n_rounds > 1:
        raise UsageError(
            "scale factors should go with circuits of one job each. Got "
            f"{workload.name}, which runs in {workload.n_rounds} rounds; take one with --steps 1."
        )
    conditions, verdicts = conditions_of(machine), []
    for factor in factors:
        verdict = assess(
            fold_workload(workload, factor),
            machine,
            shots=shots,
            seed=seed + factor - 1,
            mode=mode,
            plan=plan,
            conditions=conditions,
        )
        if factor != 1:
            verdict = _told_apart(verdict, f"folded by {factor}")
        verdicts.append(verdict)
    return tuple(verdicts)


def _told_apart(verdict: Verdict, which: str) -> Verdict:
    """Return the verdict with findings that say of which of several jobs they are."""

    def told(findings: Sequence[Finding]) -> tuple[Finding, ...]:
        return tuple(replace(one, where=f"{one.where} {which}") for one in findings)

    jobs = [
        replace(job, parts=tuple(replace(part, findings=told(part.findings)) for part in job.parts))
        for job in verdict.jobs
    ]
    return replace(verdict, jobs=tuple(jobs), circuit_findings=told(verdict.circuit_findings))


def parse_factors(text: str) -> tuple[int, ...]:
    """Return the scale factors of a list such as "1,3,5".

    Raises:
        UsageError: it is not two or more different odd numbers from 1 to `LARGEST_FACTOR`.
    """
    pieces = [piece.strip() for piece in text.split(",")]
    factors = [int(one) if one.isdecimal() and len(one) < 4 else 0 for one in pieces]
    if (
        len(factors) < 2
        or len(set(factors)) < len(factors)
        or any(one % 2 == 0 or one > LARGEST_FACTOR for one in factors)
    ):
        raise UsageError(
            "scale factors should be two or more different odd numbers up to "
            f"{LARGEST_FACTOR}, such as 1,3,5. Got {text!r}."
        )
    return tuple(factors)


def mitigate_command(verdicts: Sequence[Verdict], factors: Sequence[int]) -> str:
    """Return the command that extrapolates the jobs, with the plan that passes all their points.

    Where a circuit has several registers and none is `out`, the one to read is left to fill in.
    """
    specs = [spec for verdict in verdicts for spec in verdict.specs]
    keys = " ".join(spec.key[:12] for spec in specs)
    plan = "linear" if len(factors) == 2 else "richardson"
    names = {register.name for register in specs[0].pubs[0].circuit.cregs}
    register = "" if "out" in names or len(names) == 1 else " --register REGISTER"
    return f'qrnn-hw mitigate {keys} --plan "{plan}({",".join(map(str, factors))})"{register}'
