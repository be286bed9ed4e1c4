"""Functionals backward through a program: what the outcomes mean before it.

Pulling a functional back through a step depends on the weights alone, so one pass serves every
input of a batch (Heisenberg picture).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import jax
import numpy as np

from circuits.errors import CircuitsError
from circuits.exact.evolve import Key, States, bits_key
from circuits.exact.operations import (
    Branch,
    Channel,
    Instrument,
    Measurement,
    Operation,
    Rotation,
)
from circuits.exact.pauli import rotation_matrix
from circuits.exact.register import Register, total


def pull(operations: Sequence[Operation], functionals: States, angles: jax.Array) -> States:
    """Carry functionals back through operations, last one first.

    Args:
        operations: of one program.
        functionals: one register for each value of the bits that are read after the operations;
            the key `()` alone where none is.
        angles: of the program, radians, shape (n_angles,).

    Returns:
        Functionals before the operations, keyed by the bits they still read.

    Raises:
        CircuitsError: a measurement inside a branch, which no machine takes.
    """
    for operation in reversed(operations):
        if isinstance(operation, Measurement | Instrument):
            functionals = _measurement(operation, functionals)
        elif isinstance(operation, Branch):
            functionals = _branch(operation, functionals, angles)
        else:
            functionals = {k: _apply(operation, r, angles) for k, r in functionals.items()}
    return functionals


def outcome_functionals(
    operations: Sequence[Operation],
    functionals: Register,
    bits: Sequence[int],
    angles: jax.Array,
) -> jax.Array:
    """Carry functionals back through operations, apart for each outcome of some bits.

    Args:
        operations: of one program; they measure all the bits.
        functionals: after the operations, the batch axis first.
        bits: m of them; bit j of the outcome integer is bits[j].
        angles: of the program, radians, shape (n_angles,).

    Returns:
        Shape (2**m, rows, 4, ..., 4): the functionals where the bits read the outcome.

    Raises:
        CircuitsError: a bit is not measured.
    """
    n_outcomes = 2 ** len(bits)
    rows = np.asarray(functionals.vectors)
    given: States = {}
    for outcome in range(n_outcomes):
        key = tuple(sorted((bit, outcome >> j & 1) for j, bit in enumerate(bits)))
        chosen = np.zeros((n_outcomes, *rows.shape))
        chosen[outcome] = rows
        given[key] = replace(functionals, vectors=chosen.reshape(-1, *rows.shape[1:]))
    pulled = pull(operations, given, angles)
    if set(pulled) != {()}:
        raise CircuitsError("every bit of an outcome should be measured there. Got one not.")
    settled = pulled[()].settled()
    return settled.reshape(n_outcomes, -1, *settled.shape[1:])


def _apply(operation: Channel | Rotation, register: Register, angles: jax.Array) -> Register:
    if isinstance(operation, Channel):
        outer = operation.outer
        return register.many(operation.qubits, operation.matrix.T, outer and outer[::-1])
    matrix = rotation_matrix(operation.axis, angles[operation.angle])
    return register.one(operation.qubit, matrix.T)


def _measurement(operation: Measurement | Instrument, functionals: States) -> States:
    gathered: dict[Key, list[Register]] = {}
    instrument = operation.instrument
    for key, register in functionals.items():
        wanted = {bit: value for bit, value in key if bit in operation.bits}
        rest = tuple(pair for pair in key if pair[0] not in operation.bits)
        places = [
            value
            for value in range(len(instrument))
            if wanted.items() <= dict(bits_key(operation.bits, value)).items()
        ]
        moved = register.one(operation.qubit, instrument[np.array(places)].sum(0).T)
        gathered.setdefault(rest, []).append(moved)
    return {key: total(registers) for key, registers in gathered.items()}


def _branch(operation: Branch, functionals: States, angles: jax.Array) -> States:
    for part in (operation.taken, operation.otherwise):
        if any(isinstance(inner, Measurement | Instrument) for inner in part):
            raise CircuitsError(
                "a branch should contain no measurement for a compiled step. Got one; "
                "evolve the whole circuit instead."
            )
    result: States = {}
    for key, register in _split(functionals, operation.bits).items():
        part = operation.taken if operation.holds(dict(key)) else operation.otherwise
        for inner_key, moved in pull(part, {key: register}, angles).items():
            result[inner_key] = moved
    return result


def _split(functionals: States, bits: Sequence[int]) -> States:
    for bit in bits:
        wider: States = {}
        for key, register in functionals.items():
            if any(known == bit for known, _ in key):
                wider[key] = register
            else:
                for value in (0, 1):
                    wider[tuple(sorted((*key, (bit, value))))] = register
        functionals = wider
    return functionals
