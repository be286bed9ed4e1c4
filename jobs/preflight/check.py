"""All rules over one job."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace

from qiskit import QuantumCircuit
from qiskit.transpiler import Target

from jobs.errors import PreflightError, SpecError
from jobs.limits import DEFAULT_LIMITS, Limits
from jobs.preflight.control_flow import control_flow_findings
from jobs.preflight.job import Request, job_findings
from jobs.preflight.machine import machine_findings
from jobs.preflight.output import output_findings
from jobs.preflight.rules import Finding
from jobs.preflight.sent import sent_findings, unreadable_findings
from jobs.spec import Pub

DEFAULT_REQUEST = Request()


def preflight(
    job: QuantumCircuit | Pub | Sequence[QuantumCircuit | Pub],
    target: Target,
    *,
    shots: int | Sequence[int],
    limits: Limits = DEFAULT_LIMITS,
    request: Request = DEFAULT_REQUEST,
    faulty_qubits: Collection[int] = (),
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
    found: list[Finding] = []
    circuits: list[tuple[QuantumCircuit, int]] = []
    for number, item in enumerate(items):
        circuit, pub = (item.circuit, item) if isinstance(item, Pub) else (item, None)
        circuits.append((circuit, 1 if pub is None else pub.n_rows))
        where = f"circuit {number}"
        unreadable = tuple(unreadable_findings(circuit, where))
        if unreadable:
            return (*found, *unreadable)
        found += _merged(control_flow_findings(circuit, target, limits, where))
        found += _merged(machine_findings(circuit, pub, target, limits, faulty_qubits, where))
        found += _merged(sent_findings(circuit, target, where))
        found += _merged(output_findings(circuit, where))
    found += job_findings(circuits, n_shots, limits, request)
    return tuple(found)


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
