"""Encoders: features of one time step to rotations of wires."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
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


@dataclass(frozen=True)
class NormalisedAngleEncoding:
    """Encode the direction of a vector: RY(x[i] / |x|) on wires[i], one feature a wire."""

    wires: tuple[int, ...]

    @property
    def n_weights(self) -> int:
        """An encoder has no weights."""
        return 0

    @property
    def vector(self) -> tuple[int, ...]:
        """The features that are divided by their common length."""
        return tuple(range(len(self.wires)))

    def append(self, circuit: QuantumCircuit, binding: Binding) -> None:
        """Append one RY a wire; its angle divides by the length, so |x| = 0 has no angles."""
        features = [binding.features[index] for index in self.vector]
        length = sum(feature**2 for feature in features) ** 0.5
        for wire, feature in zip(self.wires, features, strict=True):
            circuit.ry(feature / length, wire)


def dense_angle_encoding(
    wires: Sequence[int], axes: Sequence[Axis], *, first_feature: int = 0
) -> RotationEncoding:
    """Give each wire one feature per axis, wire after wire: wire w takes x[k], x[k+1], ...

    Args:
        wires: the wires, in the order in which they take features.
        axes: in the order of application, such as `("y", "z")` for RY then RZ.
        first_feature: index of the first feature used.
    """
    terms: tuple[tuple[int, Axis, int, float], ...] = tuple(
        (wire, axis, first_feature + position * len(axes) + offset, 1.0)
        for position, wire in enumerate(wires)
        for offset, axis in enumerate(axes)
    )
    return RotationEncoding(terms)


def repeated_angle_encoding(
    features: Mapping[int, Iterable[int]], factors: Sequence[tuple[Axis, float]]
) -> RotationEncoding:
    """Let each wire take several features one after the other, each about the same axes.

    Args:
        features: the features of each wire, in order.
        factors: axes and factors for one feature, such as `(("y", 1.0), ("z", 0.5))` for
            RY(x) then RZ(x / 2).
    """
    return RotationEncoding(
        tuple(
            (wire, axis, feature, factor)
            for wire, own in features.items()
            for feature in own
            for axis, factor in factors
        )
    )
