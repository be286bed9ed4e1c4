"""Misreads come in bursts.

Right after a misread the rates p of P(read 1 | 0) and P(read 0 | 1) are s p, at most 1, else
p (1 - s p) / (1 - p), so that a long chain has the reported rate; s is the strength. The chain is
the order of measurements in a shot, within qubits that gates or feed-forward connect.

Magnitude: 5; correlated assignment errors of multiplexed readout and of slow changes of its signal
(Bravyi et al., Phys. Rev. A 103, 042605, 2021, measure them between qubits).
"""

from __future__ import annotations

from circuits.exact.operations import Branch, Instrument, Measurement, Operation
from circuits.exact.pauli import PROJECTORS
from jobs.twin.event import Around, Event, Memory
from jobs.twin.physics.maps import Matrix
from jobs.twin.site import Site


def misread_bursts(factor: float, site: Site, memory: Memory) -> Around:
    """Return the effect of a factor on rates after a misread."""

    def around(event: Event, operations: list[Operation]) -> list[Operation]:
        if event.kind != "measure":
            return operations
        last = memory.bit(("misread", site.group_of[event.wires[0]]))
        return [
            _with_memory(one, last, factor) if isinstance(one, Measurement) else one
            for one in operations
        ]

    return around


def _with_memory(one: Measurement, last: int, factor: float) -> Branch:
    wrong = (float(one.confusion[0, 1]), float(one.confusion[1, 0]))
    grown = tuple(min(1.0, factor * p) for p in wrong)
    calm = tuple(p * (1 - g) / (1 - p) if p < 1 else p for p, g in zip(wrong, grown, strict=True))
    after, otherwise = (
        Instrument(one.qubit, (one.bit, last), _maps(rates)) for rates in (grown, calm)
    )
    return Branch((last,), lambda values: bool(values.get(last, 0)), (after,), (otherwise,))


def _maps(rates: tuple[float, ...]) -> Matrix:
    """Return the map for each value of (read, misread), shape (4, 4, 4)."""
    maps = PROJECTORS[[0, 1, 1, 0]].copy()  # read 0, read 1, then both misread
    for value, true in enumerate((0, 1, 1, 0)):
        maps[value] *= rates[true] if value >= 2 else 1 - rates[true]
    return maps
