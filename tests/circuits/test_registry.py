"""The rows of the registry: names, weights, modes, options, and what is refused."""

import json

import numpy as np
import pytest

import circuits
from circuits.errors import CircuitsError, UnknownNameError

WEIGHTS = {
    "dynamic-line": 18,
    "v1": 6,
    "v2": 6,
    "v3a": 7,
    "v3b": 7,
    "v4": 12,
    "v5": 16,
    "qlstm": 28,
    "adapted": 8,
    "stacked-2-final-rot": 36,
    "stacked-3-final-rot": 48,
    "stacked-3-enhanced": 48,
    "stacked-3-minimal": 48,
    "sim-v1": 30,
    "sim-v2": 36,
    "sim-v3": 36,
    "sim-v4": 48,
    "sim-v5": 60,
    "sim-v6": 84,
    "sim-v7": 84,
    "sim-v8": 96,
    "sim-v9": 48,
    "hybrid": 0,
}


def test_every_name_is_there_with_its_published_number_of_weights():
    assert {name: circuits.architecture(name).n_weights for name in circuits.architectures()} == (
        WEIGHTS
    )


@pytest.mark.parametrize("name", WEIGHTS)
def test_every_mode_unrolls_with_parameters_of_the_documented_shapes(name):
    for mode in circuits.architecture(name).modes:
        model = circuits.architecture(name, mode=mode)
        q = circuits.unroll(model, 3)
        assert (model.mode, model.name) == (mode, name)
        assert q.inputs.shape == (3, model.n_features)
        assert q.weights.shape == (model.n_weights,)
        assert q.circuit.num_qubits == model.n_qubits
        out = next(register for register in q.circuit.cregs if register.name == "out")
        assert len(out) == len(model.readout) == len(q.readout)
        used = set(q.circuit.parameters).union(*(c.parameters for c in q.step_circuits))
        assert set(q.weights) <= used
        assert model.source
        assert model.summary


@pytest.mark.parametrize("name", ["v1", "v2", "v3a", "v3b", "v4", "v5", "qlstm", "adapted"])
def test_the_step_of_a_model_in_rounds_takes_h(name):
    q = circuits.unroll(circuits.architecture(name), 4)
    assert [p.name for p in q.step.parameters].count("h") == 1
    assert len(q.step_circuits) == (4 if name == "qlstm" else 1)


def test_a_circuit_of_its_own_has_no_step():
    q = circuits.unroll(circuits.architecture("sim-v1"), 2)
    with pytest.raises(CircuitsError, match=r"expectation mode\. Got sim-v1"):
        _ = q.step


def test_options_change_what_they_name():
    def built(**options):
        name = options.pop("name")
        return circuits.unroll(circuits.architecture(name, **options), 2).circuit.count_ops()

    assert built(name="sim-v1")["reset"] == 8
    assert "reset" not in built(name="sim-v1", input_mode="accumulate")
    assert built(name="stacked-3-minimal")["cx"] == 3
    assert built(name="stacked-3-minimal", entangler="ring")["cx"] == 4
    assert built(name="v1")["cx"] == 5
    assert built(name="v1", wiring="repaired")["cx"] == 6
    model = circuits.architecture("v1", wiring="repaired")
    assert dict(model.options) == {"wiring": "repaired", "mode": "expectation"}
    assert model.reading
    assert not circuits.architecture("v1").reading
    # Nobody published a model that feeds back bits.
    assert circuits.architecture("v1", mode="sampled").reading


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("v1", {"wiring": "broken"}, r"wiring of v1 .* faithful, repaired\. Got 'broken'"),
        ("v1", {"entangler": "ring"}, r"options of v1 .* mode, wiring\. Got entangler"),
        ("v4", {"mode": "coherent"}, r"mode of v4 .* expectation, sampled\. Got 'coherent'"),
        ("sim-v1", {"mode": "sampled"}, r"mode of sim-v1 .* coherent\. Got 'sampled'"),
        ("qlstm", {"mode": "sampled"}, r"mode of qlstm .* expectation\. Got 'sampled'"),
        ("hybrid", {"n_qubits": 15}, r"n_qubits of hybrid .* 2 to 14\. Got 15"),
        ("hybrid", {"n_qubits": 5.0}, r"n_qubits of hybrid .* 2 to 14\. Got 5\.0"),
        ("hybrid", {"n_qubits": 2, "n_bits": 3}, r"at most its 2 qubits.*Got n_bits=3"),
        ("hybrid", {"n_layers": True}, r"n_layers of hybrid .* 1 to 8\. Got True"),
        ("hybrid", {"mode": "sampled", "readout": "xyz"}, r"Got readout=xyz; choose mode=expect"),
        ("v1", {"mode": np.array(["sampled", "coherent"])}, r"mode of v1 .*Got array"),
    ],
)
def test_options_are_refused_with_the_supported_ones(name, options, message):
    with pytest.raises(CircuitsError, match=message):
        circuits.architecture(name, **options)


def test_a_number_of_numpy_is_the_number():
    model = circuits.architecture("hybrid", n_qubits=np.int64(3))
    assert model == circuits.architecture("hybrid", n_qubits=3)
    assert json.loads(json.dumps(dict(model.options)))["n_qubits"] == 3


def test_an_unknown_name_lists_the_near_ones():
    with pytest.raises(UnknownNameError, match=r"did you mean .*sim-v1"):
        circuits.architecture("sim-v10")
    with pytest.raises(UnknownNameError, match="no model is called None"):
        circuits.architecture(None)


@pytest.mark.parametrize("steps", [0, -1, 1.5, "3", True])
def test_the_number_of_steps_is_a_positive_integer(steps):
    with pytest.raises(CircuitsError, match=r"at least 1\. Got"):
        circuits.unroll(circuits.architecture("v1"), steps)


def test_a_name_is_not_unrolled():
    with pytest.raises(CircuitsError, match=r"given an architecture.* Got 'v1'"):
        circuits.unroll("v1", 2)


def test_bad_features_and_weights_are_refused_with_one_clear_line():
    q = circuits.unroll(circuits.architecture("stacked-3-minimal"), 2)
    x, w = np.ones((2, 8)), np.ones(48)
    with pytest.raises(CircuitsError, match=r"features should have shape \(2, 8\)\. Got \(2, 7\)"):
        q.bind(x[:, :7], w)
    with pytest.raises(CircuitsError, match=r"weights should have shape \(48,\)\. Got \(47,\)"):
        q.bind(x, w[:47])
    x[1, 3] = np.nan
    with pytest.raises(CircuitsError, match=r"features should be finite\. Got nan"):
        q.bind(x, w)
    with pytest.raises(CircuitsError, match=r"features should be real numbers\. Got complex128"):
        q.bind(np.full((2, 8), 1 + 1j), w)
    for wrong in ([["a"] * 8] * 2, [[1.0, 2.0], [1.0]]):
        with pytest.raises(CircuitsError, match=r"features should be an array of numbers\. Got"):
            q.bind(wrong, w)
    for wrong, kind in ((np.full((2, 8), "1"), "<U1"), (np.zeros((2, 8), "M8[s]"), "datetime64")):
        with pytest.raises(CircuitsError, match=rf"an array of numbers\. Got {kind}"):
            q.bind(wrong, w)


def test_a_batch_is_one_row_or_more_of_a_model_that_runs_so():
    q = circuits.unroll(circuits.architecture("sim-v1"), 2)
    for wrong in (None, 3.0, np.zeros((0, 2, 4))):
        with pytest.raises(CircuitsError, match=r"shape \(N, 2, 4\), one row or more\. Got \("):
            q.rows(wrong, np.ones(30))
    with pytest.raises(CircuitsError, match=r"should have shape \(1, 2, 4\)\. Got \(1, 3, 4\)"):
        q.rows(np.ones((1, 3, 4)), np.ones(30))
    q = circuits.unroll(circuits.architecture("v3a"), 2)
    with pytest.raises(CircuitsError, match=r"with `step_pubs`\. Got 2 steps of v3a"):
        q.rows(np.ones((1, 2, 15)), np.ones(7))
    with pytest.raises(CircuitsError, match=r"shape \(N, 15\), one row or more\. Got \(0, 15\)"):
        q.step_pubs(np.zeros((0, 15)), np.ones(7), np.zeros(0))


@pytest.mark.parametrize("name", ["v1", "v4", "v5", "qlstm"])
def test_a_zero_vector_has_no_direction(name):
    q = circuits.unroll(circuits.architecture(name), 2)
    x = np.zeros((2, q.inputs.shape[1]))
    with pytest.raises(CircuitsError, match=r"should not all be zero\. Got a zero vector"):
        q.bind_step(x[0], np.ones(q.weights.shape), 0.0)
    with pytest.raises(CircuitsError, match=r"Got a zero vector at \[0\]"):
        q.bind(x, np.ones(q.weights.shape))


def test_rounds_and_single_circuits_point_to_their_own_way_of_binding():
    q = circuits.unroll(circuits.architecture("v3a"), 2)
    with pytest.raises(CircuitsError, match="bind_step"):
        q.bind(np.ones((2, 15)), np.ones(7))
    with pytest.raises(CircuitsError, match=r"fed-back value should be finite\. Got inf"):
        q.bind_step(np.ones(15), np.ones(7), np.inf)
    with pytest.raises(CircuitsError, match=r"fed-back value should be .*number"):
        q.bind_step(np.ones(15), np.ones(7), "x")
    q = circuits.unroll(circuits.architecture("sim-v1"), 2)
    with pytest.raises(CircuitsError, match="use `bind`"):
        q.bind_step(np.ones(4), np.ones(30), 0.0)
