"""A recorded device as a place to run: the Runtime's Sampler in local mode, with its noise.

Takes the very circuits that the real device would get. They are brought back onto their active
qubits, and the noise model of these is built once and kept, so that a call costs no more than its
shots.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import QuantumCircuit

from calibration.noise import DeviceNoise, NoiseScale
from calibration.snapshot import Snapshot
from jobs.aer.components import WHOLE, Component, components, rejoined
from jobs.aer.executor import lower, measurement_names, method_for, of_several, simulator
from jobs.aer.instruments import with_instruments
from jobs.aer.misreads import with_misreads
from jobs.aer.repeated_rows import run_gathered
from jobs.errors import JobFailedError, SpecError
from jobs.service.runtime import LocalRuntimeExecutor
from jobs.spec import JobSpec, Pub, PubResult, facts
from jobs.transpile.routing import embed

WHOLE_QUBITS = 12
"""Circuits on more qubits are simulated part by part, where nothing joins these."""


class RecordedDeviceExecutor:
    """Runs device circuits on the noise of a snapshot, through the Runtime's local mode."""

    name = "aer"

    def __init__(
        self,
        snapshot: Snapshot,
        scale: NoiseScale | None = None,
        after_part: Callable[[int, int], None] = lambda done, total: None,
    ) -> None:
        """Take the device.

        Args:
            snapshot: of the whole device.
            scale: of its noise.
            after_part: called with the number of parts of a job that are done, and of all.
        """
        self._snapshot, self._scale = snapshot, scale or NoiseScale()
        self._after_part = after_part
        self._places: dict[object, LocalRuntimeExecutor] = {}
        self._noises: dict[tuple[int, ...], DeviceNoise] = {}

    def run(self, spec: JobSpec) -> tuple[PubResult, ...]:
        """Return the bits of each pub.

        Raises:
            SpecError: the circuits are not for this device.
            JobFailedError: Aer cannot run them, as where they take too much memory.
        """
        large = facts(spec.pubs, is_large)
        parts = [
            components(pub) if by_parts else ()
            for pub, by_parts in zip(spec.pubs, large, strict=True)
        ]
        if not any(parts):
            return self._together(spec)
        return self._apart(spec, parts)

    def _apart(self, spec: JobSpec, parts: Sequence[Sequence[Component]]) -> tuple[PubResult, ...]:
        """Run each part of each circuit by itself, those on the same qubits in one go."""
        groups: dict[tuple[tuple[int, ...], int], list[Component]] = {}
        for part in (part for own in parts for part in own):
            # Rows of a part without parameters are drawn as so many more shots.
            groups.setdefault((part.physical, part.n_rows // part.pub.n_rows), []).append(part)
        seeds = np.random.SeedSequence(spec.seed).generate_state(len(groups) + 1) >> 1
        read: dict[int, NDArray[np.uint8]] = {}
        placed: dict[int, QuantumCircuit] = {}
        for done, (((physical, times), members), seed) in enumerate(
            zip(groups.items(), seeds[1:], strict=True)
        ):
            self._after_part(done, len(groups))
            for one in members:
                if id(one.pub.circuit) not in placed:
                    on_device = embed(one.pub.circuit, physical, self._snapshot.n_qubits)
                    placed[id(one.pub.circuit)] = on_device
            wide: dict[int, Pub] = {}
            for one in members:
                key = id(one.pub.circuit)
                wide.setdefault(key, Pub(placed[key], one.pub.parameters))
            pubs = tuple(wide[id(one.pub.circuit)].with_rows(one.pub.parameters) for one in members)
            job = replace(spec, pubs=pubs, shots=spec.shots * times, seed=int(seed))
            for one, result in zip(members, self._together(job), strict=True):
                bits = result.registers[WHOLE]
                read[id(one)] = bits.reshape(one.n_rows, spec.shots, bits.shape[-1])
        whole = tuple(pub for pub, own in zip(spec.pubs, parts, strict=True) if not own)
        rest = replace(spec, pubs=whole, seed=int(seeds[0])) if whole else None
        others = iter(self._together(rest) if rest else ())
        return tuple(
            rejoined(pub.circuit, own, [read[id(one)] for one in own], pub.n_rows, spec.shots)
            if own
            else next(others)
            for pub, own in zip(spec.pubs, parts, strict=True)
        )

    def _together(self, spec: JobSpec) -> tuple[PubResult, ...]:
        from qiskit_aer import AerError

        # A job that repeats its circuits holds each of them many times.
        known = {id(pub.circuit): pub for pub in spec.pubs}
        distinct = {key: pub.circuit for key, pub in known.items()}
        physical = active_qubits(list(distinct.values()))
        if physical and physical[-1] >= self._snapshot.n_qubits:
            raise SpecError(
                f"circuits for {self._snapshot.backend} should use qubits below "
                f"{self._snapshot.n_qubits}. Got qubit {physical[-1]}."
            )
        small = {key: on_active_qubits(one, physical) for key, one in distinct.items()}
        names = measurement_names(small.values())
        noise = self._noise(physical)
        lowered = {
            key: lower(with_misreads(with_instruments(one, noise), noise, of_several(names)))
            for key, one in small.items()
        }
        first = {key: Pub(lowered[key], pub.parameters) for key, pub in known.items()}
        pubs = [first[id(pub.circuit)].with_rows(pub.parameters) for pub in spec.pubs]
        place = self._place(physical, names)
        try:
            return run_gathered(replace(spec, pubs=tuple(pubs)), place.run)
        except AerError as error:
            raise JobFailedError(
                f"Aer should run every circuit. Got: {error.message.rstrip('.')}; take fewer "
                "qubits where memory is short."
            ) from error

    def _noise(self, physical: tuple[int, ...]) -> DeviceNoise:
        if physical not in self._noises:
            self._noises[physical] = DeviceNoise(self._snapshot.restrict(physical), self._scale)
        return self._noises[physical]

    def _place(self, physical: tuple[int, ...], names: dict[int, str]) -> LocalRuntimeExecutor:
        key = (physical, tuple(sorted(names.items())))
        if key not in self._places:
            method = method_for(len(physical))
            place = simulator(self._noise(physical), names, method=method)
            self._places[key] = LocalRuntimeExecutor(place, name=self.name)
        return self._places[key]


def is_large(circuit: QuantumCircuit) -> bool:
    """Say whether a circuit is simulated part by part, where nothing joins these."""
    return len(active_qubits([circuit])) > WHOLE_QUBITS


def active_qubits(circuits: Sequence[QuantumCircuit]) -> tuple[int, ...]:
    """Return the qubits that any instruction but a barrier touches, ascending."""
    return tuple(
        sorted(
            {
                circuit.find_bit(qubit).index
                for circuit in circuits
                for instruction in circuit.data
                if instruction.operation.name != "barrier"
                for qubit in instruction.qubits
            }
        )
    )


def on_active_qubits(circuit: QuantumCircuit, physical: Sequence[int]) -> QuantumCircuit:
    """Return the circuit on some qubits only, numbered in the order given.

    Barriers keep the part that lies on these qubits.
    """
    from qiskit.circuit import Barrier

    position = {qubit: index for index, qubit in enumerate(physical)}
    small = QuantumCircuit(len(physical), name=circuit.name)
    for register in circuit.cregs:
        small.add_register(register)
    # Behind the registers, which Aer's sampler takes as blocks from the first bit on.
    small.add_bits([bit for bit in circuit.clbits if not circuit.find_bit(bit).registers])
    for instruction in circuit.data:
        operation = instruction.operation
        qubits = [circuit.find_bit(q).index for q in instruction.qubits]
        if operation.name == "barrier":
            qubits = [q for q in qubits if q in position]
            operation = Barrier(len(qubits))
        small.append(operation, [position[q] for q in qubits], instruction.clbits)
    return small
