"""Registers that keep unentangled qubits apart, and the order of resets, against dense products."""

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit.quantum_info import Kraus, SuperOp, random_unitary

from circuits.exact.evolve import distribution, push
from circuits.exact.operations import Branch, Channel, Measurement, Program
from circuits.exact.order import resets_early
from circuits.exact.pauli import RESET, TRACE, ZERO, transfer_matrix
from circuits.exact.register import Register, total
from circuits.gate_angles import AngleMap

N = 4


def channel(rng, n_qubits):
    """Transfer matrix of a random channel that mixes everything."""
    size = 2**n_qubits
    isometry = random_unitary(3 * size, seed=int(rng.integers(2**31))).data[:, :size]
    kraus = isometry.reshape(3, size, size)
    return transfer_matrix(SuperOp(Kraus(list(kraus))).data)


def dense(matrix, qubits, vector):
    """Apply a map to axes of a tensor (rows, 4, ..., 4), by one product over all numbers."""
    k = len(qubits)
    moved = np.moveaxis(vector, [1 + q for q in qubits], range(-k, 0))
    shape = moved.shape
    moved = (moved.reshape(-1, 4**k) @ matrix.T).reshape(shape)
    return np.moveaxis(moved, range(-k, 0), [1 + q for q in qubits])


def steps(rng, n):
    """Random maps: one and two qubits, resets, and other maps of rank one."""
    for _ in range(n):
        kind = rng.integers(4)
        if kind == 0:
            yield (int(rng.integers(N)),), channel(rng, 1)
        elif kind == 1:
            yield (int(rng.integers(N)),), channel(rng, 1) @ RESET @ channel(rng, 1)
        else:
            pair = rng.permutation(N)[:2]
            yield tuple(map(int, pair)), channel(rng, 2)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_maps_on_a_register_are_maps_on_the_dense_vector(seed):
    rng = np.random.default_rng(seed)
    register, vector = Register.product([ZERO] * N), np.ones(1)
    for _ in range(N):
        vector = np.multiply.outer(vector, ZERO)
    for qubits, matrix in steps(rng, 12):
        given = matrix if rng.random() < 0.5 else jnp.asarray(matrix)  # fixed and traced alike
        register = register.many(qubits, given)
        vector = dense(matrix, qubits, vector)
    np.testing.assert_allclose(register.settled(), vector, atol=1e-14)
    some = sorted(map(int, rng.permutation(N)[:2]))
    kept = vector
    for q in reversed([q for q in range(N) if q not in some]):
        kept = np.tensordot(kept, TRACE, axes=([1 + q], [0]))
    np.testing.assert_allclose(register.reduced(some), kept, atol=1e-14)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), n_steps=st.integers(0, 4))
def test_a_sum_of_registers_is_the_sum_of_their_vectors(seed, n_steps):
    rng = np.random.default_rng(seed)
    start = Register.product([ZERO] * N)
    for qubits, matrix in steps(rng, 5):
        start = start.many(qubits, matrix)
    registers = []
    for _ in range(3):
        register = start
        for qubits, matrix in steps(rng, n_steps):
            register = register.many(qubits, matrix)
        registers.append(register)
    expected = sum(np.asarray(register.settled()) for register in registers)
    np.testing.assert_allclose(total(registers).settled(), expected, atol=1e-14)


def test_qubits_that_are_reset_leave_the_vectors():
    register = Register.product([ZERO] * 3)
    register = register.many((0, 1), channel(np.random.default_rng(1), 2))
    assert register.factor(2) is not None
    assert register.factor(1) is None
    register = register.one(1, RESET)
    np.testing.assert_array_equal(register.factor(1), RESET[:, 0] / RESET[0, 0])
    assert register.vectors.size == 4


def random_operations(rng, n):
    """Measurements, resets after some of them, maps, and branches on bits, at random."""
    for _ in range(n):
        qubit, bit = int(rng.integers(N)), int(rng.integers(3))
        kind = rng.integers(5)
        if kind == 0:
            yield Measurement(qubit, bit, np.array([[0.9, 0.1], [0.2, 0.8]]))
            if rng.random() < 0.5:
                yield Channel((qubit,), channel(rng, 1))
            if rng.random() < 0.7:
                yield Channel((qubit,), RESET)
        elif kind == 1:
            inside = (Channel((qubit,), channel(rng, 1)),)
            value = int(rng.integers(2))
            yield Branch((bit,), lambda v, b=bit, to=value: v.get(b, 0) == to, inside, ())
        elif kind == 2:
            yield Channel((qubit,), RESET)
        else:
            pair = tuple(map(int, rng.permutation(N)[:2]))
            yield Channel(pair, channel(rng, 2))


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_early_resets_leave_every_bit_as_it_was(seed):
    rng = np.random.default_rng(seed)
    operations = tuple(random_operations(rng, 14))
    early = resets_early(operations)
    keep = frozenset(range(3))
    angles = jnp.zeros(0)
    found = []
    for order in (operations, early):
        states = push(order, {(): Register.product([ZERO] * N)}, angles, keep)
        found.append({key: np.asarray(r.reduced(range(N))) for key, r in states.items()})
    plain, moved = found
    assert plain.keys() == moved.keys()
    for key, state in plain.items():
        np.testing.assert_allclose(moved[key], state, atol=1e-13)
    program = Program(N, 3, early, AngleMap(np.zeros((0, 0)), np.zeros(0)))
    assert float(distribution(program, jnp.zeros(0), range(3)).sum()) == pytest.approx(1, abs=1e-12)


def test_a_measured_qubit_is_reset_before_its_bit_is_used():
    pair = Channel((0, 1), np.eye(16))
    other = Channel((1, 2), np.eye(16))
    measured = Measurement(0, 0, np.eye(2))
    branch = Branch((0,), lambda v: v.get(0) == 1, (Channel((2,), np.eye(4)),), ())
    reset = Channel((0,), RESET)
    assert resets_early((pair, other, measured, branch, reset)) == (
        pair,
        measured,
        reset,
        other,
        branch,
    )
