"""Whether what is checked, stored, sent and read back is one circuit."""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, TypeVar

from qiskit import QuantumCircuit
from qiskit.circuit import Delay
from qiskit.circuit.classical import expr
from qiskit.exceptions import QiskitError
from qiskit.transpiler import Target

from jobs.delays import check_delays, whole_dt
from jobs.digest import circuit_digest
from jobs.errors import SpecError, StoreError
from jobs.preflight.rules import Finding, finding
from jobs.preflight.walk import Place
from jobs.store.packing import packed_and_read_back

T = TypeVar("T")


class Facts(Protocol):
    """Finds what depends on a circuit alone: `Pub.fact`, or a call with the circuit."""

    def __call__(self, found: Callable[[QuantumCircuit], T], /) -> T:
        """Return what `found` says of the circuit."""


def unreadable_findings(circuit: QuantumCircuit) -> Iterator[Finding]:
    """Yield why the instructions of `circuit` cannot be looked at one by one."""
    try:
        check_delays(circuit)
    except SpecError:
        yield finding("delay", "", "a fraction of dt")


def sent_findings(fact: Facts, places: Sequence[Place], target: Target) -> Iterator[Finding]:
    """Yield what of a circuit, with its operations at `places`, would not be sent as it is."""
    found = []
    for place in places:
        if isinstance(place.operation, Delay):
            found += list(_delay_findings(place, target))
    yield from found
    if not any(one.rule == "delay" for one in found):
        yield from _round_trip_findings(fact)


def _delay_findings(place: Place, target: Target) -> Iterator[Finding]:
    delay = place.operation
    length = whole_dt(delay, None)
    if isinstance(delay.duration, expr.Expr):
        yield finding("delay", place.where, "an expression of durations")
    elif length is None or delay.unit != "dt":
        yield finding("delay", place.where, f"{delay.duration} {delay.unit}")
    elif length % target.pulse_alignment:
        many = f"{length} dt, no multiple of {target.pulse_alignment}"
        yield finding("delay-alignment", place.where, many)


def _round_trip_findings(fact: Facts) -> Iterator[Finding]:
    try:
        _, back = fact(packed_and_read_back)
        if back != fact(circuit_digest):
            yield finding("changed-by-qpy", "", "another circuit")
    except (QiskitError, StoreError, TypeError, ValueError) as error:
        yield finding("changed-by-qpy", "", f"{type(error).__name__}: {error}")
