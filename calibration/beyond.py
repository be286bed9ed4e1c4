"""What was measured of a device beyond what it reports: instruments, crosstalk, waiting.

A measurement is an instrument: beside the bit that it records there is the state that it leaves. On
the populations of a qubit it is eight probabilities, P(record r, leave s' | state s); coherences
are taken as lost.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from calibration.channels import Superoperator


@dataclass(frozen=True)
class MeasuredInstrument:
    """One measurement instruction on one qubit."""

    name: str
    qubit: int
    joint: tuple[float, ...]  # 8 of them, in the order of shape (2, 2, 2)
    """P(record r, leave s' | state s) at [s, r, s']."""

    @property
    def array(self) -> NDArray[np.float64]:
        """The probabilities, shape (2, 2, 2): state before, recorded, state after."""
        return np.array(self.joint).reshape(2, 2, 2)


@dataclass(frozen=True)
class MeasurementCrosstalk:
    """What a measurement does to a neighbour: Z with a probability, and exp(-i phase Z / 2)."""

    name: str
    measured: int
    neighbour: int
    dephasing: float
    phase: float
    """Radians."""

    def channel(self, scale: float = 1.0) -> Superoperator:
        """Return the map of the neighbour, shape (4, 4), both sizes times a factor."""
        kept = 1 - 2 * min(0.5, self.dephasing * scale)
        turned = kept * np.exp(1j * self.phase * scale)
        return np.diag([1.0, turned, turned.conj(), 1.0])


@dataclass(frozen=True)
class Beyond:
    """All that was measured of some qubits; empty of a device as it reports itself."""

    instruments: tuple[MeasuredInstrument, ...] = ()
    crosstalk: tuple[MeasurementCrosstalk, ...] = ()
    branch_wait_seconds: float | None = None
    """Time that passes at each branch and stands in no schedule."""

    def __bool__(self) -> bool:
        return bool(self.instruments or self.crosstalk or self.branch_wait_seconds)

    @property
    def waits(self) -> bool:
        """Whether time passes at branches."""
        return bool(self.branch_wait_seconds)

    def instrument(self, name: str, qubit: int) -> MeasuredInstrument | None:
        """Return what is known of a measurement, or None."""
        return self._instruments.get((name, qubit))

    def has_instrument(self, name: str, qubit: int) -> bool:
        """Say whether a measurement is known beyond its readout errors."""
        return (name, qubit) in self._instruments

    def reached(self, name: str, qubit: int) -> tuple[int, ...]:
        """Return the qubits that a measurement acts on beside its own, ascending."""
        return tuple(sorted(n for at, q, n in self._crosstalk if (at, q) == (name, qubit)))

    def reaching(self, name: str, qubit: int, neighbour: int) -> MeasurementCrosstalk | None:
        """Return what a measurement does to a neighbour, or None."""
        return self._crosstalk.get((name, qubit, neighbour))

    def restrict(self, position: Mapping[int, int]) -> Beyond:
        """Return what concerns some qubits alone, under other numbers."""
        return Beyond(
            tuple(
                MeasuredInstrument(one.name, position[one.qubit], one.joint)
                for one in self.instruments
                if one.qubit in position
            ),
            tuple(
                MeasurementCrosstalk(
                    one.name,
                    position[one.measured],
                    position[one.neighbour],
                    one.dephasing,
                    one.phase,
                )
                for one in self.crosstalk
                if one.measured in position and one.neighbour in position
            ),
            self.branch_wait_seconds,
        )

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object; `from_json` reads it back."""
        return asdict(self)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Beyond:
        """Read what `to_json` wrote.

        Raises:
            KeyError, TypeError, ValueError: it is no such document.
        """
        return cls(
            tuple(
                checked_instrument(str(one["name"]), one["qubit"], one["joint"])
                for one in document.get("instruments", ())
            ),
            tuple(
                checked_crosstalk(
                    str(one["name"]),
                    one["measured"],
                    one["neighbour"],
                    one["dephasing"],
                    one["phase"],
                )
                for one in document.get("crosstalk", ())
            ),
            checked_wait(document.get("branch_wait_seconds")),
        )

    @cached_property
    def _instruments(self) -> dict[tuple[str, int], MeasuredInstrument]:
        return {(one.name, one.qubit): one for one in self.instruments}

    @cached_property
    def _crosstalk(self) -> dict[tuple[str, int, int], MeasurementCrosstalk]:
        return {(one.name, one.measured, one.neighbour): one for one in self.crosstalk}


LONGEST_WAIT_SECONDS = 1.0


def checked_instrument(name: str, qubit: Any, joint: Any) -> MeasuredInstrument:
    """Return an instrument from numbers of a document.

    Raises:
        TypeError, ValueError: they are no probabilities that add up to 1 for each state.
    """
    table = np.array([_between(one, 0, 1) for one in np.ravel(joint).tolist()])
    if table.size != 8 or np.abs(table.reshape(2, 4).sum(axis=1) - 1).max() > 1e-6:
        raise ValueError("eight probabilities that add up to 1 for each state should be given")
    exact = table.reshape(2, 4) / table.reshape(2, 4).sum(axis=1, keepdims=True)
    return MeasuredInstrument(name, _whole(qubit), tuple(exact.ravel().tolist()))


def checked_crosstalk(
    name: str, measured: Any, neighbour: Any, dephasing: Any, phase: Any
) -> MeasurementCrosstalk:
    """Return crosstalk from numbers of a document.

    Raises:
        TypeError, ValueError: two equal qubits, or sizes out of range.
    """
    one, other = _whole(measured), _whole(neighbour)
    if one == other:
        raise ValueError(f"qubit {one} as its own neighbour")
    return MeasurementCrosstalk(
        name, one, other, _between(dephasing, 0, 0.5), _between(phase, -np.pi, np.pi)
    )


def checked_wait(value: Any) -> float | None:
    """Return a wait in seconds, None where it is None or 0.

    Raises:
        ValueError: it is no number of seconds from 0 to `LONGEST_WAIT_SECONDS`.
    """
    return None if value is None else _between(value, 0, LONGEST_WAIT_SECONDS) or None


def _between(value: Any, low: float, high: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise ValueError(f"{str(value)[:40]!r} in place of a number from {low:g} to {high:g}")
    return float(value)


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 1 << 31:
        raise ValueError(f"{str(value)[:40]!r} in place of a qubit's number")
    return value
