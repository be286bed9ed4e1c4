"""Measured bits that act on the circuit inside the shot, and resets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qiskit.circuit import QuantumCircuit

    from circuits.definition import Binding


@dataclass(frozen=True)
class Measure:
    """Measure wires mid-circuit: wires[j] into bit j of the step's register."""

    wires: tuple[int, ...]

    @property
    def n_weights(self) -> int:
        """A measurement has no weights."""
        return 0

    def append(self, circuit: QuantumCircuit, binding: Binding) -> None:
        """Append one measurement a wire."""
        for wire, bit in zip(self.wires, binding.bits, strict=False):
            circuit.measure(wire, bit)


@dataclass(frozen=True)
class ConditionalRotation:
    """Rotate a wire by other weights in each branch of a bit measured in the same step.

    Bit 1 applies R_axis(w0), ... over the axes, bit 0 applies R_axis(w_k), ... with weights of
    its own: both branches act, and both have the same gates.
    """

    bit: int
    wire: int
    axes: str = "y"

    @property
    def n_weights(self) -> int:
        """One weight an axis and branch."""
        return 2 * len(self.axes)

    def append(self, circuit: QuantumCircuit, binding: Binding) -> None:
        """Append the `if_test` with both branches."""
        from qiskit.circuit import QuantumCircuit

        weights, bit = iter(binding.weights), binding.bits[self.bit]
        # On a circuit of its own: opening the second branch costs time in the length of the whole.
        own = QuantumCircuit([circuit.qubits[self.wire], bit])
        with own.if_test((bit, 1)) as otherwise:
            for axis in self.axes:
                getattr(own, f"r{axis}")(next(weights), 0)
        with otherwise:
            for axis in self.axes:
                getattr(own, f"r{axis}")(next(weights), 0)
        circuit.append(own.data[0])


@dataclass(frozen=True)
class Reset:
    """Reset wires to |0>."""

    wires: tuple[int, ...]

    @property
    def n_weights(self) -> int:
        """A reset has no weights."""
        return 0

    def append(self, circuit: QuantumCircuit, binding: Binding) -> None:
        """Append one reset a wire."""
        for wire in self.wires:
            circuit.reset(wire)
