"""A circuit and what is wrong with its machine -> one program of the exact engine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from qiskit.circuit import CircuitInstruction, Clbit, IfElseOp, QuantumCircuit, Qubit

from circuits.exact.conditions import condition_of
from circuits.exact.formula import values_of
from circuits.exact.fusing import fuse
from circuits.exact.lift import Lifter, is_unitary, written_out
from circuits.exact.operations import Branch, Channel, Operation, Program
from circuits.exact.order import resets_early
from circuits.exact.pauli import transfer_matrix
from circuits.gate_angles import AngleMapBuilder
from circuits.known_operations import is_measurement, is_reset, is_standard
from jobs.twin.event import Around, Event, Kind, Memory
from jobs.twin.moment import Moment
from jobs.twin.physics.defect import visiting_defect
from jobs.twin.physics.leakage import leakage
from jobs.twin.physics.measurement_crosstalk import measurement_crosstalk
from jobs.twin.physics.misread_bursts import misread_bursts
from jobs.twin.physics.rates import TrueNoise, true_noise, true_rates
from jobs.twin.physics.read_decay import read_decay
from jobs.twin.physics.rotations import cz_rotation, sx_rotation
from jobs.twin.physics.static_zz import couplings, zz_phase
from jobs.twin.site import Site
from jobs.twin.strengths import Strengths
from jobs.twin.timeline import Coupled, Timeline

Qubits: TypeAlias = "Mapping[Qubit, int]"
Bits: TypeAlias = "Mapping[Clbit, int]"


def lift_on(site: Site, strengths: Strengths, moment: Moment, circuit: QuantumCircuit) -> Program:
    """Return a circuit with all effects of a moment; its own bits come first.

    Args:
        site: where it runs; qubit i of the circuit is wire i.
        strengths: of the effects.
        moment: of the machine.
        circuit: transpiled, scheduled where idling is to be seen; free parameters stay free, in
            the circuit's order.

    Raises:
        CircuitsError: an instruction that has no exact map.
    """
    if "wrong-rates" in strengths:
        site = site.on(true_rates(site, strengths["wrong-rates"]))
    memory = Memory(circuit.num_clbits)
    noise = true_noise(site.snapshot, strengths, moment)
    wait = strengths["controller-wait"]
    zz = couplings(strengths["static-zz"], site) if "static-zz" in strengths else {}
    timeline = Timeline(site.snapshot, wait, zz)
    around = _effects(site, strengths, moment, memory)
    lifter = Lifter(circuit, values_of(noise), AngleMapBuilder(list(circuit.parameters)))
    walk = _Walk(lifter, noise, site, timeline, around)
    qubits = {qubit: index for index, qubit in enumerate(circuit.qubits)}
    bits = {bit: index for index, bit in enumerate(circuit.clbits)}
    operations = resets_early(fuse(tuple(walk.block(circuit, qubits, bits))))
    return Program(circuit.num_qubits, memory.n_bits, operations, lifter.angles.build())


def _effects(site: Site, strengths: Strengths, moment: Moment, memory: Memory) -> list[Around]:
    """Return the effects around single events, those that are nearer to the state first."""
    found: list[Around] = []
    if "cz-angle" in strengths:
        found.append(cz_rotation(strengths["cz-angle"], site))
    if "sx-angle" in strengths:
        found.append(sx_rotation(strengths["sx-angle"], site))
    if moment.has_defect:
        found.append(visiting_defect(site))
    if "read-decay" in strengths:
        found.append(read_decay(strengths["read-decay"], site))
    if "misread-bursts" in strengths:
        found.append(misread_bursts(strengths["misread-bursts"], site, memory))
    if "leakage" in strengths:
        found.append(leakage(strengths["leakage"], site, memory))
    if "measurement-crosstalk" in strengths:
        found.append(measurement_crosstalk(strengths["measurement-crosstalk"], site))
    return found


@dataclass(frozen=True, eq=False)
class _Walk:
    lifter: Lifter
    noise: TrueNoise
    site: Site
    timeline: Timeline
    around: Sequence[Around]

    def block(self, block: QuantumCircuit, qubits: Qubits, bits: Bits) -> Iterator[Operation]:
        for one in self.timeline.events(block, qubits):
            if isinstance(one, Coupled):
                yield zz_phase(one.pair, one.hertz, one.seconds)
            else:
                yield from self._instruction(one, qubits, bits)

    def _instruction(
        self, one: CircuitInstruction, qubits: Qubits, bits: Bits
    ) -> Iterator[Operation]:
        wires = tuple(qubits[qubit] for qubit in one.qubits)
        if isinstance(one.operation, IfElseOp):
            if self.timeline.wait_seconds and wires:
                yield from self._waiting(wires[0])
            yield self._branch(one, qubits, bits)
            return
        kind = _kind(one)
        if kind is None and _has_parts(one.operation):
            yield from self.block(*written_out(one, qubits, bits))
            return
        operations = list(self.lifter.instruction(one, qubits, bits))
        if kind is not None:
            seconds = self.timeline.seconds(one, qubits)
            bit = bits[one.clbits[0]] if kind == "measure" else None
            event = Event(kind, one.operation.name, wires, seconds, bit)
            for effect in self.around:
                operations = effect(event, operations)
        yield from operations

    def _branch(self, one: CircuitInstruction, qubits: Qubits, bits: Bits) -> Branch:
        read, holds = condition_of(one.operation.condition, bits)
        blocks = []
        for block in one.operation.blocks:
            inner = {q: qubits[o] for q, o in zip(block.qubits, one.qubits, strict=True)}
            own = {c: bits[o] for c, o in zip(block.clbits, one.clbits, strict=True)}
            blocks.append(fuse(tuple(self.block(block, inner, {**bits, **own}))))
        return Branch(read, holds, blocks[0], blocks[1] if len(blocks) > 1 else ())

    def _waiting(self, wire: int) -> Iterator[Operation]:
        """Yield the idling of a whole group while the controller decides for one of its qubits."""
        seconds = self.timeline.wait_seconds
        group = self.site.groups[self.site.group_of[wire]]
        for own in group:
            found = self.noise.idle(own, seconds)
            operations: list[Operation] = (
                [] if found is None else [Channel((own,), transfer_matrix(found))]
            )
            for effect in self.around:
                operations = effect(Event("delay", "delay", (own,), seconds), operations)
            yield from operations
        for pair, hertz in self.timeline.couplings.items():
            if pair[0] in group:
                yield zz_phase(pair, hertz, seconds)


def _has_parts(operation: Any) -> bool:
    """Say whether an instruction is written in others, which may measure or reset."""
    is_simple = operation.name == "barrier" or is_unitary(operation)
    return not is_simple and getattr(operation, "definition", None) is not None


def _kind(one: CircuitInstruction) -> Kind | None:
    operation = one.operation
    if is_measurement(operation):
        return "measure"
    if is_reset(operation):
        return "reset"
    if operation.name == "delay":
        return "delay"
    return "gate" if is_standard(operation) and operation.name != "barrier" else None
