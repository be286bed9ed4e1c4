"""All rules over one job."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from typing import TypeAlias, TypeVar

from qiskit import QuantumCircuit
from qiskit.transpiler import Target

from jobs.errors import PreflightError, SpecError
from jobs.limits import DEFAULT_LIMITS, Limits
from jobs.preflight.broadcasts import broadcast_slots
from jobs.preflight.control_flow import control_flow_findings, is_dynamic
from jobs.preflight.job import Held, Sending, job_findings
from jobs.preflight.load import instructions_per_qubit
from jobs.preflight.machine import angle_findings, bounded_angles, machine_findings
from jobs.preflight.output import output_findings
from jobs.preflight.rules import Finding, finding
from jobs.preflight.sent import Facts, sent_findings, unreadable_findings
from jobs.preflight.walk import Place, walk
from jobs.spec import Pub

T = TypeVar("T")

DEFAULT_REQUEST = Sending()


def preflight(
    job: QuantumCircuit | Pub | Sequence[QuantumCircuit | Pub],
    target: Target,
    *,
    shots: int | Sequence[int],
    limits: Limits = DEFAULT_LIMITS,
    request: Sending = DEFAULT_REQUEST,
    faulty_qubits: Collection[int] = (),
    look: Look | None = None,
) -> tuple[Finding, ...]:
    """Return every rule that the job breaks, with where, why, the remedy and the source.

    Passing the transpiler proves nothing: it accepts for a backend what the machine refuses, and
    the client's Sampler checks no circuit before it is queued. One finding stands for all places
    in a circuit that break a rule in the same way.

    Args:
        job: One circuit or several, with rows of parameters (`Pub`) or without.
        target: The machine, whole or reduced to the active qubits; the circuits are on its qubits.
        shots: Shots of each row, or one number for each circuit.
        limits: What one job may ask for; check the parts of a job that is split.
        request: How the job is to be sent.
        faulty_qubits: Indices that the backend reports as not operational.
        look: From `looking` with the same machine, for several jobs of the same circuits.

    Returns:
        Findings in the order of the circuits, those of the job last; empty when all is well.

    Raises:
        SpecError: If there is another number of shots than of circuits.
    """
    items = (job,) if isinstance(job, QuantumCircuit | Pub) else tuple(job)
    n_shots = (shots,) * len(items) if isinstance(shots, int) else tuple(shots)
    if len(n_shots) != len(items):
        raise SpecError(
            f"There should be one number of shots, or one for each of the {len(items)} circuits. "
            f"Got {len(n_shots)}."
        )
    look = look or looking(target, limits=limits, faulty_qubits=faulty_qubits)
    found: list[Finding] = []
    circuits: list[Held] = []
    for number, item in enumerate(items):
        circuit, pub = (item.circuit, item) if isinstance(item, Pub) else (item, None)
        where, seen = f"circuit {number}", look(item)
        n_rows = 1 if pub is None else pub.n_rows
        circuits.append(Held(n_rows, seen.instructions, seen.slots, seen.is_dynamic))
        found += [replace(one, where=where + one.where) for one in seen.findings]
        if seen.is_unreadable:
            return tuple(found)
        if pub is not None:
            found += _merged(angle_findings(seen.bounded_angles, pub, limits, where))
        elif circuit.num_parameters:
            names = ", ".join(parameter.name for parameter in circuit.parameters)
            found.append(finding("unbound-parameter", where, names))
    found += job_findings(circuits, n_shots, limits, request)
    return tuple(found)


@dataclass(frozen=True)
class Seen:
    """What is to be known of a circuit, whatever its parameters and its number in the job are."""

    findings: tuple[Finding, ...]
    """With their places inside the circuit."""

    is_unreadable: bool = False
    bounded_angles: tuple[Place, ...] = ()
    instructions: int = 0
    """Of the busiest qubit."""

    slots: float = 0.0
    """Of broadcasts."""

    is_dynamic: bool = False


Look: TypeAlias = Callable[[QuantumCircuit | Pub], Seen]


def looking(
    target: Target,
    *,
    limits: Limits = DEFAULT_LIMITS,
    faulty_qubits: Collection[int] = (),
) -> Look:
    """Return what looks at the circuit of a pub, or at one by itself, at each object once.

    Args:
        target: The machine, whole or reduced to the active qubits.
        limits: What one job may ask for.
        faulty_qubits: Indices that the backend reports as not operational.
    """
    known: dict[int, tuple[QuantumCircuit, Seen]] = {}

    def look(item: QuantumCircuit | Pub) -> Seen:
        circuit = item.circuit if isinstance(item, Pub) else item
        if id(circuit) not in known:
            fact: Facts = item.fact if isinstance(item, Pub) else partial(_found, circuit)
            # The circuit is kept too, so that no other is given its identity.
            known[id(circuit)] = circuit, _look(circuit, fact, target, limits, faulty_qubits)
        return known[id(circuit)][1]

    return look


def _found(circuit: QuantumCircuit, found: Callable[[QuantumCircuit], T]) -> T:
    return found(circuit)


def _look(
    circuit: QuantumCircuit,
    fact: Facts,
    target: Target,
    limits: Limits,
    faulty_qubits: Collection[int],
) -> Seen:
    unreadable = tuple(unreadable_findings(circuit))
    if unreadable:
        return Seen(unreadable, is_unreadable=True)
    places = tuple(walk(circuit))
    kinds = (
        control_flow_findings(circuit, places, target, limits),
        machine_findings(circuit.num_qubits, places, target, limits, faulty_qubits),
        sent_findings(fact, places, target),
        output_findings(circuit, places),
    )
    findings = tuple(chain.from_iterable(map(_merged, kinds)))
    return Seen(
        findings,
        bounded_angles=bounded_angles(places),
        instructions=fact(instructions_per_qubit),
        slots=fact(broadcast_slots),
        is_dynamic=is_dynamic(circuit),
    )


def _merged(findings: Iterable[Finding]) -> Iterator[Finding]:
    groups: dict[tuple[str, str], list[Finding]] = {}
    for one in findings:
        groups.setdefault((one.rule, one.found), []).append(one)
    for first, *others in groups.values():
        more = f" and {len(others)} more" if others else ""
        yield replace(first, where=first.where + more)


def require(findings: Iterable[Finding]) -> None:
    """Raise when a finding is an error, so that nothing is sent.

    Raises:
        PreflightError: With the first error in full and the number of the others.
    """
    errors = [one for one in findings if one.severity == "error"]
    if errors:
        more = f" ({len(errors) - 1} more errors)" if len(errors) > 1 else ""
        raise PreflightError(f"{errors[0]}{more}")
