"""A noise whose readout errors act several times, or not at all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from circuits.exact.noise import Beyond, InstrumentNoise, Noise, beyond_of


@dataclass(frozen=True)
class ReadoutPower:
    """A noise whose confusion matrices A are A^exponent; all else is as it was."""

    noise: Noise
    exponent: int

    @property
    def dt_seconds(self) -> float | None:
        """Seconds per `dt`."""
        return self.noise.dt_seconds

    def channel(self, name: str, qubits: tuple[int, ...]) -> NDArray[np.complex128] | None:
        """Return the error after an instruction."""
        return self.noise.channel(name, qubits)

    def idle(self, qubit: int, seconds: float) -> NDArray[np.complex128] | None:
        """Return the error of a delay."""
        return self.noise.idle(qubit, seconds)

    def readout(self, name: str, qubit: int) -> NDArray[np.float64]:
        """Return the power of the confusion matrix: row = true outcome, column = recorded."""
        return np.linalg.matrix_power(self.noise.readout(name, qubit), self.exponent)

    @property
    def beyond(self) -> Beyond | None:
        """Where the noise knows more than errors."""
        return beyond_of(self.noise)

    def instrument(self, name: str, qubit: int) -> NDArray[np.float64] | None:
        """Return the instrument, what it records times A^(exponent - 1); what it leaves stays."""
        joint = cast("InstrumentNoise", self.noise).instrument(name, qubit)
        if joint is None:
            return None
        changed = np.linalg.matrix_power(self.noise.readout(name, qubit), self.exponent - 1)
        return np.asarray(np.einsum("srl,rq->sql", joint, changed))

    def crosstalk(self, name: str, qubit: int, neighbour: int) -> NDArray[np.complex128] | None:
        """Return what a measurement does to a neighbour."""
        return cast("InstrumentNoise", self.noise).crosstalk(name, qubit, neighbour)

    def waiting(self, qubit: int) -> NDArray[np.complex128] | None:
        """Return the error of a qubit at each branch."""
        return cast("InstrumentNoise", self.noise).waiting(qubit)
