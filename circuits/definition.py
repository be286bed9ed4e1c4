"""A recurrent architecture as one frozen row of data: layers, wires, modes, source."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, Protocol, get_args

from circuits.errors import CircuitsError

if TYPE_CHECKING:
    from qiskit.circuit import Clbit, ParameterExpression, QuantumCircuit

Mode = Literal["coherent", "sampled", "expectation"]
MODES: tuple[Mode, ...] = get_args(Mode)


@dataclass(frozen=True)
class Binding:
    """What one layer may use while it is appended to a circuit."""

    features: Sequence[ParameterExpression]  # shape (d,)
    """Features of the time step; empty in the closing part."""

    weights: Sequence[ParameterExpression]  # shape (layer.n_weights,)
    """The layer's own weights, in the order in which it applies them."""

    bits: Sequence[Clbit]  # shape (n_bits,)
    """Mid-circuit bits written in this step."""

    previous: Sequence[Clbit]  # shape (n_bits,)
    """Mid-circuit bits of the step before; empty in the first step."""

    fed_back: ParameterExpression | None
    """The value fed back by the host in `expectation` mode, else None."""


class Layer(Protocol):
    """A part of a step: it knows its number of weights and appends itself to a circuit."""

    @property
    def n_weights(self) -> int:
        """Number of trainable angles that the layer takes."""

    def append(self, circuit: QuantumCircuit, binding: Binding) -> None:
        """Append the layer to `circuit` on its own wires."""


@dataclass(frozen=True)
class Architecture:
    """A quantum recurrent network: encode, evolve, perhaps measure and feed forward, repeat.

    One time step is `encoder`, then `repeats` times `cell` with the same weights. After the last
    step come the `closing` layers and the measurement of the `readout` wires. Wire i is qubit i.
    """

    name: str
    n_qubits: int
    n_features: int
    encoder: tuple[Layer, ...]
    cell: tuple[Layer, ...]
    readout: tuple[int, ...]  # shape (m,)
    """Wires measured at the end, in order: bit j of the register `out` is readout[j]."""

    closing: tuple[Layer, ...] = ()
    data_qubits: tuple[int, ...] = ()
    """Wires that the step leaves in |0>, so that they start each step anew."""

    n_bits: int = 0
    """Mid-circuit bits written per step."""

    repeats: int = 1
    modes: tuple[Mode, ...] = ("coherent",)
    mode: Mode = "coherent"
    summary: str = ""
    source: str = ""
    reading: bool = False
    """True where the published description leaves a gap that this row fills with a reading."""

    def __post_init__(self) -> None:
        """Check the wires and the mode."""
        wires = range(self.n_qubits)
        for name in ("readout", "data_qubits"):
            outside = [wire for wire in getattr(self, name) if wire not in wires]
            if outside:
                raise CircuitsError(
                    f"{name} of {self.name} should be wires 0 to {self.n_qubits - 1}. "
                    f"Got {outside}."
                )
        if self.mode not in self.modes:
            raise CircuitsError(
                f"the feedback mode of {self.name} should be one of "
                f"{', '.join(sorted(self.modes))}. Got {self.mode!r}."
            )

    @property
    def n_weights(self) -> int:
        """Number of trainable quantum weights; weights shared over time count once."""
        return sum(layer.n_weights for layer in (*self.encoder, *self.cell, *self.closing))

    @property
    def hidden_qubits(self) -> tuple[int, ...]:
        """Wires that carry the state from one step to the next."""
        return tuple(wire for wire in range(self.n_qubits) if wire not in self.data_qubits)

    def with_options(self, **options: Any) -> Architecture:
        """Return the architecture with other field values, checked again."""
        return replace(self, **options)
