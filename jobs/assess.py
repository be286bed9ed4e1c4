"""Whether a machine would take a job, and what it would charge: said once, in one place."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property

from qiskit import QuantumCircuit
from qiskit.transpiler import Target

from jobs.cost import (
    DEFAULT_FORMULA,
    DEFAULT_REP_DELAY_SECONDS,
    Estimate,
    PriceFormula,
    Timing,
    qpu_seconds,
    timing,
)
from jobs.errors import SpecError
from jobs.preflight import Finding, Look, looking, preflight
from jobs.spec import JobSpec, Pub


@dataclass(frozen=True, eq=False)
class Conditions:
    """What a machine, and the account's history on it, say beforehand about any job."""

    target: Target
    faulty_qubits: tuple[int, ...] = ()
    rep_delay_seconds: float = DEFAULT_REP_DELAY_SECONDS
    formula: PriceFormula = DEFAULT_FORMULA

    def findings(self, items: Sequence[QuantumCircuit | Pub], shots: int) -> tuple[Finding, ...]:
        """Return every rule of the machine that circuits break; not those of plan and options."""
        return preflight(
            items, self.target, shots=shots, faulty_qubits=self.faulty_qubits, look=self._look
        )

    @cached_property
    def _look(self) -> Look:
        return looking(self.target, faulty_qubits=self.faulty_qubits)

    @cached_property
    def _seconds(self) -> Timing:
        return timing(self.target)

    def price(self, spec: JobSpec, formula: PriceFormula | None = None) -> Estimate:
        """Return what a job is charged, by the account's own formula or by another.

        Raises:
            SpecError: If a circuit holds something without a duration on the machine.
        """
        delay = spec.options.get("rep_delay_seconds")
        return qpu_seconds(
            spec.pubs,
            self.target,
            shots=spec.shots,
            rep_delay_seconds=delay if isinstance(delay, float) else self.rep_delay_seconds,
            formula=formula or self.formula,
            seconds=self._seconds,
        )


@dataclass(frozen=True, eq=False)
class Part:
    """One job as the service would get it."""

    spec: JobSpec
    findings: tuple[Finding, ...]
    estimate: Estimate | None
    """By the account's own formula; None when a circuit cannot be timed, as a finding says."""

    documented: Estimate | None
    """By the documented formula, which the account's own is learned against."""


@dataclass(frozen=True, eq=False)
class Assessment:
    """A job, and the parts that it is sent as, each within the limits of one."""

    spec: JobSpec
    parts: tuple[Part, ...]
    conditions: Conditions

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What the machine would refuse or should be known, each once."""
        return tuple(dict.fromkeys(one for part in self.parts for one in part.findings))

    @property
    def estimates(self) -> tuple[Estimate, ...]:
        """Of each part; empty when one cannot be timed."""
        found = tuple(part.estimate for part in self.parts if part.estimate is not None)
        return found if len(found) == len(self.parts) else ()

    @property
    def estimate(self) -> Estimate | None:
        """Of the whole job."""
        return total(self.estimates)


def assess(spec: JobSpec, parts: Sequence[JobSpec], conditions: Conditions) -> Assessment:
    """Check and price every part of a job.

    Args:
        spec: The job.
        parts: What it is sent as: `jobs.splitting.split`, or as the store has them.
        conditions: Of the machine.
    """
    return Assessment(spec, tuple(_part(part, conditions) for part in parts), conditions)


def _part(spec: JobSpec, conditions: Conditions) -> Part:
    estimate = documented = None
    # What cannot be timed is what the machine does not have: a finding says so.
    with suppress(SpecError):
        estimate = documented = conditions.price(spec)
        if conditions.formula != DEFAULT_FORMULA:
            documented = conditions.price(spec, DEFAULT_FORMULA)
    return Part(spec, conditions.findings(spec.pubs, spec.shots), estimate, documented)


def total(estimates: Sequence[Estimate]) -> Estimate | None:
    """Return the cost of all; None of none."""
    return sum(estimates[1:], start=estimates[0]) if estimates else None
