"""Recurrent cores: what each computes, one step at a time or all at once, at equal size."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.quantum_info import Pauli, Statevector

from circuits.errors import UnknownNameError
from qrnn_hw.tasks.catalogue import TASKS, equal_task
from qrnn_hw.tasks.controlled_cores import CircuitSize
from qrnn_hw.tasks.cores import NAMES, core_of
from qrnn_hw.tasks.fit import trained_sizes

SIZE = CircuitSize(n_qubits=3, n_hidden=4, readout="xyz", start_scale=1.0)


@pytest.mark.parametrize("name", NAMES)
def test_steps_and_parts_are_the_whole_in_single_precision(name):
    core = core_of(name, SIZE)(2)
    p = core.init(jax.random.key(0))
    x = jnp.asarray(np.random.default_rng(1).normal(size=(2, 4, 2)), jnp.float32)
    whole, last = jax.jit(core.run)(p, x)
    assert whole.shape == (2, 4, core.n_out)
    assert whole.dtype == jnp.float32
    prepared, state, found = core.prepared(p), core.start(p, 2), []
    step = jax.jit(core.step)
    drive = core.drive(prepared, x)
    for place in range(4):
        state, z = step(prepared, state, drive[:, place])
        found.append(z)
    np.testing.assert_allclose(np.stack(found, axis=1), whole, atol=2e-6)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=2e-6), state, last)


def test_the_product_control_is_the_circuit_without_its_entangling_gates():
    core, n = core_of("product", SIZE)(2), 3
    p = core.init(jax.random.key(0))
    controller = SIZE.controller(2)
    x = np.random.default_rng(1).normal(size=(1, 3, 2)).astype(np.float32)
    found, _ = core.run(p, jnp.asarray(x))
    state, z = Statevector.from_int(0, 2**n), np.zeros(9, np.float32)
    for step in range(3):
        theta = np.asarray(controller.angles(p, x[0, step], z)).reshape(2, n, 2)
        gates = QuantumCircuit(n)
        for layer in theta:
            for wire, (first, second) in enumerate(layer):
                gates.ry(float(first), wire)
                gates.rz(float(second), wire)
        state = state.evolve(gates)
        z = np.array([state.expectation_value(Pauli(a), [w]).real for a in "XYZ" for w in range(n)])
        np.testing.assert_allclose(found[0, step], z, atol=1e-5)
        z = z.astype(np.float32)


def test_an_orthogonal_core_keeps_the_length_of_its_state():
    core = core_of("orthogonal", SIZE, 7)(2)
    matrix = core.prepared(core.init(jax.random.key(3)))["back"]
    np.testing.assert_allclose(matrix @ matrix.T, np.eye(7), atol=1e-5)
    assert np.abs(matrix - np.eye(7)).max() > 0.3


def test_cores_are_of_equal_size_with_their_heads():
    task_of = TASKS["copy"].make(None, {"n_copied": 2, "delay": 3})
    size = CircuitSize(n_qubits=4, n_hidden=16)
    sizes = {name: trained_sizes(equal_task(task_of, name, size)[0]) for name in NAMES}
    goal = sizes["qrnn"][1]
    assert sizes["product"] == sizes["qrnn"]
    assert sizes["frozen"] == (0, goal - sizes["qrnn"][0])
    for name in ("rnn", "gru", "lstm", "orthogonal", "no-quantum"):
        core, total = sizes[name]
        assert core < total
        assert abs(total - goal) < 0.08 * goal, name
    with pytest.raises(UnknownNameError, match=r"core should be one of frozen, .*Got 'grus'"):
        core_of("grus", size)
