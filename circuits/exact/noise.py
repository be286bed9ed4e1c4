"""What exact evolution must know of a device's noise."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Beyond(Protocol):
    """Where a device is known beyond its reported errors."""

    @property
    def waits(self) -> bool:
        """Whether time passes at each branch that stands in no schedule."""

    def has_instrument(self, name: str, qubit: int) -> bool:
        """Say whether it is known which state a measurement leaves."""

    def reached(self, name: str, qubit: int) -> tuple[int, ...]:
        """Return the qubits that a measurement acts on beside its own."""


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


class InstrumentNoise(Noise, Protocol):
    """A noise with more than errors: what measurements leave behind, and the wait at branches."""

    @property
    def beyond(self) -> Beyond:
        """Where the following say anything."""

    def instrument(self, name: str, qubit: int) -> NDArray[np.float64] | None:
        """Return P(record r, leave s' | state s), shape (2, 2, 2): [s, r, s']."""

    def crosstalk(self, name: str, qubit: int, neighbour: int) -> NDArray[np.complex128] | None:
        """Return what a measurement does to a neighbour as a superoperator of shape (4, 4)."""

    def waiting(self, qubit: int) -> NDArray[np.complex128] | None:
        """Return the error of a qubit at each branch as a superoperator of shape (4, 4)."""


def beyond_of(noise: Noise | None) -> Beyond | None:
    """Return where a noise is an `InstrumentNoise`; None where it knows errors alone."""
    return getattr(noise, "beyond", None) or None
