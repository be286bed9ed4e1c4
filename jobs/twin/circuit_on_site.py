"""A circuit on a machine: its programs for each moment, their distributions and shots."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import QuantumCircuit

from circuits.errors import CircuitsError
from circuits.exact.evolve import check_size, filled_key, push
from circuits.exact.operations import Channel, Program
from circuits.exact.order import resets_early
from circuits.exact.pauli import FORGET, ZERO
from circuits.exact.register import Register
from circuits.exact.shots import bind, sample_shots
from circuits.exact.trajectories import QUBITS_LIMIT, sample_trajectories
from jobs.twin.groups import groups_of, part_of
from jobs.twin.lifting import lift_on
from jobs.twin.moment import Moment
from jobs.twin.site import Site
from jobs.twin.strengths import Strengths

EXACT_QUBITS = 5
"""Of a group; with more of them, shots are trajectories of pure states."""

EXACT_BITS = 10
"""Of the circuit in a group; with more, shots are drawn reading by reading."""

MOST_LAWS = 4096
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

    def distribution(
        self, row: NDArray[np.float64], keep: Sequence[int], moment: Moment
    ) -> NDArray[np.float64]:
        """Return the exact joint distribution of some bits, shape (2**m,).

        Raises:
            CircuitsError: an instruction without an exact map, or an evolution of over 4 GiB.
        """
        parts = self._parts(moment)
        found = np.ones((1,) * len(keep))
        # Axes of a distribution run from its last bit to its first.
        for part, bits in parts:
            own = [bits.index(bit) for bit in keep if bit in bits]
            law = _law(part, row, own)
            found = found * law.reshape([2 if bit in bits else 1 for bit in reversed(keep)])
        written = {bit for _, bits in parts for bit in bits}
        for bit in set(keep) - written:  # it is 0
            shape = [2 if other == bit else 1 for other in reversed(keep)]
            found = found * np.array([1.0, 0.0]).reshape(shape)
        return found.ravel()

    def shots(
        self, row: NDArray[np.float64], shots: int, moment: Moment, generator: np.random.Generator
    ) -> NDArray[np.uint8]:
        """Draw shots of all bits, shape (shots, n_bits).

        Raises:
            CircuitsError: an instruction without an exact map, or too large a group of qubits.
        """
        found = np.zeros((shots, self.circuit.num_clbits), dtype=np.uint8)
        for number, (part, bits) in enumerate(self._parts(moment)):
            own = [place for place, bit in enumerate(bits) if bit < self.circuit.num_clbits]
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
                law = self._kept_law(number, part, row, own, moment)
                values = generator.choice(len(law), size=shots, p=law)
                drawn = (values[:, None] >> np.arange(len(own)) & 1).astype(np.uint8)
            found[:, [bits[place] for place in own]] = drawn
        return found

    def _kept_law(
        self,
        number: int,
        part: Program,
        row: NDArray[np.float64],
        own: Sequence[int],
        moment: Moment,
    ) -> NDArray[np.float64]:
        key = (number, row.tobytes(), moment)
        if key not in self._laws:
            if len(self._laws) >= MOST_LAWS:
                del self._laws[next(iter(self._laws))]
            law = np.clip(_law(part, row, own), 0.0, None)
            self._laws[key] = law / law.sum()
        return self._laws[key]

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


def _law(program: Program, row: NDArray[np.float64], keep: Sequence[int]) -> NDArray[np.float64]:
    """Return the exact distribution of some bits of one group, shape (2**m,)."""
    check_size(program, len(keep))
    given = jnp.asarray(row)
    program.check_parameters(given)
    bound = bind(program.operations, np.asarray(program.angles(given)))
    ends = [Channel((qubit,), FORGET) for qubit in range(program.n_qubits)]
    start = Register.product([ZERO] * program.n_qubits)
    operations = resets_early((*bound, *ends))
    found = np.zeros(2 ** len(keep))
    for key, register in push(operations, {(): start}, jnp.zeros(0), frozenset(keep)).items():
        values = dict(filled_key(key, keep))
        outcome = sum(values[bit] << place for place, bit in enumerate(keep))
        found[outcome] += np.asarray(register.reduced(())).ravel()[0]
    return found
