"""Circuits of several tiles as one circuit of the device, with registers that they share."""

from __future__ import annotations

import re
from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from qiskit import QuantumCircuit
from qiskit.circuit import CircuitInstruction, ClassicalRegister, Clbit, IfElseOp, Parameter

from jobs.errors import SpecError
from jobs.limits import DEFAULT_LIMITS
from jobs.preflight.broadcasts import condition_bits
from jobs.tiling.conditions import over_registers
from jobs.tiling.segments import is_reading

_STEP = re.compile(r"m(\d+)")

Place = tuple[ClassicalRegister, int]
"""A register of the merged circuit, and the place of a bit in it."""


@dataclass(frozen=True, eq=False)
class TileCircuit:
    """A scheduled circuit, and where on the device it runs."""

    circuit: QuantumCircuit
    physical: tuple[int, ...]
    """The device's qubit of each qubit of the circuit."""

    lag_dt: int = 0
    """What it waits for at the start, all qubits in |0>, to end together with longer ones."""

    lag_steps: int = 0
    """Steps that longer ones are ahead: its register `m0` is read with their `m{lag_steps}`."""


@dataclass(frozen=True, eq=False)
class Merged:
    """One circuit for all tiles."""

    circuit: QuantumCircuit
    """On the whole device."""

    parameters: tuple[tuple[Parameter, ...], ...]
    """For each tile, the new name of each of its circuit's parameters, in their order."""

    bits: tuple[dict[str, tuple[tuple[str, int], ...]], ...]
    """For each tile, register by register, where each bit is read: (register, place)."""


def merge(tiles: Sequence[TileCircuit], n_qubits: int) -> Merged:
    """Write circuits on different qubits of a device into one.

    Bits that are measured together share a register of at most 32 bits, every branch reads a whole
    register and masks its own bits, and stands behind all measurements that write there: a step
    then takes one broadcast for each 32 bits, whatever the number of tiles. No instruction is added
    to a tile's but its wait at the start.

    Args:
        tiles: circuits on disjoint qubits, each writing every bit once.
        n_qubits: of the device.

    Raises:
        SpecError: tiles share a qubit, a bit is written twice, a branch is not an if, or reads
            before another tile has measured what it needs.
    """
    used = [qubit for one in tiles for qubit in one.physical]
    if len(set(used)) != len(used) or not tiles:
        raise SpecError(f"tiles should share no qubit. Got {[one.physical for one in tiles]}.")
    groups = [_groups(one) for one in tiles]
    merged = QuantumCircuit(n_qubits, name=f"{tiles[0].circuit.name}-{len(tiles)}-tiles")
    places = _registers(merged, groups)
    parameters: list[tuple[Parameter, ...]] = []
    queues: list[deque[CircuitInstruction]] = []
    for number, one in enumerate(tiles):
        own = {old: Parameter(f"t{number}_{old.name}") for old in one.circuit.parameters}
        parameters.append(tuple(own.values()))
        renamed = one.circuit.assign_parameters(own) if own else one.circuit
        # The bits of an assigned circuit are those of the circuit that it was made of.
        queues.append(deque(renamed.data))
        for qubit in one.physical if one.lag_dt else ():
            merged.delay(one.lag_dt, qubit, unit="dt")
    _append_all(merged, tiles, queues, places)
    return Merged(
        merged,
        tuple(parameters),
        tuple(
            {
                register.name: tuple((own[bit][0].name, own[bit][1]) for bit in register)
                for register in one.circuit.cregs
            }
            for one, own in zip(tiles, places, strict=True)
        ),
    )


def _groups(tile: TileCircuit) -> dict[Clbit, tuple[str, int]]:
    """Return register and wave of each bit: what is measured before its register is read again."""
    circuit = tile.circuit
    home = {bit: register.name for register in circuit.cregs for bit in register}
    wave: dict[str, int] = defaultdict(int)
    written: dict[Clbit, tuple[str, int]] = {}
    for one in circuit.data:
        if isinstance(one.operation, IfElseOp):
            for bit in condition_bits(one.operation.condition):
                name, number = written.get(bit, ("", -1))
                if number == wave[name]:
                    wave[name] += 1
        elif is_reading(one):
            for bit in one.clbits:
                if bit in written or bit not in home:
                    raise SpecError(
                        "a circuit of a tile should write each bit of its registers once. Got "
                        f"{home.get(bit, 'a bit outside all registers')} written otherwise."
                    )
                written[bit] = (home[bit], wave[home[bit]])
        elif one.is_control_flow():
            raise SpecError(f"tiles should branch by if alone. Got {one.operation.name}.")
    for bit, name in home.items():
        written.setdefault(bit, (name, wave[name]))
    return {bit: (_ahead(name, tile.lag_steps), number) for bit, (name, number) in written.items()}


def _ahead(name: str, steps: int) -> str:
    found = _STEP.fullmatch(name)
    return f"m{int(found[1]) + steps}" if found else name


def _registers(
    merged: QuantumCircuit, groups: Sequence[dict[Clbit, tuple[str, int]]]
) -> list[dict[Clbit, Place]]:
    """Add the registers that tiles share; the bits of a tile's group stay together."""
    members: dict[tuple[str, int], list[list[tuple[int, Clbit]]]] = {}
    for number, own in enumerate(groups):
        of_tile: dict[tuple[str, int], list[tuple[int, Clbit]]] = {}
        for bit, group in own.items():
            of_tile.setdefault(group, []).append((number, bit))
        for group, bits in of_tile.items():
            members.setdefault(group, []).append(bits)
    places: list[dict[Clbit, Place]] = [{} for _ in groups]
    for (name, wave), blocks in sorted(members.items(), key=lambda one: _order(one[0])):
        base = f"{name}_{wave}" if wave else name
        for part, filled in enumerate(_filled(blocks, DEFAULT_LIMITS.condition_bits)):
            register = ClassicalRegister(len(filled), f"{base}_part{part}" if part else base)
            merged.add_register(register)
            for place, (number, bit) in enumerate(filled):
                places[number][bit] = (register, place)
    return places


def _order(group: tuple[str, int]) -> tuple[int, int, str, int]:
    name, wave = group
    found = _STEP.fullmatch(name)
    return (0, int(found[1]), "", wave) if found else (1, 0, name, wave)


def _filled(
    blocks: Sequence[Sequence[tuple[int, Clbit]]], most: int
) -> Iterator[list[tuple[int, Clbit]]]:
    filled: list[tuple[int, Clbit]] = []
    for block in blocks:
        if filled and len(filled) + len(block) > most:
            yield filled
            filled = []
        filled = [*filled, *block]
    yield filled


def _append_all(
    merged: QuantumCircuit,
    tiles: Sequence[TileCircuit],
    queues: Sequence[deque[CircuitInstruction]],
    places: Sequence[dict[Clbit, Place]],
) -> None:
    """Append the instructions of all tiles, each branch behind all writes to what it reads."""
    missing: dict[str, int] = defaultdict(int)  # writes to come, by register
    for queue, own in zip(queues, places, strict=True):
        for one in queue:
            for bit in one.clbits if is_reading(one) else ():
                missing[own[bit][0].name] += 1
    while any(queues):
        before = sum(map(len, queues))
        for tile, queue, own in zip(tiles, queues, places, strict=True):
            qubits = dict(zip(tile.circuit.qubits, tile.physical, strict=True))
            while queue:
                one = queue[0]
                at = [qubits[qubit] for qubit in one.qubits]
                if isinstance(one.operation, IfElseOp):
                    read = {own[bit][0].name for bit in condition_bits(one.operation.condition)}
                    if any(missing[name] for name in read):
                        break
                    condition = over_registers(one.operation.condition, own)
                    branch = IfElseOp(condition, *one.operation.blocks)
                    _append_branch(merged, branch, at)
                else:
                    bits = [own[bit][0][own[bit][1]] for bit in one.clbits]
                    merged.append(one.operation, at, bits, copy=False)
                    for bit in one.clbits if is_reading(one) else ():
                        missing[own[bit][0].name] -= 1
                queue.popleft()
        if sum(map(len, queues)) == before:
            raise SpecError(
                "tiles should measure what they read in the same order. Got branches that wait for "
                "each other; tile circuits of one architecture."
            )


def _append_branch(merged: QuantumCircuit, branch: IfElseOp, at: Sequence[int]) -> None:
    """Append an if, whose blocks get the bits that its condition reads."""
    bits = sorted(condition_bits(branch.condition), key=lambda bit: merged.find_bit(bit).index)
    blocks = []
    for block in branch.blocks:
        own = QuantumCircuit(list(block.qubits), bits)
        for inner in block.data:
            own.append(inner.operation, inner.qubits, copy=False)
        blocks.append(own)
    merged.append(branch.replace_blocks(blocks), at, bits, copy=False)
