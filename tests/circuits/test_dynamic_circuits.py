"""Circuits with measurements, branches and resets against a walk through all their branches."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit import transpile
from qiskit.circuit import ClassicalRegister, QuantumCircuit
from qiskit.circuit.classical import expr
from qiskit.quantum_info import DensityMatrix, Operator
from qiskit_aer import AerSimulator

import circuits
from circuits.definition import Architecture
from circuits.errors import CircuitsError
from circuits.layers.cells import ControlledRotations, Entangle, Rotations, ring
from circuits.layers.controllers import ControlledByBits, walsh_hadamard
from circuits.layers.encoders import dense_angle_encoding
from circuits.layers.feedback import ConditionalRotation, Measure, Reset


def holds(condition, circuit, bits):
    """Whether a condition on (bit, value), (register, value) or an exclusive or is met."""
    if isinstance(condition, tuple):
        target, value = condition
        members = list(target) if isinstance(target, ClassicalRegister) else [target]
        return sum(bits[bit] << k for k, bit in enumerate(members)) == value
    if isinstance(condition, expr.Var):
        return bool(bits[condition.var])
    left = holds(condition.left, circuit, bits)
    right = holds(condition.right, circuit, bits)
    assert condition.op is expr.Binary.Op.BIT_XOR
    return left != right


def branches(circuit):
    """All (bits, unnormalised density matrix) that a bound circuit ends in."""
    n = circuit.num_qubits
    start = DensityMatrix.from_label("0" * n)
    found = [(dict.fromkeys(circuit.clbits, 0), start)]

    def run(instructions, owner, qubits, clbits, paths):
        for item in instructions:
            wires = [qubits[owner.find_bit(q).index] for q in item.qubits]
            targets = [clbits[owner.find_bit(c).index] for c in item.clbits]
            name, after = item.operation.name, []
            for bits, rho in paths:
                if name == "barrier":
                    after.append((bits, rho))
                elif name in ("measure", "reset"):
                    for value in (0, 1):
                        kraus = np.zeros((2, 2))
                        kraus[0 if name == "reset" else value, value] = 1
                        kept = rho.evolve(Operator(kraus), wires)
                        if abs(np.trace(kept.data)) > 1e-14:
                            new = bits | {targets[0]: value} if name == "measure" else bits
                            after.append((new, kept))
                elif name == "if_else":
                    taken = 0 if holds(item.operation.condition, circuit, bits) else 1
                    blocks = item.operation.blocks
                    if taken < len(blocks):
                        block = blocks[taken]
                        after += run(block.data, block, wires, targets, [(bits, rho)])
                    else:
                        after.append((bits, rho))
                else:
                    after.append((bits, rho.evolve(Operator(item.operation), wires)))
            merged = {}
            for bits, rho in after:
                key = tuple(bits.values())
                merged[key] = (bits, merged[key][1] + rho if key in merged else rho)
            paths = list(merged.values())
        return paths

    return run(circuit.data, circuit, list(range(n)), list(circuit.clbits), found)


def distribution(circuit):
    """Exact probabilities of the register `out`."""
    out = next(register for register in circuit.cregs if register.name == "out")
    result = np.zeros(2 ** len(out))
    for bits, rho in branches(circuit):
        result[sum(bits[bit] << k for k, bit in enumerate(out))] += np.trace(rho.data).real
    return result


def chi_square(counts, exact, shots):
    expected = exact * shots
    width = int(np.log2(len(exact)))
    seen = np.array([counts.get(format(k, f"0{width}b"), 0) for k in range(len(exact))])
    likely = expected > 5
    statistic = ((seen - expected)[likely] ** 2 / expected[likely]).sum()
    return statistic, likely.sum() - 1


def compared_with_aer(circuit, seed, shots=2000):
    """Return how far transpiling moves the distribution, and Aer's chi-square in deviations."""
    exact = distribution(circuit)
    isa = transpile(circuit, basis_gates=["rz", "sx", "x", "cz"], optimization_level=1)
    moved = np.abs(np.asarray(distribution(isa)) - exact).max()
    result = AerSimulator(seed_simulator=seed).run(isa, shots=shots).result().get_counts()
    counts = {}
    for key, value in result.items():
        out = key.split(" ")[0]
        counts[out] = counts.get(out, 0) + value
    statistic, freedom = chi_square(counts, exact, shots)
    # Mean `freedom`, standard deviation sqrt(2 freedom).
    return moved, (statistic - freedom) / np.sqrt(2 * freedom + 1)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("dynamic-line", {}),
        ("v1", {"mode": "sampled", "wiring": "repaired"}),
        ("v3a", {"mode": "sampled"}),
        ("adapted", {"mode": "sampled"}),
        ("hybrid", {"mode": "sampled", "n_qubits": 3, "n_layers": 1}),
        ("hybrid", {"mode": "sampled", "n_qubits": 3, "n_layers": 1, "controller": "parity"}),
    ],
)
def test_dynamic_models_transpile_and_sample_to_their_exact_distribution(name, options):
    model = circuits.architecture(name, **options)
    rng = np.random.default_rng(21)
    q = circuits.unroll(model, 2)
    bound = q.bind(
        rng.uniform(-np.pi, np.pi, q.inputs.shape), rng.uniform(-np.pi, np.pi, q.weights.shape)
    )
    moved, deviations = compared_with_aer(bound, seed=22)
    assert moved < 1e-10
    assert deviations < 6


def sampled_by_hand(name, x, w, values, hidden):
    """A re-encoded model in `sampled` mode, step by step on its own `expectation` circuit."""
    q = circuits.unroll(circuits.architecture(name), 1)
    paths = {0.0: 1.0}
    for word in x:
        after = np.zeros(len(values))
        for h, probability in paths.items():
            (bound,) = q.bind_step(word, w, h)
            after += probability * distribution(bound)
        paths = {}
        for b, probability in enumerate(after):
            paths[values[b]] = paths.get(values[b], 0.0) + probability
    return after


@pytest.mark.parametrize(
    ("name", "values"),
    [("v3a", (1.0, -1.0)), ("adapted", (np.tanh(2), 0.0, 0.0, np.tanh(-2)))],
)
def test_sampled_models_feed_each_shots_own_sign_back(name, values):
    model = circuits.architecture(name, mode="sampled")
    rng = np.random.default_rng(23)
    q = circuits.unroll(model, 3)
    x = rng.uniform(-np.pi, np.pi, q.inputs.shape)
    w = rng.uniform(-np.pi, np.pi, q.weights.shape)
    by_hand = sampled_by_hand(name, x, w, values, model.readout)
    np.testing.assert_allclose(distribution(q.bind(x, w)), by_hand, atol=1e-10)


def channel(layer_form, m, theta, axis):
    """A circuit that measures m qubits and rotates the next one by theta of the bits."""
    from qiskit.circuit import ParameterVector

    from circuits.definition import Binding

    circuit = QuantumCircuit(m + 1)
    register = ClassicalRegister(m, "m0")
    circuit.add_register(register)
    for wire in range(m):
        circuit.measure(wire, register[wire])
    layer = ControlledByBits(wire=m, n_bits=m, axis=axis, form=layer_form)
    weights = theta if layer_form == "look-up" else walsh_hadamard(theta)
    p = ParameterVector("w", 2**m)
    layer.append(circuit, Binding((), p, (), list(register), None))
    return circuit.assign_parameters(dict(zip(p, weights, strict=True))), layer


@pytest.mark.parametrize("axis", ["x", "y", "z"])
@pytest.mark.parametrize("m", [1, 2, 3])
def test_look_up_and_parity_form_are_the_same_channel(m, axis):
    theta = np.random.default_rng(m).uniform(-np.pi, np.pi, 2**m).tolist()
    look_up, _ = channel("look-up", m, theta, axis)
    parity, layer = channel("parity", m, theta, axis)
    assert look_up.count_ops()["if_else"] == 2**m
    assert parity.count_ops()["if_else"] == 2**m - 1
    assert layer.n_weights == 2**m
    # A basis of operators on all qubits: |+>, |+i>, |0>, |1> on each spans every density matrix.
    plus, plus_i = np.array([1, 1]) / np.sqrt(2), np.array([1, 1j]) / np.sqrt(2)
    for state in (plus, plus_i, [1, 0], [0, 1]):
        for bits in range(2**m):
            results = []
            for circuit in (look_up, parity):
                prepared = QuantumCircuit(*circuit.qregs, *circuit.cregs)
                for wire in range(m):
                    if bits >> wire & 1:
                        prepared.x(wire)
                prepared.initialize(state, m)
                prepared = prepared.decompose(["initialize"]).compose(circuit)
                [(read, rho)] = branches(transpile(prepared, basis_gates=["u", "x", "reset"]))
                assert sum(value << k for k, value in enumerate(read.values())) == bits
                results.append(rho.data)
            np.testing.assert_allclose(*results, atol=1e-12)


def test_an_affine_controller_takes_one_branch_a_bit():
    from circuits.definition import Binding

    circuit = QuantumCircuit(4)
    register = ClassicalRegister(3, "m0")
    circuit.add_register(register)
    layer = ControlledByBits(wire=3, n_bits=3, form="affine")
    layer.append(circuit, Binding((), [0.1, 0.2, 0.3, 0.4], (), list(register), None))
    assert layer.n_weights == 4
    assert circuit.count_ops()["if_else"] == 3
    for b in range(8):
        bits = {bit: b >> k & 1 for k, bit in enumerate(register)}
        angle = circuit.data[0].operation.params[0]
        for item in circuit.data[1:]:
            if holds(item.operation.condition, circuit, bits):
                angle += item.operation.blocks[0].data[0].operation.params[0]
        signs = [1 - 2 * (b >> k & 1) for k in range(3)]
        assert angle == pytest.approx(0.1 + np.dot(signs, [0.2, 0.3, 0.4]))


def test_a_step_without_anything_to_feed_back_is_refused():
    from circuits.unrolled import append_step

    model = circuits.architecture("v3a")
    with pytest.raises(CircuitsError, match="Got neither; unroll the model"):
        append_step(QuantumCircuit(4), model, [0.1] * 15, [0.2] * 7)


WIRES = (0, 1, 2)
LAYER = st.one_of(
    st.builds(Rotations, st.permutations(WIRES).map(tuple), st.text("xyz", min_size=1, max_size=3)),
    st.builds(ControlledRotations, st.just(ring(WIRES)), st.sampled_from("xyz")),
    st.builds(Entangle, st.just(ring(WIRES)), st.sampled_from(["cx", "cz"])),
    st.builds(
        ControlledByBits,
        st.just(2),
        st.just(2),
        st.sampled_from("xyz"),
        st.sampled_from(["look-up", "parity", "affine"]),
    ),
)
MEASURED = st.one_of(
    st.builds(ConditionalRotation, st.sampled_from([0, 1]), st.just(2), st.sampled_from("xyz")),
    st.just(Reset((0,))),
    st.just(Reset((0, 1))),
)


@st.composite
def architectures(draw):
    cell = draw(st.lists(LAYER, min_size=1, max_size=3))
    after = draw(st.lists(MEASURED, max_size=2))
    return Architecture(
        name="random",
        n_qubits=3,
        n_features=2,
        encoder=(dense_angle_encoding((0,), tuple(draw(st.permutations("xyz")))[:2]),),
        cell=tuple(cell),
        after_cell=(Measure((0, 1)), *after),
        closing=tuple(
            draw(st.lists(LAYER.filter(lambda part: not hasattr(part, "form")), max_size=1))
        ),
        readout=(2, 0),
        n_bits=2,
        modes=("sampled",),
        mode="sampled",
    )


@settings(max_examples=12, deadline=None, derandomize=True)
@given(architectures(), st.integers(1, 2), st.integers(0, 1000))
def test_random_architectures_unroll_transpile_and_agree_with_aer(model, steps, seed):
    rng = np.random.default_rng(seed)
    q = circuits.unroll(model, steps)
    assert q.weights.shape == (model.n_weights,)
    x = rng.uniform(-np.pi, np.pi, q.inputs.shape)
    w = rng.uniform(-np.pi, np.pi, q.weights.shape)
    moved, deviations = compared_with_aer(q.bind(x, w), seed=seed)
    assert moved < 1e-10
    assert deviations < 6
