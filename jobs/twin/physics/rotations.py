"""Gates that turn too far.

After each two-qubit gate exp(-i a ZZ / 2), after each sx exp(-i b X / 2), after x twice that. The
strength is the largest angle in rad; each pair has an angle of a quarter of it to all of it, each
qubit of a fifth to all, with a sign of its own, the same in all jobs of a machine.

Magnitude: 20 mrad is an average infidelity of 1e-4, a twentieth to a third of what cz gates report;
10 mrad is 1.7e-5 for sx, of reports of 1e-4 to 3e-4. Coherent parts of this size are what remains
after calibration by repetition (Sheldon et al., Phys. Rev. A 93, 012301, 2016).
"""

from __future__ import annotations

from circuits.exact.operations import Channel, Operation
from jobs.twin.event import Around, Event
from jobs.twin.physics.maps import turn, zz_turn
from jobs.twin.site import Site


def cz_rotation(most: float, site: Site) -> Around:
    """Return the effect of a largest angle in rad on two-qubit gates."""
    angles = {pair: site.signed("cz-angle", most / 4, most, *pair) for pair in site.pairs}

    def around(event: Event, operations: list[Operation]) -> list[Operation]:
        low, high = (min(event.wires), max(event.wires))
        angle = angles.get((low, high), 0.0) if len(event.wires) == 2 else 0.0
        if event.kind != "gate" or not angle:
            return operations
        return [*operations, Channel(event.wires, zz_turn(angle))]

    return around


def sx_rotation(most: float, site: Site) -> Around:
    """Return the effect of a largest angle in rad on sx and x."""
    wires = range(site.snapshot.n_qubits)
    angles = {wire: site.signed("sx-angle", most / 5, most, wire) for wire in wires}

    def around(event: Event, operations: list[Operation]) -> list[Operation]:
        times = {"sx": 1, "sxdg": -1, "x": 2}.get(event.name, 0)
        if event.kind != "gate" or not times:
            return operations
        return [*operations, Channel(event.wires, turn("x", times * angles[event.wires[0]]))]

    return around
