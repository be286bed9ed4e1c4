"""What a device reported of itself at one time: a value that goes to JSON and back."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from calibration.beyond import Beyond
from calibration.errors import CalibrationError

if TYPE_CHECKING:
    from qiskit.transpiler import Target

SCHEMA_VERSION = 1


@dataclass(frozen=True)
class QubitRecord:
    """Coherence of one qubit; None where the device reports nothing."""

    t1_seconds: float | None
    t2_seconds: float | None


@dataclass(frozen=True)
class InstructionRecord:
    """One instruction on one tuple of qubits."""

    name: str
    qubits: tuple[int, ...]
    seconds: float | None
    error: float | None
    """Gate: 1 - average fidelity. Measurement: mean assignment error. Reset: probability that it
    ends in |1>, which devices do not report and `calibration.learned` adds."""

    p01: float | None = None
    """P(read 1 | prepared 0), where the device reports it apart."""

    p10: float | None = None
    """P(read 0 | prepared 1), where the device reports it apart."""


@dataclass(frozen=True)
class Snapshot:
    """A device at one time: coherence, errors, durations, timing rules.

    A restricted snapshot numbers its qubits 0 to k - 1 and keeps the device's own numbers in
    `physical`.
    """

    backend: str
    taken: str
    """ISO 8601 time of the newest value, as the device reports it."""

    dt_seconds: float | None
    timing: Mapping[str, int]
    """Alignment rules: granularity, min_length, pulse_alignment, acquire_alignment."""

    qubits: tuple[QubitRecord, ...]
    instructions: tuple[InstructionRecord, ...]
    control_flow: tuple[str, ...]
    rep_delay_seconds: float
    rep_delay_range_seconds: tuple[float, float]
    physical: tuple[int, ...]
    beyond: Beyond = field(default_factory=Beyond)
    """What no device reports, where it was measured (`calibration.learned`)."""

    @property
    def n_qubits(self) -> int:
        """Number of qubits."""
        return len(self.qubits)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the JSON form: the same values give the same digest everywhere."""
        text = json.dumps(self.to_json(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    def restrict(self, physical: Sequence[int]) -> Snapshot:
        """Return the snapshot of some qubits only, numbered in the order given.

        Args:
            physical: qubits of this snapshot, each once.

        Raises:
            CalibrationError: a qubit is repeated or does not exist.
        """
        if len(set(physical)) != len(physical) or not set(physical) <= set(range(self.n_qubits)):
            raise CalibrationError(
                f"qubits should be distinct and from 0 to {self.n_qubits - 1}. "
                f"Got {list(physical)}."
            )
        position = {qubit: index for index, qubit in enumerate(physical)}
        kept = tuple(
            replace(record, qubits=tuple(position[q] for q in record.qubits))
            for record in self.instructions
            if all(q in position for q in record.qubits)
        )
        return replace(
            self,
            qubits=tuple(self.qubits[q] for q in physical),
            instructions=kept,
            physical=tuple(self.physical[q] for q in physical),
            beyond=self.beyond.restrict(position),
        )

    def record(self, name: str, qubits: tuple[int, ...]) -> InstructionRecord | None:
        """Return what is known of an instruction on these qubits, or None."""
        return self._index().get((name, qubits))

    def _index(self) -> dict[tuple[str, tuple[int, ...]], InstructionRecord]:
        # A frozen value: the index is built once and kept beside the fields.
        found: dict[tuple[str, tuple[int, ...]], InstructionRecord] | None
        found = self.__dict__.get("_by_key")
        if found is None:
            found = {(record.name, record.qubits): record for record in self.instructions}
            self.__dict__["_by_key"] = found
        return found

    def target(self) -> Target:
        """Return the Qiskit target that these values describe."""
        from calibration.target import target_of

        return target_of(self)

    def to_json(self) -> dict[str, Any]:
        """Return a JSON document; `from_json` reads it back to an equal value."""
        document: dict[str, Any] = {one.name: getattr(self, one.name) for one in fields(self)}
        document["instructions"] = [
            [r.name, list(r.qubits), r.seconds, r.error, r.p01, r.p10] for r in self.instructions
        ]
        document["qubits"] = [[q.t1_seconds, q.t2_seconds] for q in self.qubits]
        for name in ("control_flow", "rep_delay_range_seconds", "physical"):
            document[name] = list(document[name])
        document["timing"] = dict(self.timing)
        del document["beyond"]
        if self.beyond:  # a device as it reports itself has the digest that it always had
            document["beyond"] = self.beyond.to_json()
        return {"schema_version": SCHEMA_VERSION, **document}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Snapshot:
        """Read what `to_json` wrote.

        Raises:
            CalibrationError: another schema version, or fields that are missing or malformed.
        """
        version = document.get("schema_version")
        if version != SCHEMA_VERSION:
            raise CalibrationError(
                f"a calibration snapshot should have schema_version {SCHEMA_VERSION}. "
                f"Got {version!r}."
            )
        try:
            qubits = tuple(QubitRecord(_seconds(t1), _seconds(t2)) for t1, t2 in document["qubits"])
            low, high = map(_seconds, document["rep_delay_range_seconds"])
            rep_delay = _seconds(document["rep_delay_seconds"])
            if None in (low, high, rep_delay):
                raise ValueError("a repetition delay is missing")
            physical = tuple(map(_index, document["physical"]))
            if len(physical) != len(qubits):
                raise ValueError(f"{len(qubits)} qubits and {len(physical)} of their numbers")
            return cls(
                backend=str(document["backend"]),
                taken=str(document["taken"]),
                dt_seconds=_seconds(document["dt_seconds"]),
                timing={str(k): _index(v) for k, v in document["timing"].items()},
                qubits=qubits,
                instructions=tuple(_instructions(document["instructions"], len(qubits))),
                control_flow=tuple(map(str, document["control_flow"])),
                rep_delay_seconds=float(rep_delay),  # type: ignore[arg-type]
                rep_delay_range_seconds=(float(low), float(high)),  # type: ignore[arg-type]
                physical=physical,
                beyond=Beyond.from_json(document.get("beyond", {})),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise CalibrationError(
                f"a calibration snapshot should be a document written by this project. "
                f"Got one with a faulty field: {str(error)[:200]}."
            ) from error


LONGEST_SECONDS = 1e6
"""Of anything that a device reports; within it, times still add up."""


def _instructions(rows: Iterable[Sequence[Any]], n_qubits: int) -> Iterable[InstructionRecord]:
    for name, qubits, seconds, error, p01, p10 in rows:
        on = tuple(map(_index, qubits))
        if (
            not isinstance(name, str)
            or len(set(on)) != len(on)
            or not all(q < n_qubits for q in on)
        ):
            raise ValueError(f"the instruction {str(name)[:40]!r} on the qubits {list(on)[:5]}")
        yield InstructionRecord(name, on, _seconds(seconds), *map(_share, (error, p01, p10)))


def _number(value: Any, most: float) -> Any:
    """Return a value as it is, if it is None or a number from 0 to `most`."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
        raise ValueError(f"{str(value)[:40]!r} in place of a number from 0 to {most:g}")
    return value


def _seconds(value: Any) -> float | None:
    found: float | None = _number(value, LONGEST_SECONDS)
    return found


def _share(value: Any) -> float | None:
    found: float | None = _number(value, 1.0)
    return found


def _index(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 1 << 31:
        raise ValueError(f"{str(value)[:40]!r} in place of a whole number")
    return value
