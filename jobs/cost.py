"""What a job costs in seconds of the machine, before it is sent."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from qiskit import QuantumCircuit
from qiskit.transpiler import Target

from jobs.each_circuit import once_each
from jobs.spec import Pub
from jobs.timing import FEED_FORWARD_SECONDS, longest_path_seconds

Timing = Callable[[QuantumCircuit], float]
"""Seconds of one execution of a circuit on some machine."""

DEFAULT_REP_DELAY_SECONDS = 250e-6


@dataclass(frozen=True)
class AccountPlan:
    """What an account may use of the machines.

    Source: IBM Quantum documentation, "Overview of plans", September 2026.
    """

    name: str
    seconds: float
    """QPU seconds in each period."""
    days: int
    """Length of the period, which rolls."""


OPEN_PLAN = AccountPlan("open", 600.0, 28)


@dataclass(frozen=True)
class PriceFormula:
    """Seconds of a job = overhead + scale * (repetition delay + circuit) * executions.

    The documentation gives an overhead of about 2 s for each job and, as a rule of thumb, 2 s +
    0.35 ms for each execution, which bounds the estimate from above. `recalibrate` fits the two
    numbers to what the service charged.

    Source: IBM Quantum documentation, "Workload usage", September 2026.
    """

    overhead_seconds: float = 2.0
    scale: float = 1.0
    thumb_seconds_per_execution: float = 0.35e-3


DEFAULT_FORMULA = PriceFormula()


@dataclass(frozen=True)
class Estimate:
    """Seconds of the machine that a job is charged, never as one number alone."""

    low_seconds: float
    best_seconds: float
    high_seconds: float
    executions: int
    """Shots times rows, over all circuits."""
    circuit_seconds: float
    """Longest single execution, without the repetition delay."""

    def __add__(self, other: "Estimate") -> "Estimate":
        return Estimate(
            self.low_seconds + other.low_seconds,
            self.best_seconds + other.best_seconds,
            self.high_seconds + other.high_seconds,
            self.executions + other.executions,
            max(self.circuit_seconds, other.circuit_seconds),
        )

    def share_of(self, seconds: float) -> float:
        """Return the best estimate as a fraction of `seconds`, for example of what a plan has left.

        A plan without anything left gives infinity.
        """
        return self.best_seconds / seconds if seconds > 0 else float("inf")


def timing(target: Target, *, feed_forward_seconds: float = FEED_FORWARD_SECONDS) -> Timing:
    """Return what times circuits on a machine, each object once."""

    def seconds(circuit: QuantumCircuit) -> float:
        return longest_path_seconds(circuit, target, feed_forward_seconds=feed_forward_seconds)

    return once_each(seconds)


def qpu_seconds(
    pubs: Iterable[Pub],
    target: Target,
    *,
    shots: int,
    n_jobs: int = 1,
    rep_delay_seconds: float = DEFAULT_REP_DELAY_SECONDS,
    feed_forward_seconds: float = FEED_FORWARD_SECONDS,
    formula: PriceFormula = DEFAULT_FORMULA,
    seconds: Timing | None = None,
) -> Estimate:
    """Return what running `pubs` is charged.

    Low leaves out the overhead; high takes the documentation's rule of thumb when that is larger,
    and a quarter more in any case. The rule is one of machines that wait 250 us between shots: with
    another delay, chosen or a machine's own, it says nothing.

    Args:
        pubs: Scheduled ISA circuits with their rows.
        target: The machine, whole or reduced to the active qubits.
        shots: Shots of each row.
        n_jobs: Jobs that the pubs are sent as; each has the overhead.
        rep_delay_seconds: Time between two executions, in which the qubits relax.
        feed_forward_seconds: See `jobs.timing.longest_path_seconds`.
        formula: Documented numbers, or those of `recalibrate`.
        seconds: From `timing` with the same machine, for several jobs of the same circuits.

    Raises:
        SpecError: If a circuit holds something without a duration on the machine.
    """
    executions, busy_seconds, longest = 0, 0.0, 0.0
    seconds = seconds or timing(target, feed_forward_seconds=feed_forward_seconds)
    for pub in pubs:
        length = seconds(pub.circuit)
        executions += shots * pub.n_rows
        busy_seconds += shots * pub.n_rows * (rep_delay_seconds + length)
        longest = max(longest, length)
    low = formula.scale * busy_seconds
    best = formula.overhead_seconds * n_jobs + low
    thumb = formula.overhead_seconds * n_jobs + formula.thumb_seconds_per_execution * executions
    has_thumb = rep_delay_seconds == DEFAULT_REP_DELAY_SECONDS
    high = max(thumb, 1.25 * best) if has_thumb else 1.25 * best
    return Estimate(low, best, high, executions, longest)


def recalibrate(history: Iterable[tuple[float, float]], formula: PriceFormula) -> PriceFormula:
    """Return `formula` scaled to what jobs were charged.

    The scale is the median ratio of charged to estimated seconds beyond the overhead, so that one
    odd job does not move it; fewer than three jobs leave the formula as it is.

    Args:
        history: (best estimate, charged) in seconds for each finished job, estimated by `formula`.
        formula: What the estimates were made with.
    """
    ratios = sorted(
        (charged - formula.overhead_seconds) / (estimated - formula.overhead_seconds)
        for estimated, charged in history
        if estimated > formula.overhead_seconds and charged > formula.overhead_seconds
    )
    if len(ratios) < 3:
        return formula
    middle = len(ratios) // 2
    median = ratios[middle] if len(ratios) % 2 else (ratios[middle - 1] + ratios[middle]) / 2
    return PriceFormula(
        formula.overhead_seconds, formula.scale * median, formula.thumb_seconds_per_execution
    )
