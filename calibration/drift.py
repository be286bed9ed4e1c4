"""What changed on a device between two snapshots."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median
from typing import TypeAlias

from calibration.errors import CalibrationError
from calibration.snapshot import Snapshot

Values: TypeAlias = Mapping[tuple[str, tuple[int, ...]], float | None]


@dataclass(frozen=True)
class Change:
    """One value that differs; None where the device reported nothing."""

    quantity: str
    """For example "t1 (s)", "cz error" or "measure p01"."""

    qubits: tuple[int, ...]
    """The device's own numbers."""

    before: float | None
    after: float | None

    @property
    def log_ratio(self) -> float:
        """|ln(after / before)|; infinite where a value appeared, vanished or is 0."""
        if not self.before or not self.after:
            return math.inf
        return abs(math.log(self.after / self.before))


@dataclass(frozen=True)
class Shift:
    """The median of one quantity over the device, before and after."""

    quantity: str
    n_values: int
    n_changed: int
    before: float | None
    after: float | None


def changes(before: Snapshot, after: Snapshot) -> tuple[Change, ...]:
    """Return every value that differs, the largest ratio first.

    Raises:
        CalibrationError: the snapshots are of two devices.
    """
    old, new = _both(before, after)
    found = [
        Change(quantity, qubits, old.get((quantity, qubits)), new.get((quantity, qubits)))
        for quantity, qubits in {**old, **new}
    ]
    different = [change for change in found if change.before != change.after]
    return tuple(sorted(different, key=lambda c: (-c.log_ratio, c.quantity, c.qubits)))


def shifts(before: Snapshot, after: Snapshot) -> tuple[Shift, ...]:
    """Return how the median of each quantity moved.

    Raises:
        CalibrationError: the snapshots are of two devices.
    """
    old, new = _both(before, after)
    keys = {**old, **new}
    found = []
    for quantity in dict.fromkeys(name for name, _ in keys):
        own = [key for key in keys if key[0] == quantity]
        n_changed = sum(old.get(key) != new.get(key) for key in own)
        medians = [_median([values.get(key) for key in own]) for values in (old, new)]
        found.append(Shift(quantity, len(own), n_changed, *medians))
    return tuple(found)


def _median(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if known else None


def _both(before: Snapshot, after: Snapshot) -> tuple[Values, Values]:
    if before.backend != after.backend:
        raise CalibrationError(
            "a difference should be between two snapshots of one device. "
            f"Got {before.backend} and {after.backend}."
        )
    return _values(before), _values(after)


def _values(snapshot: Snapshot) -> Values:
    values: dict[tuple[str, tuple[int, ...]], float | None] = {}
    for qubit, record in zip(snapshot.physical, snapshot.qubits, strict=True):
        values["t1 (s)", (qubit,)] = record.t1_seconds
        values["t2 (s)", (qubit,)] = record.t2_seconds
    for instruction in snapshot.instructions:
        qubits = tuple(snapshot.physical[q] for q in instruction.qubits)
        values[f"{instruction.name} error", qubits] = instruction.error
        values[f"{instruction.name} (s)", qubits] = instruction.seconds
        if instruction.p01 is not None:
            values[f"{instruction.name} p01", qubits] = instruction.p01
        if instruction.p10 is not None:
            values[f"{instruction.name} p10", qubits] = instruction.p10
    return values
