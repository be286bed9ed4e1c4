"""Every model against matrix products written from its published equations.

The reference is numpy alone and big-endian: wire 0 is axis 0 of the state tensor.
"""

import numpy as np
import pytest
from qiskit.circuit import QuantumCircuit
from qiskit.quantum_info import Statevector

import circuits


def RX(a):
    return np.array([[np.cos(a / 2), -1j * np.sin(a / 2)], [-1j * np.sin(a / 2), np.cos(a / 2)]])


def RY(a):
    return np.array([[np.cos(a / 2), -np.sin(a / 2)], [np.sin(a / 2), np.cos(a / 2)]])


def RZ(a):
    return np.diag([np.exp(-0.5j * a), np.exp(0.5j * a)])


class Reference:
    """A state tensor with axis w for wire w."""

    def __init__(self, n, state=None):
        self.n = n
        self.state = np.zeros((2,) * n, dtype=complex)
        if state is None:
            self.state[(0,) * n] = 1
        else:
            self.state = np.asarray(state, dtype=complex).reshape((2,) * n)

    def one(self, wire, *matrices):
        for matrix in matrices:
            self.state = np.moveaxis(np.tensordot(matrix, self.state, (1, wire)), 0, wire)

    def controlled(self, control, target, matrix):
        full = np.kron(np.diag([1, 0]), np.eye(2)) + np.kron(np.diag([0, 1]), matrix)
        gate = full.reshape(2, 2, 2, 2)
        moved = np.tensordot(gate, self.state, ((2, 3), (control, target)))
        self.state = np.moveaxis(moved, (0, 1), (control, target))

    def cnot(self, *pairs):
        for control, target in pairs:
            self.controlled(control, target, np.array([[0, 1], [1, 0]]))

    def rot(self, wire, a, b, c):
        self.one(wire, RZ(a), RY(b), RZ(c))

    def z(self, wire):
        probabilities = np.moveaxis(np.abs(self.state) ** 2, wire, 0).reshape(2, -1).sum(axis=1)
        return probabilities[0] - probabilities[1]


def evolved(bound):
    """The Qiskit state as a big-endian tensor, final measurements taken off."""
    bare = bound.remove_final_measurements(inplace=False)
    return Statevector(bare).reverse_qargs().data.reshape((2,) * bare.num_qubits)


def draw(name, steps, seed, **options):
    rng = np.random.default_rng(seed)
    model = circuits.architecture(name, **options)
    q = circuits.unroll(model, steps)
    x = rng.uniform(-np.pi, np.pi, q.inputs.shape)
    w = rng.uniform(-np.pi, np.pi, q.weights.shape)
    return q, x, w, rng.uniform(-1, 1)


def v1_or_v2(x, w, h, ring, repeats):
    r = Reference(6)
    for i in range(5):
        r.one(i, RY(x[i] / np.linalg.norm(x)))
    r.one(5, RY(h))
    for _ in range(repeats):
        r.cnot(*ring)
        for i in range(6):
            r.one(i, RY(w[i]))
    return r


def v3(x, w, h, repeats):
    r = Reference(4)
    for i in range(3):
        for k in range(5):
            r.one(i, RY(x[5 * i + k]), RZ(x[5 * i + k] / 2))
    r.one(3, RY(h))
    for _ in range(repeats):
        r.cnot((0, 1), (1, 2), (2, 3), (3, 0))
        for i in range(3):
            r.one(i, RY(w[2 * i]), RZ(w[2 * i + 1]))
        r.one(3, RY(w[6]))
    return r


def v4(x, w, h):
    r = Reference(6, np.kron(x / np.linalg.norm(x), [1, 0]))
    r.one(5, RY(h))
    r.cnot(*[(i, 5) for i in range(5)], (0, 1), (1, 2), (2, 3), (3, 4), (4, 0))
    for i in range(6):
        r.one(i, RY(w[2 * i]), RZ(w[2 * i + 1]))
    return r


def v5(x, w, h):
    r = Reference(8, np.kron(x[:16] / np.linalg.norm(x[:16]), np.eye(16)[0]))
    for wire, own in ((4, x[16:21]), (5, x[21:27]), (6, x[27:32])):
        for value in own:
            r.one(wire, RY(value), RZ(0.7 * value))
    r.one(7, RY(h))
    r.cnot((0, 1), (1, 2), (2, 3), (4, 5), (5, 6), (3, 4), (6, 7), (0, 7), (4, 7))
    for i in range(8):
        r.one(i, RY(w[2 * i]), RZ(w[2 * i + 1]))
    return r


def adapted(x, w, h):
    r = Reference(4)
    for i in range(4):
        for value in (x[2 * i], x[2 * i + 1]):
            r.one(i, RX(value), RY(value), RZ(value))
    r.one(3, RY(h))
    r.cnot((0, 1), (1, 2), (2, 3), (3, 0))
    for i in range(4):
        r.one(i, RY(w[2 * i]), RZ(w[2 * i + 1]))
    return r


RING5 = ((0, 1), (1, 2), (2, 3), (3, 4), (4, 0))
RING6 = ((0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (5, 0))
IN_ROUNDS = {
    ("v1", "faithful"): lambda x, w, h: v1_or_v2(x, w, h, RING5, 1),
    ("v1", "repaired"): lambda x, w, h: v1_or_v2(x, w, h, RING6, 1),
    ("v2", "faithful"): lambda x, w, h: v1_or_v2(x, w, h, RING5, 2),
    ("v2", "repaired"): lambda x, w, h: v1_or_v2(x, w, h, RING6, 2),
    ("v3a", None): lambda x, w, h: v3(x, w, h, 1),
    ("v3b", None): lambda x, w, h: v3(x, w, h, 3),
    ("v4", None): v4,
    ("v5", None): v5,
    ("adapted", None): adapted,
}


@pytest.mark.parametrize(("name", "wiring"), IN_ROUNDS)
def test_step_of_a_model_in_rounds_equals_its_equations(name, wiring):
    q, x, w, h = draw(name, 3, seed=11, **({"wiring": wiring} if wiring else {}))
    (bound,) = q.bind_step(x[1], w, h)
    reference = IN_ROUNDS[name, wiring](x[1], w, h)
    np.testing.assert_allclose(evolved(bound), reference.state, atol=1e-10)


@pytest.mark.parametrize("name", ["v1", "v3a", "v4", "v5", "adapted"])
def test_step_bound_by_its_public_parameters_equals_the_equations(name):
    q, x, w, h = draw(name, 1, seed=12)
    values = dict(zip(q.inputs[0], x[0], strict=True))
    values |= dict(zip(q.weights, w, strict=True))
    (fed_back,) = (p for p in q.step.parameters if p.name == "h")
    bound = q.step.assign_parameters(values | {fed_back: h})
    reference = IN_ROUNDS[name, "faithful" if name == "v1" else None](x[0], w, h)
    np.testing.assert_allclose(evolved(bound), reference.state, atol=1e-10)


@pytest.mark.parametrize("wiring", ["faithful", "repaired"])
def test_the_four_gates_of_the_lstm_equal_their_equations(wiring):
    q, x, w, h = draw("qlstm", 1, seed=13, wiring=wiring)
    rotations = (
        lambda v: [RY(v)],
        lambda v: [RZ(v)],
        lambda v: [RY(v), RZ(0.3 * v)],
        lambda v: [RY(0.6 * v)],
    )
    for gate, bound in enumerate(q.bind_step(x[0], w, h)):
        r = Reference(8, np.kron(x[0, :16] / np.linalg.norm(x[0, :16]), np.eye(16)[0]))
        for value in x[0, 16:19]:
            r.one(4, RY(value), RZ(value / 2))
        r.one(7, RY(h))
        for i in range(7):
            r.one(i, *rotations[gate](w[7 * gate + i]))
        if wiring == "repaired":
            r.cnot(*[(i, i + 1) for i in range(7)])
        np.testing.assert_allclose(evolved(bound), r.state, atol=1e-10)


def stacked(x, w, name, entangler="chain"):
    r = Reference(4)
    for word in x:
        for i in range(4):
            r.one(i, RX(word[2 * i]), RY(word[2 * i + 1]), RZ(word[2 * i]))
    ring = ((0, 1), (1, 2), (2, 3), (3, 0))
    weights = iter(w)
    parts = {
        "stacked-2-final-rot": "R+R+R",
        "stacked-3-final-rot": "R+R+RR",
        "stacked-3-enhanced": "R+R+R+X",
        "stacked-3-minimal": "RRR+R",
    }[name]
    for part in parts:
        if part == "+":
            minimal_chain = name == "stacked-3-minimal" and entangler == "chain"
            r.cnot(*(ring[:3] if minimal_chain else ring))
            continue
        for i in range(4):
            a, b, c = next(weights), next(weights), next(weights)
            if part == "R":
                r.rot(i, a, b, c)
            else:
                r.one(i, RX(a), RY(b), RZ(c))
    assert next(weights, None) is None
    return r


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("stacked-2-final-rot", {}),
        ("stacked-3-final-rot", {}),
        ("stacked-3-enhanced", {}),
        ("stacked-3-minimal", {}),
        ("stacked-3-minimal", {"entangler": "ring"}),
    ],
)
def test_stacked_models_equal_their_equations(name, options):
    q, x, w, _ = draw(name, 10, seed=14, **options)
    reference = stacked(x, w, name, **options)
    np.testing.assert_allclose(evolved(q.bind(x, w)), reference.state, atol=1e-10)


SIM = {
    "sim-v1": ("R" * 2, 1),
    "sim-v2": ("R" * 2, 2),
    "sim-v3": ("R" * 3, 0),
    "sim-v4": ("R" * 3, 2),
    "sim-v5": ("E" * 2, 2),
    "sim-v6": ("E" * 3, 2),
    "sim-v7": ("C" * 3, 0),
    "sim-v8": ("C" * 3, 2),
    "sim-v9": ("Y" * 3, 2),
}


def sim_word(r, word, layers, w):
    """One word on wires 0-3 (inputs) and 4-7 (hidden)."""
    ring = ((4, 5), (5, 6), (6, 7), (7, 4))
    for i in range(4):
        r.one(i, RY(word[i]))
    r.cnot((0, 4), (1, 5), (2, 6), (3, 7))
    weights = iter(w)

    def xyz():
        for i in range(4, 8):
            r.one(i, RX(next(weights)), RY(next(weights)), RZ(next(weights)))

    for layer in layers:
        if layer == "R":
            for i in range(4, 8):
                r.rot(i, next(weights), next(weights), next(weights))
        elif layer == "Y":
            for i in range(4, 8):
                r.one(i, RY(next(weights)))
            for pair in ring:
                r.controlled(*pair, RY(next(weights)))
            for i in range(4, 8):
                r.one(i, RY(next(weights)))
        else:
            xyz()
            if layer == "E":
                r.cnot(*ring)
            else:
                for pair in ring:
                    r.controlled(*pair, RY(next(weights)))
            xyz()
    r.cnot((4, 6), (5, 7))
    return list(weights)


def sim_end(r, w, n_final):
    r.cnot((4, 6), (5, 7))
    for k in range(n_final):
        for i in range(2):
            r.rot(6 + i, *w[6 * k + 3 * i : 6 * k + 3 * i + 3])


@pytest.mark.parametrize("name", SIM)
def test_accumulating_sim_models_equal_their_equations(name):
    q, x, w, _ = draw(name, 3, seed=15, input_mode="accumulate")
    layers, n_final = SIM[name]
    r = Reference(8)
    for word in x:
        rest = sim_word(r, word, layers, w)
    sim_end(r, rest, n_final)
    assert len(rest) == 6 * n_final
    np.testing.assert_allclose(evolved(q.bind(x, w)), r.state, atol=1e-10)


@pytest.mark.parametrize("name", ["sim-v2", "sim-v6", "sim-v9"])
def test_resetting_sim_models_equal_a_sum_over_discarded_inputs(name):
    q, x, w, _ = draw(name, 3, seed=16)
    layers, n_final = SIM[name]
    hidden = [np.eye(16)[0].astype(complex)]
    for word in x:
        branches = []
        for vector in hidden:
            r = Reference(8, np.kron(np.eye(16)[0], vector))
            rest = sim_word(r, word, layers, w)
            branches += list(r.state.reshape(16, 16))
        # The discarded inputs leave a mixture: keep its eigenvectors.
        rho = sum(np.outer(v, v.conj()) for v in branches)
        values, vectors = np.linalg.eigh(rho)
        hidden = [np.sqrt(p) * v for p, v in zip(values, vectors.T, strict=True) if p > 1e-15]
    expected = np.zeros(2)
    for vector in hidden:
        r = Reference(8, np.kron(np.eye(16)[0], vector))
        sim_end(r, rest, n_final)
        expected += [r.z(6), r.z(7)]
    from qiskit.quantum_info import DensityMatrix, Pauli

    bare = q.bind(x, w).remove_final_measurements(inplace=False)
    rho = DensityMatrix(bare)
    found = [rho.expectation_value(Pauli("Z"), [wire]).real for wire in (6, 7)]
    np.testing.assert_allclose(found, expected, atol=1e-10)


def test_the_hybrid_equals_its_equations():
    q, theta, _, _ = draw("hybrid", 3, seed=17, n_qubits=4, n_layers=2)
    r = Reference(4)
    for angles in theta:
        for layer in angles.reshape(2, 4, 2):
            for wire, (a, b) in enumerate(layer):
                r.one(wire, RY(a), RZ(b))
            for pair in ((0, 1), (1, 2), (2, 3), (3, 0)):
                r.controlled(*pair, np.diag([1, -1]))
    np.testing.assert_allclose(evolved(q.bind(theta, np.zeros(0))), r.state, atol=1e-10)


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5])
def test_amplitude_encoding_is_big_endian_signed_and_scale_free(n):
    from circuits.definition import Binding
    from circuits.layers.amplitude import AmplitudeEncoding
    from circuits.parametrised import normalised

    rng = np.random.default_rng(n)
    sparse = np.zeros(2**n)
    sparse[-2] = -1e-6
    half = np.arange(2.0**n) - 2 ** (n - 1)
    half[2 ** (n - 1) :] = 0
    for x in (
        rng.normal(size=2**n),
        1e8 * rng.normal(size=2**n),
        sparse,
        half,
        half[::-1],
        -np.eye(2**n)[0],
        -np.ones(2**n),
    ):
        unit = normalised(x, (tuple(range(2**n)),))
        circuit = QuantumCircuit(n)
        from qiskit.circuit import ParameterVector

        p = ParameterVector("x", 2**n)
        layer = AmplitudeEncoding(tuple(range(n)), tuple(range(2**n)))
        layer.append(circuit, Binding(p, (), (), (), None))
        state = evolved(circuit.assign_parameters(dict(zip(p, unit.tolist(), strict=True))))
        np.testing.assert_allclose(state.ravel(), x / np.linalg.norm(x), atol=1e-10)
        assert circuit.count_ops().get("cx", 0) == max(0, 2**n - 2)


@pytest.mark.parametrize(("name", "repeats"), [("v1", 1), ("v2", 2)])
def test_the_faithful_angle_models_read_a_cosine_whatever_the_input(name, repeats):
    q, x, w, h = draw(name, 1, seed=18)
    probabilities = np.abs(evolved(q.bind_step(x[0], w, h)[0])) ** 2
    z = np.moveaxis(probabilities, 5, 0).reshape(2, -1).sum(axis=1) @ [1, -1]
    assert z == pytest.approx(np.cos(h + repeats * w[5]), abs=1e-12)
