"""Encoders: features of one time step to rotations of wires."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from qiskit.circuit import QuantumCircuit

    from circuits.definition import Binding

Axis = Literal["x", "y", "z"]


@dataclass(frozen=True)
class RotationEncoding:
    """Encode each term as one rotation: R_axis(factor * x[feature]) on a wire.

    Several terms on one wire are dense angle encoding (LaRose and Coyle, Phys. Rev. A 102, 032420,
    2020); one RY a wire is plain angle encoding.
    """

    terms: tuple[tuple[int, Axis, int, float], ...]  # (wire, axis, feature, factor)

    @property
    def n_weights(self) -> int:
        """An encoder has no weights."""
        return 0

    def append(self, circuit: QuantumCircuit, binding: Binding) -> None:
        """Append the rotations in the order of the terms."""
        for wire, axis, feature, factor in self.terms:
            angle = binding.features[feature]
            rotate = getattr(circuit, f"r{axis}")
            rotate(angle if factor == 1 else factor * angle, wire)


def dense_angle_encoding(
    wires: Sequence[int], axes: Sequence[Axis], *, first_feature: int = 0
) -> RotationEncoding:
    """Give each wire one feature per axis, wire after wire: wire w takes x[k], x[k+1], ...

    Args:
        wires: the wires, in the order in which they take features.
        axes: in the order of application, such as `("y", "z")` for RY then RZ.
        first_feature: index of the first feature used.
    """
    terms = tuple(
        (wire, axis, first_feature + position * len(axes) + offset, 1.0)
        for position, wire in enumerate(wires)
        for offset, axis in enumerate(axes)
    )
    return RotationEncoding(terms)
