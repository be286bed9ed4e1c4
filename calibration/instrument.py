"""Circuits that show what a measurement records, leaves behind and does to its neighbours.

Three readings in a row tell a misread, which the next reading takes back, from a state that
changed, which stays; the same with a flip between them tells both from a qubit that answers no
flips (instruments from repeated measurements: arXiv:2606.00433). Neighbours in superposition show
what they lose to readings beside them, and branches in a row how long the controller takes for one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from qiskit.circuit import ClassicalRegister, Instruction, Measure, QuantumCircuit

READINGS = 3
"""In a row."""

BRANCHES = 20
"""In a row, an even number, so that a misread bit flips nothing in the end."""

READ = ("first", "second", "third")
"""Registers of the readings."""


@dataclass(frozen=True)
class Reached:
    """Neighbours that are watched in one go, each beside the one measured qubit that reaches it."""

    pairs: tuple[tuple[int, int], ...]  # (measured, neighbour)

    @property
    def measured(self) -> tuple[int, ...]:
        """Qubits that are read again and again, ascending."""
        return tuple(sorted({one for one, _ in self.pairs}))

    @property
    def watched(self) -> tuple[int, ...]:
        """Qubits in superposition; bit j of the register `out` is watched[j]."""
        return tuple(other for _, other in self.pairs)


def repeated_circuits(
    n_qubits: int, qubits: Sequence[int], read: Instruction | None = None
) -> tuple[QuantumCircuit, ...]:
    """Return four circuits of three readings: of |0> and |1>, in a row and with flips between.

    Args:
        n_qubits: width of the circuits.
        qubits: bit j of the registers `READ` is qubits[j].
        read: what measures; by default `measure`.
    """
    made = []
    for flips in (False, True):
        for excited in (False, True):
            name = f"instrument-{'ones' if excited else 'zeros'}{'-flips' if flips else ''}"
            circuit = QuantumCircuit(n_qubits, name=name)
            registers = [ClassicalRegister(len(qubits), one) for one in READ]
            circuit.add_register(*registers)
            if excited:
                circuit.x(list(qubits))
            for place, register in enumerate(registers):
                if flips and place:
                    circuit.x(list(qubits))
                circuit.barrier(list(qubits))
                _read(circuit, qubits, list(register), read)
                circuit.barrier(list(qubits))
            made.append(circuit)
    return tuple(made)


def crosstalk_groups(
    couplings: Iterable[tuple[int, int]], qubits: Sequence[int]
) -> tuple[Reached, ...]:
    """Deal the pairs of coupled qubits out over few circuits.

    In one circuit no watched qubit is read before its end, and each has one neighbour that is.

    Args:
        couplings: of the device, in either order.
        qubits: among which pairs are taken, each in both directions.
    """
    near: dict[int, set[int]] = {qubit: set() for qubit in qubits}
    for a, b in couplings:
        if a in near and b in near:
            near[a].add(b)
            near[b].add(a)
    groups: list[list[tuple[int, int]]] = []
    for pair in sorted((a, b) for a in near for b in near[a]):
        for group in groups:
            if _fits([*group, pair], near):
                group.append(pair)
                break
        else:
            groups.append([pair])
    return tuple(Reached(tuple(group)) for group in groups)


def _fits(pairs: Sequence[tuple[int, int]], near: dict[int, set[int]]) -> bool:
    measured, watched = {one for one, _ in pairs}, [other for _, other in pairs]
    return (
        not measured & set(watched)
        and len(set(watched)) == len(watched)
        and all(len(near[other] & measured) == 1 for other in watched)
    )


def crosstalk_circuits(
    n_qubits: int, group: Reached, delay_dt: int, read: Instruction | None = None
) -> tuple[QuantumCircuit, ...]:
    """Return four circuits: both quadratures of the watched, with readings beside them and without.

    Args:
        n_qubits: width of the circuits.
        group: who is read and who is watched.
        delay_dt: how long a reading takes; the watched wait so long in either case.
        read: what measures; by default `measure`.
    """
    made = []
    for is_read in (True, False):
        for quadrature in (0.0, np.pi / 2):
            name = f"crosstalk{'' if is_read else '-without'}{'-y' if quadrature else '-x'}"
            circuit = QuantumCircuit(n_qubits, name=name)
            beside = ClassicalRegister(len(group.measured), "beside")
            out = ClassicalRegister(len(group.watched), "out")
            circuit.add_register(beside, out)
            every = [*group.measured, *group.watched]
            circuit.sx(list(group.watched))
            for _ in range(READINGS):
                circuit.barrier(every)
                if is_read:
                    _read(circuit, group.measured, list(beside), read)
                else:
                    circuit.delay(delay_dt, list(group.measured))
                circuit.delay(delay_dt, list(group.watched))
            circuit.barrier(every)
            if quadrature:
                circuit.rz(quadrature, list(group.watched))
            circuit.sx(list(group.watched))
            _read(circuit, group.watched, list(out), read)
            made.append(circuit)
    return tuple(made)


def wait_circuits(
    n_qubits: int, qubits: Sequence[int], delay_dt: int, read: Instruction | None = None
) -> tuple[QuantumCircuit, ...]:
    """Return three circuits of qubits that relax: beside branches, beside a delay, not at all.

    The branches are on a bit that reads 0, so that what they would do is not done.

    Args:
        n_qubits: width of the circuits.
        qubits: excited and read again; bit j of the register `out` is qubits[j].
        delay_dt: of the delay, in all.
        read: what measures; by default `measure`.
    """
    made = []
    for what in ("branches", "delay", "nothing"):
        circuit = QuantumCircuit(n_qubits, name=f"wait-{what}")
        first, out = ClassicalRegister(1, "first"), ClassicalRegister(len(qubits), "out")
        circuit.add_register(first, out)
        _read(circuit, qubits[:1], list(first), read)
        circuit.barrier(list(qubits))
        circuit.x(list(qubits))
        circuit.barrier(list(qubits))
        if what == "delay":
            circuit.delay(delay_dt, list(qubits))
        for _ in range(BRANCHES if what == "branches" else 0):
            with circuit.if_test((first, 1)):
                circuit.x(list(qubits))
        circuit.barrier(list(qubits))
        _read(circuit, qubits, list(out), read)
        made.append(circuit)
    return tuple(made)


def _read(
    circuit: QuantumCircuit, qubits: Sequence[int], bits: Sequence[object], read: Instruction | None
) -> None:
    for qubit, bit in zip(qubits, bits, strict=True):
        circuit.append(read or Measure(), [qubit], [bit])
