"""What a job is: circuits with parameter rows, shots and place; its key; what it returns."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit

from jobs.delays import check_delays
from jobs.digest import circuit_digest, former_digest
from jobs.errors import SpecError

JSON: TypeAlias = "Mapping[str, JSON] | Sequence[JSON] | str | int | float | bool | None"

T = TypeVar("T")

EXECUTORS = ("aer", "exact", "ibm", "twin")
KEY_SCHEMA = 1  # raised when `JobSpec.hashed` changes its meaning, so that old keys never match


@dataclass(frozen=True, eq=False)
class _Facts:
    circuit: QuantumCircuit
    known: dict[Callable[[QuantumCircuit], Any], Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Pub:
    """One ISA circuit and the parameter rows that it is run with.

    Raises:
        SpecError: If `parameters` has another shape than the circuit asks for, or is not finite, or
            a delay is a fraction of dt.
    """

    circuit: QuantumCircuit
    parameters: NDArray[np.float64]  # shape: (rows, n_parameters)
    """Angles in radians, columns in the order of `circuit.parameters`; (1, 0) when bound."""

    _facts: _Facts | None = field(default=None, repr=False)
    """Of the circuit, shared by the pubs that were made of one another."""

    def __post_init__(self) -> None:
        parameters = np.array(self.parameters, dtype=np.float64, order="C")
        n_parameters = self.circuit.num_parameters
        if parameters.ndim != 2 or parameters.shape[0] < 1 or parameters.shape[1] != n_parameters:
            raise SpecError(
                f"Parameters should have shape (rows, {n_parameters}) with at least one row, one "
                f"column for each of circuit.parameters. Got {parameters.shape}."
            )
        if n_parameters == 0 and len(parameters) > 1:
            raise SpecError(
                "A circuit without parameters should have one row; ask for more shots instead. "
                f"Got {len(parameters)} rows."
            )
        if not np.isfinite(parameters).all():
            row, column = np.argwhere(~np.isfinite(parameters))[0]
            raise SpecError(
                "Parameters should be finite. "
                f"Got {parameters[row, column]} in row {row}, column {column}."
            )
        if self._facts is None or self._facts.circuit is not self.circuit:
            object.__setattr__(self, "_facts", _Facts(self.circuit))
        self.fact(check_delays)
        parameters.setflags(write=False)
        object.__setattr__(self, "parameters", parameters)

    @classmethod
    def bound(cls, circuit: QuantumCircuit) -> "Pub":
        """Return the pub of a circuit without free parameters."""
        return cls(circuit, np.empty((1, 0)))

    def with_rows(self, parameters: NDArray[np.float64]) -> "Pub":
        """Return the same circuit with other rows; what is found of it is found once for both.

        Raises:
            SpecError: As for any pub.
        """
        return Pub(self.circuit, parameters, self._facts)

    def fact(self, found: Callable[[QuantumCircuit], T]) -> T:
        """Return what depends on the circuit alone; do not change that after the first call.

        Args:
            found: A function of the circuit, the same object at each call.
        """
        assert self._facts is not None
        known = self._facts.known
        if found not in known:
            known[found] = found(self.circuit)
        fact: T = known[found]
        return fact

    @property
    def n_rows(self) -> int:
        """Number of executions of the circuit with parameters of their own."""
        return int(self.parameters.shape[0])


def facts(pubs: Sequence[Pub], found: Callable[[QuantumCircuit], T]) -> tuple[T, ...]:
    """Return what depends on each pub's circuit alone, found once for pubs that hold one object."""
    known: dict[int, T] = {}
    for pub in pubs:
        if id(pub.circuit) not in known:
            known[id(pub.circuit)] = pub.fact(found)
    return tuple(known[id(pub.circuit)] for pub in pubs)


@dataclass(frozen=True, eq=False)
class JobSpec:
    """Everything that decides the distribution and the draw of a job's bits.

    Raises:
        SpecError: If there is no pub, no shot, an unknown executor, a negative seed, or an option
            that is not JSON.
    """

    pubs: tuple[Pub, ...]
    shots: int
    """Shots of each row of each pub."""
    executor: str
    backend: str
    seed: int | None = None
    snapshot: str = ""
    """Digest of the calibration used, empty if none."""
    options: Mapping[str, JSON] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.pubs:
            raise SpecError("A job should hold at least one circuit. Got none.")
        if isinstance(self.shots, bool) or not isinstance(self.shots, int) or self.shots < 1:
            raise SpecError(f"The number of shots should be a whole number >= 1. Got {self.shots}.")
        if self.executor not in EXECUTORS:
            raise SpecError(
                f"The executor should be one of {', '.join(EXECUTORS)}. Got {self.executor!r}."
            )
        if self.seed is not None and self.seed < 0:
            raise SpecError(f"The seed should be None or a whole number >= 0. Got {self.seed}.")
        try:
            json.dumps(self.options, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise SpecError(f"Options should be plain JSON. Got {error}.") from None

    @property
    def n_executions(self) -> int:
        """Number of shots of all rows of all pubs together."""
        return self.shots * sum(pub.n_rows for pub in self.pubs)

    @cached_property
    def circuit_digests(self) -> tuple[str, ...]:
        """`circuit_digest` of each pub's circuit, in order."""
        return self._digests(circuit_digest)

    def _digests(self, digest: Callable[[QuantumCircuit], str]) -> tuple[str, ...]:
        return facts(self.pubs, digest)

    def hashed(self) -> dict[str, Any]:
        """Return exactly what `key` is the hash of.

        Circuits appear by `jobs.digest.circuit_digest`, parameters by the SHA-256 of their bytes.
        Not in it: when, by whom and on which machine the job was made, package versions, the
        names and metadata of circuits, the tag and id that a service gives, the execution mode.
        """
        return self._hashed(self.circuit_digests)

    def _hashed(self, digests: Sequence[str]) -> dict[str, Any]:
        return {
            "backend": self.backend,
            "executor": self.executor,
            "options": json.loads(json.dumps(self.options, sort_keys=True)),
            "pubs": [
                {
                    "circuit": digest,
                    "parameters": _array_digest(pub.parameters),
                    "rows": pub.n_rows,
                }
                for digest, pub in zip(digests, self.pubs, strict=True)
            ],
            "schema": KEY_SCHEMA,
            "seed": self.seed,
            "shots": self.shots,
            "snapshot": self.snapshot,
        }

    @cached_property
    def key(self) -> str:
        """SHA-256, in hex, of `hashed` as sorted JSON: equal content, equal key, anywhere.

        A job that an older version stored under another key keeps that one.
        """
        return _key_of(self.hashed())

    def as_stored(self, key: str) -> "JobSpec":
        """Return this job under the key at which an older version stored it.

        Raises:
            ValueError: If it is not that job.
        """
        if key == self.key:
            return self
        if key != _key_of(self._hashed(self._digests(former_digest))):
            raise ValueError(f"it gives the key {self.key[:12]}")
        stored = replace(self)
        stored.__dict__["key"] = key  # where `cached_property` keeps it
        return stored


def _key_of(hashed: Mapping[str, Any]) -> str:
    text = json.dumps(hashed, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _array_digest(values: NDArray[np.float64]) -> str:
    # Adding zero turns -0.0 into 0.0; the byte order is fixed for other machines.
    return hashlib.sha256((values + 0.0).astype("<f8").tobytes()).hexdigest()


@dataclass(frozen=True, eq=False)
class PubResult:
    """The measured bits of one pub, one array for each classical register.

    Raises:
        SpecError: If an array is not (rows, shots, n_bits), or they differ in rows or shots.
    """

    registers: Mapping[str, NDArray[np.uint8]]  # name -> shape: (rows, shots, n_bits)
    """Bit j of the last axis is bit j of that register."""

    def __post_init__(self) -> None:
        shapes = {name: bits.shape for name, bits in self.registers.items()}
        if any(len(shape) != 3 for shape in shapes.values()):
            raise SpecError(f"Registers should have shape (rows, shots, n_bits). Got {shapes}.")
        if len({shape[:2] for shape in shapes.values()}) > 1:
            raise SpecError(f"Registers should agree in rows and shots. Got {shapes}.")

    @property
    def n_rows(self) -> int:
        """Number of parameter rows."""
        return next((bits.shape[0] for bits in self.registers.values()), 0)

    def counts(self, register: str, row: int = 0) -> dict[int, int]:
        """Return how often each value of `register` came in `row`; bit 0 is the lowest.

        Raises:
            SpecError: If there is no such register.
        """
        if register not in self.registers:
            known = ", ".join(sorted(self.registers)) or "none"
            raise SpecError(f"The register should be one of: {known}. Got {register!r}.")
        bits = self.registers[register][row]
        # Python integers, since a register may be wider than 64 bits.
        weights = np.array([1 << place for place in range(bits.shape[1])], dtype=object)
        values = bits.astype(object) @ weights if bits.shape[1] else np.zeros(len(bits), int)
        found, times = np.unique(values.astype(object), return_counts=True)
        return {int(value): int(n) for value, n in zip(found, times, strict=True)}
