"""Decay within the readout pulse, and excitation by it.

|1> decays with d = s (1 - exp(-t / T1)) in a pulse of length t, half of it before the bit is
decided, so that it reads 0, half after, so that it reads 1 and leaves |0>; |0> leaves as |1> with
0.004 s. The reported P(read 0 | 1) holds the first half already and stays what it is; what no
report says is that bit and state disagree afterwards. s is the strength.

Magnitude: s = 1 is the reported T1; excitation of several 1e-3 by strong pulses (Sank et al., Phys.
Rev. Lett. 117, 190503, 2016).
"""

from __future__ import annotations

import numpy as np

from circuits.exact.operations import Channel, Operation
from jobs.twin.event import Around, Event
from jobs.twin.physics.maps import transitions
from jobs.twin.site import Site

EXCITED = 0.004


def decay_in_pulse(strength: float, seconds: float, t1_seconds: float | None) -> float:
    """Return the probability d that |1> decays in a pulse."""
    if t1_seconds is None:
        return 0.0
    return min(1.0, strength * -float(np.expm1(-seconds / t1_seconds)))


def own_misread(p01: float, p10: float, decay: float) -> float:
    """Return P(read 0 | 1) of what has not decayed, so that with the decay it is `p10`."""
    early = decay / 2
    return max(0.0, (p10 - early * (1 - p01)) / (1 - early))


def read_decay(strength: float, site: Site) -> Around:
    """Return the effect of a share of the decay that T1 makes."""

    def around(event: Event, operations: list[Operation]) -> list[Operation]:
        if event.kind != "measure":
            return operations
        wire = event.wires[0]
        decay = decay_in_pulse(strength, event.seconds, site.snapshot.qubits[wire].t1_seconds)
        early, late = decay / 2, decay / (2 - decay)
        before = Channel((wire,), transitions(0.0, early))
        after = Channel((wire,), transitions(min(1.0, EXCITED * strength), late))
        return [before, *operations, after]

    return around
