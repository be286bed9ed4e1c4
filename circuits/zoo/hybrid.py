"""The hybrid QRNN: a classical controller sets all angles of the circuit in every step.

theta_t = controller([x_t; z_{t-1}]),  psi_t = U(theta_t) psi_{t-1},  z_t = readouts of psi_t
(Xu, Hybrid Quantum-Classical Recurrent Neural Networks, arXiv:2510.25557). The ansatz is not
published; the reading here is |0>^n and L layers of RY and RZ on each qubit and a ring of CZ.

All trainable weights are the controller's (`circuits.pure.hybrid_controller`), so the circuit has
none: the features of a step are the angles theta_t that the controller gives. In `expectation`
mode z_t are Pauli expectation values, read in rounds. In `sampled` mode the first m qubits are
measured in every step, z_t are their signs (-1)^bit, and the features of a step are the table of
theta(x_t, z) for all 2^m values of the bits, or the angles of its Walsh-Hadamard expansion where
the circuit turns by parities of the bits: `Controller.table` and `Controller.parities`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import pi
from typing import TYPE_CHECKING, Any

from circuits.definition import Architecture
from circuits.errors import CircuitsError
from circuits.layers.cells import ring
from circuits.layers.controllers import Form, append_look_up, append_turns
from circuits.layers.feedback import Measure
from circuits.zoo.row import Row

if TYPE_CHECKING:
    from qiskit.circuit import Clbit, QuantumCircuit

    from circuits.definition import Binding


@dataclass(frozen=True)
class ControlledAnsatz:
    """L layers of RY, RZ on each wire and a CZ ring, with angles that are features of the step.

    Angle order: layer, wire, (RY, RZ). With m > 0 bits the features are 2^m such blocks, and the
    first step, without bits, takes block 0. In the form `look-up` block b is for the bits that read
    b; in the form `parity` block 0 turns every shot and block S adds where the bits of S are odd
    together. A controller affine in the bits has blocks of single bits alone: the others are 0.
    """

    n_qubits: int
    n_layers: int
    n_bits: int = 0
    form: Form = "look-up"

    @property
    def n_weights(self) -> int:
        """The angles are features; the controller has the weights."""
        return 0

    @property
    def reads_previous(self) -> bool:
        """Whether the angles depend on the bits of the step before."""
        return self.n_bits > 0

    @property
    def n_angles(self) -> int:
        """Angles of one step."""
        return 2 * self.n_qubits * self.n_layers

    def append(self, circuit: QuantumCircuit, binding: Binding) -> None:
        """Append the ansatz, with one branch a table row or conditional rotations on parities."""
        features, bits = list(binding.features), list(binding.previous)
        blocks = [
            features[start : start + self.n_angles]
            for start in range(0, len(features), self.n_angles)
        ]
        if not bits:
            self._append_block(circuit, blocks[0])
        elif self.form == "look-up":
            append_look_up(circuit, bits, lambda b: self._append_block(circuit, blocks[b]))
        else:
            self._append_parities(circuit, bits, blocks)

    def _append_block(self, circuit: QuantumCircuit, angles: Sequence[Any]) -> None:
        remaining = iter(angles)
        for _ in range(self.n_layers):
            for wire in range(self.n_qubits):
                circuit.ry(next(remaining), wire)
                circuit.rz(next(remaining), wire)
            self._append_ring(circuit)

    def _append_parities(
        self, circuit: QuantumCircuit, bits: Sequence[Clbit], blocks: Sequence[Sequence[Any]]
    ) -> None:
        for layer in range(self.n_layers):
            for offset, axis in enumerate("yz"):
                first = 2 * self.n_qubits * layer + offset
                append_turns(
                    circuit,
                    bits,
                    [
                        (axis, wire, [block[first + 2 * wire] for block in blocks])
                        for wire in range(self.n_qubits)
                    ],
                )
            self._append_ring(circuit)

    def _append_ring(self, circuit: QuantumCircuit) -> None:
        wires = tuple(range(self.n_qubits))
        for pair in ring(wires) if self.n_qubits > 2 else (wires,):
            circuit.cz(*pair)


def hybrid(
    n_qubits: int, n_layers: int, n_bits: int, readout: str, controller: Form, mode: Any
) -> Architecture:
    """Return the hybrid's circuit.

    Args:
        n_qubits: n, 2 to 14.
        n_layers: L, layers of the ansatz.
        n_bits: m, measured qubits a step in `sampled` mode, at most n.
        readout: `z` or `xyz`, Pauli operators read in `expectation` mode; `z` in `sampled` mode.
        controller: `look-up` or `parity`, how a `sampled` circuit applies the table.
        mode: `expectation` or `sampled`.
    """
    sampled = mode == "sampled"
    if n_bits > n_qubits:
        raise CircuitsError(
            f"the hybrid should measure at most its {n_qubits} qubits a step. Got n_bits={n_bits}."
        )
    if sampled and readout != "z":
        raise CircuitsError(
            "the hybrid should be read along Z in sampled mode, where bits are fed forward. "
            f"Got readout={readout}; choose mode=expectation."
        )
    ansatz = ControlledAnsatz(n_qubits, n_layers, n_bits if sampled else 0, controller)
    measured = tuple(range(n_bits))
    return Architecture(
        name="hybrid",
        n_qubits=n_qubits,
        n_features=ansatz.n_angles * (2**n_bits if sampled else 1),
        encoder=(ansatz,),
        cell=(),
        after_cell=(Measure(measured),) if sampled else (),
        n_bits=n_bits if sampled else 0,
        readout=tuple(range(n_qubits)),
        modes=("expectation", "sampled"),
        mode=mode,
        summary="a classical network of the input and the last readouts sets all angles; "
        f"{n_layers} layers of RY RZ and a CZ ring on {n_qubits} qubits, readout {readout.upper()}",
        source="Xu, arXiv:2510.25557",
        reading=True,
    )


BASIS_CHANGES: dict[str, tuple[tuple[str, float | None], ...]] = {
    "x": (("rz", pi / 2), ("sx", None)),
    "y": (("sx", None),),
    "z": (),
}
"""Gates before a measurement along Z that make it one of each Pauli, native to IBM's machines."""


def in_basis(circuit: QuantumCircuit, pauli: str) -> QuantumCircuit:
    """Return a copy that measures X, Y or Z: its final measurements follow a change of basis.

    The gates are native, so that one transpiled circuit serves all bases. All its measurements are
    delayed alike, which leaves a schedule in which they are the last to happen as it was.

    Args:
        circuit: logical or transpiled; ends with the measurements of its register `out`.
        pauli: `x`, `y` or `z`.
    """
    changed = circuit.copy_empty_like()
    out = next(register for register in circuit.cregs if register.name == "out")
    for instruction in circuit.data:
        if instruction.operation.name == "measure" and instruction.clbits[0] in out:
            (qubit,) = instruction.qubits
            for gate, angle in BASIS_CHANGES[pauli]:
                getattr(changed, gate)(*(() if angle is None else (angle,)), qubit)
        changed.append(instruction)
    return changed


ROWS = (
    Row(
        "hybrid",
        hybrid,
        {
            "n_qubits": range(2, 15),
            "n_layers": range(1, 9),
            "n_bits": range(1, 7),
            "readout": ("z", "xyz"),
            "controller": ("look-up", "parity"),
            "mode": ("expectation", "sampled"),
        },
        defaults={"n_qubits": 4, "n_layers": 2, "n_bits": 2},
    ),
)
