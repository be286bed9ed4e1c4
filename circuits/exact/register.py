"""Pauli vectors of the entangled qubits only, with small maps that wait until they are needed.

A qubit that was just prepared or reset is a factor of its own: it joins the vectors when a
two-qubit map takes it and leaves them when it is reset, so a pass over the state costs as many
numbers as are entangled at the time, not 4**n. Maps of single qubits are multiplied among
themselves and met by the next two-qubit map: a 4x4 product costs nothing beside a pass over the
state, and a traced program stays short.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from circuits.exact.pauli import FORGET, TRACE

Matrix = NDArray[np.float64] | jax.Array
"""Fixed maps stay NumPy arrays, so that products among them are done once, while tracing."""

ROWS = -1
"""Label of the batch axis."""


@dataclass(frozen=True, eq=False)
class Register:
    """A batch of vectors of n qubits."""

    vectors: Matrix
    """One axis of size 4 for each entangled qubit, and the batch axis."""

    labels: tuple[int, ...]
    """What each axis of `vectors` is: a qubit or `ROWS`."""

    local: tuple[Matrix | None, ...]
    """For each qubit, the (4, 4) map that waits, None for the identity, or the (4, 1) vector of a
    qubit that is not entangled."""

    @classmethod
    def of(cls, vectors: Matrix) -> Register:
        """Return vectors of shape (batch, 4, ..., 4), all qubits entangled."""
        n = vectors.ndim - 1
        return cls(vectors, (ROWS, *range(n)), (None,) * n)

    @classmethod
    def product(cls, factors: Sequence[Matrix]) -> Register:
        """Return one product vector of n factors, each of shape (4,)."""
        return cls(np.ones(1), (ROWS,), tuple(factor.reshape(4, 1) for factor in factors))

    def with_factors(self, factors: Sequence[Matrix], at: Sequence[int]) -> Register:
        """Insert unentangled qubits.

        Args:
            factors: vectors of shape (4,), shared by the batch.
            at: their places in the register that results, ascending.
        """
        n = len(self.local) + len(at)
        own = [qubit for qubit in range(n) if qubit not in at]
        labels = tuple(label if label == ROWS else own[label] for label in self.labels)
        local: list[Matrix | None] = [None] * n
        for qubit, matrix in zip(own, self.local, strict=True):
            local[qubit] = matrix
        for qubit, factor in zip(at, factors, strict=True):
            local[qubit] = factor.reshape(4, 1)
        return Register(self.vectors, labels, tuple(local))

    def one(
        self, qubit: int, matrix: Matrix, outer: tuple[Matrix, Matrix] | None = None
    ) -> Register:
        """Apply a (4, 4) map to one qubit; `outer` are u, v where it is u v^T."""
        if qubit in self.labels:
            if outer is None and isinstance(matrix, np.ndarray):
                outer = _rank_one(matrix)
            if outer is not None:
                return self._leave(qubit, *outer)
        before = self.local[qubit]
        return self._with_local(qubit, matrix if before is None else matrix @ before)

    def many(
        self,
        qubits: Sequence[int],
        matrix: Matrix,
        outer: tuple[Matrix, Matrix] | None = None,
    ) -> Register:
        """Apply a (4**k, 4**k) map to k qubits; the first one's index varies slowest."""
        if len(qubits) == 1:
            return self.one(qubits[0], matrix, outer)
        return self._contract(qubits, matrix @ self._locals(qubits))

    def factor(self, qubit: int) -> Matrix | None:
        """Return the vector of a qubit that is not entangled, shape (4,), None where it is."""
        own = self.local[qubit]
        return None if qubit in self.labels or own is None else own[:, 0]

    def settled(self, qubits: Sequence[int] | None = None) -> jax.Array:
        """Return the vectors of some qubits with all their maps applied.

        Args:
            qubits: all that are entangled, and others that are to join them, in the order of the
                axes; None for all.

        Returns:
            Shape (batch, 4, ..., 4).
        """
        wanted = tuple(range(len(self.local))) if qubits is None else tuple(qubits)
        register = self
        for qubit in wanted:
            if qubit not in register.labels or register.local[qubit] is not None:
                register = register._contract((qubit,), register._locals((qubit,)))
        order = [register.labels.index(label) for label in (ROWS, *wanted)]
        return jnp.transpose(jnp.asarray(register.vectors), order)

    def reduced(self, qubits: Sequence[int]) -> jax.Array:
        """Return the states of some qubits, the others traced out, shape (batch, 4, ..., 4)."""
        register, scale = self, np.ones(())
        for qubit in range(len(self.local)):
            if qubit not in qubits:
                register = register.one(qubit, FORGET)
                scale = scale * register._locals((qubit,))[0, 0] * TRACE[0]
                register = register._with_local(qubit, None)
        return register.settled(qubits) * scale

    def _locals(self, qubits: Sequence[int]) -> Matrix:
        """Return the product of the qubits' own maps, shape (4**k, 4**(entangled ones))."""
        own = (self.local[qubit] for qubit in qubits)
        return reduce(_kron, (_IDENTITY if matrix is None else matrix for matrix in own))

    def _contract(self, qubits: Sequence[int], matrix: Matrix) -> Register:
        """Replace the own maps of k qubits by a (4**k, 4**j) map of the j entangled ones."""
        inside = [qubit for qubit in qubits if qubit in self.labels]
        split = matrix.reshape((4,) * (len(qubits) + len(inside)))
        axes = [self.labels.index(qubit) for qubit in inside]
        columns = list(range(len(qubits), len(qubits) + len(inside)))
        moved = _library(split, self.vectors).tensordot(split, self.vectors, axes=(columns, axes))
        rest = tuple(label for label in self.labels if label not in inside)
        local = tuple(None if q in qubits else own for q, own in enumerate(self.local))
        return Register(moved, (*qubits, *rest), local)

    def _leave(self, qubit: int, left_in: Matrix, functional: Matrix) -> Register:
        """Take an entangled qubit out by a functional (4,) and leave it in a state (4,)."""
        own = self.local[qubit]
        row = functional if own is None else functional @ own
        axis = self.labels.index(qubit)
        vectors = _library(row, self.vectors).tensordot(row, self.vectors, axes=([0], [axis]))
        labels = tuple(label for label in self.labels if label != qubit)
        register = replace(self, vectors=vectors, labels=labels)
        return register._with_local(qubit, left_in[:, None])

    def _with_local(self, qubit: int, matrix: Matrix | None) -> Register:
        local = (*self.local[:qubit], matrix, *self.local[qubit + 1 :])
        return replace(self, local=local)


_IDENTITY = np.eye(4)


def total(registers: Sequence[Register]) -> Register:
    """Return the sum of several registers of the same qubits."""
    first, others = registers[0], registers[1:]
    if not others:
        return first
    qubits = range(len(first.local))
    differing = [q for q in qubits if any(not _same(r.local[q], first.local[q]) for r in others)]
    if all(r.vectors is first.vectors for r in others):
        if not differing:
            return replace(first, vectors=len(registers) * first.vectors)
        if len(differing) <= 2:  # the sum of products is one small map
            return first._contract(differing, _sum([r._locals(differing) for r in registers]))
    joined = [q for q in qubits if q in differing or any(q in r.labels for r in registers)]
    vectors = _sum([r.settled(joined) for r in registers])
    apart = tuple(None if q in joined else own for q, own in enumerate(first.local))
    return Register(vectors, (ROWS, *joined), apart)


def _sum(arrays: Sequence[Matrix]) -> Matrix:
    return reduce(lambda one, other: one + other, arrays)


def _same(one: Matrix | None, other: Matrix | None) -> bool:
    if one is other:
        return True
    fixed = isinstance(one, np.ndarray) and isinstance(other, np.ndarray)
    return fixed and np.array_equal(one, other)  # type: ignore[arg-type]


def _rank_one(matrix: NDArray[np.float64]) -> tuple[Matrix, Matrix] | None:
    """Return u, v with matrix = u v^T where it is so, as for a reset."""
    row = int(np.argmax(np.abs(matrix).sum(axis=1)))
    column = int(np.argmax(np.abs(matrix[row])))
    if matrix[row, column] == 0:
        return None
    left, right = matrix[:, column] / matrix[row, column], matrix[row]
    fits = np.abs(np.outer(left, right) - matrix).max() < 1e-15 * np.abs(matrix).max()
    return (left, right) if fits else None


def _kron(one: Matrix, other: Matrix) -> Matrix:
    rows, columns = one.shape[0] * other.shape[0], one.shape[1] * other.shape[1]
    return (one[:, None, :, None] * other[None, :, None, :]).reshape(rows, columns)


def _library(*arrays: Matrix) -> Any:
    return np if all(isinstance(array, np.ndarray) for array in arrays) else jnp
