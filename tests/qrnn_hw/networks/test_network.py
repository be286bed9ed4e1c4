"""A network is what its name claims: its circuit, its encoding, its controller, its readings."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from qiskit.primitives import StatevectorSampler
from qiskit_aer import AerSimulator
from scipy.stats import ks_2samp

import circuits
from circuits.exact.logical import logical_model
from circuits.pure.hybrid_controller import Controller
from circuits.pure.ideal import ideal_model
from circuits.zoo.registry import REGISTRY
from qrnn_hw.data.sequences import Sequences
from qrnn_hw.networks.encoding import Control, Projection
from qrnn_hw.networks.expectation import by_sampler, exactly
from qrnn_hw.networks.finite_shots import outputs_in_rounds, sampled_outputs
from qrnn_hw.networks.network import network_of
from qrnn_hw.networks.trained import TrainedNetwork


def some(n, n_inputs, lengths, seed=5):
    """Return random sequences."""
    inputs = np.random.default_rng(seed).normal(size=(n, max(lengths), n_inputs))
    return Sequences(inputs, np.array(lengths), np.zeros(n, dtype=np.int64))


@pytest.mark.parametrize(
    "name",
    ["adapted", "dynamic-line", pytest.param("stacked-3-minimal", marks=pytest.mark.slow)],
)
def test_a_network_reads_its_circuit(name):
    model = circuits.architecture(name)
    network = network_of(model, model.n_features, form="none", head="linear")
    rng = np.random.default_rng(3)
    x, parameters = rng.uniform(0, np.pi, (3, model.n_features)), network.initial(4)
    parameters["head"] = jnp.asarray([0.1, 0.5, -0.3])
    z = ideal_model(model).batch(x[None, :2], np.asarray(parameters["circuit"]))[0]
    # Only two of the three steps are taken.
    trained = TrainedNetwork(network, parameters)
    (score,) = trained.scores(x[None], np.array([2]))
    assert score == pytest.approx(0.1 + 0.5 * float(z[0]) - 0.3 * float(z[1]), abs=1e-10)
    rows = Sequences(np.stack([x] * 40), np.full(40, 2), np.zeros(40, dtype=np.int64))
    found = sampled_outputs(trained, rows, shots=500, generator=np.random.default_rng(1))
    assert found.std() > 0
    assert found.shape == (40, 1)
    assert found.mean() == pytest.approx(score, abs=6 * 0.5 / np.sqrt(500 * 40))


@pytest.mark.parametrize("name", ["adapted", "hybrid"])
def test_rounds_in_the_limit_of_infinite_shots_give_the_score(name):
    network, rows = network_of(circuits.architecture(name), 6), some(2, 6, [3, 1])
    trained = TrainedNetwork(network, network.initial(1))
    found = outputs_in_rounds(trained, trained.encoded(rows), exactly)
    np.testing.assert_allclose(found, trained.outputs(rows.values, rows.lengths), atol=1e-9)


@pytest.mark.parametrize("readout", ["z", "xyz"])
def test_drawn_rounds_of_the_hybrid_follow_a_sampler_of_its_circuits(readout):
    model = circuits.architecture("hybrid", n_qubits=2, n_layers=1, readout=readout)
    network, rows = network_of(model, 3), some(2, 3, [3, 1])
    rng = np.random.default_rng(4)  # a start is near the identity, where shots show nothing
    drawn = {
        name: value + rng.normal(0, 0.4, value.shape) for name, value in network.initial(1).items()
    }
    trained, repeats, shots = TrainedNetwork(network, drawn), 300, 10
    many = rows.take(np.tile(np.arange(2), repeats))
    sampler = by_sampler(StatevectorSampler(seed=np.random.default_rng(5)), shots)
    expected = outputs_in_rounds(trained, trained.encoded(many), sampler).reshape(repeats, 2)
    generator = np.random.default_rng(6)
    found = sampled_outputs(trained, many, shots=shots, generator=generator).reshape(repeats, 2)
    assert expected.std(axis=0).min() > 0.01
    for i in range(2):
        assert ks_2samp(found[:, i], expected[:, i]).pvalue > 1e-3
    # The test tells apart: neither sequence has the other's law.
    assert ks_2samp(found[:, 0], expected[:, 1]).pvalue < 1e-3


def every_row():
    """Yield each row of the registry in each of its modes, wirings and forms."""
    for name, row in REGISTRY.items():
        for mode in row.options["mode"]:
            yield name, {"mode": mode}
            if "wiring" in row.options:
                yield name, {"mode": mode, "wiring": "repaired"}
    yield "hybrid", {"mode": "sampled", "controller": "parity"}


@pytest.mark.parametrize(("name", "options"), every_row())
def test_the_network_of_a_row_has_the_parts_that_its_name_claims(name, options):
    model = circuits.architecture(name, **options)
    network = network_of(model, 7)
    parameters = network.initial(0)
    assert network.architecture is model
    assert network.in_rounds == (options["mode"] == "expectation")
    assert parameters["circuit"].shape == (model.n_weights,)
    if name == "hybrid":
        assert isinstance(network.encoding, Control)
        assert network.host_controlled == (options["mode"] == "expectation")
        assert {"in", "in_bias", "out", "out_bias"} <= set(parameters)
        # 2 L n angles for each value of z, however many values there are
        assert parameters["out"].shape[1] == 2 * 2 * 4
        # What is read of the step before: two bits, or <Z> of four qubits.
        n_readouts = 2 if options["mode"] == "sampled" else 4
        assert len(parameters["in"]) == parameters["projection"].shape[1] + n_readouts
    else:
        assert isinstance(network.encoding, Projection)
        assert set(parameters) == {"circuit", "projection", "offset", "head"}
        assert parameters["projection"].shape == (7, model.n_features)
    n_read = 1 if model.gates else len(model.readout)
    heads = 1 + n_read if network.in_rounds else 2 ** len(model.readout)
    assert parameters["head"].shape == (heads,)


HYBRID = {"mode": "sampled", "n_qubits": 2, "n_layers": 1, "n_bits": 1}


@pytest.fixture(scope="module")
def hybrid():
    network = network_of(circuits.architecture("hybrid", **HYBRID), 3)
    start = network.initial(2)
    # Angles start small; those of a trained network are not.
    return TrainedNetwork(network, {**start, "out": 10 * start["out"]}), some(2, 3, [3, 2])


def test_a_sampled_hybrid_trains_its_controllers_table(hybrid):
    trained, rows = hybrid
    network, parameters = trained.network, trained.parameters
    controller = network.encoding.controller
    assert isinstance(controller, Controller)
    seen = np.tanh(rows.values @ np.asarray(parameters["projection"]))
    # Step by step and value by value of the bit, from the controller's own function.
    blocks = np.zeros((2, 3, 2, controller.n_angles))
    for step in range(3):
        for bit in (0, 1):
            z = np.full((2, 1), 0.0 if step == 0 else 1.0 - 2 * bit)
            blocks[:, step, bit] = controller.angles(parameters, seen[:, step], z)
    table = trained.encoded(rows).features
    np.testing.assert_allclose(table, blocks.reshape(2, 3, -1), atol=1e-14)
    model = logical_model(network.architecture)
    law = model.distributions(jnp.zeros(0), jnp.asarray(table), jnp.asarray(rows.lengths))
    scores = trained.scores(rows.values, rows.lengths)
    np.testing.assert_allclose(law @ trained.decision, scores, atol=1e-12)


def test_a_sampled_hybrid_is_no_plain_projection(hybrid):
    trained, rows = hybrid
    table = trained.encoded(rows).features[:, 1:].reshape(2, 2, 2, -1)
    # The two blocks are one function of x and the bit; a projection's are apart and free.
    assert np.abs(table[:, :, 0] - table[:, :, 1]).max() > 0.1
    same = {**trained.parameters, "in": trained.parameters["in"].at[-1].set(0.0)}
    deaf = TrainedNetwork(trained.network, same).encoded(rows).features[:, 1:]
    deaf = deaf.reshape(2, 2, 2, -1)
    np.testing.assert_array_equal(deaf[:, :, 0], deaf[:, :, 1])
    model = trained.network.architecture
    plain = replace(trained.network, encoding=Projection(3, model.n_features))
    assert plain.initial(2)["projection"].shape == (3, model.n_features)
    n_plain = sum(value.size for value in plain.initial(2).values())
    assert n_plain != trained.n_parameters
    # No choice of P and b gives a controller's table: features of more words than inputs
    # would lie in the span of those inputs after atanh.
    many = some(30, 3, [2] * 30)
    angles = trained.encoded(many).features[:, 1] / np.pi
    inputs = np.column_stack([many.values[:, 1], np.ones(30)])
    _, residual, *_ = np.linalg.lstsq(inputs, np.arctanh(angles), rcond=None)
    assert residual.max() > 0.1


def test_a_sampled_hybrids_gradient_is_that_of_finite_differences(hybrid):
    trained, rows = hybrid
    inputs, lengths = jnp.asarray(rows.values), jnp.asarray(rows.lengths)

    @jax.jit
    def total(parameters):
        return jnp.sum(trained.network.outputs(parameters, inputs, lengths) ** 2)

    slopes = jax.grad(total)(trained.parameters)
    rng = np.random.default_rng(0)
    for name, value in trained.parameters.items():
        if not value.size:
            continue
        move = rng.normal(size=value.shape)
        ends = [float(total({**trained.parameters, name: value + h * move})) for h in (1e-5, -1e-5)]
        expected = float(jnp.sum(slopes[name] * move))
        assert (ends[0] - ends[1]) / 2e-5 == pytest.approx(expected, abs=1e-7), name
        assert np.abs(slopes[name]).max() > 0, name


@pytest.mark.parametrize("form", ["look-up", "parity"])
def test_shots_of_a_sampled_hybrids_circuit_follow_the_network(form):
    architecture = circuits.architecture("hybrid", controller=form, **HYBRID)
    network, rows, shots = network_of(architecture, 3), some(1, 3, [3]), 20_000
    trained = TrainedNetwork(network, network.initial(2))
    encoded = trained.encoded(rows)
    bound = circuits.unroll(architecture, 3).bind(encoded.features[0], encoded.circuit)
    counts = AerSimulator(seed_simulator=3).run(bound, shots=shots).result().get_counts()
    measured = np.zeros(4)
    for key, count in counts.items():
        measured[int(key.split(" ")[0], 2)] += count / shots
    (score,) = trained.scores(rows.values, rows.lengths)
    assert measured @ trained.decision == pytest.approx(score, abs=5 / np.sqrt(shots))
    law = network.readings(trained.parameters, rows.values, rows.lengths)[0]
    np.testing.assert_allclose(measured, law, atol=5 * 0.5 / np.sqrt(shots))
