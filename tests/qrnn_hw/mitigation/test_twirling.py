"""Twirled circuits compute the same; their average sees a Pauli channel."""

from itertools import product

import numpy as np
import pytest
from mitigation_reference import IDEAL, Noise, distribution
from mitigation_reference_circuits import instances, isa, qrnn
from qiskit import QuantumCircuit
from qiskit.circuit.library import CXGate, CZGate, ECRGate
from qiskit.quantum_info import PTM, Kraus, Operator, SuperOp

from qrnn_hw.mitigation import twirling
from qrnn_hw.mitigation.folding import fold
from qrnn_hw.mitigation.stack import Stack, construct_circuits, terms
from qrnn_hw.mitigation.stack_names import parse_stack
from qrnn_hw.mitigation.twirling import count_twirled, twirl

PAIRS = list(product("IXYZ", repeat=2))


@pytest.mark.parametrize("gate", [CZGate(), CXGate(), ECRGate()], ids=lambda gate: gate.name)
@pytest.mark.parametrize("pair", PAIRS, ids="".join)
def test_every_pauli_is_undone_phase_included(gate, pair):
    circuit = QuantumCircuit(2)
    twirling._around(circuit, gate, circuit.qubits, "".join(pair))
    plain = QuantumCircuit(2)
    plain.append(gate, [0, 1])
    np.testing.assert_allclose(Operator(circuit).data, Operator(plain).data, rtol=0, atol=1e-12)
    assert set(circuit.count_ops()) <= {gate.name, "x", "rz", "barrier"}


def test_the_ideal_distribution_stays_in_branches_too():
    circuit = isa(qrnn(*instances(1, n_steps=3)[0]))
    inner = sum(count_twirled(i.operation.blocks[0]) for i in circuit.data if i.name == "if_else")
    assert 0 < inner < count_twirled(circuit)
    expected = distribution(circuit, IDEAL)
    seen = set()
    for seed in range(6):
        twirled = twirl(circuit, seed)
        assert count_twirled(twirled) == count_twirled(circuit)
        np.testing.assert_allclose(distribution(twirled, IDEAL), expected, rtol=0, atol=1e-12)
        np.testing.assert_allclose(
            distribution(fold(twirled, 3), IDEAL), expected, rtol=0, atol=1e-12
        )
        blocks = [i.operation.blocks[0] for i in twirled.data if i.name == "if_else"]
        seen.add(tuple(block.count_ops().get("x", 0) for block in blocks))
        noisy = distribution(twirled, Noise())
        assert np.abs(noisy - distribution(circuit, Noise())).max() > 1e-5
    assert len(seen) > 1


def test_the_average_error_is_the_twirled_channel():
    """Referee: Qiskit's operators; a coherent and a damping error after each cz."""
    generator = np.random.default_rng(4)
    hermitian = generator.normal(size=(4, 4)) + 1j * generator.normal(size=(4, 4))
    values, vectors = np.linalg.eigh(hermitian + hermitian.conj().T)
    rotation = vectors @ np.diag(np.exp(0.05j * values)) @ vectors.conj().T
    damping = Kraus([np.diag([1, np.sqrt(0.9)]), [[0, np.sqrt(0.1)], [0, 0]]])
    error = SuperOp(Operator(rotation)).compose(SuperOp(damping).tensor(SuperOp(np.eye(4))))

    def noisy(circuit):
        channel = SuperOp(np.eye(16))
        for item in circuit.data:
            if item.name == "barrier":
                continue
            places = [circuit.find_bit(qubit).index for qubit in item.qubits]
            channel = channel.compose(SuperOp(Operator(item.operation)), qargs=places)
            if item.name == "cz":
                channel = channel.compose(error)
        return channel

    total = np.zeros((16, 16), complex)
    for pair in PAIRS:
        circuit = QuantumCircuit(2)
        twirling._around(circuit, CZGate(), circuit.qubits, "".join(pair))
        total += noisy(circuit).data / 16
    ideal = SuperOp(Operator(CZGate()))
    found = PTM(SuperOp(total @ np.linalg.inv(ideal.data))).data
    expected = np.diag(np.diag(PTM(error).data))
    assert np.abs(PTM(error).data - expected).max() > 0.05
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)


def test_every_pair_is_drawn_equally_often():
    circuit = QuantumCircuit(2)
    for _ in range(1600):
        circuit.cz(0, 1)
    counts = twirl(circuit, 1).count_ops()
    # An x before for X and Y on each qubit; after, cz maps half of the pairs onto an X or Y too.
    assert counts["x"] == pytest.approx(4 * 800, rel=0.06)


def test_a_stack_twirls_each_of_its_circuits():
    stack = parse_stack("linear(1,3) + twirl 4")
    assert stack == Stack(parse_stack("linear(1,3)").extrapolation, twirls=4)
    assert stack.name == "linear(1,3) + twirl 4"
    listed = terms(stack)
    assert len(listed) == 8
    assert sum(term.weight for term in listed) == pytest.approx(1)
    circuit = isa(qrnn(*instances(1, n_steps=2)[0]))
    circuits = construct_circuits(circuit, stack, listed)
    assert len({str(one.count_ops()) for one in circuits[:4]}) > 1
    expected = distribution(circuit, IDEAL)
    for one in circuits:
        np.testing.assert_allclose(distribution(one, IDEAL), expected, rtol=0, atol=1e-12)
