"""The hybrid's controller and its evolution through time."""

import operator
import subprocess
import sys
from functools import partial

import jax
import jax.flatten_util
import jax.numpy as jnp
import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.quantum_info import Pauli, Statevector
from qiskit_aer import AerSimulator
from scipy.stats import chisquare

import circuits
from circuits.errors import CircuitsError
from circuits.pure.hybrid_controller import Controller
from circuits.pure.hybrid_evolution import HybridState, evolve_hybrid, evolve_hybrid_from

jax.config.update("jax_enable_x64", True)


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

    both = jax.jit(jax.value_and_grad(last))
    way = {name: jnp.sin(jnp.arange(one.size)).reshape(one.shape) for name, one in weights.items()}
    ahead, behind = (
        both({name: one + step * way[name] for name, one in weights.items()})[0]
        for step in (1e-5, -1e-5)
    )
    along = sum(float((slope * way[name]).sum()) for name, slope in both(weights)[1].items())
    assert abs(along) > 1e-3
    assert along == pytest.approx(float(ahead - behind) / 2e-5, rel=1e-5)


@pytest.mark.parametrize(("form", "n_bits"), [("look-up", 1), ("parity", 2), ("parity", 3)])
def test_the_sampled_hybrid_feeds_each_shots_bits_through_the_controller(form, n_bits):
    n, T = 3, 3
    options = {"n_qubits": n, "n_layers": 1, "n_bits": n_bits, "controller": form}
    model = circuits.architecture("hybrid", mode="sampled", **options)
    controller = Controller(1, n_bits, 2 * n, n_hidden=3, start_scale=1.0)
    weights = controller.initial_weights(jax.random.key(6))
    x = np.array([[0.4], [-1.3], [0.8]])
    angles = controller.table if form == "look-up" else controller.parities
    features = angles(weights, x, n_bits)
    assert features.shape == (T, model.n_features)
    bound = circuits.unroll(model, T).bind(features, np.zeros(0))

    # Each sequence of bits by itself, with the controller asked for each shot's own bits.
    law = np.zeros((2,) * n)
    paths = [(Statevector.from_int(0, 2**n), np.zeros(n_bits))]
    for step in x:
        grown = []
        for state, z in paths:
            theta = np.asarray(controller.angles(weights, step, z)).reshape(n, 2)
            gates = QuantumCircuit(n)
            for wire, (first, second) in enumerate(theta):
                gates.ry(first, wire)
                gates.rz(second, wire)
            for pair in ((0, 1), (1, 2), (2, 0)):
                gates.cz(*pair)
            data = state.evolve(gates).data.reshape((2,) * n).transpose()  # axis w is wire w
            for bits in np.ndindex(*(2,) * n_bits):
                kept = np.zeros_like(data)
                kept[bits] = data[bits]
                grown.append((Statevector(kept.transpose().ravel()), 1.0 - 2 * np.array(bits)))
        paths = grown
    for state, _ in paths:
        law += np.abs(state.data.reshape((2,) * n).transpose()) ** 2
    shots = 20_000
    counts = AerSimulator(seed_simulator=7).run(bound, shots=shots).result().get_counts()
    found = np.zeros_like(law)
    for key, count in counts.items():
        found[tuple(int(bit) for bit in key.split(" ")[0][::-1])] += count
    assert law.sum() == pytest.approx(1)
    assert chisquare(found.ravel(), law.ravel() * shots).pvalue > 1e-3


def test_angles_of_parities_are_single_parameters():
    options = {"n_qubits": 4, "n_layers": 2, "n_bits": 4, "controller": "parity"}
    circuit = circuits.unroll(circuits.architecture("hybrid", mode="sampled", **options), 2).circuit
    branches = [
        item.operation.blocks[0] for item in circuit.data if item.operation.name == "if_else"
    ]
    assert len(branches) == 2 * 2 * (2**4 - 1)
    for part in (circuit, *branches):
        for item in part.data:
            if item.operation.name in ("ry", "rz"):
                assert isinstance(item.operation.params[0], Parameter)


def test_bad_controllers_are_refused():
    with pytest.raises(CircuitsError, match=r"gelu, glu, linear, relu\. Got 'tanh'"):
        Controller(1, 1, 1, activation="tanh")
    with pytest.raises(CircuitsError, match=r"in \[0, 1\)\. Got 1"):
        Controller(1, 1, 1, dropout=1)
    with pytest.raises(CircuitsError, match=r"a positive number.*Got 0"):
        Controller(1, 1, 1, start_scale=0)
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


def test_single_precision_stays_single_and_64_bits_are_not_forced():
    code = """
import jax, jax.numpy as jnp, numpy as np
from functools import partial
from circuits.pure.hybrid_controller import Controller
from circuits.pure.hybrid_evolution import evolve_hybrid
assert not jax.config.read("jax_enable_x64")
controller = Controller(2, 2, 4, 3, "glu", dropout=0.5)
weights = controller.initial_weights(jax.random.key(0))
x = np.random.default_rng(1).normal(size=(3, 5, 2))
def loss(weights, precision, key=None):
    z = evolve_hybrid(
        controller, weights, x, n_qubits=2, n_layers=1, key=key, precision=precision
    )
    return (z**2).sum(), z
def slopes(precision, key=None):
    return jax.jit(partial(jax.grad(loss, has_aux=True), precision=precision, key=key))
single, z = slopes("single")(weights)
assert z.dtype == jnp.float32 and not jax.config.read("jax_enable_x64")
double, z = slopes("double")(weights)
assert z.dtype == jnp.float64
for name in weights:
    assert abs(single[name] - double[name]).max() < 1e-3 * abs(double[name]).max(), name
# Nothing in between is computed in double, with 64 bits on.
text = str(jax.make_jaxpr(slopes("single"))(weights))
assert "f64" not in text.replace("f64[3,5,2]", "")
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_sequence_in_parts_has_the_values_and_gradients_of_the_whole():
    n, readout = 2, "xyz"
    controller = Controller(2, n * len(readout), 2 * n, n_hidden=4, start_scale=1.0)
    weights = controller.initial_weights(jax.random.key(2))
    x = jnp.asarray(np.random.default_rng(1).normal(size=(2, 4, 2)))
    sizes = {"n_qubits": n, "n_layers": 1, "readout": readout}

    def parts(weights, x, at):
        state, found = None, []
        for part in jnp.split(x, at, axis=1):
            z, state = evolve_hybrid_from(controller, weights, part, state, **sizes)
            found.append(z)
        return jnp.concatenate(found, axis=1), state

    def score(weights, x, at):
        z, state = parts(weights, x, at)
        return jnp.sum(jnp.sin(z) * (1.0 + jnp.arange(4))[:, None]) + jnp.abs(state[0][0, 3]) ** 2

    whole, in_parts = (
        jax.jit(jax.value_and_grad(score, (0, 1)), static_argnums=2)(weights, x, at)
        for at in ((), (3,))
    )
    jax.tree.map(partial(np.testing.assert_allclose, rtol=1e-9, atol=1e-12), in_parts, whole)


def test_any_state_may_be_the_start_and_has_a_gradient():
    n = 2
    controller = Controller(1, n, 2 * n, n_hidden=3, start_scale=1.0)
    weights = controller.initial_weights(jax.random.key(4))
    rng = np.random.default_rng(3)
    psi = rng.normal(size=(1, 4)) + 1j * rng.normal(size=(1, 4))
    psi /= np.linalg.norm(psi)
    before, x = rng.normal(size=(1, n)), np.array([[[0.7]]])

    @jax.jit
    def run(psi, before):
        start = HybridState(psi, before)
        return evolve_hybrid_from(controller, weights, x, start, n_qubits=n, n_layers=1)

    theta = np.asarray(controller.angles(weights, x[0, 0], before[0])).reshape(n, 2)
    gates = QuantumCircuit(n)
    for wire, (first, second) in enumerate(theta):
        gates.ry(first, n - 1 - wire)  # wire 0 is the highest bit
        gates.rz(second, n - 1 - wire)
    gates.cz(0, 1)
    expected = Statevector(psi[0]).evolve(gates).data
    z, state = run(psi, before)
    np.testing.assert_allclose(state.amplitudes[0], expected, atol=1e-12)
    np.testing.assert_allclose(state.readouts, z[:, -1])

    def score(parts):
        z, state = run(parts[:, :4] + 1j * parts[:, 4:8], parts[:, 8:])
        return jnp.sum(jnp.sin(z)) + jnp.imag(state.amplitudes[0, 1])

    at = jnp.concatenate([psi.real, psi.imag, before], axis=1)
    score = jax.jit(jax.value_and_grad(score))
    slopes, way = score(at)[1], rng.normal(size=at.shape)
    difference = float(score(at + 1e-6 * way)[0] - score(at - 1e-6 * way)[0]) / 2e-6
    assert float(jnp.sum(slopes * way)) == pytest.approx(difference, abs=1e-7)
    with pytest.raises(CircuitsError, match=r"shape \(1, 4\) and .*\(1, 2\)\. Got \(4,\)"):
        run(psi[0], before)
    with pytest.raises(CircuitsError, match=r"single, double\. Got 'half'"):
        evolve_hybrid(controller, weights, x, n_qubits=n, n_layers=1, precision="half")


def test_a_controller_starts_near_the_identity():
    controller = Controller(4, 8, 32, n_hidden=64)
    weights = controller.initial_weights(jax.random.key(0))
    x, z = jax.random.normal(jax.random.key(1), (50, 4)), jnp.ones((50, 8))
    assert float(jnp.abs(controller.angles(weights, x, z)).mean()) < 0.3
    wide = Controller(4, 8, 32, n_hidden=64, start_scale=1.0).initial_weights(jax.random.key(0))
    np.testing.assert_allclose(weights["out"], 0.1 * wide["out"])


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
