"""Circuit + noise -> operations in the real Pauli basis."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from qiskit.circuit import (
    AnnotatedOperation,
    Barrier,
    ControlFlowOp,
    Delay,
    Gate,
    IfElseOp,
    Instruction,
    Parameter,
    QuantumCircuit,
)
from qiskit.circuit.library import GlobalPhaseGate, RYGate, RZGate

from circuits.errors import CircuitsError
from circuits.exact.conditions import condition_of
from circuits.exact.filling import changes_nothing
from circuits.exact.formula import (
    CrosstalkOf,
    ErrorOf,
    Formula,
    Idling,
    InstrumentOf,
    ReadoutOf,
    Source,
    Waiting,
    values_of,
)
from circuits.exact.fusing import fuse
from circuits.exact.noise import Beyond, Noise, beyond_of
from circuits.exact.operations import (
    Branch,
    Channel,
    Measurement,
    Operation,
    Program,
    Rotation,
)
from circuits.exact.order import resets_early
from circuits.exact.pauli import RESET, Axis, gate_matrix
from circuits.gate_angles import AngleMapBuilder
from circuits.known_operations import REMEDIES, is_measurement, is_reset, is_standard

if TYPE_CHECKING:
    from qiskit.circuit import CircuitInstruction, Clbit, Qubit

_IDEAL_READOUT = np.eye(2)
Maps = Callable[[Source], Any]
"""What stands for the map of a source: numbers, or a formula."""


def lift(
    circuit: QuantumCircuit, parameters: Sequence[Parameter] = (), noise: Noise | None = None
) -> Program:
    """Lift a logical or scheduled dynamic circuit, with the noise of every instruction.

    Gates, `if_else` on bits, registers and expressions, measurements (also mid-circuit variants
    such as `measure_2`), resets, delays and barriers are understood, and instructions that are
    written in these. Errors follow the gate they belong to, inside branches too; a gate of the
    user's own has none, whatever its name. Readout errors act on the recorded bit, so a branch
    sees them.

    Args:
        circuit: its qubit i is qubit i of `noise`.
        parameters: the order in which parameter values will be given; by default the circuit's.
        noise: of the device; None is ideal.

    Raises:
        CircuitsError: an instruction that has no exact map, or a parameter that is not named.
    """
    maps = None if noise is None else values_of(noise)
    return _lifted(circuit, parameters, maps, beyond_of(noise))


def open_lift(
    circuit: QuantumCircuit, parameters: Sequence[Parameter] = (), beyond: Beyond | None = None
) -> Program:
    """Lift a circuit with formulas where its maps depend on a noise, for `filling.filled`.

    Args:
        circuit: as for `lift`; a delay may be a Parameter, which is known by its name.
        parameters: as for `lift`.
        beyond: where the noises may know more than errors; elsewhere nothing is asked of them.

    Raises:
        CircuitsError: as `lift`, but for what a noise lacks.
    """
    return _lifted(circuit, parameters, lambda source: Formula((source,)), beyond)


def _lifted(
    circuit: QuantumCircuit,
    parameters: Sequence[Parameter],
    maps: Maps | None,
    beyond: Beyond | None,
) -> Program:
    angles = AngleMapBuilder(parameters or list(circuit.parameters))
    lifter = Lifter(circuit, maps, angles, beyond)
    qubits = {qubit: index for index, qubit in enumerate(circuit.qubits)}
    bits = {bit: index for index, bit in enumerate(circuit.clbits)}
    operations = resets_early(fuse(tuple(lifter.block(circuit, qubits, bits))))
    return Program(circuit.num_qubits, circuit.num_clbits, operations, lifter.angles.build())


class Lifter:
    """Lifts instruction by instruction, for whoever puts something of his own between them.

    `block` and `instruction` yield operations as they stand in the circuit; `fuse` and
    `order.resets_early` are for the whole. `angles` collects the free parameters.
    """

    def __init__(
        self,
        circuit: QuantumCircuit,
        maps: Maps | None,
        angles: AngleMapBuilder,
        beyond: Beyond | None = None,
    ) -> None:
        self.maps, self.angles, self.top, self.beyond = maps, angles, circuit, beyond
        self._fixed: dict[Any, np.ndarray[Any, np.dtype[np.float64]]] = {}

    def block(
        self, block: QuantumCircuit, qubits: Mapping[Qubit, int], bits: Mapping[Clbit, int]
    ) -> Iterator[Operation]:
        """Yield the operations of a circuit or an alternative; see `instruction`."""
        for instruction in block.data:
            yield from self.instruction(instruction, qubits, bits)

    def instruction(
        self,
        instruction: CircuitInstruction,
        qubits: Mapping[Qubit, int],
        bits: Mapping[Clbit, int],
    ) -> Iterator[Operation]:
        """Yield the operations of one instruction with its error.

        Args:
            instruction: of the circuit or of an alternative.
            qubits: the wire of each of its qubits.
            bits: the number of each of its bits.

        Raises:
            CircuitsError: it has no exact map.
        """
        operation = instruction.operation
        name = operation.name
        wires = tuple(qubits[q] for q in instruction.qubits)
        if isinstance(operation, Barrier | GlobalPhaseGate):
            return
        if isinstance(operation, IfElseOp):
            if self.beyond is not None and self.beyond.waits:
                for wire in range(self.top.num_qubits):
                    yield from self._noise((wire,), Waiting(wire))
            yield self._branch(operation, instruction, qubits, bits)
        elif is_measurement(operation):
            yield from self._error(name, wires)
            yield from self._measurement(name, wires[0], bits[instruction.clbits[0]])
        elif is_reset(operation):
            yield Channel(wires, RESET, resets=True)
            yield from self._error(name, wires)
        elif isinstance(operation, Delay):
            yield from self._delay(operation, wires[0])
        elif is_unitary(operation):
            yield from self._gate(operation, wires)
            if is_standard(operation):
                yield from self._error(name, wires)
        else:
            yield from self.block(*written_out(instruction, qubits, bits))

    def _measurement(self, name: str, wire: int, bit: int) -> Iterator[Operation]:
        known = self.beyond is not None and self.beyond.has_instrument(name, wire)
        source = InstrumentOf(name, wire) if known else ReadoutOf(name, wire)
        read = self.maps and self.maps(source)
        yield Measurement(wire, bit, _IDEAL_READOUT if read is None else read)
        for other in () if self.beyond is None else self.beyond.reached(name, wire):
            yield from self._noise((other,), CrosstalkOf(name, wire, other))

    def _gate(self, operation: Any, wires: tuple[int, ...]) -> Iterator[Operation]:
        if not any(getattr(p, "parameters", None) for p in getattr(operation, "params", ())):
            yield Channel(wires, self._matrix(operation))
        elif operation.name in ("rx", "ry", "rz", "p") and is_standard(operation):
            axis: Axis = "z" if operation.name == "p" else operation.name[1]
            yield Rotation(wires[0], axis, self.angles.add(operation.params[0]))
        elif operation.name == "u" and is_standard(operation):
            theta, phi, lam = operation.params
            for turn in (RZGate(lam), RYGate(theta), RZGate(phi)):  # u, but for a phase
                yield from self._gate(turn, wires)
        elif getattr(operation, "definition", None) is not None:
            inner = {q: wires[i] for i, q in enumerate(operation.definition.qubits)}
            for part in operation.definition.data:
                yield from self._gate(part.operation, tuple(inner[q] for q in part.qubits))
        else:
            raise CircuitsError(
                f"a gate with free parameters should be built of rotations. Got {operation.name}."
            )

    def _matrix(self, operation: Any) -> np.ndarray[Any, np.dtype[np.float64]]:
        if not is_standard(operation):
            return _matrix(operation)
        key = (operation.name, tuple(map(float, operation.params)))
        if key not in self._fixed:
            self._fixed[key] = _matrix(operation)
        return self._fixed[key]

    def _error(self, name: str, wires: tuple[int, ...]) -> Iterator[Operation]:
        yield from self._noise(wires, ErrorOf(name, wires))

    def _noise(self, wires: tuple[int, ...], source: Source) -> Iterator[Operation]:
        found = self.maps and self.maps(source)
        if found is not None and not changes_nothing(found):
            yield Channel(wires, found)

    def _delay(self, operation: Any, wire: int) -> Iterator[Operation]:
        duration = operation.duration
        length = float(duration) if isinstance(duration, int | float) else str(duration)
        yield from self._noise((wire,), Idling(wire, length, operation.unit))

    def _branch(
        self,
        operation: IfElseOp,
        instruction: CircuitInstruction,
        qubits: Mapping[Qubit, int],
        bits: Mapping[Clbit, int],
    ) -> Branch:
        used, holds = condition_of(operation.condition, bits)
        blocks = []
        for block in operation.blocks:
            inner_qubits = {
                q: qubits[outer] for q, outer in zip(block.qubits, instruction.qubits, strict=True)
            }
            inner_bits = {**bits} | {
                c: bits[outer] for c, outer in zip(block.clbits, instruction.clbits, strict=True)
            }
            blocks.append(fuse(tuple(self.block(block, inner_qubits, inner_bits))))
        return Branch(used, holds, blocks[0], blocks[1] if len(blocks) > 1 else ())


def is_unitary(operation: Any) -> bool:
    """Say whether an instruction is a gate, whose definition neither measures nor resets."""
    # An `Instruction` that is no `Gate` may measure or reset in its definition.
    return isinstance(operation, Gate | AnnotatedOperation) or not isinstance(
        operation, Instruction
    )


def written_out(
    instruction: CircuitInstruction, qubits: Mapping[Qubit, int], bits: Mapping[Clbit, int]
) -> tuple[QuantumCircuit, dict[Qubit, int], dict[Clbit, int]]:
    """Return the definition of an instruction with the qubits and bits that it acts on."""
    operation = instruction.operation
    inner = operation.definition
    if inner is None or isinstance(operation, ControlFlowOp):
        known = ", ".join(sorted({"if_else", "measure", "reset", "delay", "barrier"}))
        remedy = REMEDIES.get(operation.name, "")
        raise CircuitsError(
            f"exact evolution takes gates with a matrix and {known}. Got {operation.name}{remedy}."
        )
    inner_qubits = zip(inner.qubits, (qubits[q] for q in instruction.qubits), strict=True)
    inner_bits = zip(inner.clbits, (bits[c] for c in instruction.clbits), strict=True)
    return inner, dict(inner_qubits), dict(inner_bits)


def _matrix(operation: Any) -> np.ndarray[Any, np.dtype[np.float64]]:
    from qiskit.exceptions import QiskitError

    try:
        return gate_matrix(operation)
    except QiskitError as error:
        raise CircuitsError(
            f"a gate should have a matrix or a definition. Got {operation.name}."
        ) from error
