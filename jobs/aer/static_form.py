"""A dynamic circuit as a static one with the same exact distribution, for Aer's density matrix.

Aer samples dynamic circuits shot by shot, with its density-matrix method too. Here every recorded
bit becomes a qubit of its own: a measurement writes the recorded outcome onto it, a branch is a
map controlled by it, and it is reset when nobody reads it any more. One run then gives the exact
distribution, at four times the cost for each bit that is alive at once. A measured qubit that only
waits until its bit was read, to be reset then, holds the bit itself and costs nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import Delay, IfElseOp, QuantumCircuit, Reset

from calibration.noise import DeviceNoise, delay_seconds
from circuits.exact.conditions import condition_of
from circuits.exact.formula import InstrumentOf, values_of
from circuits.exact.noise import beyond_of
from circuits.known_operations import is_measurement, is_reset, is_standard
from jobs.aer.free_rotation import REVERSING, is_free_rotation
from jobs.aer.gates import gate_for_aer
from jobs.aer.superoperators import (
    Superoperator,
    controlled_map,
    copying,
    forgetting,
    leaving,
    reading,
    superop,
)
from jobs.errors import SpecError

if TYPE_CHECKING:
    from qiskit.circuit import CircuitInstruction, Qubit

IDLING = ("barrier", "delay", "id")
"""Instructions that let time pass."""


@dataclass(frozen=True, eq=False)
class StaticForm:
    """The static circuit and where the kept bits ended."""

    circuit: QuantumCircuit
    kept_qubits: tuple[int, ...]
    """Qubit of each kept bit, in the caller's order."""


def static_form(
    circuit: QuantumCircuit, noise: DeviceNoise | None, keep: Sequence[int]
) -> StaticForm:
    """Rewrite a dynamic circuit without measurements or branches.

    Gates outside branches stay as they are, so that Aer adds its own noise to them.

    Args:
        circuit: with instruction names of the device; in branches, free parameters only in
            rotations of one qubit.
        noise: of the device, also used inside branches and for readout; None is ideal.
        keep: bits whose joint distribution is wanted.

    Raises:
        SpecError: a nested branch or a measurement in a branch.
    """
    return _Rewriter(circuit, noise, keep).run()


class _Rewriter:
    def __init__(
        self, circuit: QuantumCircuit, noise: DeviceNoise | None, keep: Sequence[int]
    ) -> None:
        self.source, self.noise, self.keep = circuit, noise, tuple(keep)
        self.bits = {bit: index for index, bit in enumerate(circuit.clbits)}
        self.last = self._last_reads()
        self.resets = self._resets_of_waiting()
        self.waiting: dict[int, int] = {}  # qubit that holds its bit -> position of its reset
        self.home: dict[int, int] = {}  # live bit -> its qubit
        self.free: list[int] = []
        self.instructions: list[tuple[Any, tuple[int, ...]]] = []
        self.width = circuit.num_qubits

    def _last_reads(self) -> dict[int, int]:
        last: dict[int, int] = {}
        for position, instruction in enumerate(self.source.data):
            if isinstance(instruction.operation, IfElseOp):
                for bit in condition_of(instruction.operation.condition, self.bits)[0]:
                    last[bit] = position
        return last

    def _resets_of_waiting(self) -> dict[int, int]:
        """Return the reset after each measurement whose qubit only waits until its bit was read.

        The end of the circuit does as well as a reset.
        """
        since: dict[int, int] = {}  # qubit that waits -> its measurement
        bits: dict[int, int] = {}  # measurement -> its bit
        found: dict[int, int] = {}
        reads: dict[int, list[int]] = {bit: [] for bit in self.bits.values()}
        for position, instruction in enumerate(self.source.data):
            operation = instruction.operation
            if isinstance(operation, IfElseOp):
                for bit in condition_of(operation.condition, self.bits)[0]:
                    reads[bit].append(position)
            for qubit in _touched(operation, self._qubits(instruction)):
                measured = since.pop(qubit, None)
                if measured is not None and is_reset(operation):
                    found[measured] = position
                if is_measurement(operation):
                    since[qubit] = position
                    bits[position] = self.bits[instruction.clbits[0]]
        end = len(self.source.data)
        found |= dict.fromkeys(since.values(), end)

        def is_held(measured: int, reset: int) -> bool:
            bit = bits[measured]
            overwritten = min((p for p in bits if p > measured and bits[p] == bit), default=end)
            own = [p for p in reads[bit] if measured < p < overwritten]
            if reset == end:
                return overwritten == end and (bool(own) or bit in self.keep)
            return bit not in self.keep and bool(own) and own[-1] < reset < overwritten

        return {measured: reset for measured, reset in found.items() if is_held(measured, reset)}

    def run(self) -> StaticForm:
        for position, instruction in enumerate(self.source.data):
            self._rewrite(position, instruction)
            for bit in [b for b in self.home if self.last.get(b, -1) <= position]:
                if bit not in self.keep:
                    self._release(bit)
        for bit in self.keep:
            self._home(bit)
        static = QuantumCircuit(self.width)
        for operation, qubits in self.instructions:
            static.append(operation, qubits)
        return StaticForm(static, tuple(self.home[bit] for bit in self.keep))

    def _rewrite(self, position: int, instruction: CircuitInstruction) -> None:
        operation = instruction.operation
        qubits = self._qubits(instruction)
        if operation.name in ("delay", "id") and qubits[0] in self.waiting:
            return  # what happens to a waiting qubit is forgotten by its reset
        if self.waiting.get(qubits[0]) == position:
            del self.waiting[qubits[0]]
            self.home = {bit: home for bit, home in self.home.items() if home != qubits[0]}
        if isinstance(operation, IfElseOp):
            self._wait()
            self._branch(operation, instruction, qubits)
        elif is_measurement(operation):
            bit = self.bits[instruction.clbits[0]]
            if position in self.resets:
                self._hold(operation.name, qubits[0], bit)
                self.waiting[qubits[0]] = self.resets[position]
            elif bit in self.keep or self.last.get(bit, -1) > position:
                self._measure(operation.name, qubits[0], self._home(bit))
            else:
                left = superop(leaving(self._joint(operation.name, qubits[0])))
                self.instructions.append((left, qubits))
            self._reach(operation.name, qubits[0])
        elif is_reset(operation):
            self.instructions.append((Reset(), qubits))
        else:
            self.instructions.append((gate_for_aer(operation), qubits))

    def _qubits(self, instruction: CircuitInstruction) -> tuple[int, ...]:
        return tuple(self.source.find_bit(q).index for q in instruction.qubits)

    def _home(self, bit: int) -> int:
        if bit not in self.home:
            if not self.free:
                self.free.append(self.width)
                self.width += 1
            self.home[bit] = self.free.pop()
        return self.home[bit]

    def _release(self, bit: int) -> None:
        qubit = self.home.pop(bit)
        if qubit < self.source.num_qubits:
            return  # its reset follows
        self.instructions.append((superop(forgetting()), (qubit,)))
        self.free.append(qubit)

    def _hold(self, name: str, qubit: int, bit: int) -> None:
        """Let the qubit hold the recorded outcome."""
        confusion = self._joint(name, qubit).sum(axis=2)
        self.instructions.append((superop(reading(confusion)), (qubit,)))
        self.home[bit] = qubit

    def _measure(self, name: str, qubit: int, home: int) -> None:
        """Dephase the qubit and overwrite the bit's qubit with the recorded outcome."""
        self.instructions.append((superop(copying(self._joint(name, qubit))), (qubit, home)))

    def _joint(self, name: str, qubit: int) -> NDArray[np.float64]:
        """Return P(record r, leave s' | state s), shape (2, 2, 2)."""
        return values_of(self.noise)(InstrumentOf(name, qubit))

    def _reach(self, name: str, qubit: int) -> None:
        """Let a measurement act on the neighbours that it is known to reach."""
        if self.noise is None or beyond_of(self.noise) is None:
            return
        for other in self.noise.beyond.reached(name, qubit):
            found = self.noise.crosstalk(name, qubit, other)
            if found is not None and other not in self.waiting:
                self.instructions.append((superop(found), (other,)))

    def _wait(self) -> None:
        """Let time pass at a branch."""
        if self.noise is None or beyond_of(self.noise) is None or not self.noise.beyond.waits:
            return
        delay = Delay(self.noise.beyond.branch_wait_seconds, "s")
        waits = [q for q in range(self.source.num_qubits) if q not in self.waiting]
        self.instructions += [(delay, (qubit,)) for qubit in waits]

    def _branch(
        self, operation: IfElseOp, instruction: CircuitInstruction, qubits: tuple[int, ...]
    ) -> None:
        used, holds = condition_of(operation.condition, self.bits)
        homes = tuple(self._home(bit) for bit in used)
        patterns = range(2 ** len(used))
        taken = [
            holds({bit: pattern >> j & 1 for j, bit in enumerate(used)}) for pattern in patterns
        ]
        for index, block in enumerate(operation.blocks):
            active = [pattern for pattern in patterns if taken[pattern] == (index == 0)]
            inner: dict[Qubit, int] = dict(zip(block.qubits, qubits, strict=True))
            for part in block.data:
                if part.operation.name == "barrier":
                    continue
                wires = tuple(inner[q] for q in part.qubits)
                if wires[0] in self.waiting:
                    continue
                if is_free_rotation(part.operation):
                    self._controlled_rotation(part.operation, wires, homes, active)
                    continue
                superoperator = self._noisy(part.operation, wires)
                if superoperator is not None:
                    controlled = controlled_map(superoperator, active, len(homes))
                    self.instructions.append((superop(controlled), (*wires, *homes)))

    def _controlled_rotation(
        self, operation: Any, wires: tuple[int, ...], homes: tuple[int, ...], active: Sequence[int]
    ) -> None:
        """Turn where the bits hold an active pattern, the angle left free.

        With F that inverts the axis, R(a) = R(a/2) F R(-a/2) F there; elsewhere, without F, nothing
        is left of it.
        """
        name = operation.name
        flip = REVERSING[name]
        flipped = superop(controlled_map(np.kron(flip, flip), active, len(homes)))
        for half in (-operation.params[0] / 2, operation.params[0] / 2):
            self.instructions.append((flipped, (*wires, *homes)))
            # Aer adds no noise to a gate of another label.
            self.instructions.append((operation.base_class(half, label="noiseless"), wires))
        error = self.noise.channel(name, wires) if self.noise is not None else None
        if error is not None:
            controlled = controlled_map(error, active, len(homes))
            self.instructions.append((superop(controlled), (*wires, *homes)))

    def _noisy(self, operation: Any, wires: tuple[int, ...]) -> Superoperator | None:
        from qiskit.quantum_info import Operator

        if isinstance(operation, IfElseOp) or is_measurement(operation):
            raise SpecError(f"a branch should contain gates and delays only. Got {operation.name}.")
        if operation.name == "delay":
            if self.noise is None:
                return None
            return self.noise.idle(wires[0], delay_seconds(operation, self.noise.dt_seconds))
        unitary = np.asarray(Operator(operation).data)
        superoperator = np.kron(unitary.conj(), unitary)
        if self.noise is None or not is_standard(operation):
            return superoperator
        error = self.noise.channel(operation.name, wires)
        return superoperator if error is None else error @ superoperator


def _touched(operation: Any, qubits: Sequence[int]) -> set[int]:
    """Return the qubits on which an instruction does more than to let time pass."""
    if isinstance(operation, IfElseOp):
        found: set[int] = set()
        for block in operation.blocks:
            inner = dict(zip(block.qubits, qubits, strict=True))
            for part in block.data:
                found |= _touched(part.operation, [inner[q] for q in part.qubits])
        return found
    return set() if operation.name in IDLING else set(qubits)
