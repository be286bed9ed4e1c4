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
        faster: Sequence[Mapping[str, Collection[int]]],
        source: Source,
    ) -> Array:
        """Return a source's map on every placement.

        Args:
            placements: qubits of the device, shape (n, n_active).
            idle_dt: durations of the named delays on every placement, each of shape (n,).
            faster: qubits of the device on which "measure" is `measure_2` and "reset" is `reset_2`,
                on every placement.
            source: of a circuit on the active qubits; its `measure_2` and `reset_2` stand for what
                measures and resets the qubit there.

        Returns:
            Shape (n, 4**k, 4**k), or (n, 2, 2) of a readout.
        """
        if isinstance(source, Idling):
            seconds = idle_dt[str(source.duration)] * (self.noise.dt_seconds or 0.0)
            return self._relaxed(placements[:, source.qubit], seconds)
        # What was measured beyond errors is known of few qubits, and chooses no place.
        assert isinstance(source, ErrorOf | ReadoutOf)
        qubits = (source.qubit,) if isinstance(source, ReadoutOf) else source.qubits
        rows = [tuple(row) for row in placements[:, list(qubits)].tolist()]
        names = [_own_name(source.name, row[0], f) for row, f in zip(rows, faster, strict=True)]
        if isinstance(source, ReadoutOf):
            return np.stack([self._readout(n, row[0]) for n, row in zip(names, rows, strict=True)])
        return np.stack([self._error(n, row) for n, row in zip(names, rows, strict=True)])

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
        return np.array([(0.0, 0.0) if one is None else tuple(map(_inverse, one)) for one in times])

    def _relaxed(self, qubits: Sequence[int] | NDArray[np.intp], seconds: Array) -> Array:
        spent = (seconds * self.noise.scale.idle)[:, None]
        with np.errstate(invalid="ignore"):  # no time on a qubit that keeps nothing
            decay = np.where(spent > 0, self._rates[np.asarray(qubits)] * spent, 0.0)
        kept, coherent = np.exp(-decay).T
        maps = np.zeros((len(seconds), 4, 4))
        maps[:, 0, 0] = 1
        maps[:, 1, 1] = maps[:, 2, 2] = coherent
        maps[:, 3, 3], maps[:, 3, 0] = kept, 1 - kept
        return maps


def _inverse(time: float) -> float:
    return 1 / time if time else np.inf


def _own_name(name: str, qubit: int, faster: Mapping[str, Collection[int]]) -> str:
    plain = name.removesuffix("_2")
    return plain if name != plain and qubit not in faster.get(plain, ()) else name
