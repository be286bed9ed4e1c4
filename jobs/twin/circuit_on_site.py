"""A circuit on a machine: its programs for each moment, their distributions and shots."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import QuantumCircuit

from circuits.errors import CircuitsError
from circuits.exact.laws import distributions
from circuits.exact.operations import Program
from circuits.exact.shots import sample_shots
from circuits.exact.trajectories import QUBITS_LIMIT, sample_trajectories
from circuits.outcomes import bits_of
from jobs.twin.groups import groups_of, part_of
from jobs.twin.lifting import lift_on
from jobs.twin.moment import Moment
from jobs.twin.site import Site
from jobs.twin.strengths import Strengths

EXACT_QUBITS = 5
"""Of a group; with more of them, shots are trajectories of pure states."""

EXACT_BITS = 10
"""Of the circuit in a group; with more, shots are drawn reading by reading."""

MOST_LAWS = 2**15
"""Distributions that are kept of a circuit: rows times moments."""

Part = tuple[Program, tuple[int, ...]]
"""A group's program and which bits of the whole its bits are."""


@dataclass(frozen=True, eq=False)
class CircuitOnSite:
    """What a machine makes of one circuit; found once, used for all rows and rounds of a job."""

    circuit: QuantumCircuit
    """On the qubits of the site."""

    site: Site
    strengths: Strengths

    def distributions(
        self, rows: NDArray[np.float64], keep: Sequence[int], moment: Moment
    ) -> NDArray[np.float64]:
        """Return the exact joint distributions of some bits, shape (n, 2**m).

        Raises:
            CircuitsError: an instruction without an exact map, or an evolution of over 4 GiB.
        """
        parts = self._parts(moment)
        found = np.ones((1, *(1,) * len(keep)))
        # Axes of a distribution run from its last bit to its first.
        for part, bits in parts:
            own = [bits.index(bit) for bit in keep if bit in bits]
            laws = distributions(part, rows, own)
            shape = [2 if bit in bits else 1 for bit in reversed(keep)]
            found = found * laws.reshape(len(rows), *shape)
        written = {bit for _, bits in parts for bit in bits}
        for bit in set(keep) - written:  # it is 0
            shape = [2 if other == bit else 1 for other in reversed(keep)]
            found = found * np.array([1.0, 0.0]).reshape(shape)
        return np.broadcast_to(found, (len(rows), *found.shape[1:])).reshape(len(rows), -1)

    def prepare(self, rows: NDArray[np.float64], moment: Moment) -> None:
        """Find the laws that `shots` will draw from, of all rows at once.

        Raises:
            CircuitsError: as `distributions`.
        """
        for number, (part, bits) in enumerate(self._parts(moment)):
            own = self._own(bits)
            if not own or part.n_qubits > EXACT_QUBITS or len(own) > EXACT_BITS:
                continue
            new = {row.tobytes(): row for row in rows}
            new = {key: row for key, row in new.items() if (number, key, moment) not in self._laws}
            if not new:
                continue
            found = np.clip(distributions(part, np.array([*new.values()]), own), 0.0, None)
            for key, law in zip(new, found, strict=True):
                if len(self._laws) >= MOST_LAWS:
                    del self._laws[next(iter(self._laws))]
                self._laws[number, key, moment] = law / law.sum()

    def shots(
        self, row: NDArray[np.float64], shots: int, moment: Moment, generator: np.random.Generator
    ) -> NDArray[np.uint8]:
        """Draw shots of all bits, shape (shots, n_bits).

        Raises:
            CircuitsError: an instruction without an exact map, or too large a group of qubits.
        """
        found = np.zeros((shots, self.circuit.num_clbits), dtype=np.uint8)
        for number, (part, bits) in enumerate(self._parts(moment)):
            own = self._own(bits)
            if not own:
                continue
            if part.n_qubits > QUBITS_LIMIT:
                raise CircuitsError(
                    f"a twin should hold at most {QUBITS_LIMIT} qubits that gates or feed-forward "
                    f"connect. Got {part.n_qubits}; run the recorded device itself."
                )
            if part.n_qubits > EXACT_QUBITS:
                drawn = sample_trajectories(part, row, shots, generator)[:, own]
            elif len(own) > EXACT_BITS:
                drawn = sample_shots(part, row, shots, generator)[:, own]
            else:
                law = self._law(number, row, moment)
                values = generator.choice(len(law), size=shots, p=law)
                drawn = bits_of(values, len(own))
            found[:, [bits[place] for place in own]] = drawn
        return found

    def _law(self, number: int, row: NDArray[np.float64], moment: Moment) -> NDArray[np.float64]:
        key = (number, row.tobytes(), moment)
        if key not in self._laws:
            self.prepare(row[None], moment)
        return self._laws[key]

    def _own(self, bits: Sequence[int]) -> list[int]:
        """Return the places of the bits that the circuit names."""
        return [place for place, bit in enumerate(bits) if bit < self.circuit.num_clbits]

    def _parts(self, moment: Moment) -> tuple[Part, ...]:
        if moment not in self._lifted:
            whole = lift_on(self.site, self.strengths, moment, self.circuit)
            self._lifted[moment] = tuple(part_of(whole, group) for group in self.site.groups)
        return self._lifted[moment]

    @cached_property
    def _lifted(self) -> dict[Moment, tuple[Part, ...]]:
        return {}

    @cached_property
    def _laws(self) -> dict[tuple[int, bytes, Moment], NDArray[np.float64]]:
        return {}


def on_site(circuit: QuantumCircuit, site: Site, strengths: Strengths) -> CircuitOnSite:
    """Return a circuit on a site whose groups are the circuit's."""
    return CircuitOnSite(circuit, site.grouped(groups_of(circuit)), strengths)
