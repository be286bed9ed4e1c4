"""ZZ coupling that is always on.

H / h = (z / 4) ZZ between neighbours, so that a qubit's frequency moves by z when its neighbour
flips; over a time t that is exp(-i pi z t ZZ / 2). It acts while one of the two is in a delay and
no gate is on the other, which gates are calibrated to include. The strength is the largest z in
Hz; each pair has a third of it to all of it.

Magnitude: 10 to 30 kHz; 30 to 100 kHz on fixed-frequency transmons, an order less with tunable
couplers (Mundada et al., Phys. Rev. Applied 12, 054023, 2019).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from circuits.exact.operations import Channel
from jobs.twin.physics.maps import zz_turn
from jobs.twin.site import Site

Couplings = Mapping[tuple[int, int], float]
"""Hz for each pair of wires, the smaller first."""


def couplings(most: float, site: Site) -> Couplings:
    """Return the coupling of each pair of one group, up to `most` in Hz."""
    return {
        pair: float(site.draws("static-zz", *pair).uniform(most / 3, most))
        for pair in site.pairs_within
    }


def zz_phase(pair: tuple[int, int], hertz: float, seconds: float) -> Channel:
    """Return what a coupling does in a time."""
    return Channel(pair, zz_turn(round(np.pi * hertz * seconds, 13)))
