"""The real Pauli basis: an n-qubit operator as a tensor of 4**n real numbers.

A density operator is rho = sum_P v_P P / sqrt(2)**n, so that a channel is a real matrix and a
state a real vector (the Pauli transfer matrix; Greenbaum, arXiv:1509.02921, section 2). Axis q of
a tensor belongs to qubit q, its index counts I, X, Y, Z.
"""

from __future__ import annotations

from functools import cache
from itertools import product
from typing import TYPE_CHECKING, Literal

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from circuits.errors import CircuitsError

if TYPE_CHECKING:
    from qiskit.circuit import Operation

jax.config.update("jax_enable_x64", True)  # type: ignore[no-untyped-call]

Axis = Literal["x", "y", "z"]
Matrix = NDArray[np.float64]

_PAULIS = np.array(
    [[[1, 0], [0, 1]], [[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]], dtype=complex
)
ZERO = np.array([1.0, 0.0, 0.0, 1.0]) / np.sqrt(2)
"""|0><0| of one qubit."""

TRACE = np.array([np.sqrt(2), 0.0, 0.0, 0.0])
"""The functional that takes the trace of one qubit."""

PROJECTORS = (
    np.array([[[1, 0, 0, sign], [0, 0, 0, 0], [0, 0, 0, 0], [sign, 0, 0, 1]] for sign in (1, -1)])
    / 2.0
)
"""Maps of the outcomes 0 and 1 of a measurement in the computational basis, shape (2, 4, 4)."""

POPULATIONS = np.array([[1.0, 1.0], [0.0, 0.0], [0.0, 0.0], [1.0, -1.0]]) / np.sqrt(2)
"""|0><0| and |1><1| as columns; the transpose takes the populations of a state. Shape (4, 2)."""

RESET = np.array([[1.0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0], [1.0, 0, 0, 0]])
"""The map that forgets a qubit and prepares |0>."""

FORGET = np.diag([1.0, 0.0, 0.0, 0.0])
"""The map that forgets a qubit and leaves it maximally mixed."""

# For each axis, the two Pauli indices that a rotation mixes: b goes to b cos + c sin.
_MIXED: dict[str, tuple[int, int]] = {"x": (2, 3), "y": (3, 1), "z": (1, 2)}


def _rotation_parts(first: int, second: int) -> tuple[Matrix, Matrix, Matrix]:
    fixed, cosine, sine = np.eye(4), np.zeros((4, 4)), np.zeros((4, 4))
    fixed[first, first] = fixed[second, second] = 0
    cosine[first, first] = cosine[second, second] = 1
    sine[second, first], sine[first, second] = 1, -1
    return fixed, cosine, sine


ROTATION_PARTS = {axis: _rotation_parts(*mixed) for axis, mixed in _MIXED.items()}
"""For each axis, matrices (4, 4) F, C, S: a rotation by a is F + cos(a) C + sin(a) S."""


@cache
def _basis(n_qubits: int) -> NDArray[np.complex128]:
    columns = []
    for digits in product(range(4), repeat=n_qubits):
        pauli = np.eye(1, dtype=complex)
        for digit in digits:  # digits[0] belongs to qubit 0, the least significant
            pauli = np.kron(_PAULIS[digit], pauli)
        columns.append(pauli.ravel(order="F"))
    return np.asarray(np.array(columns).T / np.sqrt(2**n_qubits), dtype=complex)


def transfer_matrix(superoperator: NDArray[np.complex128]) -> Matrix:
    """Change a superoperator to the real Pauli basis.

    Args:
        superoperator: shape (4**k, 4**k), column-stacked, first qubit least significant.

    Returns:
        Shape (4**k, 4**k); the index of the first qubit varies slowest.

    Raises:
        CircuitsError: the map does not keep Hermitian operators Hermitian.
    """
    n_qubits = round(np.log2(superoperator.shape[0]) / 2)
    basis = _basis(n_qubits)
    matrix = basis.conj().T @ superoperator @ basis
    if np.abs(matrix.imag).max() > 1e-10:
        raise CircuitsError(
            "a channel should map Hermitian operators to Hermitian operators. "
            f"Got an imaginary part of {np.abs(matrix.imag).max():.1e}."
        )
    return np.ascontiguousarray(matrix.real)


def kraus_operators(matrix: Matrix) -> list[NDArray[np.complex128]]:
    """Return operators K with rho -> sum K rho K^+, those below double precision left out.

    Args:
        matrix: completely positive map, shape (4**k, 4**k); the first qubit varies slowest.

    Returns:
        Each of shape (2**k, 2**k), the first qubit least significant (Qiskit's order).
    """
    n_qubits = round(np.log2(matrix.shape[0]) / 2)
    basis, dim = _basis(n_qubits), 2**n_qubits
    tensor = (basis @ matrix @ basis.conj().T).reshape((dim,) * 4)  # [b, a, j, i], column-stacked
    choi = tensor.transpose(3, 1, 2, 0).reshape(dim * dim, dim * dim)
    values, vectors = np.linalg.eigh((choi + choi.conj().T) / 2)
    return [
        np.sqrt(value) * vector.reshape(dim, dim).T
        for value, vector in zip(values, vectors.T, strict=True)
        if value > 1e-15
    ]


def gate_matrix(operation: Operation) -> Matrix:
    """Return the transfer matrix of a unitary gate without free parameters."""
    from qiskit.quantum_info import Operator

    unitary = np.asarray(Operator(operation).data)
    return transfer_matrix(np.kron(unitary.conj(), unitary))


def rotation_matrix(axis: Axis, angle: jax.Array) -> jax.Array:
    """Return the transfer matrix of exp(-i angle P / 2), differentiable in the angle.

    Args:
        axis: of the rotation.
        angle: radians, shape ().

    Returns:
        Shape (4, 4).
    """
    fixed, cosine, sine = ROTATION_PARTS[axis]
    return jnp.asarray(fixed + jnp.cos(angle) * cosine + jnp.sin(angle) * sine)
