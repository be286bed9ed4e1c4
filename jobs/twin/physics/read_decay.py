"""Decay within the readout pulse, and excitation by it.

|1> decays with d = s (1 - exp(-t / T1)) in a pulse of length t: half of it, at most the reported
P(read 0 | 1), before the bit is decided, so that it reads 0; as much after, so that it reads 1 and
leaves |0>. |0> leaves as |1> with 0.004 s. The reported error holds the first half already and
stays what it is; what no report says is that bit and state disagree afterwards. s is the strength.

Magnitude: s = 1 is the reported T1; excitation of several 1e-3 by strong pulses (Sank et al., Phys.
Rev. Lett. 117, 190503, 2016).
"""

from __future__ import annotations

import numpy as np

from circuits.exact.operations import Channel, Measurement, Operation
from jobs.twin.event import Around, Event
from jobs.twin.physics.maps import transitions
from jobs.twin.site import Site

EXCITED = 0.004


def read_decay(strength: float, site: Site) -> Around:
    """Return the effect of a share of the decay that T1 makes."""

    def around(event: Event, operations: list[Operation]) -> list[Operation]:
        if event.kind != "measure":
            return operations
        (wire,) = event.wires
        t1 = site.snapshot.qubits[wire].t1_seconds
        decay = 0.0 if t1 is None else -float(np.expm1(-event.seconds / t1))
        changed: list[Operation] = []
        for one in operations:
            changed += _read(one, strength, decay) if isinstance(one, Measurement) else [one]
        return changed

    return around


def _read(one: Measurement, strength: float, decay: float) -> list[Operation]:
    p01, p10 = float(one.confusion[0, 1]), float(one.confusion[1, 0])
    early = min(strength * decay / 2, p10, 0.5)
    own = (p10 - early * (1 - p01)) / (1 - early)
    up, down = min(1.0, EXCITED * strength), early / (1 - early)
    return [
        Channel((one.qubit,), transitions(0.0, early)),
        Measurement(one.qubit, one.bit, np.array([[1 - p01, p01], [own, 1 - own]])),
        Channel((one.qubit,), transitions(up, down)),
    ]
