"""A recurrent architecture as one frozen row of data: layers, wires, modes, source."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING, Any, Literal, Protocol

from circuits.errors import CircuitsError

if TYPE_CHECKING:
    from qiskit.circuit import Clbit, ParameterExpression, QuantumCircuit

Mode = Literal["coherent", "sampled", "expectation"]


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
    """A part of a step: it knows its number of weights and appends itself to a circuit.

    An encoder that depends on the direction of a feature vector only, not on its length, also
    has `vector`: the features that are normalised together. A layer that uses bits of the step
    before has a true `reads_previous`.
    """

    @property
    def n_weights(self) -> int:
        """Number of trainable angles that the layer takes."""

    def append(self, circuit: QuantumCircuit, binding: Binding) -> None:
        """Append the layer to `circuit` on its own wires."""


class Recurrence(Protocol):
    """What the host computes between two rounds of a model whose circuit starts anew each step.

    `xp` is numpy, or jax.numpy where the arithmetic is to be differentiated.
    """

    @property
    def n_state(self) -> int:
        """Number of values that the host keeps for each sequence; they start at 0."""

    def fed_back(self, state: Any) -> Any:
        """Return the value for the Parameter `h`, shape (...), of a state of shape (..., n)."""

    def update(self, state: Any, values: Any, xp: Any) -> Any:
        """Return the next state from <Z> of all circuits of the step, shape (..., n_values)."""

    def output(self, state: Any, values: Any) -> Any:
        """Return what a head reads, shape (..., m), from the last state and values."""


@dataclass(frozen=True)
class Architecture:
    """A quantum recurrent network: encode, evolve, perhaps measure and feed forward, repeat.

    One time step is `encoder`, then `repeats` times `cell` with the same weights, then
    `after_cell`. After the last step come the `closing` layers and the measurement of the
    `readout` wires. Wire i is qubit i. From rho_0 = |0><0|, with x_t the features of step t:

        coherent     rho_t = E(x_t)[rho_{t-1}]
        sampled      rho_t(b_1..b_t) = E_{b_t}(x_t, b_{t-1})[rho_{t-1}(b_1..b_{t-1})]
        expectation  z_t = <Z> of E(x_t, h_{t-1})[rho_0], s_t = f(s_{t-1}, z_t), h_t = g(s_t)

    E is the map of the step's gates and resets, and unitary where it resets nothing. E_b is its
    part in which the mid-circuit bits read b; the trace of rho_t is the probability of all bits so
    far. In `expectation` mode each step is a circuit of its own: the host reads <Z>, computes h by
    `recurrence` (f its `update`, g its `fed_back`; s_0 = 0) and binds it to the Parameter `h` of
    the next step.
    """

    name: str
    n_qubits: int
    n_features: int
    encoder: tuple[Layer, ...]
    cell: tuple[Layer, ...]
    readout: tuple[int, ...]  # shape (m,)
    """Wires measured at the end, in order: bit j of the register `out` is readout[j]."""

    closing: tuple[Layer, ...] = ()
    after_cell: tuple[Layer, ...] = ()
    """What ends a step after the last repetition of the cell, such as a measurement."""

    gates: tuple[tuple[Layer, ...], ...] = ()
    """Cells side by side, one circuit each, as in an LSTM; they take the place of `cell`."""

    recurrence: Recurrence | None = None
    """What the host computes between rounds, for a circuit that starts anew in every step."""

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

    options: tuple[tuple[str, Any], ...] = ()
    """The options that this row was built with, by name."""

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
    def cells(self) -> tuple[tuple[Layer, ...], ...]:
        """The cells of a step, one circuit each: the gates, or the one cell."""
        return self.gates or (self.cell,)

    @property
    def n_weights(self) -> int:
        """Number of trainable quantum weights; weights shared over time count once."""
        return count_weights((*self.encoder, *chain(*self.cells), *self.after_cell, *self.closing))

    @property
    def in_rounds(self) -> bool:
        """True where each step is a circuit of its own and the host computes in between."""
        return self.mode == "expectation" and self.recurrence is not None

    @property
    def reads_previous(self) -> bool:
        """True where a step uses bits of the step before: it is not one circuit for every t."""
        layers = (*self.encoder, *chain(*self.cells), *self.after_cell)
        return self.n_bits > 0 and any(getattr(layer, "reads_previous", False) for layer in layers)

    @property
    def vectors(self) -> tuple[tuple[int, ...], ...]:
        """Groups of features that an encoder normalises as one vector, which must not vanish."""
        return tuple(layer.vector for layer in self.encoder if hasattr(layer, "vector"))

    @property
    def hidden_qubits(self) -> tuple[int, ...]:
        """Wires that carry the state from one step to the next."""
        return tuple(wire for wire in range(self.n_qubits) if wire not in self.data_qubits)

    def with_options(self, **options: Any) -> Architecture:
        """Return the architecture with other field values, checked again."""
        return replace(self, **options)


def count_weights(layers: Iterable[Layer]) -> int:
    """Return the number of weights that the layers take together."""
    return sum(layer.n_weights for layer in layers)
