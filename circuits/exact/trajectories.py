"""Shots of a lifted program as pure states: one Kraus operator drawn for each map and shot.

A state of n qubits is 2**n numbers in place of 4**n, so that more qubits fit than as density
operators. The law of the shots is exact, as that of `circuits.exact.shots` is (Dalibard, Castin and
Molmer, Phys. Rev. Lett. 68, 580, 1992).
"""

from __future__ import annotations

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from circuits.errors import CircuitsError
from circuits.exact.operations import Branch, Channel, Instrument, Measurement, Operation, Program
from circuits.exact.pauli import kraus_operators
from circuits.exact.shots import bind
from circuits.integers import count
from circuits.outcomes import bits_of

BYTES_LIMIT = 2**27
"""For the states of all shots; shots beyond it are drawn in portions."""

QUBITS_LIMIT = 20
"""A single state of more of them has over 16 MiB."""

States = NDArray[np.complex128]  # shape (shots, 2, ..., 2), axis 1 + q is qubit q
Drawn = list[tuple[int, NDArray[np.complex128]]]
"""Kraus operators with the value that each writes, those of most weight first."""


def sample_trajectories(
    program: Program,
    parameters: NDArray[np.float64],
    shots: int,
    generator: np.random.Generator,
) -> NDArray[np.uint8]:
    """Draw shots of a program.

    Args:
        program: lifted circuit with its noise.
        parameters: values in the program's order, shape (n_parameters,).
        shots: at least 1.
        generator: of the draws.

    Returns:
        All classical bits, shape (shots, n_bits); a bit that is never written is 0.

    Raises:
        CircuitsError: no shots, more than `QUBITS_LIMIT` qubits, or parameters of another number.
    """
    shots = count("the number of shots", shots)
    if program.n_qubits > QUBITS_LIMIT:
        raise CircuitsError(
            f"trajectories should be of at most {QUBITS_LIMIT} qubits. Got {program.n_qubits}."
        )
    given = jnp.asarray(parameters, dtype=float)
    program.check_parameters(given)
    operations = bind(program.operations, np.asarray(program.angles(given)))
    known: dict[int, Drawn] = {}
    portion = max(1, BYTES_LIMIT // (16 << program.n_qubits))
    parts = []
    for start in range(0, shots, portion):
        n = min(portion, shots - start)
        ground = np.zeros((n, 2**program.n_qubits), dtype=complex)
        ground[:, 0] = 1
        states = ground.reshape(n, *(2,) * program.n_qubits)
        bits = np.zeros((n, program.n_bits), dtype=np.uint8)
        _run(operations, states, bits, known, generator)
        parts.append(bits)
    return np.concatenate(parts)


def _run(
    operations: Sequence[Operation],
    states: States,
    bits: NDArray[np.uint8],
    known: dict[int, Drawn],
    generator: np.random.Generator,
) -> None:
    """Carry states and bits through operations, in place."""
    for one in operations:
        if isinstance(one, Branch):
            for rows, part in _sides(one, bits):
                if len(rows) and part:
                    own, read = states[rows], bits[rows]
                    _run(part, own, read, known, generator)
                    states[rows], bits[rows] = own, read
            continue
        if id(one) not in known:
            known[id(one)] = _kraus(one)
        if isinstance(one, Channel):
            _draw(known[id(one)], one.qubits, states, generator)
        elif isinstance(one, Measurement | Instrument):
            values = _draw(known[id(one)], (one.qubit,), states, generator)
            bits[:, list(one.bits)] = bits_of(values, len(one.bits))


def _kraus(one: Operation) -> Drawn:
    maps = [one.matrix] if isinstance(one, Channel) else list(one.instrument)  # type: ignore[union-attr]
    found = [(v, k) for v, each in enumerate(maps) for k in kraus_operators(np.asarray(each))]
    return sorted(found, key=lambda pair: -float(np.linalg.norm(pair[1])))


def _sides(
    one: Branch, bits: NDArray[np.uint8]
) -> list[tuple[NDArray[np.intp], Sequence[Operation]]]:
    patterns, which = np.unique(bits[:, list(one.bits)], axis=0, return_inverse=True)
    holds = np.array(
        [one.holds(dict(zip(one.bits, map(int, p), strict=True))) for p in patterns], dtype=bool
    )[which.ravel()]
    return [(np.flatnonzero(holds), one.taken), (np.flatnonzero(~holds), one.otherwise)]


def _draw(
    operators: Drawn, qubits: Sequence[int], states: States, generator: np.random.Generator
) -> NDArray[np.int64]:
    """Apply to each state one of the operators, by its weight there; return what it writes."""
    first, operator = operators[0]
    values = np.full(len(states), first, dtype=np.int64)
    moved = _applied(operator, states, qubits)
    weights = _norms(moved)
    chance = generator.random(len(states)) if len(operators) > 1 else np.zeros(len(states))
    # Where rounding leaves a shot to none of the operators, the first one keeps it.
    rows = np.flatnonzero(chance >= weights) if len(operators) > 1 else np.zeros(0, dtype=int)
    before, left = states[rows], chance[rows] - weights[rows]
    np.divide(moved, _scales(weights, states.ndim), out=states)
    for value, operator in operators[1:]:
        if not len(rows):
            break
        moved = _applied(operator, before, qubits)
        weights = _norms(moved)
        hit = left < weights
        states[rows[hit]] = moved[hit] / _scales(weights[hit], states.ndim)
        values[rows[hit]] = value
        rows, before, left = rows[~hit], before[~hit], (left - weights)[~hit]
    return values


def _norms(states: States) -> NDArray[np.float64]:
    flat = states.reshape(len(states), -1)
    return np.asarray(np.einsum("si,si->s", flat, flat.conj()).real)


def _scales(weights: NDArray[np.float64], n_axes: int) -> NDArray[np.float64]:
    return np.asarray(np.sqrt(np.maximum(weights, 1e-300))).reshape((-1,) + (1,) * (n_axes - 1))


def _applied(operator: NDArray[np.complex128], states: States, qubits: Sequence[int]) -> States:
    k = len(qubits)
    axes = [1 + qubit for qubit in reversed(qubits)]  # the first qubit is least significant
    moved = np.tensordot(states, operator.reshape((2,) * (2 * k)), axes=(axes, range(k, 2 * k)))
    return np.asarray(np.moveaxis(moved, range(moved.ndim - k, moved.ndim), axes))
