"""Superoperators that stand for measurements and branches in a circuit without either.

Matrices act on vectorised density matrices, columns stacked, the first qubit least significant.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import Instruction

Superoperator = NDArray[np.complex128]


def forgetting() -> Superoperator:
    """Return the map that leaves a dephased qubit in |0>."""
    total = np.zeros((4, 4), dtype=complex)
    total[0, 0] = total[0, 3] = 1
    return total


def reading(confusion: NDArray[np.float64]) -> Superoperator:
    """Return the map from a qubit to what is recorded of it, kept in the same qubit.

    Args:
        confusion: shape (2, 2), row = true outcome, column = recorded one.
    """
    total = np.zeros((4, 4), dtype=complex)
    total[np.ix_((0, 3), (0, 3))] = confusion.T
    return total


def copying(joint: NDArray[np.float64]) -> Superoperator:
    """Return the map that dephases a qubit and overwrites a second one with what is recorded.

    Args:
        joint: P(record r, leave s' | state s), shape (2, 2, 2): [s, r, s'].
    """
    total = np.zeros((16, 16), dtype=complex)
    for true, recorded, left, before in np.ndindex(2, 2, 2, 2):
        on_qubit, on_bit = np.zeros((2, 2)), np.zeros((2, 2))
        on_qubit[left, true] = 1
        on_bit[recorded, before] = 1
        kraus = np.kron(on_bit, on_qubit)
        total += joint[true, recorded, left] * np.kron(kraus.conj(), kraus)
    return total


def leaving(joint: NDArray[np.float64]) -> Superoperator:
    """Return the measurement of a qubit that nobody reads, by what it leaves.

    Args:
        joint: as for `copying`.
    """
    return reading(joint.sum(axis=1))


def controlled_map(
    superoperator: Superoperator, active: Sequence[int], n_bits: int
) -> Superoperator:
    """Apply a map where the bit qubits, already dephased, hold one of the active patterns."""
    dim = round(superoperator.shape[0] ** 0.5)
    n_patterns = 2**n_bits
    inner = superoperator.reshape(dim, dim, dim, dim)
    identity = np.eye(dim * dim).reshape(dim, dim, dim, dim)
    # Axes: column bits, column wires, row bits, row wires; out before in. Dephased bits are
    # diagonal, so coherences between patterns may be dropped.
    total = np.zeros((n_patterns, dim, n_patterns, dim) * 2, dtype=complex)
    for pattern in range(n_patterns):
        part = inner if pattern in active else identity
        total[pattern, :, pattern, :, pattern, :, pattern, :] = part
    return total.reshape((n_patterns * dim) ** 2, -1)


def superop(matrix: Superoperator) -> Instruction:
    """Return the instruction that Aer runs as this matrix."""
    # Qiskit's own conversion of a superoperator goes through Kraus operators and drops small
    # terms; Aer takes the matrix as it is.
    n_qubits = round(np.log2(matrix.shape[0]) / 2)
    return Instruction("superop", n_qubits, 0, [np.asarray(matrix, dtype=complex)])
