"""Readout pulses reach the neighbours.

Each measurement applies Z with probability s, the strength, and exp(-i c Z / 2) to every neighbour
that the job uses; |c| is 1.5 s to 5 s rad, with a sign for each pair in its direction.

Magnitude: 2 % and 30 to 100 mrad; photons of a neighbour's resonator dephase and shift an idle
qubit (Govia et al., New J. Phys. 25, 123016, 2023, bound such errors by mid-circuit benchmarking).
"""

from __future__ import annotations

from circuits.exact.operations import Channel, Operation
from jobs.twin.event import Around, Event
from jobs.twin.physics.maps import dephasing, turn
from jobs.twin.site import Site


def measurement_crosstalk(probability: float, site: Site) -> Around:
    """Return the effect of a probability of Z."""

    def reached(wire: int, neighbour: int) -> Channel:
        direction = "measurement-crosstalk, up" if wire < neighbour else "measurement-crosstalk"
        phase = site.signed(direction, 1.5 * probability, 5 * probability, wire, neighbour)
        return Channel((neighbour,), dephasing(probability) @ turn("z", phase))

    wires = range(site.snapshot.n_qubits)
    maps = {wire: [reached(wire, n) for n in site.neighbours(wire)] for wire in wires}

    def around(event: Event, operations: list[Operation]) -> list[Operation]:
        if event.kind != "measure":
            return operations
        return [*operations, *maps[event.wires[0]]]

    return around
