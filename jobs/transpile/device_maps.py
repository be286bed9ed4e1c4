"""What a device's noise says of one circuit on many placements at once, as arrays."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from calibration.noise import DeviceNoise
from circuits.exact.formula import ErrorOf, Idling, ReadoutOf, Source
from circuits.exact.pauli import transfer_matrix

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class DeviceMaps:
    """The errors of a device's instructions in the real Pauli basis, each computed once."""

    noise: DeviceNoise
    """Of the whole device."""

    def values(
        self,
        placements: NDArray[np.intp],
        idle_dt: Mapping[str, NDArray[np.float64]],
        faster: Sequence[Collection[int]],
        source: Source,
    ) -> Array:
        """Return a source's map on every placement.

        Args:
            placements: qubits of the device, shape (n, n_active).
            idle_dt: durations of the named delays on every placement, each of shape (n,).
            faster: qubits of the device that are measured by `measure_2`, on every placement.
            source: of a circuit on the active qubits; its `measure_2` stands for what measures the
                qubit there.

        Returns:
            Shape (n, 4**k, 4**k), or (n, 2, 2) of a readout.
        """
        if isinstance(source, Idling):
            seconds = idle_dt[str(source.duration)] * (self.noise.dt_seconds or 0.0)
            return self._relaxed(placements[:, source.qubit], seconds)
        if isinstance(source, ReadoutOf):
            qubits = placements[:, source.qubit].tolist()
            return np.stack(
                [
                    self._readout(source.name if qubit in own else "measure", qubit)
                    for qubit, own in zip(qubits, faster, strict=True)
                ]
            )
        rows = placements[:, list(source.qubits)].tolist()
        return np.stack([self._error(source.name, tuple(row)) for row in rows])

    def _error(self, name: str, qubits: tuple[int, ...]) -> Array:
        key = ErrorOf(name, qubits)
        if key not in self._known:
            error = self.noise.channel(name, qubits)
            identity = np.eye(4 ** len(qubits))
            self._known[key] = identity if error is None else transfer_matrix(error)
        return self._known[key]

    def _readout(self, name: str, qubit: int) -> Array:
        key = ReadoutOf(name, qubit)
        if key not in self._known:
            self._known[key] = self.noise.readout(name, qubit)
        return self._known[key]

    @cached_property
    def _known(self) -> dict[Source, Array]:
        return {}

    @cached_property
    def _rates(self) -> Array:
        """1 / T1 and 1 / T2 of every qubit, per second; 0 where nothing relaxes."""
        times = [self.noise.relaxation_times(q) for q in range(self.noise.snapshot.n_qubits)]
        return np.array([(0.0, 0.0) if one is None else (1 / one[0], 1 / one[1]) for one in times])

    def _relaxed(self, qubits: Sequence[int] | NDArray[np.intp], seconds: Array) -> Array:
        rates = self._rates[np.asarray(qubits)] * (seconds * self.noise.scale.idle)[:, None]
        kept, coherent = np.exp(-rates).T
        maps = np.zeros((len(seconds), 4, 4))
        maps[:, 0, 0] = 1
        maps[:, 1, 1] = maps[:, 2, 2] = coherent
        maps[:, 3, 3], maps[:, 3, 0] = kept, 1 - kept
        return maps
