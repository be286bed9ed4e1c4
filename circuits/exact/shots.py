"""Shots of any lifted program, all classical bits of each: trajectories over what was measured.

One Pauli vector is kept for each history of recorded bits, with the number of shots that share
it. A qubit joins the vectors when something first acts on it and leaves them when it is reset or
nothing touches it any more, so a shot carries the live qubits only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from circuits.errors import CircuitsError
from circuits.exact.fusing import fuse
from circuits.exact.operations import (
    Branch,
    Channel,
    Instrument,
    Measurement,
    Operation,
    Program,
    Rotation,
    touched,
)
from circuits.exact.pauli import ROTATION_PARTS, TRACE, ZERO
from circuits.integers import count
from circuits.outcomes import bits_of

BYTES_LIMIT = 2**28
"""For the vectors of all histories; shots beyond it are drawn in portions."""

QUBITS_LIMIT = 11
"""A single vector of more live qubits takes longer than Aer takes for the shot."""


@dataclass(frozen=True, eq=False)
class _Histories:
    """Shots by what they recorded; qubits outside `qubits` are product states in `apart`."""

    vectors: NDArray[np.float64]  # shape (histories, 4, ..., 4), each of trace 1
    qubits: tuple[int, ...]  # axis 1 + i belongs to qubits[i]
    apart: dict[int, NDArray[np.float64]]
    bits: NDArray[np.uint8]  # shape (histories, n_bits)
    counts: NDArray[np.int64]  # shape (histories,)


def sample_shots(
    program: Program,
    parameters: NDArray[np.float64],
    shots: int,
    generator: np.random.Generator,
) -> NDArray[np.uint8]:
    """Draw shots of a program, in random order.

    Args:
        program: lifted circuit with its noise.
        parameters: values in the program's order, shape (n_parameters,).
        shots: at least 1.
        generator: of the draws.

    Returns:
        All classical bits, shape (shots, n_bits); a bit that is never written is 0.

    Raises:
        CircuitsError: no shots, more than `QUBITS_LIMIT` qubits, or parameters of another number
            or not finite.
    """
    shots = count("the number of shots", shots)
    if program.n_qubits > QUBITS_LIMIT:
        raise CircuitsError(
            f"shots should be drawn here for at most {QUBITS_LIMIT} qubits. Got "
            f"{program.n_qubits}; use the aer executor."
        )
    given = jnp.asarray(parameters, dtype=float)
    program.check_parameters(given)
    if not jnp.isfinite(given).all():
        raise CircuitsError("parameters should be finite. Got one that is not.")
    angles = np.asarray(program.angles(given))
    operations = bind(program.operations, angles)
    portion = max(1, BYTES_LIMIT // (8 * 4**program.n_qubits))
    parts = []
    for start in range(0, shots, portion):
        histories = _Histories(
            vectors=np.ones(1),
            qubits=(),
            apart=dict.fromkeys(range(program.n_qubits), ZERO),
            bits=np.zeros((1, program.n_bits), dtype=np.uint8),
            counts=np.array([min(portion, shots - start)]),
        )
        done = _run(operations, histories, generator, outermost=True)
        parts.append(np.repeat(done.bits, done.counts, axis=0))
    return generator.permutation(np.concatenate(parts))


def bind(operations: Sequence[Operation], angles: NDArray[np.float64]) -> tuple[Operation, ...]:
    """Return operations with fixed maps in place of rotations, neighbours multiplied.

    Args:
        operations: of one program.
        angles: of the program, radians, shape (..., n_angles); leading axes are those of the maps.
    """
    bound: list[Operation] = []
    for operation in operations:
        if isinstance(operation, Rotation):
            angle = angles[..., operation.angle, None, None]
            fixed, cosine, sine = ROTATION_PARTS[operation.axis]
            matrix = fixed + np.cos(angle) * cosine + np.sin(angle) * sine
            bound.append(Channel((operation.qubit,), matrix))
        elif isinstance(operation, Branch):
            taken, otherwise = (bind(p, angles) for p in (operation.taken, operation.otherwise))
            bound.append(replace(operation, taken=taken, otherwise=otherwise))
        else:
            bound.append(operation)
    return fuse(tuple(bound))


def _run(
    operations: Sequence[Operation],
    histories: _Histories,
    generator: np.random.Generator,
    *,
    outermost: bool,
) -> _Histories:
    last = {q: at for at, operation in enumerate(operations) for q in touched(operation)}
    for position, operation in enumerate(operations):
        if isinstance(operation, Branch):
            histories = _branch(operation, histories, generator)
        elif isinstance(operation, Measurement | Instrument):
            histories = _measure(operation, histories, generator)
        else:
            assert isinstance(operation, Channel)  # `bind` left no rotation
            histories = _map(operation, histories, may_leave=outermost)
        if outermost:
            for qubit in touched(operation):
                if last[qubit] == position:
                    histories = _traced(histories, qubit, ZERO)
    return histories


def _map(operation: Channel, histories: _Histories, *, may_leave: bool) -> _Histories:
    if may_leave and operation.forgets:
        return _traced(histories, operation.qubits[0], operation.matrix[:, 0] / np.sqrt(2))
    histories = _joined(histories, operation.qubits)
    axes = [histories.qubits.index(q) for q in operation.qubits]
    return replace(histories, vectors=_applied(operation.matrix, histories.vectors, axes))


def _joined(histories: _Histories, qubits: Sequence[int]) -> _Histories:
    """Bring qubits into the vectors."""
    vectors, inside = histories.vectors, histories.qubits
    for qubit in qubits:
        if qubit not in inside:
            vectors = np.multiply.outer(vectors, histories.apart[qubit])
            inside = (*inside, qubit)
    return replace(histories, vectors=vectors, qubits=inside)


def _traced(histories: _Histories, qubit: int, left_in: NDArray[np.float64]) -> _Histories:
    """Take a qubit out of the vectors and remember the state that it is left in."""
    apart = {**histories.apart, qubit: left_in}
    if qubit not in histories.qubits:
        return replace(histories, apart=apart)
    axis = histories.qubits.index(qubit)
    vectors = np.tensordot(histories.vectors, TRACE, axes=([1 + axis], [0]))
    inside = tuple(q for q in histories.qubits if q != qubit)
    return replace(histories, vectors=vectors, qubits=inside, apart=apart)


def _applied(
    matrix: NDArray[np.float64], vectors: NDArray[np.float64], axes: Sequence[int]
) -> NDArray[np.float64]:
    k = len(axes)
    split = matrix.reshape((4,) * (2 * k))
    places = [1 + axis for axis in axes]
    moved = np.tensordot(vectors, split, axes=(places, list(range(k, 2 * k))))
    return np.asarray(np.moveaxis(moved, list(range(moved.ndim - k, moved.ndim)), places))


def _measure(
    operation: Measurement | Instrument, histories: _Histories, generator: np.random.Generator
) -> _Histories:
    histories = _joined(histories, (operation.qubit,))
    axis = histories.qubits.index(operation.qubit)
    branches = [_applied(m, histories.vectors, [axis]) for m in operation.instrument]
    scale = TRACE[0] ** len(histories.qubits)
    weights = np.array([b.reshape(len(b), -1)[:, 0] * scale for b in branches])
    vectors, bits, counts = [], [], []
    for value, drawn in enumerate(_drawn(weights, histories.counts, generator)):
        rows = np.flatnonzero(drawn)
        kept = branches[value][rows]
        shape = (-1,) + (1,) * len(histories.qubits)
        vectors.append(kept / weights[value][rows].reshape(shape))
        read = histories.bits[rows]
        read[:, list(operation.bits)] = bits_of(value, len(operation.bits))
        bits.append(read)
        counts.append(drawn[rows])
    return replace(
        histories,
        vectors=np.concatenate(vectors),
        bits=np.concatenate(bits),
        counts=np.concatenate(counts),
    )


def _drawn(
    weights: NDArray[np.float64], counts: NDArray[np.int64], generator: np.random.Generator
) -> list[NDArray[np.int64]]:
    """Divide the shots of each history among values by weight, shape (n_values, histories)."""
    left, found = counts, []
    for value in range(len(weights) - 1, 0, -1):
        below = weights[: value + 1].sum(0)
        share = np.divide(weights[value], below, out=np.zeros(len(below)), where=below > 0)
        drawn = generator.binomial(left, np.clip(share, 0.0, 1.0))
        left = left - drawn
        found.append(drawn)
    return [left, *found[::-1]]


def _branch(operation: Branch, histories: _Histories, generator: np.random.Generator) -> _Histories:
    # Both sides must end with the same qubits in the vectors.
    histories = _joined(histories, sorted(touched(operation)))
    read = histories.bits[:, list(operation.bits)]
    patterns, which = np.unique(read, axis=0, return_inverse=True)
    holds = np.array(
        [operation.holds(dict(zip(operation.bits, map(int, p), strict=True))) for p in patterns]
    )[which.ravel()]
    done = []
    for rows, part in (
        (np.flatnonzero(holds), operation.taken),
        (np.flatnonzero(~holds), operation.otherwise),
    ):
        if len(rows):
            own = replace(
                histories,
                vectors=histories.vectors[rows],
                bits=histories.bits[rows],
                counts=histories.counts[rows],
            )
            done.append(_run(part, own, generator, outermost=False))
    return replace(
        histories,
        vectors=np.concatenate([d.vectors for d in done]),
        bits=np.concatenate([d.bits for d in done]),
        counts=np.concatenate([d.counts for d in done]),
    )
