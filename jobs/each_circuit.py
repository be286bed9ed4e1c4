"""What depends on a circuit alone, found once however often a job holds that circuit."""

import weakref
from collections.abc import Callable
from typing import TypeVar

from qiskit import QuantumCircuit

T = TypeVar("T")


def while_it_lives(found: Callable[[QuantumCircuit], T]) -> Callable[[QuantumCircuit], T]:
    """Return `found`, which is called once for each circuit object as long as that exists.

    Only of circuits that are made here and never changed again.

    Args:
        found: A function of a circuit.
    """
    known: dict[int, T] = {}

    def look_up(circuit: QuantumCircuit) -> T:
        key = id(circuit)
        if key not in known:
            known[key] = found(circuit)
            weakref.finalize(circuit, known.pop, key, None)
        return known[key]

    return look_up


def once_each(found: Callable[[QuantumCircuit], T]) -> Callable[[QuantumCircuit], T]:
    """Return `found`, which is called once for each circuit object while its result is in use.

    A job of interleaved circuits holds a few objects hundreds of times. Objects are told apart by
    identity, since comparing two circuits costs more than most of what is asked about them; do not
    change a circuit between two calls.

    Args:
        found: A function of a circuit.
    """
    known: dict[int, tuple[QuantumCircuit, T]] = {}

    def look_up(circuit: QuantumCircuit) -> T:
        if id(circuit) not in known:
            # The circuit is kept too, so that no other is given its identity.
            known[id(circuit)] = (circuit, found(circuit))
        return known[id(circuit)][1]

    return look_up
