"""A batch of Pauli vectors with one-qubit maps that are multiplied before they are applied."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import jax
import jax.numpy as jnp

Matrix = jax.Array


@dataclass(frozen=True, eq=False)
class Register:
    """Vectors of n qubits; maps of single qubits wait until a two-qubit map needs them.

    A 4x4 product costs nothing beside a pass over 4**n numbers, and a traced program stays short.
    """

    vectors: jax.Array  # shape (batch, 4, ..., 4)
    waiting: tuple[Matrix | None, ...]  # one (4, 4) map a qubit, None is the identity

    @classmethod
    def of(cls, vectors: jax.Array) -> Register:
        """Return vectors of shape (batch, 4, ..., 4) with no map waiting."""
        return cls(vectors, (None,) * (vectors.ndim - 1))

    def one(self, qubit: int, matrix: Matrix) -> Register:
        """Apply a (4, 4) map to one qubit."""
        waiting = list(self.waiting)
        before = waiting[qubit]
        waiting[qubit] = matrix if before is None else matrix @ before
        return Register(self.vectors, tuple(waiting))

    def many(self, qubits: Sequence[int], matrix: Matrix) -> Register:
        """Apply a (4**k, 4**k) map to k qubits; the first one's index varies slowest."""
        if len(qubits) == 1:
            return self.one(qubits[0], matrix)
        waiting = list(self.waiting)
        if any(waiting[q] is not None for q in qubits):
            before: Matrix = jnp.eye(1)
            for q in qubits:
                own = waiting[q]
                before = jnp.kron(before, jnp.eye(4) if own is None else own)
                waiting[q] = None
            matrix = matrix @ before
        k = len(qubits)
        axes = [1 + q for q in qubits]
        split = jnp.asarray(matrix).reshape((4,) * (2 * k))
        moved = jnp.tensordot(split, self.vectors, axes=(list(range(k, 2 * k)), axes))
        return Register(jnp.moveaxis(moved, list(range(k)), axes), tuple(waiting))

    def settled(self) -> jax.Array:
        """Return the vectors with all waiting maps applied, shape (batch, 4, ..., 4)."""
        vectors = self.vectors
        for qubit, matrix in enumerate(self.waiting):
            if matrix is not None:
                shape = vectors.shape
                rows = prod(shape[: qubit + 1])
                flat = vectors.reshape(rows, 4, -1)
                vectors = jnp.einsum("ab,xby->xay", matrix, flat).reshape(shape)
        return vectors


def total(registers: Sequence[Register]) -> Register:
    """Return the sum of several registers."""
    if len(registers) == 1:
        return registers[0]
    first = registers[0].vectors
    if all(register.vectors is first for register in registers):
        differing = [
            q
            for q in range(len(registers[0].waiting))
            if any(r.waiting[q] is not registers[0].waiting[q] for r in registers)
        ]
        if len(differing) <= 2:  # the sum of products is one small map
            return _merged(registers, differing)
    return Register.of(sum((r.settled() for r in registers[1:]), registers[0].settled()))


def _merged(registers: Sequence[Register], differing: Sequence[int]) -> Register:
    if not differing:
        return Register(len(registers) * registers[0].vectors, registers[0].waiting)
    shared = tuple(
        None if q in differing else matrix for q, matrix in enumerate(registers[0].waiting)
    )
    matrices = []
    for register in registers:
        product: Matrix = jnp.eye(1)
        for q in differing:
            own = register.waiting[q]
            product = jnp.kron(product, jnp.eye(4) if own is None else own)
        matrices.append(product)
    summed = sum(matrices[1:], matrices[0])
    return Register(registers[0].vectors, shared).many(list(differing), summed)
