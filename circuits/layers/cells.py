"""Cells: trainable rotations and entanglers of one time step."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from qiskit.circuit import QuantumCircuit

    from circuits.definition import Binding

Gate = Literal["cx", "cz"]


@dataclass(frozen=True)
class Rotations:
    """Rotate each wire about each axis in turn: R_a1(w0), R_a2(w1), ... wire after wire.

    `axes="zyz"` is the general single-qubit rotation, RZ(w0) then RY(w1) then RZ(w2).
    """

    wires: tuple[int, ...]
    axes: str

    @property
    def n_weights(self) -> int:
        """One weight a wire and axis."""
        return len(self.wires) * len(self.axes)

    def append(self, circuit: QuantumCircuit, binding: Binding) -> None:
        """Append the rotations wire by wire."""
        weights = iter(binding.weights)
        for wire in self.wires:
            for axis in self.axes:
                getattr(circuit, f"r{axis}")(next(weights), wire)


@dataclass(frozen=True)
class TiedRotations:
    """Rotate each wire about several axes by multiples of one weight: R_axis(factor * w)."""

    wires: tuple[int, ...]
    terms: tuple[tuple[str, float], ...]  # (axis, factor)

    @property
    def n_weights(self) -> int:
        """One weight a wire, whatever the number of axes."""
        return len(self.wires)

    def append(self, circuit: QuantumCircuit, binding: Binding) -> None:
        """Append the rotations wire by wire."""
        for wire, weight in zip(self.wires, binding.weights, strict=True):
            for axis, factor in self.terms:
                getattr(circuit, f"r{axis}")(weight if factor == 1 else factor * weight, wire)


@dataclass(frozen=True)
class ControlledRotations:
    """Apply CR_axis(w) to each (control, target) pair in order, one weight a pair."""

    pairs: tuple[tuple[int, int], ...]
    axis: str = "y"

    @property
    def n_weights(self) -> int:
        """One weight a pair."""
        return len(self.pairs)

    def append(self, circuit: QuantumCircuit, binding: Binding) -> None:
        """Append the gates in the order of the pairs."""
        for (control, target), weight in zip(self.pairs, binding.weights, strict=True):
            getattr(circuit, f"cr{self.axis}")(weight, control, target)


@dataclass(frozen=True)
class Entangle:
    """Apply a two-qubit gate to each (control, target) pair in order; no weights."""

    pairs: tuple[tuple[int, int], ...]
    gate: Gate = "cx"

    @property
    def n_weights(self) -> int:
        """An entangler of fixed gates has no weights."""
        return 0

    def append(self, circuit: QuantumCircuit, binding: Binding) -> None:
        """Append the gates in the order of the pairs."""
        for control, target in self.pairs:
            getattr(circuit, self.gate)(control, target)


def ring(wires: tuple[int, ...]) -> tuple[tuple[int, int], ...]:
    """Return the pairs of a closed chain: 0-1, 1-2, ..., last-first."""
    return tuple(zip(wires, wires[1:] + wires[:1], strict=True))


def chain(wires: tuple[int, ...]) -> tuple[tuple[int, int], ...]:
    """Return the pairs of an open chain: 0-1, 1-2, ..."""
    return tuple(pairwise(wires))
