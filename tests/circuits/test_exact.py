"""Exact evolution against Qiskit's operators, an independent simulator and finite differences."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit.circuit import ClassicalRegister, Parameter, QuantumCircuit
from qiskit.circuit.classical import expr
from qiskit.circuit.library import CXGate, RXGate, RYGate, RZGate
from qiskit.quantum_info import DensityMatrix, Kraus, SuperOp, random_quantum_channel

from circuits.errors import CircuitsError
from circuits.exact.evolve import distribution
from circuits.exact.lift import lift
from circuits.exact.pauli import gate_matrix, rotation_matrix, transfer_matrix


class UniformNoise:
    """The same random channels on all qubits, readout errors that differ by direction."""

    dt_seconds = 1e-9

    def __init__(self, seed: int) -> None:
        def weak(n_qubits: int, offset: int) -> np.ndarray:
            dim = 2**n_qubits
            random = random_quantum_channel((dim,), (dim,), seed=seed + offset)
            return 0.9 * np.eye(dim * dim) + 0.1 * SuperOp(random).data

        self.one, self.two, self.wait = weak(1, 0), weak(2, 1), weak(1, 2)
        self.confusion = np.array([[0.97, 0.03], [0.08, 0.92]])

    def channel(self, name, qubits):
        if name.startswith("measure"):
            return None
        return self.one if len(qubits) == 1 else self.two

    def idle(self, qubit, seconds):
        return self.wait

    def readout(self, name, qubit):
        return self.confusion


def branching_reference(circuit, noise, keep):
    """Evolve density matrices of every outcome history with Qiskit's own evolve."""
    bits = {bit: i for i, bit in enumerate(circuit.clbits)}
    states = [(1.0, DensityMatrix.from_label("0" * circuit.num_qubits), {})]

    def run(block, states, qubits):
        for item in block.data:
            wires = [qubits[q] for q in item.qubits]
            op, new = item.operation, []
            for weight, rho, values in states:
                if op.name == "barrier":
                    new.append((weight, rho, values))
                elif op.name == "if_else":
                    where, wanted = op.condition
                    members = list(where) if isinstance(where, ClassicalRegister) else [where]
                    found = sum(values.get(bits[b], 0) << j for j, b in enumerate(members))
                    blocks = [*op.blocks, None][:2]
                    chosen = blocks[0] if found == int(wanted) else blocks[1]
                    inner = [(weight, rho, values)]
                    if chosen is not None:
                        at = dict(zip(chosen.qubits, wires, strict=True))
                        inner = run(chosen, inner, at)
                    new += inner
                elif op.name == "measure":
                    for true in (0, 1):
                        projector = np.zeros((2, 2))
                        projector[true, true] = 1
                        after = rho.evolve(SuperOp(Kraus([projector])), wires)
                        for read in (0, 1):
                            p = noise.confusion[true, read] if noise else float(true == read)
                            seen = {**values, bits[item.clbits[0]]: read}
                            new.append((weight * p, after, seen))
                elif op.name == "reset":
                    after = rho.reset(wires)
                    new.append((weight, after.evolve(SuperOp(noise.one), wires), values))
                else:
                    after = rho if op.name == "delay" else rho.evolve(op, wires)
                    error = (
                        noise.idle(0, 0) if op.name == "delay" else noise.channel(op.name, wires)
                    )
                    new.append((weight, after.evolve(SuperOp(error), wires), values))
            states = new
        return states

    totals = np.zeros(2 ** len(keep))
    for weight, rho, values in run(circuit, states, {q: i for i, q in enumerate(circuit.qubits)}):
        outcome = sum(values.get(bit, 0) << j for j, bit in enumerate(keep))
        totals[outcome] += weight * np.trace(rho.data).real
    return totals


def random_dynamic_circuit(seed: int) -> QuantumCircuit:
    rng = np.random.default_rng(seed)
    circuit = QuantumCircuit(3)
    first, out = ClassicalRegister(2, "m"), ClassicalRegister(2, "out")
    circuit.add_register(first, out)

    def some_gates(n):
        for _ in range(n):
            a, b = rng.permutation(3)[:2].tolist()
            kind = rng.integers(5)
            angle = float(rng.uniform(-3, 3))
            if kind == 0:
                circuit.rx(angle, a)
            elif kind == 1:
                circuit.ry(angle, a)
            elif kind == 2:
                circuit.cx(a, b)
            elif kind == 3:
                circuit.cz(a, b)
            else:
                circuit.delay(40, a, unit="dt")

    for _ in range(2):
        some_gates(5)
        circuit.measure(0, first[0])
        circuit.measure(1, first[1])
        with circuit.if_test((first[0], 1)) as otherwise:
            circuit.ry(float(rng.uniform(-2, 2)), 2)
            circuit.cz(1, 2)
        with otherwise:
            circuit.rx(float(rng.uniform(-2, 2)), 2)
        with circuit.if_test((first, int(rng.integers(4)))):
            circuit.x(1)
        circuit.reset(0)
    some_gates(3)
    circuit.measure(2, out[0])
    circuit.measure(1, out[1])
    return circuit


@pytest.mark.parametrize("gate", [CXGate(), RXGate(0.3), RYGate(-1.1), RZGate(2.0)])
def test_transfer_matrices_act_as_the_gates_do(gate):
    n = gate.num_qubits
    rho = DensityMatrix(
        np.asarray(
            random_quantum_channel((2**n,), (2**n,), seed=3)
            ._evolve(DensityMatrix.from_label("0" * n))
            .data
        )
    )
    matrix = gate_matrix(gate)
    identity = transfer_matrix(np.eye(4**n, dtype=complex))
    np.testing.assert_allclose(identity, np.eye(4**n), atol=1e-14)
    expected = rho.evolve(gate)
    paulis = [
        np.eye(2),
        np.array([[0, 1], [1, 0]]),
        np.array([[0, -1j], [1j, 0]]),
        np.diag([1, -1]),
    ]

    def vector(state):
        if n == 1:
            return np.array([np.trace(p @ state.data).real for p in paulis]) / np.sqrt(2)
        # qubit 0, the least significant, varies slowest
        return (
            np.array(
                [np.trace(np.kron(q1, q0) @ state.data).real for q0 in paulis for q1 in paulis]
            )
            / 2
        )

    np.testing.assert_allclose(matrix @ vector(rho), vector(expected), atol=1e-12)


@pytest.mark.parametrize(("axis", "gate"), [("x", RXGate), ("y", RYGate), ("z", RZGate)])
def test_rotations_equal_qiskits(axis, gate):
    np.testing.assert_allclose(rotation_matrix(axis, 0.7), gate_matrix(gate(0.7)), atol=1e-14)


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_noisy_dynamic_circuits_equal_branch_by_branch_evolution(seed):
    circuit, noise = random_dynamic_circuit(seed), UniformNoise(seed)
    keep = [2, 3]
    exact = distribution(lift(circuit, (), noise), jnp.zeros(0), keep)
    np.testing.assert_allclose(exact, branching_reference(circuit, noise, keep), atol=1e-12)


def test_kept_mid_circuit_bits_come_with_the_final_ones():
    circuit, noise = random_dynamic_circuit(5), UniformNoise(5)
    keep = [0, 1, 2, 3]
    exact = distribution(lift(circuit, (), noise), jnp.zeros(0), keep)
    np.testing.assert_allclose(exact, branching_reference(circuit, noise, keep), atol=1e-12)


def test_gradients_equal_finite_differences_through_a_branch():
    a, b = Parameter("a"), Parameter("b")
    circuit = QuantumCircuit(2, 2)
    circuit.ry(a, 0)
    circuit.crx(2 * a - b, 0, 1)
    circuit.measure(0, 0)
    with circuit.if_test((0, 1)) as otherwise:
        circuit.ry(b * a, 1)  # not affine in the parameters
    with otherwise:
        circuit.rx(b, 1)
    circuit.measure(1, 1)
    program = lift(circuit, [a, b], UniformNoise(1))

    def probability(point):
        return distribution(program, point, [1])[1]

    point, step = jnp.array([0.4, -0.8]), 1e-6
    gradient = jax.grad(probability)(point)
    for k in range(2):
        shift = jnp.zeros(2).at[k].set(step)
        slope = (probability(point + shift) - probability(point - shift)) / (2 * step)
        assert abs(gradient[k] - slope) < 1e-8
    bound = circuit.assign_parameters({a: 0.4, b: -0.8})
    reference = distribution(lift(bound), jnp.zeros(0), [1])
    ideal = distribution(lift(circuit, [a, b]), point, [1])
    np.testing.assert_allclose(ideal, reference, atol=1e-12)


def test_expressions_and_registers_decide_branches():
    circuit = QuantumCircuit(3)
    m, out = ClassicalRegister(2, "m"), ClassicalRegister(1, "out")
    circuit.add_register(m, out)
    circuit.ry(0.9, 0)
    circuit.ry(2.0, 1)
    circuit.measure([0, 1], m)
    with circuit.if_test(expr.bit_xor(m[0], m[1])):
        circuit.x(2)
    circuit.measure(2, out)
    p0, p1 = np.sin(0.45) ** 2, np.sin(1.0) ** 2
    exact = distribution(lift(circuit), jnp.zeros(0), [2])
    assert exact[1] == pytest.approx(p0 * (1 - p1) + p1 * (1 - p0), abs=1e-12)


def test_bits_that_nobody_reads_do_not_cost_memory():
    circuit = QuantumCircuit(2, 60)
    for bit in range(60):
        circuit.ry(0.3, 0)
        circuit.measure(0, bit)
    exact = distribution(lift(circuit), jnp.zeros(0), [59])
    assert exact.sum() == pytest.approx(1)


def test_too_many_live_bits_are_refused_with_advice():
    circuit = QuantumCircuit(2, 40)
    circuit.measure([0] * 40, range(40))
    with pytest.raises(CircuitsError, match=r"at most 4 GiB. Got 2 qubits with 40 live bits"):
        distribution(lift(circuit), jnp.zeros(0), list(range(40)))
