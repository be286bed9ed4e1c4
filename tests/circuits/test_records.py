"""Shots of the exact engine: joint distributions of mid-circuit and final bits."""

import jax.numpy as jnp
import numpy as np
import pytest
from qiskit.circuit import QuantumCircuit
from qiskit.quantum_info import Kraus, SuperOp
from scipy.stats import chi2

from circuits.errors import CircuitsError
from circuits.exact.evolve import distribution
from circuits.exact.lift import lift
from circuits.exact.logical import logical_model
from circuits.exact.records import record_sampler
from circuits.exact.sequence import SequenceModel
from circuits.exact.shots import sample_shots
from circuits.unrolled import unroll
from circuits.zoo.registry import architecture

FLIP = np.array([[0, 1], [1, 0]])


class WeakNoise:
    """Damping after gates, resets that end in |1> now and then, asymmetric readout errors."""

    dt_seconds = 1e-9

    def __init__(self) -> None:
        damping = SuperOp(Kraus([np.diag([1, 0.99]), [[0, np.sqrt(1 - 0.99**2)], [0, 0]]]))
        self.after_gate = {1: damping.data, 2: damping.tensor(damping).data}
        self.after_reset = SuperOp(Kraus([np.sqrt(0.95) * np.eye(2), np.sqrt(0.05) * FLIP])).data

    def channel(self, name, qubits):
        return self.after_reset if name == "reset" else self.after_gate[len(qubits)]

    def idle(self, qubit, seconds):
        return None

    def readout(self, name, qubit):
        return np.array([[0.97, 0.03], [0.08, 0.92]])


def p_value(outcomes, expected):
    shots = len(outcomes)
    counts = np.bincount(outcomes, minlength=len(expected))
    possible = expected > 1e-12
    assert not counts[~possible].any()
    expected = shots * expected[possible]
    return chi2.sf(((counts[possible] - expected) ** 2 / expected).sum(), possible.sum() - 1)


@pytest.fixture(scope="module")
def noisy_line():
    """Two steps of the line: the exact joint distribution of all six bits."""
    row, rng = architecture("dynamic-line"), np.random.default_rng(4)
    features, weights = rng.uniform(-2, 2, (2, 4)), rng.uniform(-2, 2, row.n_weights)
    program = lift(unroll(row, 2).bind(features, weights), (), WeakNoise())
    exact = np.asarray(distribution(program, jnp.zeros(0), range(6)))
    return features, weights, program, exact


def test_records_of_a_compiled_step_follow_the_joint_distribution(noisy_line):
    features, weights, _, exact = noisy_line
    sampler = record_sampler(logical_model(architecture("dynamic-line"), WeakNoise()), weights)
    records = sampler.sample(features, 30_000, np.random.default_rng(1))
    assert records.bits.shape == (30_000, 2, 2)
    joint = records.bits.reshape(-1, 4).astype(int) @ [1, 2, 4, 8] + 16 * records.outcomes
    assert p_value(joint, exact) > 1e-4
    # each half of the shots by itself: they come in random order
    assert p_value(joint[:15_000], exact) > 1e-4


def test_the_instrument_sums_to_the_step_and_the_readout_to_one(noisy_line):
    _, weights, _, _ = noisy_line
    model = logical_model(architecture("dynamic-line"), WeakNoise())
    sampler = record_sampler(model, weights)
    assert model.split is not None
    whole = model.instrument(model.split, jnp.asarray(weights), ())
    np.testing.assert_allclose(sampler.step_maps.sum(0), whole[0], atol=1e-13)
    trace = np.zeros(16)
    trace[0] = 2
    np.testing.assert_allclose(sampler.readout.sum(0), trace, atol=1e-13)


def test_trajectories_of_a_whole_circuit_follow_the_joint_distribution(noisy_line):
    _, _, program, exact = noisy_line
    shots = sample_shots(program, np.zeros(0), 30_000, np.random.default_rng(2))
    joint = shots.astype(int) @ (1 << np.arange(6))
    assert p_value(joint, exact) > 1e-4
    assert p_value(joint[:15_000], exact) > 1e-4


def test_shots_in_portions_are_shots(noisy_line, monkeypatch):
    _, _, program, exact = noisy_line
    monkeypatch.setattr("circuits.exact.shots.BYTES_LIMIT", 8 * 4**4 * 700)
    shots = sample_shots(program, np.zeros(0), 20_000, np.random.default_rng(3))
    assert shots.shape == (20_000, 6)
    assert p_value(shots.astype(int) @ (1 << np.arange(6)), exact) > 1e-4


def test_a_bit_read_many_steps_later_and_a_bit_overwritten():
    circuit = QuantumCircuit(3, 3)
    circuit.ry(1.1, 0)
    circuit.measure(0, 0)
    circuit.reset(0)
    circuit.ry(0.7, 0)
    circuit.cx(0, 1)
    circuit.measure(0, 1)
    circuit.measure(1, 1)
    with circuit.if_test((0, 1)) as otherwise:
        circuit.h(2)
    with otherwise:
        circuit.ry(0.4, 2)
    circuit.measure(2, 2)
    program = lift(circuit)
    exact = np.asarray(distribution(program, jnp.zeros(0), range(3)))
    shots = sample_shots(program, np.zeros(0), 20_000, np.random.default_rng(5))
    assert p_value(shots.astype(int) @ [1, 2, 4], exact) > 1e-4


def test_what_cannot_be_sampled_is_refused_with_advice():
    model = logical_model(architecture("dynamic-line"))
    sampler = record_sampler(model, np.zeros(18))
    generator = np.random.default_rng(0)
    with pytest.raises(CircuitsError, match=r"shape \(T, 4\)"):
        sampler.sample(np.zeros((3, 5)), 10, generator)
    for shots in (0, 1.5, True):
        with pytest.raises(CircuitsError, match=f"an integer of at least 1. Got {shots}"):
            sampler.sample(np.zeros((3, 4)), shots, generator)
        with pytest.raises(CircuitsError, match=f"an integer of at least 1. Got {shots}"):
            sample_shots(model.step, np.zeros(22), shots, generator)
    with pytest.raises(CircuitsError, match=r"parameters should have shape \(22,\)"):
        sample_shots(model.step, np.zeros(4), 10, generator)
    with pytest.raises(CircuitsError, match="parameters should be finite"):
        sample_shots(model.step, np.full(22, np.nan), 10, generator)
    with pytest.raises(CircuitsError, match=r"features should be finite\. Got nan"):
        sampler.sample(np.full((3, 4), np.nan), 10, generator)
    for weights in (np.zeros(17), np.full(18, np.nan)):
        with pytest.raises(CircuitsError, match=r"finite and have shape \(18,\)"):
            record_sampler(model, weights)
    wide = lift(QuantumCircuit(12, 1))
    with pytest.raises(CircuitsError, match="at most 11 qubits. Got 12; use the aer executor"):
        sample_shots(wide, np.zeros(0), 10, generator)
    without_data = SequenceModel(model.step, model.closing, 4, 18, (), (0, 1))
    with pytest.raises(CircuitsError, match="does not; draw shots with"):
        record_sampler(without_data, np.zeros(18))
