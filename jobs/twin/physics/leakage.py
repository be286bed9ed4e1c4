"""Qubits that leave for level 2.

Each two-qubit gate leaks each of its qubits with the strength as probability, one qubit of a group
at a time. A leaked qubit reads 1 in nine of ten measurements whatever its state, acts in gates like
a random qubit, and comes back, in a random state, with 3 % at each of its measurements and resets.

Magnitude: 5e-4 a gate; 1e-4 to 1e-3 on transmons, with lifetimes of many cycles where nothing
removes it (McEwen et al., Nat. Commun. 12, 1761, 2021).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from circuits.exact.operations import Branch, Channel, Instrument, Operation
from circuits.exact.pauli import FORGET
from jobs.twin.event import Around, Event, Memory
from jobs.twin.site import Site

READS_ONE = 0.9
COMES_BACK = 0.03


def leakage(probability: float, site: Site, memory: Memory) -> Around:
    """Return the effect of a probability for each two-qubit gate and qubit."""
    wires = range(site.snapshot.n_qubits)
    leaked = {wire: memory.bit(("leaked", wire)) for wire in wires}

    def around(event: Event, operations: list[Operation]) -> list[Operation]:
        if event.kind == "gate" and len(event.wires) == 2:
            random = [_where(leaked[w], (Channel((w,), FORGET),)) for w in event.wires]
            group = site.groups[site.group_of[event.wires[0]]]
            others = [leaked[wire] for wire in group]
            coins = [_unless(others, _coin(w, leaked[w], probability)) for w in event.wires]
            return [*random, *operations, *coins]
        if event.kind in ("measure", "reset"):
            (wire,) = event.wires
            written = () if event.bit is None else (event.bit,)
            away = _away(wire, (*written, leaked[wire]))
            return [_where(leaked[wire], (away,), tuple(operations))]
        return operations

    return around


def _away(wire: int, bits: tuple[int, ...]) -> Instrument:
    """Return what a measurement or reset of a leaked qubit does; the last bit says it stays so."""
    reads = np.array([1.0]) if len(bits) == 1 else np.array([1 - READS_ONE, READS_ONE])
    stays = np.array([COMES_BACK, 1 - COMES_BACK])
    weights = np.multiply.outer(stays, reads).ravel()
    return Instrument(wire, bits, weights[:, None, None] * FORGET)


def _coin(wire: int, bit: int, probability: float) -> Instrument:
    return Instrument(wire, (bit,), np.array([(1 - probability) * np.eye(4), probability * FORGET]))


def _where(bit: int, taken: tuple[Operation, ...], otherwise: tuple[Operation, ...] = ()) -> Branch:
    return Branch((bit,), lambda values: bool(values.get(bit, 0)), taken, otherwise)


def _unless(bits: list[int], one: Operation) -> Branch:
    def nobody(values: Mapping[int, int]) -> bool:
        return not any(values.get(bit, 0) for bit in bits)

    return Branch(tuple(bits), nobody, (one,), ())
