"""A step's circuit as a list of controlled single-qubit gates, for a pure-state simulation.

Angles split into what the inputs and the fed-back value set, which is evaluated once on the host,
and what the weights set, which is affine and differentiated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from circuits.errors import CircuitsError
from circuits.known_operations import is_measurement, is_reset, is_standard

if TYPE_CHECKING:
    from qiskit.circuit import Parameter, QuantumCircuit

Controls = tuple[tuple[int, int], ...]  # (wire, value)

_FIXED: dict[str, NDArray[Any]] = {
    "x": np.array([[0, 1], [1, 0]]),
    "y": np.array([[0, -1j], [1j, 0]]),
    "z": np.diag([1, -1]),
    "h": np.array([[1, 1], [1, -1]]) / np.sqrt(2),
    "s": np.diag([1, 1j]),
    "sdg": np.diag([1, -1j]),
    "sx": np.array([[1 + 1j, 1 - 1j], [1 - 1j, 1 + 1j]]) / 2,
}


@dataclass(frozen=True, eq=False)
class Gate:
    """A gate on one target, acting where all controls have their values."""

    target: int
    controls: Controls
    axis: str = ""
    """`x`, `y` or `z` of a rotation, empty for a fixed gate."""

    angle: int = -1
    """Index of the rotation's angle."""

    matrix: NDArray[Any] | None = None  # shape (2, 2)


@dataclass(eq=False)
class GateProgram:
    """Gates in order, with their angles as functions of features, fed-back value and weights."""

    n_qubits: int
    features: Sequence[Parameter]  # shape (d,)
    weights: Sequence[Parameter]  # shape (p,)
    fed_back: Parameter | None
    gates: list[Gate] = field(default_factory=list)
    expressions: list[Any] = field(default_factory=list)
    closed: set[int] = field(default_factory=set)
    """Wires that end in a measurement or a reset."""

    def parted(self, wires: Sequence[int]) -> tuple[GateProgram, GateProgram]:
        """Return two programs in turn: the second acts on `wires` alone and sees no feature."""
        cut = len(self.gates)
        while cut and self._is_private(self.gates[cut - 1], wires):
            cut -= 1
        n_angles = sum(1 for gate in self.gates[:cut] if gate.axis)
        later = [
            replace(gate, angle=gate.angle - n_angles) if gate.axis else gate
            for gate in self.gates[cut:]
        ]
        return (
            replace(self, gates=self.gates[:cut], expressions=self.expressions[:n_angles]),
            replace(self, gates=later, expressions=self.expressions[n_angles:]),
        )

    def _is_private(self, gate: Gate, wires: Sequence[int]) -> bool:
        used = {gate.target, *(wire for wire, _ in gate.controls)}
        expression = self.expressions[gate.angle] if gate.axis else None
        given = set(self.features) | {self.fed_back}
        return used <= set(wires) and not given & set(getattr(expression, "parameters", ()))

    def offsets(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the part of each angle that the features set, shape (n_angles,).

        Args:
            features: shape (d,), or empty where the program has none.
        """
        values = dict(zip(self.features, np.asarray(features, dtype=float).tolist(), strict=True))
        values |= dict.fromkeys(self.weights, 0.0)
        if self.fed_back is not None:
            values[self.fed_back] = 0.0
        return np.array([_number(expression, values) for expression in self.expressions])

    def slopes(self, parameters: Sequence[Parameter]) -> NDArray[np.float64]:
        """Return d angle / d parameter, shape (n_angles, n_parameters).

        Raises:
            CircuitsError: an angle is not affine in one of them.
        """
        columns = {parameter: column for column, parameter in enumerate(parameters)}
        result = np.zeros((len(self.expressions), len(parameters)))
        for index, expression in enumerate(self.expressions):
            for parameter in getattr(expression, "parameters", ()):
                if parameter in columns:
                    slope = expression.gradient(parameter)
                    if getattr(slope, "parameters", None):
                        raise CircuitsError(
                            f"angles should be affine in {parameter.name}. Got {expression}."
                        )
                    result[index, columns[parameter]] = float(slope)
        return result


def program(
    circuit: QuantumCircuit,
    features: Sequence[Parameter],
    weights: Sequence[Parameter],
    fed_back: Parameter | None = None,
) -> GateProgram:
    """Read a circuit as controlled single-qubit gates.

    A wire that is measured and then left alone, or reset at the end, is deferred: a branch on its
    bit becomes a control, and the reset is left to the caller, who traces the wire out.

    Raises:
        CircuitsError: a gate of another kind, a condition on more than one bit, a measurement or
            reset inside a branch, or anything on a wire that is reset or, but for that, measured.
    """
    result = GateProgram(circuit.num_qubits, features, weights, fed_back)
    closed = result.closed
    measured: dict[Any, int] = {}
    reset: set[int] = set()

    def append(owner: QuantumCircuit, wires: list[int], conditions: Controls) -> None:
        for item in owner.data:
            own = [wires[owner.find_bit(qubit).index] for qubit in item.qubits]
            name = item.operation.name
            if name == "barrier":
                continue
            if is_measurement(item.operation) or is_reset(item.operation):
                if conditions or reset.intersection(own):
                    raise CircuitsError(
                        "a pure-state simulation needs measurements outside of branches, on wires "
                        f"that are not reset before. Got {name} on wire {own[0]}."
                    )
                closed.update(own)
                if is_measurement(item.operation):
                    measured[item.clbits[0]] = own[0]
                else:
                    reset.update(own)
            elif name == "if_else":
                if not measured.keys() >= {_single_bit(item.operation.condition)[0]}:
                    raise CircuitsError("a deferred branch should read a bit of its own step.")
                bit, value = _single_bit(item.operation.condition)
                for outcome, block in zip((value, 1 - value), item.operation.blocks, strict=False):
                    append(block, own, (*conditions, (measured[bit], outcome)))
            else:
                if closed.intersection(own):
                    raise CircuitsError(
                        "a pure-state simulation needs wires left alone after their measurement or "
                        f"reset. Got {name} on wire {own[0]}."
                    )
                result.gates.append(_gate(result, item.operation, own, conditions))

    append(circuit, list(range(circuit.num_qubits)), ())
    return result


def _gate(into: GateProgram, operation: Any, wires: list[int], conditions: Controls) -> Gate:
    name = operation.name
    controls = (*conditions, *((wire, 1) for wire in wires[:-1]))
    prefix = "c" * (len(wires) - 1)
    base = name.removeprefix(prefix) if name.startswith(prefix) else ""
    base = base if is_standard(operation) else ""
    if base in ("rx", "ry", "rz"):
        into.expressions.append(operation.params[0])
        return Gate(wires[-1], controls, axis=base[1], angle=len(into.expressions) - 1)
    if base in _FIXED:
        return Gate(wires[-1], controls, matrix=_FIXED[base])
    raise CircuitsError(
        f"gates of a model should be rotations and {', '.join(_FIXED)}, alone or controlled. "
        f"Got {name}."
    )


def _single_bit(condition: Any) -> tuple[Any, int]:
    if isinstance(condition, tuple) and not hasattr(condition[0], "size"):
        return condition[0], int(condition[1])
    raise CircuitsError("a deferred branch should read one bit. Got a register or an expression.")


def _number(expression: Any, values: dict[Parameter, float]) -> float:
    own = getattr(expression, "parameters", None)
    if not own:
        return float(expression)
    return float(expression.bind({p: values[p] for p in own}).numeric())
