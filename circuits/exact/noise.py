"""What exact evolution must know of a device's noise."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Noise(Protocol):
    """Errors of a device, by instruction name and qubit indices of the circuit."""

    @property
    def dt_seconds(self) -> float | None:
        """Seconds per `dt`, the unit of delays, or None where delays are in seconds only."""

    def channel(self, name: str, qubits: tuple[int, ...]) -> NDArray[np.complex128] | None:
        """Return the error after an instruction, or None where it is ideal.

        Returns:
            Superoperator of shape (4**k, 4**k) on column-stacked operators, the first qubit least
            significant (Qiskit's `SuperOp`).
        """

    def idle(self, qubit: int, seconds: float) -> NDArray[np.complex128] | None:
        """Return the error of a delay as a superoperator of shape (4, 4), or None."""

    def readout(self, name: str, qubit: int) -> NDArray[np.float64]:
        """Return the confusion matrix of a measurement: row = true outcome, column = recorded."""
