"""What a job as a whole may ask of a machine, a plan and the service's options."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from jobs.cost import Estimate
from jobs.limits import DEFAULT_LIMITS, Limits
from jobs.preflight.rules import Finding, finding


@dataclass(frozen=True)
class Sending:
    """How a job is to be sent; None where the service decides or the fact is not known."""

    mode: str = "job"
    plan: str | None = None
    """Name of the account's plan, in lower case."""
    remaining_seconds: float | None = None
    """QPU seconds that the plan has left."""
    estimate: Estimate | None = None
    max_execution_seconds: int | None = None
    rep_delay_seconds: float | None = None
    rep_delay_range_seconds: tuple[float, float] | None = None
    dynamical_decoupling: bool = False
    twirling: bool = False


@dataclass(frozen=True)
class Held:
    """What a circuit adds to a job."""

    rows: int
    instructions: int
    """Of one row on its busiest qubit."""

    slots: float
    """Of broadcasts, of one row."""

    is_dynamic: bool


def job_findings(
    circuits: Sequence[Held],
    shots: Sequence[int],
    limits: Limits,
    request: Sending,
) -> Iterator[Finding]:
    """Yield what is wrong with the job around its circuits.

    Args:
        circuits: Of the job.
        shots: Shots of each circuit.
        limits: What one job may ask for.
        request: How it is to be sent.
    """
    if not circuits:
        yield finding("no-circuits", "the job", "none")
        return
    for n_shots in sorted({n for n in shots if n < 1}):
        yield finding("shots", "the job", str(n_shots))
    if len(set(shots)) > 1:
        yield finding("differing-shots", "the job", f"{min(shots)} and {max(shots)} shots")
    yield from _size_findings(circuits, shots, limits)
    yield from request_findings(request, limits, circuits)


def _size_findings(
    circuits: Sequence[Held], shots: Sequence[int], limits: Limits
) -> Iterator[Finding]:
    executions = sum(one.rows * n for one, n in zip(circuits, shots, strict=True))
    if executions > limits.executions:
        yield finding("executions", "the job", f"{executions:,} executions")
    instructions = sum(one.instructions * one.rows for one in circuits)
    if instructions > limits.instructions_per_qubit:
        yield finding("instructions", "the job", f"{instructions:,} on the busiest qubit")
    slots = sum(
        one.slots * (one.rows if limits.rows_multiply_broadcasts else 1) for one in circuits
    )
    if slots > limits.broadcast_slots:
        yield finding("broadcasts", "the job", f"{slots:,.0f} slots of {limits.broadcast_slots:,}")


def request_findings(
    request: Sending,
    limits: Limits = DEFAULT_LIMITS,
    circuits: Sequence[Held] = (),
) -> Iterator[Finding]:
    """Yield what is wrong with how a job is to be sent, whatever its circuits are.

    Args:
        request: How it is to be sent.
        limits: What one job may ask for.
        circuits: Of the job, where they are known.
    """
    low, high = request.rep_delay_range_seconds or limits.rep_delay_seconds
    delay = request.rep_delay_seconds
    if delay is not None and not low <= delay <= high:
        found = f"{delay * 1e6:g} microseconds outside [{low * 1e6:g}, {high * 1e6:g}]"
        yield finding("rep-delay", "the options", found)
    longest = request.max_execution_seconds
    first, last = limits.execution_seconds
    if longest is not None and not first <= longest <= last:
        yield finding("max-execution-time", "the options", f"{longest} s")
    estimate = request.estimate
    if estimate is not None:
        best = f"an estimate of {estimate.best_seconds:.1f} s"
        if longest is not None and longest < estimate.best_seconds:
            yield finding("cut-short", "the options", f"{best} for {longest} s")
        remaining = request.remaining_seconds
        if remaining is not None and estimate.best_seconds > remaining:
            yield finding("plan-exhausted", "the job", f"{best} for {remaining:.1f} s")
    if request.mode == "session" and request.plan == "open":
        yield finding("session-on-open-plan", "the options", "session mode")
    if any(one.is_dynamic for one in circuits):
        for option, is_on in (
            ("dynamical-decoupling", request.dynamical_decoupling),
            ("twirling", request.twirling),
        ):
            if is_on:
                yield finding(option, "the options", "it turned on")
