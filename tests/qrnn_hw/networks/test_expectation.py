"""Host rounds against the ideal models, exactly and on a sampler."""

import jax
import numpy as np
import pytest
from qiskit.primitives import StatevectorSampler
from qiskit.transpiler import generate_preset_pass_manager

import circuits
from circuits.pure.hybrid_controller import Controller
from circuits.pure.hybrid_evolution import evolve_hybrid
from circuits.pure.ideal import ideal_model
from qrnn_hw.errors import UsageError
from qrnn_hw.networks.expectation import by_sampler, exactly, run_hybrid_rounds, run_rounds


def draw(name, n_sequences, steps, **options):
    rng = np.random.default_rng(41)
    model = circuits.architecture(name, **options)
    x = rng.uniform(0, np.pi, (n_sequences, steps, model.n_features))
    return model, x, rng.uniform(-np.pi, np.pi, model.n_weights)


@pytest.mark.parametrize("name", ["v3a", "adapted", "v5"])
def test_exact_rounds_equal_the_ideal_model(name):
    model, x, w = draw(name, 2, 3)
    rounds = run_rounds(model, x, w, exactly)
    np.testing.assert_allclose(rounds.outputs, ideal_model(model).batch(x, w), atol=1e-10)
    assert rounds.values.shape == (2, 3, len(model.readout))
    assert rounds.states.shape == (2, 3, 1)


def test_one_round_is_one_job_for_all_sequences_and_gates():
    model, x, w = draw("qlstm", 3, 2, wiring="repaired")
    jobs = []

    def measure(pubs):
        jobs.append([pub.n_rows for pub in pubs])
        return exactly(pubs)

    rounds = run_rounds(model, x, w, measure)
    assert jobs == [[3] * 4, [3] * 4]
    assert rounds.outputs.shape == (3, 1)
    np.testing.assert_allclose(rounds.outputs[:, 0], rounds.states[:, -1, 0])


def test_sequences_that_have_ended_are_in_no_later_job():
    model, x, w = draw("v3a", 3, 3)
    lengths, rows = np.array([1, 3, 2]), []

    def measure(pubs):
        rows.append(pubs[0].n_rows)
        return exactly(pubs)

    found = run_rounds(model, x, w, measure, lengths=lengths).outputs
    assert rows == [3, 2, 1]
    for row, length in enumerate(lengths):
        alone = run_rounds(model, x[row : row + 1, :length], w, exactly).outputs
        np.testing.assert_allclose(found[row], alone[0], atol=1e-12)


def test_a_compiled_step_gives_the_same_values():
    model, x, w = draw("v3b", 2, 2)
    compiler = generate_preset_pass_manager(1, basis_gates=["rz", "sx", "x", "cz"])
    seen = set()

    def measure(pubs):
        seen.update(gate for pub in pubs for gate in pub.circuit.count_ops())
        return exactly(pubs)

    rounds = run_rounds(model, x, w, measure, compiler.run)
    expected = run_rounds(model, x, w, exactly)
    assert seen <= {"rz", "sx", "x", "cz", "measure", "barrier"}
    np.testing.assert_allclose(rounds.values, expected.values, atol=1e-10)


def test_a_sampler_estimates_each_bit_of_out_in_order():
    model, x, w = draw("adapted", 2, 1)
    shots = 4000
    found = run_rounds(model, x, w, by_sampler(StatevectorSampler(seed=1), shots)).values
    expected = run_rounds(model, x, w, exactly).values
    assert abs(expected[..., 0] - expected[..., 1]).max() > 0.2
    np.testing.assert_allclose(found, expected, atol=5 / np.sqrt(shots))


@pytest.mark.parametrize("readout", ["z", "xyz"])
def test_hybrid_rounds_equal_its_exact_evolution(readout):
    model = circuits.architecture("hybrid", n_qubits=3, n_layers=2)
    n_readouts = 3 * len(readout)
    controller = Controller(2, n_readouts, model.n_features, n_hidden=5, activation="glu")
    weights = controller.initial_weights(jax.random.key(1))
    x = np.random.default_rng(2).normal(size=(2, 3, 2))
    rounds = run_hybrid_rounds(model, controller, weights, x, exactly)
    sizes = {"n_qubits": 3, "n_layers": 2, "readout": readout}
    exact = evolve_hybrid(controller, weights, x, **sizes)
    np.testing.assert_allclose(rounds.values, exact, atol=1e-10)
    for row, values in zip(x, rounds.values, strict=True):
        alone = evolve_hybrid(controller, weights, row, **sizes)
        np.testing.assert_allclose(values, alone, atol=1e-10)


def test_one_compiled_prefix_serves_all_bases():
    model = circuits.architecture("hybrid", n_qubits=3, n_layers=1)
    controller = Controller(1, 9, model.n_features, n_hidden=5, start_scale=1.0)
    weights = controller.initial_weights(jax.random.key(1))
    x = np.random.default_rng(2).normal(size=(2, 3, 1))
    compiler, made = generate_preset_pass_manager(1, basis_gates=["rz", "sx", "x", "cz"]), []

    def compiled(circuit):
        made.append(circuit)
        return compiler.run(circuit)

    seen = set()

    def measure(pubs):
        seen.update(gate for pub in pubs for gate in pub.circuit.count_ops())
        return exactly(pubs)

    rounds = run_hybrid_rounds(model, controller, weights, x, measure, compiled)
    assert len(made) == 3  # one for each length
    assert seen <= {"rz", "sx", "x", "cz", "measure", "barrier"}
    exact = evolve_hybrid(controller, weights, x, n_qubits=3, n_layers=1, readout="xyz")
    np.testing.assert_allclose(rounds.values, exact, atol=1e-10)


def test_what_is_no_batch_of_a_model_in_rounds_is_refused():
    model, x, w = draw("v3a", 1, 2)
    with pytest.raises(UsageError, match=r"shape \(N, T, d\).*Got shape \(2, 15\)"):
        run_rounds(model, x[0], w, exactly)
    with pytest.raises(UsageError, match=r"at least 1\. Got shape \(1, 0, 15\)"):
        run_rounds(model, x[:, :0], w, exactly)
    with pytest.raises(UsageError, match=r"Got sim-v1 in coherent mode"):
        run_rounds(circuits.architecture("sim-v1"), x, w, exactly)
    with pytest.raises(UsageError, match=r"at least 1\. Got 0"):
        by_sampler(StatevectorSampler(), 0)
    with pytest.raises(UsageError, match=r"from 1 to 2\. Got \[3\]"):
        run_rounds(model, x, w, exactly, lengths=np.array([3]))
    hybrid = circuits.architecture("hybrid", n_qubits=3, n_layers=1)
    with pytest.raises(UsageError, match=r"the 6 angles .* Got 4 angles"):
        run_hybrid_rounds(hybrid, Controller(2, 3, 4), {}, x, exactly)
