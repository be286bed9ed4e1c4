"""The twin of a recorded device: exact distributions, and shots in the order of a job."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import QuantumCircuit

from calibration.snapshot import Snapshot
from jobs.aer.recorded_device import active_qubits, on_active_qubits
from jobs.bits import registers_of
from jobs.errors import SpecError
from jobs.spec import Pub, PubResult
from jobs.twin.circuit_on_site import CircuitOnSite, on_site
from jobs.twin.moment import CALM, Moment
from jobs.twin.site import Site
from jobs.twin.strengths import Strengths
from jobs.twin.weather import Weather

MOST_CIRCUITS = 512
"""Of which programs and distributions are kept."""


@dataclass(frozen=True, eq=False)
class Twin:
    """A machine with effects that its calibration does not report.

    A circuit is lifted, with every effect, to one program of the exact engine. Its distribution is
    exact: one Pauli vector for each value of the live bits, the machine's memory (leaked qubits,
    the last misread) among them. Its shots are drawn from the exact distribution where a group of
    qubits has few bits, reading by reading where it has many (`circuits.exact.shots`), and as
    trajectories of pure states, which follow the same law, for 6 to 20 qubits of a group. Groups
    that neither gates nor feed-forward connect are evolved apart: a readout calibration or tiles of
    many qubits cost the sum of them. What reaches from one group to another is measurement
    crosstalk alone.

    >>> from calibration.library import snapshot
    >>> from jobs.twin.strengths import strengths_of
    >>> twin = Twin(snapshot("fake_boston"), strengths_of("reset=0.015"), seed=7)
    >>> circuit = QuantumCircuit(156, 1)
    >>> _ = circuit.x(3), circuit.reset(3), circuit.measure(3, 0)
    >>> p = twin.distribution(circuit)   # shape (2,)
    >>> bits = twin.run([Pub.bound(circuit)], shots=1000, seed=1)[0].registers["c"]
    >>> bits.shape
    (1, 1000, 1)
    """

    snapshot: Snapshot
    """What the device reports; the effects are beside it."""

    strengths: Strengths = field(default_factory=Strengths)
    seed: int = 0
    """Of the machine: the sizes and signs of its effects, and the weather of its jobs."""

    def run(self, pubs: Sequence[Pub], shots: int, seed: int = 0) -> tuple[PubResult, ...]:
        """Run a job: pub after pub, row after row, each with so many shots.

        Args:
            pubs: transpiled circuits with their rows; qubit i is qubit i of the snapshot.
            shots: of each row.
            seed: of the shots, and, with the machine's own, of the job's weather. The same job
                gives the same bits.

        Returns:
            The bits of each pub, shots in the order in which they ran.

        Raises:
            CircuitsError: an instruction without an exact map, or too large a group of qubits.
            SpecError: a qubit that the device does not have.
        """
        weather = self.weather(shots * sum(pub.n_rows for pub in pubs), seed)
        physical = self._known(active_qubits([pub.circuit for pub in pubs]))
        generator = np.random.default_rng([self.seed, seed])
        results, start = [], 0
        for pub in pubs:
            place = self._place(pub.circuit, physical)
            bits = np.zeros((pub.n_rows, shots, pub.circuit.num_clbits), dtype=np.uint8)
            met = [
                weather.moments(start + n * shots, start + (n + 1) * shots)
                for n in range(pub.n_rows)
            ]
            start += pub.n_rows * shots
            for moment in dict.fromkeys(moment for one in met for moment, _ in one):
                rows = [n for n, one in enumerate(met) if moment in (m for m, _ in one)]
                place.prepare(pub.parameters[rows], moment)
            for found, row, moments in zip(bits, pub.parameters, met, strict=True):
                for moment, seen in moments:
                    found[seen] = place.shots(row, len(seen), moment, generator)
            results.append(registers_of(pub.circuit, bits))
        return tuple(results)

    def weather(self, n_shots: int, seed: int) -> Weather:
        """Return what a job of so many shots in all meets."""
        return Weather(self.strengths, n_shots, (self.seed, seed))

    def distribution(
        self,
        circuit: QuantumCircuit,
        parameters: Sequence[float] | NDArray[np.float64] = (),
        keep: Sequence[int] | None = None,
        *,
        moment: Moment = CALM,
        qubits: Sequence[int] | None = None,
    ) -> NDArray[np.float64]:
        """Return the exact joint distribution of some bits, shape (2**m,).

        Args and errors as `distributions`, with one row of parameters, shape (n_parameters,).
        """
        row = np.asarray(parameters, dtype=float)[None]
        found = self.distributions(circuit, row, keep, moment=moment, qubits=qubits)
        return np.asarray(found[0])

    def distributions(
        self,
        circuit: QuantumCircuit,
        rows: Sequence[Sequence[float]] | NDArray[np.float64],
        keep: Sequence[int] | None = None,
        *,
        moment: Moment = CALM,
        qubits: Sequence[int] | None = None,
    ) -> NDArray[np.float64]:
        """Return the exact joint distributions of some bits, of every row.

        Args:
            circuit: transpiled; qubit i is qubit i of the snapshot.
            rows: parameters in the circuit's order, shape (n, n_parameters).
            keep: bits of the circuit, m of them; by default all.
            moment: of the machine; by default a calm one. What a job meets shot for shot is in its
                `weather`.
            qubits: that the whole job uses, among which the defect has its place; by default those
                of the circuit.

        Returns:
            Shape (n, 2**m); bit j of the outcome integer is keep[j].

        Raises:
            CircuitsError: an instruction without an exact map, or an evolution of over 4 GiB.
            SpecError: a qubit that the device does not have.
        """
        used = active_qubits([circuit]) if qubits is None else tuple(sorted(qubits))
        kept = list(range(circuit.num_clbits)) if keep is None else list(keep)
        place = self._place(circuit, self._known(used))
        return place.distributions(np.asarray(rows, dtype=float), kept, moment)

    def _known(self, physical: tuple[int, ...]) -> tuple[int, ...]:
        if physical and physical[-1] >= self.snapshot.n_qubits:
            raise SpecError(
                f"circuits for {self.snapshot.backend} should use qubits below "
                f"{self.snapshot.n_qubits}. Got qubit {physical[-1]}."
            )
        return physical

    def _place(self, circuit: QuantumCircuit, physical: tuple[int, ...]) -> CircuitOnSite:
        key = (id(circuit), physical)
        if key not in self._places:
            if len(self._places) >= MOST_CIRCUITS:
                del self._places[next(iter(self._places))]
            site = Site(self.snapshot.restrict(physical), self.seed)
            small = on_active_qubits(circuit, physical)
            # The circuit is kept too, so that no other takes its id.
            self._places[key] = (circuit, on_site(small, site, self.strengths))
        return self._places[key][1]

    @cached_property
    def _places(self) -> dict[tuple[int, tuple[int, ...]], tuple[QuantumCircuit, CircuitOnSite]]:
        return {}
