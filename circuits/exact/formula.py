"""Maps that a noise fills in: a circuit is lifted once, whatever noise it meets.

Where a lifted circuit depends on a device its maps are formulas, products of known matrices and of
what a noise says of an instruction. Filled in, they are plain arrays, so that what was compiled for
one noise serves every other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from circuits.errors import CircuitsError
from circuits.exact.noise import beyond_of
from circuits.exact.pauli import transfer_matrix

if TYPE_CHECKING:
    from circuits.exact.noise import InstrumentNoise, Noise

Array = NDArray[np.float64]

_UNIT_SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9, "ps": 1e-12}


@dataclass(frozen=True)
class ErrorOf:
    """The error after an instruction."""

    name: str
    qubits: tuple[int, ...]


@dataclass(frozen=True)
class Idling:
    """Relaxation over a delay."""

    qubit: int
    duration: float | str
    """In the unit, or the name of a duration that is given with the noise."""

    unit: str


@dataclass(frozen=True)
class ReadoutOf:
    """The confusion matrix of a measurement."""

    name: str
    qubit: int


@dataclass(frozen=True)
class InstrumentOf:
    """What a measurement records and leaves, P(r, s' | s)."""

    name: str
    qubit: int


@dataclass(frozen=True)
class CrosstalkOf:
    """What a measurement does to another qubit."""

    name: str
    measured: int
    qubit: int


@dataclass(frozen=True)
class Waiting:
    """Relaxation while the controller decides for a branch."""

    qubit: int


Source = ErrorOf | Idling | ReadoutOf | InstrumentOf | CrosstalkOf | Waiting


class Values(Protocol):
    """What a noise says, in the real Pauli basis."""

    def __call__(self, source: Source, /) -> Array:
        """Return the map of a source, shape (..., 4**k, 4**k).

        Of a readout its confusion, (..., 2, 2), of an instrument P(r, s' | s), (..., 2, 2, 2).
        """


@dataclass(frozen=True, eq=False)
class Beside:
    """Maps of single qubits, side by side; the first one's index varies slowest."""

    parts: tuple[Array | Formula, ...]


@dataclass(frozen=True, eq=False)
class Formula:
    """Maps applied one after the other, the first one first."""

    factors: tuple[Array | Source | Beside, ...]

    def value(self, values: Values) -> Array:
        """Return the product; leading axes of the values are those of several noises."""
        return reduce(lambda before, factor: _value(factor, values) @ before, self.factors, _ONE)


class _One:
    """The neutral element, whatever the size."""

    def __rmatmul__(self, other: Any) -> Any:
        return other

    __array_ufunc__ = None


_ONE: Any = _One()


def _value(factor: Array | Formula | Source | Beside, values: Values) -> Array:
    if isinstance(factor, np.ndarray):
        return factor
    if isinstance(factor, Formula):
        return factor.value(values)
    if isinstance(factor, Beside):
        return reduce(_kron, (_value(part, values) for part in factor.parts))
    return values(factor)


def _kron(one: Array, other: Array) -> Array:
    joint = one[..., :, None, :, None] * other[..., None, :, None, :]
    return joint.reshape(*joint.shape[:-4], joint.shape[-4] * 4, -1)


def after(later: Array | Formula, before: Array | Formula | None) -> Array | Formula:
    """Return one map after another; a product of known ones is done at once."""
    if before is None:
        return later
    if isinstance(later, np.ndarray) and isinstance(before, np.ndarray):
        return later @ before
    return Formula((*_factors(before), *_factors(later)))


def beside(parts: Sequence[Array | Formula]) -> Array | Formula:
    """Return maps of single qubits, side by side; the first one's index varies slowest."""
    if all(isinstance(part, np.ndarray) for part in parts):
        return reduce(_kron, parts, np.eye(1))  # type: ignore[arg-type]
    return Formula((Beside(tuple(parts)),))


def _factors(given: Array | Formula) -> tuple[Array | Source | Beside, ...]:
    return given.factors if isinstance(given, Formula) else (given,)


def values_of(noise: Noise | None) -> Values:
    """Return what a noise says of each source, each asked for once; None is ideal.

    Raises:
        CircuitsError: a delay in `dt` on a device without one, or of no known length.
    """
    known: dict[Source, Array] = {}

    def values(source: Source) -> Array:
        if source not in known:
            known[source] = _said(source, noise)
        return known[source]

    return values


def _said(source: Source, noise: Noise | None) -> Array:
    if isinstance(source, ReadoutOf):
        return np.eye(2) if noise is None else noise.readout(source.name, source.qubit)
    if isinstance(source, InstrumentOf):
        return _joint(source, noise)
    n_qubits = len(source.qubits) if isinstance(source, ErrorOf) else 1
    if noise is None:
        return np.eye(4**n_qubits)
    if isinstance(source, ErrorOf):
        error = noise.channel(source.name, source.qubits)
    elif isinstance(source, CrosstalkOf | Waiting):
        error = _beside(source, noise)
    else:
        error = noise.idle(source.qubit, seconds_of(source, noise.dt_seconds))
    return np.eye(4**n_qubits) if error is None else transfer_matrix(error)


def _joint(source: InstrumentOf, noise: Noise | None) -> Array:
    """Return P(r, s' | s); of a noise that knows errors alone, with the state that it read."""
    if noise is not None and beyond_of(noise):
        found = cast("InstrumentNoise", noise).instrument(source.name, source.qubit)
        if found is not None:
            return found
    confusion = np.eye(2) if noise is None else noise.readout(source.name, source.qubit)
    joint = np.zeros((2, 2, 2))
    joint[0, :, 0], joint[1, :, 1] = confusion
    return joint


def _beside(source: CrosstalkOf | Waiting, noise: Noise) -> NDArray[np.complex128] | None:
    if not beyond_of(noise):
        return None
    known = cast("InstrumentNoise", noise)
    if isinstance(source, Waiting):
        return known.waiting(source.qubit)
    return known.crosstalk(source.name, source.measured, source.qubit)


def seconds_of(source: Idling, dt_seconds: float | None) -> float:
    """Return the length of a delay.

    Raises:
        CircuitsError: it is in `dt` and the device reports none, or it is no number.
    """
    known = not isinstance(source.duration, str)
    if known and source.unit == "dt":
        if dt_seconds is None:
            raise CircuitsError("a delay in dt needs a device that reports dt. Got none.")
        return float(source.duration) * dt_seconds
    if known and source.unit in _UNIT_SECONDS:
        return float(source.duration) * _UNIT_SECONDS[source.unit]
    raise CircuitsError(
        "a delay should be in dt or in seconds, not an expression. Got "
        f"{source.duration}; jobs.delays.in_dt computes it."
    )
