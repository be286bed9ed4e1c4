"""The qubits of a job on a machine, and the machine's own numbers for them."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from calibration.snapshot import Snapshot


@dataclass(frozen=True, eq=False)
class Site:
    """Some qubits of one machine: wire i is the device's qubit `snapshot.physical[i]`."""

    snapshot: Snapshot
    """Of these qubits alone."""

    seed: int
    """Of the machine."""

    groups: tuple[tuple[int, ...], ...] = ()
    """Wires that gates or feed-forward connect in a circuit; each wire in one group."""

    @cached_property
    def pairs(self) -> tuple[tuple[int, int], ...]:
        """Neighbouring wires, those that share a two-qubit gate, the smaller first."""
        found = {tuple(sorted(r.qubits)) for r in self.snapshot.instructions if len(r.qubits) == 2}
        return tuple(sorted((a, b) for a, b in found))

    @cached_property
    def pairs_within(self) -> tuple[tuple[int, int], ...]:
        """Neighbouring wires of one group."""
        return tuple((a, b) for a, b in self.pairs if self.group_of[a] == self.group_of[b])

    @cached_property
    def group_of(self) -> dict[int, int]:
        """The number of each wire's group."""
        return {wire: number for number, group in enumerate(self.groups) for wire in group}

    def neighbours(self, wire: int) -> tuple[int, ...]:
        """Return the wires that share a two-qubit gate with this one."""
        return tuple(b if a == wire else a for a, b in self.pairs if wire in (a, b))

    def draws(self, effect: str, *wires: int) -> np.random.Generator:
        """Return a generator that is the same for an effect on these qubits in all jobs."""
        physical = sorted(self.snapshot.physical[wire] for wire in wires)
        return np.random.default_rng([self.seed, zlib.crc32(effect.encode()), *physical])

    def signed(self, effect: str, least: float, most: float, *wires: int) -> float:
        """Draw a size between two, and a sign."""
        generator = self.draws(effect, *wires)
        return float(generator.uniform(least, most) * generator.choice([-1.0, 1.0]))

    def grouped(self, groups: tuple[tuple[int, ...], ...]) -> Site:
        """Return the same qubits as a circuit connects them."""
        return replace(self, groups=groups)

    def on(self, snapshot: Snapshot) -> Site:
        """Return the same qubits with other rates."""
        return replace(self, snapshot=snapshot)
