"""Ideal outputs against Qiskit, and the audits' published figures."""

import numpy as np
import pytest
from qiskit.circuit import ClassicalRegister, Parameter, QuantumCircuit
from qiskit.quantum_info import DensityMatrix, Pauli

import circuits
from circuits.audit.audit import audit, constant_share, jacobian_rank
from circuits.audit.ideal_bits import IdealWithBits
from circuits.audit.light_cone import light_cone, parameters_in_cone
from circuits.errors import CircuitsError
from circuits.exact.evolve import distribution
from circuits.exact.lift import lift
from circuits.pure.ideal import ideal_model


def expectation_values(bound):
    bare = bound.remove_final_measurements(inplace=False)
    rho = DensityMatrix(bare)
    wires = [bound.find_bit(i.qubits[0]).index for i in bound.data if i.operation.name == "measure"]
    return np.array([rho.expectation_value(Pauli("Z"), [wire]).real for wire in wires])


def draw(name, n_sequences, steps, **options):
    rng = np.random.default_rng(31)
    model = circuits.architecture(name, **options)
    x = rng.uniform(0, np.pi, (n_sequences, steps, model.n_features))
    return model, x, rng.uniform(-np.pi, np.pi, model.n_weights)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("stacked-3-enhanced", {}),
        ("sim-v1", {}),
        ("sim-v1", {"input_mode": "accumulate"}),
        ("hybrid", {"n_qubits": 3}),
    ],
)
def test_ideal_outputs_of_one_circuit_equal_qiskits(name, options):
    model, x, w = draw(name, 2, 2, **options)
    expected = [expectation_values(circuits.unroll(model, 2).bind(row, w)) for row in x]
    np.testing.assert_allclose(ideal_model(model).batch(x, w), expected, atol=1e-10)


@pytest.mark.parametrize(("name", "feed"), [("v3a", lambda z: z[0]), ("adapted", np.tanh)])
def test_ideal_outputs_in_rounds_equal_qiskits_step_by_step(name, feed):
    model, x, w = draw(name, 2, 3)
    q = circuits.unroll(model, 1)
    expected = []
    for row in x:
        h = 0.0
        for word in row:
            z = expectation_values(q.bind_step(word, w, h)[0])
            h = float(feed(z if name == "v3a" else z.sum()))
        expected.append(z)
    np.testing.assert_allclose(ideal_model(model).batch(x, w), expected, atol=1e-10)


def test_the_ideal_lstm_combines_its_gates_as_an_lstm():
    model, x, w = draw("qlstm", 1, 2, wiring="repaired")
    q = circuits.unroll(model, 1)
    h = c = 0.0
    for word in x[0]:
        z = [expectation_values(bound)[0] for bound in q.bind_step(word, w, h)]
        i, f, o = (1 / (1 + np.exp(-z[k])) for k in (0, 1, 3))
        c = f * c + i * np.tanh(z[2])
        h = o * np.tanh(c)
    np.testing.assert_allclose(ideal_model(model).batch(x, w), [[h]], atol=1e-10)


def test_measured_data_qubits_are_deferred_to_the_end_of_a_step():
    from qiskit_aer import AerSimulator

    model, x, w = draw("dynamic-line", 1, 2)
    shots = 20000
    for row, found in zip(x, ideal_model(model).batch(x, w), strict=True):
        bound = circuits.unroll(model, 2).bind(row, w)
        counts = AerSimulator(seed_simulator=1).run(bound, shots=shots).result().get_counts()
        z = np.zeros(2)
        for key, count in counts.items():
            bits = key.split(" ")[0][::-1]
            z += [count / shots * (1 - 2 * int(bit)) for bit in bits]
        # Five standard deviations of a mean of signs.
        np.testing.assert_allclose(found, z, atol=5 / np.sqrt(shots))


@pytest.mark.parametrize("name", ["v3a", "adapted"])
def test_ideal_outputs_with_bits_of_the_step_before_equal_the_whole_circuits(name):
    model, x, w = draw(name, 2, 2, mode="sampled")
    expected = []
    for row in x:
        whole = circuits.unroll(model, 2).bind(row, w)
        out = [i for i, bit in enumerate(whole.clbits) if bit in whole.cregs[-1]]
        law = np.asarray(distribution(lift(whole, [], None), np.zeros(0), out))
        expected.append([law @ (1 - 2 * (np.arange(law.size) >> j & 1)) for j in range(len(out))])
    np.testing.assert_allclose(IdealWithBits(model).batch(x, w), expected, atol=1e-10)


def test_gates_that_hold_a_weight_are_counted_in_branches_too():
    model = circuits.architecture("v3a", mode="sampled")
    assert IdealWithBits(model).weight_gates.tolist() == [1] * 7


@pytest.mark.slow
def test_bits_instead_of_means_change_the_outputs_not_which_weights_act():
    assert audit(circuits.architecture("v3a", mode="sampled"), steps=2).jacobian_rank == 1


@pytest.mark.parametrize("mode", ["expectation", "sampled"])
def test_the_jacobian_is_the_slope_of_the_outputs(mode):
    model, x, w = draw("v3a", 1, 2, mode=mode)
    ideal = IdealWithBits(model) if mode == "sampled" else ideal_model(model)
    step = 1e-6 * np.eye(len(w))
    slopes = [(ideal.batch(x, w + e) - ideal.batch(x, w - e)) / 2e-6 for e in step[:3]]
    found = np.asarray(ideal.jacobian(x, w))[0, 0, :3]
    np.testing.assert_allclose(found, np.ravel(slopes), atol=1e-8)


@pytest.mark.parametrize(
    ("name", "rank"), [("stacked-3-minimal", 13), ("stacked-2-final-rot", 28), ("sim-v9", 32)]
)
def test_jacobian_ranks_of_the_published_models(name, rank):
    report = audit(circuits.architecture(name), steps=2)
    assert report.jacobian_rank == rank
    # The singular values leave no doubt: a gap of many orders at the rank.
    assert report.smallest_kept > 1e-5
    assert report.largest_dropped < 1e-12
    assert not report.input_blind


@pytest.mark.parametrize("name", ["v1", "v2"])
@pytest.mark.parametrize(("wiring", "blind"), [("faithful", True), ("repaired", False)])
def test_the_published_angle_models_are_blind_and_the_repaired_ones_are_not(name, wiring, blind):
    report = audit(circuits.architecture(name, wiring=wiring), steps=2)
    assert report.input_blind is blind
    assert (report.features_in_cone == 0) is blind
    assert (report.output_range < 1e-12) is blind
    assert not blind or report.constant_share == 1


@pytest.mark.parametrize(("wiring", "blind"), [("faithful", True), ("repaired", False)])
def test_the_published_lstm_is_blind_and_the_repaired_one_is_not(wiring, blind):
    model = circuits.architecture("qlstm", wiring=wiring)
    assert light_cone(model, 3).any() == (not blind)
    _, x, w = draw("qlstm", 3, 2, wiring=wiring)
    assert bool(np.ptp(ideal_model(model).batch(x, w)) < 1e-12) is blind


def test_the_light_cone_follows_wires_bits_and_resets():
    a, b, c, d = (Parameter(name) for name in "abcd")
    circuit = QuantumCircuit(3)
    m, out = ClassicalRegister(1, "m"), ClassicalRegister(1, "out")
    circuit.add_register(m, out)
    circuit.ry(a, 0)
    circuit.ry(d, 2)
    circuit.reset(2)
    circuit.ry(b, 1)
    circuit.measure(1, m[0])
    with circuit.if_test((m[0], 1)):
        circuit.ry(c, 2)
    circuit.measure(2, out[0])
    assert {p.name for p in parameters_in_cone(circuit)} == {"b", "c"}


def test_a_circuit_without_weights_has_rank_zero():
    report = audit(circuits.architecture("hybrid", n_qubits=2, n_layers=1), steps=2)
    assert (report.n_weights, report.jacobian_rank, report.gradient_snr) == (0, 0, None)
    assert not report.input_blind


def test_rank_and_constant_share_of_known_data():
    jacobian = np.array([[[1.0, 1.0, 0.0]], [[2.0, 2.0, 0.0]], [[0.0, 0.0, 1e-14]]])
    assert jacobian_rank(jacobian)[0] == 1
    assert jacobian_rank(np.zeros((3, 2, 4)))[0] == 0
    assert constant_share(np.array([[0.1], [0.2], [-0.3], [0.4]])) == 0.75
    assert constant_share(np.array([[0.1, 0.0], [0.2, 0.5]])) == 0.5


def test_a_model_that_reads_the_last_steps_bits_has_no_pure_state():
    model = circuits.architecture("v1", mode="sampled")
    with pytest.raises(CircuitsError, match=r"Got v1 in sampled mode; use"):
        ideal_model(model)
