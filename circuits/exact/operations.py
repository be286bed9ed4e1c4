"""The few operations that every dynamic circuit is lifted to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from circuits.errors import CircuitsError
from circuits.exact.pauli import POPULATIONS, PROJECTORS, TRACE, Axis
from circuits.gate_angles import AngleMap


class Condition(Protocol):
    """A classical condition on measured bits."""

    def __call__(self, values: Mapping[int, int], /) -> bool:
        """Say whether the condition holds for these bit values."""


@dataclass(frozen=True, eq=False)
class Channel:
    """A fixed map: gate, noise, reset, or several of them fused."""

    qubits: tuple[int, ...]
    matrix: Any  # shape (4**k, 4**k)
    """Numbers, JAX's too, or the `Formula` that a noise fills in."""

    resets: bool = False
    """Whether a reset is in it, so that what came before is forgotten, whatever the numbers."""

    @property
    def forgets(self) -> bool:
        """Whether it leaves its qubit in a state that does not depend on the past."""
        if self.resets or len(self.qubits) > 1 or not isinstance(self.matrix, np.ndarray):
            return self.resets
        return bool(np.abs(self.matrix[..., 1:]).max() < 1e-15)

    @property
    def outer(self) -> tuple[Any, Any] | None:
        """Vectors u, v of shape (4,) with the matrix u v^T, where that is known beforehand."""
        return (self.matrix[:, 0], TRACE / TRACE[0]) if self.resets else None


@dataclass(frozen=True)
class Rotation:
    """A rotation by an angle that depends on parameters."""

    qubit: int
    axis: Axis
    angle: int
    """Index into the program's angles."""


@dataclass(frozen=True, eq=False)
class Measurement:
    """A measurement in the computational basis, recorded with errors."""

    qubit: int
    bit: int
    confusion: Any  # shape (2, 2), row = true outcome, column = recorded
    """Numbers, JAX's too, or the `Formula` that a noise fills in. Of shape (2, 2, 2) where the
    state is known that is left: P(record r, leave s' | state s) at [s, r, s']."""

    @property
    def bits(self) -> tuple[int, ...]:
        """What it writes."""
        return (self.bit,)

    @property
    def instrument(self) -> Any:
        """Maps of the recorded outcomes 0 and 1, shape (2, 4, 4)."""
        library: Any = np if isinstance(self.confusion, np.ndarray) else jnp
        if self.confusion.ndim == 3:
            return library.einsum("srl,al,bs->rab", self.confusion, POPULATIONS, POPULATIONS)
        return library.einsum("tr,tab->rab", self.confusion, PROJECTORS)


@dataclass(frozen=True, eq=False)
class Instrument:
    """A measurement of any kind: a map of its qubit for each value of the bits that it writes.

    A machine's memory that no circuit names, such as that a qubit is leaked, is a bit as well, and
    a coin is an instrument whose maps differ by a factor alone.
    """

    qubit: int
    bits: tuple[int, ...]  # k of them
    instrument: NDArray[np.float64]  # shape (2**k, 4, 4), bit j of the first index is bits[j]


@dataclass(frozen=True, eq=False)
class Branch:
    """`if_test`: one list of operations where the condition on bits holds, another elsewhere."""

    bits: tuple[int, ...]
    holds: Condition
    taken: tuple[Operation, ...]
    otherwise: tuple[Operation, ...]

    @property
    def inner(self) -> tuple[Operation, ...]:
        """All operations of both lists."""
        return (*self.taken, *self.otherwise)


Operation = Channel | Rotation | Measurement | Instrument | Branch


def touched(operation: Operation) -> set[int]:
    """Return the qubits that an operation acts on, in either branch."""
    if isinstance(operation, Branch):
        return set().union(*(touched(part) for part in operation.inner))
    if isinstance(operation, Channel):
        return set(operation.qubits)
    return {operation.qubit}


def read_bits(operation: Operation) -> set[int]:
    """Return the bits that an operation's branches read."""
    if not isinstance(operation, Branch):
        return set()
    return set(operation.bits).union(*(read_bits(part) for part in operation.inner))


def used_bits(operation: Operation) -> set[int]:
    """Return the bits that an operation reads or writes."""
    if isinstance(operation, Measurement | Instrument):
        return set(operation.bits)
    inner = operation.inner if isinstance(operation, Branch) else ()
    return read_bits(operation).union(*(used_bits(part) for part in inner))


@dataclass(frozen=True, eq=False)
class Program:
    """A circuit with its noise, lifted."""

    n_qubits: int
    n_bits: int
    operations: tuple[Operation, ...]
    angles: AngleMap

    def check_parameters(self, given: jax.Array) -> None:
        """Refuse parameters of another number.

        Raises:
            CircuitsError: the shape is not (n_parameters,).
        """
        expected = self.angles.matrix.shape[1:]
        if jnp.shape(given) != expected:
            raise CircuitsError(f"parameters should have shape {expected}. Got {jnp.shape(given)}.")

    def flat(self) -> Iterator[Operation]:
        """Yield all operations, those inside branches too."""
        yield from _flat(self.operations)


def _flat(operations: tuple[Operation, ...]) -> Iterator[Operation]:
    for operation in operations:
        yield operation
        if isinstance(operation, Branch):
            yield from _flat(operation.taken)
            yield from _flat(operation.otherwise)
