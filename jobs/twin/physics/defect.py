"""A two-level defect that visits a qubit.

While it is there, the qubit relaxes five times as fast in gates and delays, 1/T1' = 5/T1 and
1/T2' = 1/T2 + 4 / (2 T1), and turns about Z by 2 pi 15 kHz t in delays. The strength is its share
of the time; it stays for 2,000 shots on average. It sits at one of the job's qubits, told by the
machine.

Magnitude: defects halve and fifth T1 for seconds to hours (Klimov et al., Phys. Rev. Lett. 121,
090502, 2018; Carroll et al., npj Quantum Inf. 8, 132, 2022).
"""

from __future__ import annotations

import numpy as np

from circuits.exact.operations import Channel, Operation
from jobs.twin.event import Around, Event
from jobs.twin.physics.maps import relaxation, turn
from jobs.twin.site import Site

TIMES_FASTER = 5.0
DETUNED_HZ = 15e3


def defect_wire(site: Site) -> int:
    """Return the wire at which the defect sits."""
    wires = range(site.snapshot.n_qubits)
    return min(wires, key=lambda wire: site.draws("defect", wire).random())


def visiting_defect(site: Site) -> Around:
    """Return the effect of the defect while it is there."""
    place = defect_wire(site)
    t1 = site.snapshot.qubits[place].t1_seconds
    rate = 0.0 if t1 is None else (TIMES_FASTER - 1) / t1

    def around(event: Event, operations: list[Operation]) -> list[Operation]:
        if place not in event.wires or event.kind not in ("gate", "delay") or event.seconds <= 0:
            return operations
        matrix = relaxation(event.seconds, rate, rate / 2)
        if event.kind == "delay":
            matrix = turn("z", 2 * np.pi * DETUNED_HZ * event.seconds) @ matrix
        return [*operations, Channel((place,), matrix)]

    return around
