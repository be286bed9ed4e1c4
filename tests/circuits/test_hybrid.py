"""The hybrid's controller and its evolution through time."""

import operator
from functools import partial

import jax
import jax.flatten_util
import jax.numpy as jnp
import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.quantum_info import Pauli, Statevector
from qiskit_aer import AerSimulator

import circuits
from circuits.errors import CircuitsError
from circuits.pure.hybrid_controller import Controller
from circuits.pure.hybrid_evolution import evolve_hybrid


@pytest.mark.parametrize(
    ("activation", "function"),
    [
        ("linear", lambda v: v),
        ("relu", lambda v: np.maximum(v, 0)),
        ("gelu", lambda v: v * np.vectorize(lambda u: 0.5 * (1 + _erf(u / np.sqrt(2))))(v)),
        ("glu", lambda v: v[:4] / (1 + np.exp(-v[4:]))),
    ],
)
def test_the_controller_is_the_network_that_it_names(activation, function):
    controller = Controller(2, 3, 5, n_hidden=4, activation=activation)
    weights = controller.initial_weights(jax.random.key(0))
    weights = {name: value + 0.1 for name, value in weights.items()}
    assert sum(value.size for value in weights.values()) == controller.n_weights
    x, z = np.array([0.3, -0.7]), np.array([0.2, 0.9, -0.4])
    w = {name: np.asarray(value) for name, value in weights.items()}
    hidden = function(np.concatenate([x, z]) @ w["in"] + w["in_bias"])
    expected = np.pi * np.tanh(hidden @ w["out"] + w["out_bias"])
    np.testing.assert_allclose(controller.angles(weights, x, z), expected, atol=1e-12)


def _erf(value):
    from math import erf

    return erf(value)


def test_dropout_leaves_units_out_while_training_only():
    controller = Controller(1, 1, 1, n_hidden=2000, activation="linear", dropout=0.25)
    weights = {
        "in": jnp.zeros((2, 2000)),
        "in_bias": jnp.ones(2000),
        "out": jnp.full((2000, 1), 1e-4),
        "out_bias": jnp.zeros(1),
    }
    still = float(controller.angles(weights, [0.0], [0.0])[0])
    dropped = [
        float(controller.angles(weights, [0.0], [0.0], jax.random.key(seed))[0])
        for seed in range(20)
    ]
    assert still == pytest.approx(np.pi * np.tanh(0.2))
    assert np.std(dropped) > 0
    # Scaled units keep the mean; 20 draws of 2000 units scatter by less than 2 percent.
    assert np.mean(dropped) == pytest.approx(still, rel=0.02)


def test_gradients_through_time_equal_differences():
    controller = Controller(2, 6, 4, n_hidden=4, activation="gelu")
    weights = controller.initial_weights(jax.random.key(3))
    x = np.random.default_rng(4).normal(size=(3, 2))

    @jax.jit
    def total(bias):
        out = evolve_hybrid(
            controller, weights | {"out_bias": bias}, x, n_qubits=2, n_layers=1, readout="xyz"
        )
        return jnp.sum(out[-1] * jnp.arange(6))

    bias = 0.1 * jnp.arange(4.0)
    slope = jax.grad(total)(bias)
    for k in (0, 3):
        step = jnp.zeros(4).at[k].set(1e-6)
        difference = float(total(bias + step) - total(bias - step)) / 2e-6
        assert float(slope[k]) == pytest.approx(difference, abs=1e-6)


@pytest.mark.parametrize(
    ("n", "n_layers", "readout", "activation", "dropout"),
    [
        (3, 2, "z", "gelu", 0.3),
        (2, 3, "xyz", "glu", 0.2),
        (6, 1, "z", "linear", 0.0),
        (2, 1, "z", "relu", 0.2),
    ],
)
def test_gradients_of_weights_and_features_equal_differences(
    n, n_layers, readout, activation, dropout
):
    n_readouts = n * len(readout)
    controller = Controller(
        2, n_readouts, 2 * n * n_layers, n_hidden=4, activation=activation, dropout=dropout
    )
    x = jnp.asarray(np.random.default_rng(n).normal(size=(3, 4, 2)))
    at = controller.initial_weights(jax.random.key(n)), x
    flat, unravel = jax.flatten_util.ravel_pytree(at)
    key = jax.random.key(7) if dropout else None

    @jax.jit
    @jax.value_and_grad
    def total(point):
        weights, x = unravel(point)
        out = evolve_hybrid(
            controller, weights, x, n_qubits=n, n_layers=n_layers, readout=readout, key=key
        )
        return jnp.sum(jnp.sin(out + jnp.arange(n_readouts)) * (1.0 + jnp.arange(4))[:, None])

    slopes = total(flat)[1]
    for seed in range(3):
        way = np.random.default_rng(seed).normal(size=flat.size)
        near, far = (
            float(total(flat + step * way)[0] - total(flat - step * way)[0]) / step
            for step in (1e-5, 2e-5)
        )
        assert float(slopes @ way) == pytest.approx((4 * near - far) / 6, rel=1e-7, abs=1e-7)


@pytest.mark.slow
def test_mapped_rows_and_weights_have_the_values_and_gradients_of_single_calls():
    controller = Controller(2, 3, 6, n_hidden=4, dropout=0.3)
    keys = jax.random.split(jax.random.key(1), 2)
    several = [controller.initial_weights(key) for key in keys]
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *several)
    x = jnp.asarray(np.random.default_rng(2).normal(size=(2, 2, 3, 2)))

    def evolve(weights, x, key):
        return evolve_hybrid(controller, weights, x, n_qubits=3, n_layers=1, key=key)

    def score(out):
        return jnp.sum(jnp.sin(out) * (1.0 + jnp.arange(3))[:, None])

    @jax.value_and_grad
    def in_rows(weights, rows, key):
        return score(jax.vmap(evolve, (None, 0, None))(weights, rows, key))

    @jax.jit
    @jax.value_and_grad
    def one_by_one(weights, rows, key):
        return score(jnp.stack([evolve(weights, row, key) for row in rows]))

    for own_keys in ([None, None], keys):
        axis = None if own_keys[0] is None else 0
        mapped = jax.jit(jax.vmap(in_rows, (0, 0, axis)))
        found = mapped(stacked, x, None if axis is None else keys)
        for index, weights in enumerate(several):
            expected = one_by_one(weights, x[index], own_keys[index])
            own = jax.tree.map(operator.itemgetter(index), found)
            jax.tree.map(partial(np.testing.assert_allclose, atol=1e-12), own, expected)


@pytest.mark.parametrize(("n", "n_layers"), [(3, 2), (5, 1), (7, 2), (9, 1)])
def test_groups_of_wires_rotate_as_gates_one_by_one(n, n_layers):
    controller = Controller(2, n, 2 * n * n_layers, n_hidden=3)
    weights = controller.initial_weights(jax.random.key(n))
    x = np.random.default_rng(n).normal(size=(3, 2, 2))
    found = np.asarray(evolve_hybrid(controller, weights, x, n_qubits=n, n_layers=n_layers))
    for row, values in zip(x, found, strict=True):
        state, z = Statevector.from_int(0, 2**n), np.zeros(n)
        for features, expected in zip(row, values, strict=True):
            theta = np.asarray(controller.angles(weights, features, z)).reshape(n_layers, n, 2)
            step = QuantumCircuit(n)
            for layer in theta:
                for wire, (first, second) in enumerate(layer):
                    step.ry(first, wire)
                    step.rz(second, wire)
                for wire in range(n):
                    step.cz(wire, (wire + 1) % n)
            state = state.evolve(step)
            z = np.array([state.expectation_value(Pauli("Z"), [w]).real for w in range(n)])
            np.testing.assert_allclose(expected, z, atol=1e-12)


def test_fourteen_qubits_have_a_gradient():
    controller = Controller(1, 14, 28, n_hidden=2, activation="relu")
    weights = controller.initial_weights(jax.random.key(5))

    def last(given):
        return evolve_hybrid(controller, given, jnp.ones((2, 1)), n_qubits=14, n_layers=1)[-1].sum()

    slopes = jax.jit(jax.grad(last))(weights)
    assert all(bool(jnp.isfinite(slope).all()) for slope in slopes.values())
    assert float(jnp.abs(slopes["out"]).max()) > 0


def test_the_sampled_hybrid_feeds_each_shots_bits_through_the_controller():
    model = circuits.architecture("hybrid", mode="sampled", n_qubits=2, n_layers=1, n_bits=1)
    controller = Controller(1, 1, 4, n_hidden=3)
    weights = controller.initial_weights(jax.random.key(6))
    x = np.array([[0.4], [-1.3]])
    table = controller.table(weights, x, n_bits=1)
    assert table.shape == (2, model.n_features)
    bound = circuits.unroll(model, 2).bind(table, np.zeros(0))

    def step(state, theta):
        for wire in range(2):
            a, b = theta[2 * wire : 2 * wire + 2]
            ry = [[np.cos(a / 2), -np.sin(a / 2)], [np.sin(a / 2), np.cos(a / 2)]]
            gate = np.diag(np.exp([-0.5j * b, 0.5j * b])) @ ry
            state = np.moveaxis(np.tensordot(gate, state, (1, wire)), 0, wire)
        return state * np.array([[1, 1], [1, -1]])

    start = np.zeros((2, 2), dtype=complex)
    start[0, 0] = 1
    first = step(start, np.asarray(controller.angles(weights, x[0], np.zeros(1))))
    exact = np.zeros((2, 2))
    for bit in (0, 1):
        kept = np.zeros_like(first)
        kept[bit] = first[bit]
        theta = np.asarray(controller.angles(weights, x[1], np.array([1.0 - 2 * bit])))
        exact += np.abs(step(kept, theta)) ** 2
    shots = 20000
    counts = AerSimulator(seed_simulator=7).run(bound, shots=shots).result().get_counts()
    found = np.zeros((2, 2))
    for key, count in counts.items():
        out = key.split(" ")[0][::-1]
        found[int(out[0]), int(out[1])] += count / shots
    np.testing.assert_allclose(found, exact, atol=4 / np.sqrt(shots))


def test_bad_controllers_are_refused():
    with pytest.raises(CircuitsError, match=r"gelu, glu, linear, relu\. Got 'tanh'"):
        Controller(1, 1, 1, activation="tanh")
    with pytest.raises(CircuitsError, match=r"in \[0, 1\)\. Got 1"):
        Controller(1, 1, 1, dropout=1)
    with pytest.raises(CircuitsError, match=r"its 2 bits\. Got 3 readouts"):
        Controller(1, 3, 1).table({}, np.zeros((1, 1)), 2)


def test_single_precision_is_differentiated_in_double():
    controller = Controller(2, 2, 4, n_hidden=3)
    weights = controller.initial_weights(jax.random.key(0))
    x = jax.random.normal(jax.random.key(1), (2, 3, 2))

    def loss(weights, x):
        return (evolve_hybrid(controller, weights, x, n_qubits=2, n_layers=1) ** 2).sum()

    single = jax.tree.map(lambda leaf: leaf.astype("float32"), (weights, x))
    slopes = jax.jit(jax.grad(loss, (0, 1)))
    for found, expected in zip(
        *map(jax.tree.leaves, (slopes(*single), slopes(weights, x))), strict=True
    ):
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, expected, atol=1e-5)


def test_sizes_that_do_not_fit_are_refused():
    controller = Controller(2, 2, 4, n_hidden=3)
    weights = controller.initial_weights(jax.random.key(0))
    run = partial(evolve_hybrid, controller, weights)
    with pytest.raises(CircuitsError, match=r"6 angles and 3 readouts\. Got 4 and 2"):
        run(np.zeros((1, 3, 2)), n_qubits=3, n_layers=1)
    with pytest.raises(CircuitsError, match=r"4 angles and 6 readouts\. Got 4 and 2"):
        run(np.zeros((1, 3, 2)), n_qubits=2, n_layers=1, readout="xyz")
    for shape in ((1, 3, 1), (1, 0, 2), (0, 3, 2), (2,)):
        with pytest.raises(CircuitsError, match=r"shape \(\.\.\., T, 2\).*Got"):
            run(np.zeros(shape), n_qubits=2, n_layers=1)
    wide = Controller(2, 30, 60)
    with pytest.raises(CircuitsError, match=r"at most 4 GiB\. Got 30 qubits and 1 sequences"):
        evolve_hybrid(wide, {}, np.zeros((3, 2)), n_qubits=30, n_layers=1)
