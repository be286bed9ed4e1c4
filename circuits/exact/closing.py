"""The closing part of a recurrent circuit: the law of what its last measurements read."""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from circuits.exact.evolve import push
from circuits.exact.operations import Branch, Instrument, Measurement, Program, touched
from circuits.exact.pauli import TRACE
from circuits.exact.pullback import outcome_functionals
from circuits.exact.register import Register


def closing_functionals(closing: Program, out_bits: Sequence[int], weights: jax.Array) -> jax.Array:
    """Return the functionals p(outcome) on the state before the closing part.

    Returns:
        Shape (2**m, 4, ..., 4): row k is the probability of outcome k.
    """
    trace = Register.product([TRACE] * closing.n_qubits)
    angles = closing.angles(weights)
    return outcome_functionals(closing.operations, trace, out_bits, angles)[:, 0]


def closing_distribution(
    closing: Program, out_bits: Sequence[int], state: Register, weights: jax.Array
) -> jax.Array:
    """Return the outcome distribution of one state, shape (2**m,).

    Where the closing part ends in measurements of different qubits, each of them reduces its
    qubit from four numbers to two, and the 2**m functionals are never written out.
    """
    rows = _final_measurements(closing)
    if rows is None or {bit for bit, _ in rows.values()} != set(out_bits):
        functionals = closing_functionals(closing, out_bits, weights)
        return functionals.reshape(2 ** len(out_bits), -1) @ state.settled().ravel()
    before = [op for op in closing.operations if not isinstance(op, Measurement)]
    pushed = push(before, {(): state}, closing.angles(weights), frozenset())[()]
    qubit_of = {bit: qubit for qubit, (bit, _) in rows.items()}
    slowest_first = [qubit_of[bit] for bit in reversed(out_bits)]
    tensor = pushed.reduced(slowest_first)[0]
    for axis, qubit in enumerate(slowest_first):
        reduced = jnp.tensordot(tensor, jnp.asarray(rows[qubit][1]), axes=([axis], [1]))
        tensor = jnp.moveaxis(reduced, -1, axis)
    return tensor.ravel()


def _final_measurements(closing: Program) -> dict[int, tuple[int, NDArray[np.float64]]] | None:
    """Return bit and p(recorded) functionals (2, 4) of each qubit, None where more follows."""
    rows: dict[int, tuple[int, NDArray[np.float64]]] = {}
    for operation in closing.operations:
        if isinstance(operation, Branch | Instrument) or touched(operation) & set(rows):
            return None
        if isinstance(operation, Measurement):
            rows[operation.qubit] = (operation.bit, TRACE @ operation.instrument)
    n_bits = len({bit for bit, _ in rows.values()})
    return rows if n_bits == len(rows) else None
