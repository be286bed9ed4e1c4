"""Channels of single instructions in closed form: relaxation, and depolarising after it.

A superoperator acts on column-stacked density operators, the first qubit least significant
(Qiskit's `SuperOp`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Superoperator = NDArray[np.complex128]
Times = tuple[float, float]
"""T1 and T2 in seconds, T2 at most 2 T1."""


def relaxation(seconds: float, times: Times | None) -> Superoperator:
    """Return thermal relaxation of a qubit to |0>, shape (4, 4); without times nothing happens."""
    if times is None:
        return np.eye(4, dtype=complex)
    # A time of 0 is that of a qubit that keeps nothing.
    kept, coherent = (np.exp(-seconds / time) if time else float(not seconds) for time in times)
    return np.array(
        [[1, 0, 0, 1 - kept], [0, coherent, 0, 0], [0, 0, coherent, 0], [0, 0, 0, kept]],
        dtype=complex,
    )


def gate_error(
    seconds: float | None, error: float | None, times: Sequence[Times | None]
) -> Superoperator | None:
    """Return depolarising and then relaxation, with the average fidelity that is reported.

    Aer's device model: relaxation over the gate comes first, depolarising makes up the rest of the
    error, and nothing where relaxation alone is already as bad (`qiskit_aer.noise.device`).

    Args:
        seconds: length of the gate; None or 0 relaxes nothing.
        error: 1 - average fidelity, at most d / (d + 1).
        times: of the k qubits.

    Returns:
        Shape (4**k, 4**k), or None where the gate is ideal.
    """
    if not seconds and not error:
        return None
    dim = 2 ** len(times)
    relaxed = beside([relaxation(seconds or 0.0, one) for one in times])
    # Average fidelity from that of the process, Nielsen, Phys. Lett. A 303 (2002) 249.
    fidelity = (float(relaxed.trace().real) / dim + 1) / (dim + 1)
    missing = min(error or 0.0, dim / (dim + 1)) - (1 - fidelity)
    if not error or missing <= 0:
        return relaxed
    room, most = dim * fidelity - 1, dim**2 / (dim**2 - 1)  # no room: nothing is left to lose
    strength = min(dim * missing / room, most) if room > 1e-12 else most
    identity = np.eye(dim).ravel()
    mixed = np.outer(identity, identity) / dim
    depolarised = (1 - strength) * np.eye(dim**2) + strength * mixed
    return np.asarray(relaxed @ depolarised, dtype=complex)


def beside(channels: Sequence[Superoperator]) -> Superoperator:
    """Return channels of single qubits, side by side; the first qubit is least significant."""
    joint, dim = np.eye(1, dtype=complex), 1
    for channel in channels:
        grown = np.kron(channel, joint).reshape((2, 2, dim, dim) * 2)
        # Column and row of each qubit to the columns of all, then the rows of all.
        joint = grown.transpose(0, 2, 1, 3, 4, 6, 5, 7).reshape((4 * dim * dim,) * 2)
        dim *= 2
    return joint


def bit_flip(probability: float) -> Superoperator:
    """Return X with a probability, shape (4, 4)."""
    keep, flip = np.eye(2), np.array([[0.0, 1.0], [1.0, 0.0]])
    return np.asarray(
        (1 - probability) * np.kron(keep, keep) + probability * np.kron(flip, flip), dtype=complex
    )
