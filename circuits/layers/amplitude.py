"""Amplitude encoding as gates whose angles are expressions of the features."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import pi
from typing import TYPE_CHECKING, Any

from circuits.errors import CircuitsError

if TYPE_CHECKING:
    from qiskit.circuit import QuantumCircuit

    from circuits.definition import Binding


@dataclass(frozen=True)
class AmplitudeEncoding:
    """Prepare sum_k x[k] |k> / |x| on wires that start in |0>, with the sign of each feature.

    Big-endian: wires[0] is the most significant bit of k. The construction is a binary tree of
    uniformly controlled RY rotations (Mottonen et al., Quantum Inf. Comput. 5, 467, 2005):
    the rotation of wires[j], chosen by the wires before it, splits each part of the vector into
    its halves. It takes 2^n - 1 RY and 2^n - 2 CNOT gates.

    The angles are quotients of amplitudes, without meaning where both are exactly 0:
    `QRNNCircuit.bind` divides by |x|, refuses |x| = 0 and moves zeros by 1e-12.
    """

    wires: tuple[int, ...]
    vector: tuple[int, ...]  # shape (2^n,)
    """Indices of the features that are the amplitudes, in the order of k."""

    def __post_init__(self) -> None:
        """Check that there is one amplitude a basis state."""
        if len(self.vector) != 2 ** len(self.wires):
            raise CircuitsError(
                f"amplitude encoding on {len(self.wires)} wires should take "
                f"{2 ** len(self.wires)} features. Got {len(self.vector)}."
            )

    @property
    def n_weights(self) -> int:
        """An encoder has no weights."""
        return 0

    def append(self, circuit: QuantumCircuit, binding: Binding) -> None:
        """Append the tree level by level, from the most significant wire."""
        amplitudes = [binding.features[index] for index in self.vector]
        for level, target in enumerate(self.wires):
            angles = _angles(amplitudes, 2**level)
            _uniformly_controlled_ry(circuit, angles, self.wires[:level], target)


def _angles(amplitudes: Sequence[Any], parts: int) -> list[Any]:
    """Return the RY angle that splits each part: 2 atan2(|right half|, |left half|), or signed."""
    size = len(amplitudes) // parts
    angles = []
    for start in range(0, len(amplitudes), size):
        left = amplitudes[start : start + size // 2]
        right = amplitudes[start + size // 2 : start + size]
        if size == 2:
            (a,), (b,) = left, right
            angles.append(2 * b.sign() * (pi / 2 - (a / b.abs()).arctan()))
        else:
            angles.append(pi - 2 * (_length(left) / _length(right)).arctan())
    return angles


def _length(part: Sequence[Any]) -> Any:
    return sum(amplitude**2 for amplitude in part) ** 0.5


def _uniformly_controlled_ry(
    circuit: QuantumCircuit, angles: Sequence[Any], controls: Sequence[int], target: int
) -> None:
    """Rotate `target` by angles[k] where the controls read k, controls[0] most significant.

    A CNOT flips the sign of the rotations beyond it; in the order of the Gray code each one
    toggles a single control, and the signs form a Walsh-Hadamard matrix.
    """
    n_angles = len(angles)
    if n_angles == 1:
        circuit.ry(angles[0], target)
        return
    gray = [index ^ (index >> 1) for index in range(n_angles)]
    for index, code in enumerate(gray):
        signs = [(-1) ** (k & code).bit_count() for k in range(n_angles)]
        circuit.ry(
            sum(sign / n_angles * angle for sign, angle in zip(signs, angles, strict=True)), target
        )
        toggled = code ^ gray[(index + 1) % n_angles]
        circuit.cx(controls[len(controls) - toggled.bit_length()], target)
