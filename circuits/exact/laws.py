"""Exact distributions of one program for many rows of parameters at once.

What `circuits.exact.evolve` does for one row, with all rows and all values of the live bits side by
side in one array: a program with a machine's memory (leaked qubits, the last misread) has many
values of few numbers each, which cost a call apiece there. Without gradients.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike, NDArray

from circuits.errors import CircuitsError
from circuits.exact.evolve import BYTES_LIMIT, check_size, last_reads
from circuits.exact.operations import (
    Branch,
    Channel,
    Instrument,
    Measurement,
    Operation,
    Program,
    read_bits,
    touched,
)
from circuits.exact.order import resets_early
from circuits.exact.pauli import FORGET, TRACE, ZERO
from circuits.exact.shots import bind

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class _States:
    """Vectors by the values of the live bits; qubits outside `qubits` are in |0> or as reset."""

    vectors: Array  # shape (values, rows, 4, ..., 4), each of its probability as trace
    qubits: tuple[int, ...]  # axis 2 + i belongs to qubits[i]
    apart: dict[int, Array]  # of the others, shape (4,) or (rows, 4)
    bits: NDArray[np.uint8]  # shape (values, n_bits), 0 for what is not live


def distributions(program: Program, rows: ArrayLike, keep: Sequence[int]) -> Array:
    """Return the exact joint distributions of some bits, of every row.

    Args:
        program: lifted circuit with its noise.
        rows: parameters in the program's order, shape (n, n_parameters).
        keep: bits whose distribution is wanted, m of them, each once.

    Returns:
        Shape (n, 2**m); bit j of the outcome integer is keep[j].

    Raises:
        CircuitsError: parameters of another number, or an evolution of too much memory.
    """
    given = np.asarray(rows, dtype=float)
    for row in given[:1]:
        program.check_parameters(jnp.asarray(row))
    size = check_size(program, len(keep))
    portion = max(1, BYTES_LIMIT // 16 // size)
    found = [
        _distributions(program, given[start : start + portion], keep)
        for start in range(0, len(given), portion)
    ]
    return np.concatenate(found) if found else np.zeros((0, 2 ** len(keep)))


def _distributions(program: Program, rows: Array, keep: Sequence[int]) -> Array:
    angles = np.stack([np.asarray(program.angles(jnp.asarray(row))) for row in rows])
    ends = [Channel((qubit,), FORGET) for qubit in range(program.n_qubits)]
    operations = resets_early((*bind(program.operations, angles), *ends))
    start = _States(
        np.ones((1, len(rows))),
        (),
        dict.fromkeys(range(program.n_qubits), ZERO),
        np.zeros((1, program.n_bits), dtype=np.uint8),
    )
    states = _run(operations, start, frozenset(keep), outermost=True)
    if states.qubits:
        raise CircuitsError("a program should end with every qubit traced out.")
    found = np.zeros((2 ** len(keep), len(rows)))
    outcomes = states.bits[:, list(keep)].astype(np.int64) @ (1 << np.arange(len(keep)))
    np.add.at(found, outcomes, states.vectors)
    return np.asarray(found.T)


def _run(
    operations: Sequence[Operation], states: _States, keep: frozenset[int], *, outermost: bool
) -> _States:
    last = last_reads(operations)
    for position, one in enumerate(operations):
        if isinstance(one, Branch):
            after = keep | {bit for bit, at in last.items() if at > position}
            states = _branch(one, states, after)
        elif isinstance(one, Measurement | Instrument):
            later = keep | {bit for bit, at in last.items() if at > position}
            states = _measured(one, states, later)
        else:
            assert isinstance(one, Channel)  # `bind` left no rotation
            states = _mapped(one, states, may_leave=outermost)
    return states


def _mapped(one: Channel, states: _States, *, may_leave: bool) -> _States:
    if may_leave and one.forgets:
        return _left(states, one.qubits[0], one.matrix[..., 0] / np.sqrt(2))
    if len(one.qubits) == 1 and one.qubits[0] not in states.qubits:
        (qubit,) = one.qubits
        moved = (one.matrix @ states.apart[qubit][..., None])[..., 0]
        return replace(states, apart={**states.apart, qubit: moved})
    states = _joined(states, one.qubits)
    return replace(states, vectors=_applied(one.matrix, states, one.qubits))


def _joined(states: _States, qubits: Sequence[int]) -> _States:
    vectors, inside = states.vectors, states.qubits
    for qubit in qubits:
        if qubit not in inside:
            own = states.apart[qubit]
            if own.ndim == 2:
                own = own.reshape(len(own), *(1,) * len(inside), 4)
            vectors = vectors[..., None] * own
            inside = (*inside, qubit)
    return replace(states, vectors=vectors, qubits=inside)


def _left(states: _States, qubit: int, left_in: Array) -> _States:
    """Take a qubit out of the vectors and remember the state that it is left in."""
    apart = {**states.apart, qubit: left_in}
    if qubit not in states.qubits:
        return replace(states, apart=apart)
    axis = 2 + states.qubits.index(qubit)
    vectors = np.take(states.vectors, 0, axis=axis) * TRACE[0]
    inside = tuple(q for q in states.qubits if q != qubit)
    return replace(states, vectors=vectors, qubits=inside, apart=apart)


def _applied(matrix: Array, states: _States, qubits: Sequence[int]) -> Array:
    """Apply a map, shape (4**k, 4**k), or one for each row, shape (rows, 4**k, 4**k)."""
    k, n = len(qubits), len(states.qubits)
    axes = [2 + states.qubits.index(qubit) for qubit in qubits]
    front = np.moveaxis(states.vectors, axes, range(2, 2 + k))
    flat = front.reshape(*front.shape[:2], 4**k, 4 ** (n - k))
    moved = np.matmul(matrix, flat).reshape(front.shape)
    return np.asarray(np.moveaxis(moved, range(2, 2 + k), axes))


def _measured(
    one: Measurement | Instrument, states: _States, alive: frozenset[int] | set[int]
) -> _States:
    states = _joined(states, (one.qubit,))
    maps: dict[tuple[int, ...], Array] = {}
    for value, matrix in enumerate(one.instrument):
        written = tuple(
            value >> place & 1 if bit in alive else 0 for place, bit in enumerate(one.bits)
        )
        maps[written] = maps[written] + matrix if written in maps else matrix
    vectors, bits = [], []
    for written, matrix in maps.items():
        vectors.append(_applied(matrix, states, (one.qubit,)))
        new = states.bits.copy()
        new[:, list(one.bits)] = written
        bits.append(new)
    return _merged(replace(states, vectors=np.concatenate(vectors), bits=np.concatenate(bits)))


def _branch(one: Branch, states: _States, after: frozenset[int] | set[int]) -> _States:
    # Both sides must end with the same qubits in the vectors.
    states = _joined(states, sorted(touched(one)))
    patterns, which = np.unique(states.bits[:, list(one.bits)], axis=0, return_inverse=True)
    holds = np.array(
        [one.holds(dict(zip(one.bits, map(int, p), strict=True))) for p in patterns], dtype=bool
    )[which.ravel()]
    inside = frozenset(after) | read_bits(one)
    done = []
    for rows, part in (
        (np.flatnonzero(holds), one.taken),
        (np.flatnonzero(~holds), one.otherwise),
    ):
        if len(rows):
            own = replace(states, vectors=states.vectors[rows], bits=states.bits[rows])
            done.append(_run(part, own, inside, outermost=False))
    bits = np.concatenate([d.bits for d in done])
    bits[:, sorted(read_bits(one) - after)] = 0
    vectors = np.concatenate([d.vectors for d in done])
    return _merged(replace(states, vectors=vectors, bits=bits))


def _merged(states: _States) -> _States:
    """Sum what has the same live bits, and leave out what cannot be."""
    kept, which = np.unique(states.bits, axis=0, return_inverse=True)
    place = which.ravel()
    if len(kept) < len(place):
        vectors = np.zeros((len(kept), *states.vectors.shape[1:]))
        np.add.at(vectors, place, states.vectors)
        states = replace(states, vectors=vectors, bits=kept)
    first = states.vectors.reshape(*states.vectors.shape[:2], -1)[..., 0]
    possible = np.flatnonzero(np.any(first > 0, axis=1))
    if len(possible) < len(first):
        states = replace(states, vectors=states.vectors[possible], bits=states.bits[possible])
    return states
