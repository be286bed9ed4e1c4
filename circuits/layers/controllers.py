"""Controllers of the `sampled` mode: angles as functions of bits measured in the step before.

A function of m bits, theta(b), is exact in either of two forms. The look-up has one branch for
each of the 2^m values of b. The parity form is the Walsh-Hadamard expansion

    theta(b) = sum_S c_S (-1)^(parity of b in S),

one unconditional rotation by sum_S c_S and, for each of the 2^m - 1 non-empty sets S, a rotation
by -2 c_S where the parity is odd. A controller affine in the bits has sets of one bit only, so it
needs m. Before the first measurement every parity counts as 0 and the angle is c_0, the mean of
theta.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Any, Literal

from qiskit.circuit import ParameterExpression
from qiskit.circuit.classical import expr

from circuits.errors import CircuitsError

if TYPE_CHECKING:
    from qiskit.circuit import Clbit, QuantumCircuit

    from circuits.definition import Binding

Form = Literal["look-up", "parity"]


def walsh_hadamard(values: Sequence[Any]) -> list[Any]:
    """Return c_S for S = 0, ..., 2^m - 1 (bit j of S: bit j of b is in the set).

    Args:
        values: theta(b) for b = 0, ..., 2^m - 1, numbers or parameter expressions.
    """
    return [
        sum(
            (-1) ** (b & subset).bit_count() / len(values) * value for b, value in enumerate(values)
        )
        for subset in range(len(values))
    ]


def append_look_up(
    circuit: QuantumCircuit, bits: Sequence[Clbit], append_branch: Callable[[int], None]
) -> None:
    """Append one `if_test` for each value of a whole classical register.

    Args:
        circuit: what to append to.
        bits: all bits of one register, bit 0 first.
        append_branch: appends what happens where the register reads b.
    """
    register = circuit.find_bit(bits[0]).registers[0][0]
    if list(register) != list(bits):
        raise CircuitsError(
            f"a look-up should read all bits of one register. Got {len(bits)} of {register.size}."
        )
    for b in range(2 ** len(bits)):
        with circuit.if_test((register, b)):
            append_branch(b)


def append_parities(
    circuit: QuantumCircuit,
    bits: Sequence[Clbit],
    rotations: Sequence[tuple[str, int, Sequence[Any]]],
) -> None:
    """Append commuting rotations by their Walsh-Hadamard coefficients, one branch a parity.

    Args:
        circuit: what to append to.
        bits: the m bits, or none before the first measurement.
        rotations: (axis, wire, coefficients c_S of shape (2^m,) or shorter); the rotations should
            be on different wires or about the same axis. Coefficients that are the number 0 are
            left out.
    """
    turns = []
    for axis, wire, coefficients in rotations:
        total = sum(coefficients) if bits else coefficients[0]
        turns.append((axis, wire, [total, *(-2 * value for value in coefficients[1:])]))
    append_turns(circuit, bits, turns)


def append_turns(
    circuit: QuantumCircuit,
    bits: Sequence[Clbit],
    rotations: Sequence[tuple[str, int, Sequence[Any]]],
) -> None:
    """Append commuting rotations: by one angle always, by others where parities of bits are odd.

    Args:
        circuit: what to append to.
        bits: the m bits, or none before the first measurement.
        rotations: (axis, wire, angles of shape (2^m,) or shorter), angle 0 for every shot, angle S
            for those whose bits of S are odd together; as for `append_parities`.
    """
    for axis, wire, angles in rotations:
        if not _is_zero(angles[0]):
            getattr(circuit, f"r{axis}")(angles[0], wire)
    for subset in range(1, 2 ** len(bits)):
        branch = [
            (axis, wire, angles[subset])
            for axis, wire, angles in rotations
            if subset < len(angles) and not _is_zero(angles[subset])
        ]
        if branch:
            with circuit.if_test(_odd(bits, subset)):
                for axis, wire, angle in branch:
                    getattr(circuit, f"r{axis}")(angle, wire)


@dataclass(frozen=True)
class ControlledByBits:
    """Rotate a wire by a trainable function of the bits measured in the step before.

    `form="look-up"` has the 2^m angles theta(b) as weights, `form="parity"` the 2^m coefficients
    c_S, and `form="affine"` the 1 + m coefficients of the sets of at most one bit.
    """

    wire: int
    n_bits: int
    axis: str = "y"
    form: Literal["look-up", "parity", "affine"] = "parity"

    reads_previous = True

    @property
    def n_weights(self) -> int:
        """2^m, or 1 + m of an affine controller."""
        return 1 + self.n_bits if self.form == "affine" else 2**self.n_bits

    def append(self, circuit: QuantumCircuit, binding: Binding) -> None:
        """Append the branches; before the first measurement the mean rotation alone."""
        weights, bits = list(binding.weights), list(binding.previous)
        if self.form == "affine":
            coefficients: list[Any] = [0.0] * 2**self.n_bits
            coefficients[0] = weights[0]
            for bit in range(self.n_bits):
                coefficients[2**bit] = weights[1 + bit]
        else:
            coefficients = weights if self.form == "parity" else walsh_hadamard(weights)
        if self.form == "look-up" and bits:
            rotate = getattr(circuit, f"r{self.axis}")
            append_look_up(circuit, bits, lambda b: rotate(weights[b], self.wire))
        else:
            append_parities(circuit, bits, [(self.axis, self.wire, coefficients)])


@dataclass(frozen=True)
class FedBack:
    """Encode the fed-back value as RY(h) on a wire, in `expectation` and in `sampled` mode.

    The host binds h to <Z> in `expectation` mode. In `sampled` mode each shot feeds back its own
    bits: h = values[b].
    """

    wire: int
    values: tuple[float, ...]  # shape (2^m,)
    """h for each value of the bits; bit j of the index is bit j of the step before."""

    reads_previous = True

    @property
    def n_weights(self) -> int:
        """The re-encoding has no weights."""
        return 0

    def append(self, circuit: QuantumCircuit, binding: Binding) -> None:
        """Append RY(h); in the first step of a sampled circuit h = 0 and nothing is appended.

        Raises:
            CircuitsError: there is neither a value nor a bit to feed back.
        """
        if binding.fed_back is not None:
            circuit.ry(binding.fed_back, self.wire)
        elif not binding.bits:
            raise CircuitsError(
                "a step that feeds back a value should be given one, or measure bits to feed back. "
                "Got neither; unroll the model, or choose mode=sampled."
            )
        elif binding.previous:
            append_parities(
                circuit, binding.previous, [("y", self.wire, walsh_hadamard(self.values))]
            )


def _odd(bits: Sequence[Clbit], subset: int) -> Any:
    members = [bit for index, bit in enumerate(bits) if subset >> index & 1]
    if len(members) == 1:
        return members[0], 1
    return reduce(expr.bit_xor, [expr.lift(bit) for bit in members])


def _is_zero(angle: Any) -> bool:
    return not isinstance(angle, ParameterExpression) and angle == 0
