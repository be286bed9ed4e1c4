"""States forward through a program: exact distributions of dynamic circuits.

The state is one Pauli vector for each value of the live bits, those that a later branch reads or
the caller keeps; a bit that nobody reads any more is summed out at once. Memory is
8 * 4**n * 2**live bytes a batch entry.
"""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from circuits.errors import CircuitsError
from circuits.exact.operations import (
    Branch,
    Channel,
    Instrument,
    Measurement,
    Operation,
    Program,
    Rotation,
    read_bits,
)
from circuits.exact.order import resets_early
from circuits.exact.pauli import FORGET, ZERO, rotation_matrix
from circuits.exact.register import Register, total

BYTES_LIMIT = 4 * 2**30
"""Above this the evolution is refused."""

Key = tuple[tuple[int, int], ...]
"""Values of the live bits, sorted by bit."""

States = dict[Key, Register]


def zero_state(n_qubits: int) -> jax.Array:
    """Return |0...0> as a Pauli vector, shape (4,) * n_qubits."""
    vector = np.array(1.0)
    for _ in range(n_qubits):
        vector = np.multiply.outer(vector, ZERO)
    return jnp.asarray(vector)


def distribution(program: Program, parameters: jax.Array, keep: Sequence[int]) -> jax.Array:
    """Return the exact joint distribution of some classical bits after a program.

    Args:
        program: lifted circuit with its noise.
        parameters: values in the program's order, shape (n_parameters,).
        keep: bits whose distribution is wanted, m of them.

    Returns:
        Shape (2**m,); bit j of the outcome integer is keep[j].

    Raises:
        CircuitsError: a bit that the program does not have or that is named twice, parameters of
            another number, or the evolution would need more memory than `BYTES_LIMIT`.
    """
    if len(set(keep)) < len(keep) or not all(0 <= bit < program.n_bits for bit in keep):
        raise CircuitsError(
            f"bits to keep should be distinct and among the program's {program.n_bits}. "
            f"Got {list(keep)}."
        )
    check_size(program, len(keep))
    given = jnp.asarray(parameters, dtype=float)
    program.check_parameters(given)
    start = Register.product([ZERO] * program.n_qubits)
    angles = program.angles(given)
    ends = [Channel((qubit,), FORGET) for qubit in range(program.n_qubits)]
    operations = resets_early((*program.operations, *ends))
    states = push(operations, {(): start}, angles, frozenset(keep))
    rows = []
    for outcome in range(2 ** len(keep)):
        wanted = bits_key(keep, outcome)
        found = [r.reduced(())[0] for key, r in states.items() if filled_key(key, keep) == wanted]
        rows.append(sum(found[1:], found[0]) if found else jnp.zeros(()))
    return jnp.stack(rows)


def check_size(program: Program, n_kept: int) -> int:
    """Return the bytes of one state, all values of its live bits, where its evolution fits.

    Raises:
        CircuitsError: the advice is in the message.
    """
    live = max(n_kept, most_live_bits(program.operations, frozenset()) + n_kept)
    needed = 8 * 4**program.n_qubits * 2**live
    if needed > BYTES_LIMIT:
        raise CircuitsError(
            f"exact evolution should need at most {BYTES_LIMIT / 2**30:.0f} GiB. Got "
            f"{program.n_qubits} qubits with {live} live bits, {needed / 2**30:.0f} GiB; "
            "keep fewer bits, or sample shots with the aer executor."
        )
    return int(needed)


def most_live_bits(operations: Sequence[Operation], keep: frozenset[int]) -> int:
    """Return the largest number of bits that are alive at once, kept ones aside."""
    alive: set[int] = set()
    most = 0
    last = last_reads(operations)
    for position, operation in enumerate(operations):
        if isinstance(operation, Measurement | Instrument):
            alive |= {bit for bit in operation.bits if last.get(bit, -1) > position}
        most = max(most, len(alive - keep))
        alive = {bit for bit in alive if last.get(bit, -1) > position}
    return most


def last_reads(operations: Sequence[Operation]) -> dict[int, int]:
    """Return, for each bit, the last position at which a branch reads it."""
    return {
        bit: position
        for position, operation in enumerate(operations)
        for bit in read_bits(operation)
    }


def push(
    operations: Sequence[Operation], states: States, angles: jax.Array, keep: frozenset[int]
) -> States:
    """Carry states through operations, in order.

    Args:
        operations: of one program.
        states: one register for each value of the live bits; bits without a value are 0.
        angles: of the program, radians, shape (n_angles,).
        keep: bits that stay alive to the end.
    """
    last = last_reads(operations)
    for position, operation in enumerate(operations):
        if isinstance(operation, Measurement | Instrument):
            later = {bit for bit in operation.bits if last.get(bit, -1) > position}
            states = _measure(operation, states, later.union(keep).intersection(operation.bits))
        elif isinstance(operation, Branch):
            inside = keep | {bit for bit, at in last.items() if at > position}
            states = _branch(operation, states, angles, inside)
            dead = {bit for bit in read_bits(operation) if last[bit] <= position} - keep
            states = merged(states, dead)
        else:
            states = {k: apply(operation, r, angles) for k, r in states.items()}
    return states


def apply(operation: Channel | Rotation, register: Register, angles: jax.Array) -> Register:
    """Apply a map without bits to a register."""
    if isinstance(operation, Channel):
        return register.many(operation.qubits, operation.matrix, operation.outer)
    return register.one(operation.qubit, rotation_matrix(operation.axis, angles[operation.angle]))


def _measure(
    operation: Measurement | Instrument, states: States, read: frozenset[int] | set[int]
) -> States:
    maps = _maps(operation, read)
    gathered: dict[Key, list[Register]] = {}
    for key, register in states.items():
        rest = tuple(pair for pair in key if pair[0] not in operation.bits)
        for written, matrix in maps.items():
            new = tuple(sorted((*rest, *written)))
            gathered.setdefault(new, []).append(register.one(operation.qubit, matrix))
    return {key: total(registers) for key, registers in gathered.items()}


def _maps(
    operation: Measurement | Instrument, read: frozenset[int] | set[int]
) -> dict[Key, NDArray[np.float64]]:
    """Return the map for each value of the bits that somebody reads, the others summed out."""
    found: dict[Key, NDArray[np.float64]] = {}
    for value, matrix in enumerate(operation.instrument):
        written = tuple((bit, at) for bit, at in bits_key(operation.bits, value) if bit in read)
        found[written] = found[written] + matrix if written in found else matrix
    return found


def _branch(operation: Branch, states: States, angles: jax.Array, keep: frozenset[int]) -> States:
    gathered: dict[Key, list[Register]] = {}
    for key, register in states.items():
        part = operation.taken if operation.holds(dict(key)) else operation.otherwise
        inside = keep | {bit for bit, _ in key}
        for new, moved in push(part, {key: register}, angles, inside).items():
            gathered.setdefault(new, []).append(moved)
    return {key: total(registers) for key, registers in gathered.items()}


def merged(states: States, dead: set[int]) -> States:
    """Sum out bits that nobody will read."""
    if not dead:
        return states
    gathered: dict[Key, list[Register]] = {}
    for key, register in states.items():
        alive = tuple(pair for pair in key if pair[0] not in dead)
        gathered.setdefault(alive, []).append(register)
    return {key: total(registers) for key, registers in gathered.items()}


def bits_key(bits: Sequence[int], value: int) -> Key:
    """Return the key at which bit j of the value is bits[j]."""
    return tuple(sorted((bit, value >> j & 1) for j, bit in enumerate(bits)))


def filled_key(key: Key, keep: Sequence[int]) -> Key:
    """Return the key of some bits alone; those without a value are 0."""
    values = dict(key)
    return tuple(sorted((bit, values.get(bit, 0)) for bit in keep))
