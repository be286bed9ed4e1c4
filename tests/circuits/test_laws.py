"""Distributions of many rows at once are those of one row after the other."""

from __future__ import annotations

from dataclasses import replace

import jax.numpy as jnp
import numpy as np
import pytest
from qiskit.circuit import ParameterVector, QuantumCircuit

from circuits.errors import CircuitsError
from circuits.exact.evolve import distribution
from circuits.exact.laws import distributions
from circuits.exact.lift import lift
from circuits.exact.operations import Instrument, Program
from circuits.exact.pauli import FORGET, PROJECTORS


def program() -> Program:
    """Return three qubits with resets, branches with free angles, and a coin of the machine's."""
    x = ParameterVector("x", 5)
    made = QuantumCircuit(3, 4)
    made.ry(x[0], 0)
    made.rx(x[1], 1)
    made.cz(0, 1)
    made.measure(0, 0)
    made.reset(0)
    made.rz(x[2], 0)
    made.ry(x[2] * x[0], 0)
    with made.if_test((made.clbits[0], 1)) as otherwise:
        made.ry(x[3], 2)
        made.cz(1, 2)
    with otherwise:
        made.x(2)
    made.measure(1, 1)
    made.sx(1)
    made.cx(2, 0)
    with made.if_test((made.clbits[1], 0)):
        made.rx(x[4], 0)
    made.measure(0, 2)
    made.measure(2, 3)
    found = lift(made)
    # A value of three bits, one of which nobody reads, that also turns the qubit.
    coin = np.array([0.1, 0.2, 0.3, 0.4])[:, None, None] * np.eye(4)
    coin[3] = 0.4 * FORGET
    noisy = Instrument(1, (4, 5), coin)
    own = Instrument(2, (4,), PROJECTORS)
    operations = (*found.operations[:4], noisy, *found.operations[4:], own)
    return replace(found, n_bits=6, operations=operations)


@pytest.mark.parametrize("keep", [(2, 3), (3, 0, 1), (4, 5, 2), ()])
def test_they_are_those_of_single_rows(keep: tuple[int, ...]) -> None:
    given, one = np.random.default_rng(3).normal(size=(4, 5)), program()
    expected = [np.asarray(distribution(one, jnp.asarray(row), keep)) for row in given]
    np.testing.assert_allclose(distributions(one, given, keep), expected, atol=1e-14)


def test_no_rows_are_no_distributions_and_others_are_refused() -> None:
    assert distributions(program(), np.zeros((0, 5)), (2, 3)).shape == (0, 4)
    with pytest.raises(CircuitsError, match=r"parameters should have shape \(5,\)"):
        distributions(program(), np.zeros((2, 4)), (2, 3))
