"""One thing that happens to qubits, and what effects make of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from circuits.exact.operations import Operation

Kind = Literal["gate", "measure", "reset", "delay"]


@dataclass(frozen=True)
class Event:
    """An instruction of a circuit on its wires."""

    kind: Kind
    name: str
    wires: tuple[int, ...]
    seconds: float
    """How long it takes; 0 where the device does not say."""

    bit: int | None = None
    """What a measurement writes."""


Around: TypeAlias = Callable[[Event, list[Operation]], list[Operation]]
"""An effect: the operations of an event to those with the effect; itself where it has none."""


@dataclass
class Memory:
    """Numbers of bits that stand for what a machine remembers and no circuit names."""

    first: int
    """The number of the circuit's own bits."""

    known: dict[object, int] = field(default_factory=dict)

    def bit(self, of: object) -> int:
        """Return the bit for something remembered; the same again for the same."""
        return self.known.setdefault(of, self.first + len(self.known))

    @property
    def n_bits(self) -> int:
        """The circuit's own bits and these."""
        return self.first + len(self.known)
