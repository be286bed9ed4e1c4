"""The exact engine against Aer on random dynamic circuits, and on every model in one circuit."""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from qiskit import transpile
from qiskit.circuit import ClassicalRegister, Parameter, ParameterVector, QuantumCircuit
from qiskit.quantum_info import SuperOp
from qiskit_aer.noise import NoiseModel, ReadoutError, depolarizing_error, thermal_relaxation_error
from scipy.stats import chi2

from calibration.library import snapshot
from calibration.noise import DeviceNoise, kraus_error
from circuits.exact.evolve import distribution
from circuits.exact.lift import lift
from circuits.unrolled import unroll
from circuits.zoo.registry import REGISTRY, architecture
from jobs.aer.executor import AerExecutor
from jobs.aer.parameter_shift import parameter_shift
from jobs.aer.static_rows import RowSimulator, exact_distribution, row_distributions
from jobs.spec import JobSpec, Pub
from jobs.transpile.isa import transpile_step
from jobs.transpile.lifted_step import ExactExecutor, circuit_distribution, sequence_model

SHOTS = 4000


class AllQubitNoise:
    """Damping and depolarising after every gate by its number of qubits, asymmetric readout."""

    dt_seconds = 1e-9
    ONE, TWO = ("rx", "ry", "rz", "x"), ("cx", "cz")
    CONFUSION = ((0.97, 0.03), (0.08, 0.92))

    def __init__(self) -> None:
        damping = thermal_relaxation_error(1.0, 0.8, 0.02)
        self.after = {
            1: SuperOp(damping.compose(depolarizing_error(0.01, 1))).data,
            2: SuperOp(damping.expand(damping).compose(depolarizing_error(0.03, 2))).data,
        }

    def channel(self, name, qubits):
        return self.after[len(qubits)] if name in (*self.ONE, *self.TWO) else None

    def idle(self, qubit, seconds):
        return None

    def readout(self, name, qubit):
        return np.array(self.CONFUSION)

    def aer_model(self):
        model = NoiseModel()
        model.add_all_qubit_quantum_error(kraus_error(self.after[1]), list(self.ONE))
        model.add_all_qubit_quantum_error(kraus_error(self.after[2]), list(self.TWO))
        model.add_all_qubit_readout_error(ReadoutError(self.CONFUSION))
        return model


@cache
def device_noise() -> DeviceNoise:
    """Four neighbours of a recorded device; a reset ends in |1> now and then."""
    return DeviceNoise(snapshot("fake_boston").restrict((0, 1, 2, 3)), reset_flip=0.02)


def random_circuit(seed: int, angles) -> tuple[QuantumCircuit, list[int]]:
    """Return a dynamic circuit of the device's instructions and the bits worth looking at.

    Two rounds of gates, delays, mid-circuit measurements, branches on a bit and on a register with
    gates and delays inside, and resets; an angle stands in several gates.
    """
    rng = np.random.default_rng(seed)
    circuit = QuantumCircuit(4)
    m, out = ClassicalRegister(2, "m"), ClassicalRegister(2, "out")
    circuit.add_register(m, out)

    def gates(on: QuantumCircuit, n: int, qubits) -> None:
        for _ in range(n):
            at = int(rng.choice(qubits))
            kind = rng.integers(4)
            if kind == 0:
                on.rz(float(rng.choice([1, -0.5])) * angles[rng.integers(len(angles))], at)
                on.sx(at)
            elif kind == 1:
                on.sx(at)
            elif kind == 2:
                on.delay(int(rng.integers(200, 2000)), at, unit="dt")
            else:
                pairs = [(a, a + 1) for a in qubits if a + 1 in qubits]
                if pairs:
                    on.cz(*pairs[rng.integers(len(pairs))])

    for _ in range(2):
        for qubit in range(4):
            circuit.sx(qubit)
        gates(circuit, 8, [0, 1, 2, 3])
        circuit.measure(1, m[0])
        circuit.measure(2, m[1])
        with circuit.if_test((m[0], 1)) as otherwise:
            gates(circuit, 3, [0, 1])
        with otherwise:
            circuit.delay(900, 0, unit="dt")
            gates(circuit, 2, [0])
        with circuit.if_test((m, int(rng.integers(4)))):
            gates(circuit, 3, [2, 3])
        circuit.reset(1)
    gates(circuit, 4, [0, 1, 2, 3])
    circuit.measure(0, out[0])
    circuit.measure(3, out[1])
    return circuit, [1, 2, 3]


def largest_gap(circuit, noise, keep) -> float:
    exact = circuit_distribution(circuit, noise, keep)
    return float(np.abs(exact - exact_distribution(circuit, noise, keep)).max())


@pytest.mark.parametrize("seed", range(4))
def test_random_circuits_have_aers_distribution_to_1e_12(seed):
    circuit, keep = random_circuit(seed, np.random.default_rng(seed).uniform(-3, 3, 4))
    assert largest_gap(circuit, device_noise(), keep) < 1e-12
    ideal = circuit_distribution(circuit, None, keep)
    assert np.abs(ideal - circuit_distribution(circuit, device_noise(), keep)).max() > 1e-3


@pytest.mark.parametrize("seed", [0, 1])
def test_random_circuits_have_aers_parameter_shift_derivatives_to_1e_10(seed):
    parameters = ParameterVector("a", 3)
    circuit, keep = random_circuit(seed, parameters)
    values = np.random.default_rng(seed).uniform(-3, 3, 3)
    program = lift(circuit, list(parameters), device_noise())
    exact = jax.jit(jax.jacfwd(lambda point: distribution(program, point, keep)))
    shifted = parameter_shift(circuit, list(parameters), values, device_noise(), keep)
    np.testing.assert_allclose(exact(jnp.asarray(values)), shifted, atol=1e-10)
    assert np.abs(shifted).max() > 1e-2


@pytest.mark.parametrize("seed", [0, 1])
def test_shots_of_both_executors_follow_the_distribution(seed):
    circuit, keep = random_circuit(seed, np.random.default_rng(seed).uniform(-3, 3, 4))
    probabilities = circuit_distribution(circuit, device_noise(), keep)
    for executor in (AerExecutor(device_noise()), ExactExecutor(device_noise())):
        spec = JobSpec((Pub.bound(circuit),), SHOTS, executor.name, "test", seed=5)
        (result,) = executor.run(spec)
        bits = np.concatenate([result.registers[name][0] for name in ("m", "out")], axis=1)
        joint = bits[:, keep].astype(int) @ [1, 2, 4]
        expected = SHOTS * probabilities
        statistic = ((np.bincount(joint, minlength=8) - expected) ** 2 / expected).sum()
        assert chi2.sf(statistic, 7) > 1e-4, executor.name


def in_one_circuit() -> list[tuple[str, str]]:
    return [
        (name, mode)
        for name, row in REGISTRY.items()
        for mode in row.options["mode"]
        if mode != "expectation"
    ]


def model_circuit(name: str, mode: str):
    """Return a model of few steps in rotations, cx and cz, its features bound; weights and bits."""
    options = {"n_qubits": 3, "n_layers": 1} if name == "hybrid" else {}
    network = REGISTRY[name].architecture(mode=mode, **options)
    # Bits of the step before act from the second step on.
    q = unroll(network, 1 if network.n_qubits == 8 and mode == "coherent" else 2)
    rng = np.random.default_rng(7)
    features = rng.uniform(0.2, 2, q.inputs.shape)
    given = dict(zip(q.inputs.ravel(), features.ravel(), strict=True))
    read = q.circuit.parameters
    bound = q.circuit.assign_parameters({p: v for p, v in given.items() if p in read})
    basis = ["rx", "ry", "rz", "x", "cx", "cz", "if_else", "measure", "reset"]
    lowered = transpile(bound, basis_gates=basis, optimization_level=0)
    (out,) = (register for register in lowered.cregs if register.name == "out")
    weights = {
        p: float(v) for p, v in zip(q.weights, rng.uniform(-2, 2, q.weights.size), strict=True)
    }
    return lowered, weights, [lowered.find_bit(bit).index for bit in out][:2]


@pytest.mark.parametrize(("name", "mode"), in_one_circuit())
def test_every_model_in_one_circuit_has_aers_distribution_to_1e_12(name, mode):
    circuit, weights, keep = model_circuit(name, mode)
    bound = circuit.assign_parameters(weights)
    assert largest_gap(bound, AllQubitNoise(), keep) < 1e-12


def trained_in_one_circuit() -> list:
    """Return names and modes of models with weights; those that take long are marked."""
    quick = {("adapted", "sampled"), ("v1", "sampled"), ("v3a", "sampled")}
    return [
        pytest.param(*pair, marks=() if pair in quick else pytest.mark.slow)
        for pair in in_one_circuit()
        if architecture(pair[0]).n_weights
    ]


@pytest.mark.parametrize(("name", "mode"), trained_in_one_circuit())
def test_every_model_in_one_circuit_has_aers_parameter_shift_derivatives(name, mode):
    circuit, weights, keep = model_circuit(name, mode)
    parameters, values = list(weights), np.array(list(weights.values()))
    program = lift(circuit, parameters, AllQubitNoise())
    exact = jax.jit(jax.jacrev(lambda point: distribution(program, point, keep)))
    shifted = parameter_shift(circuit, parameters, values, AllQubitNoise(), keep)
    np.testing.assert_allclose(exact(jnp.asarray(values)), shifted, atol=1e-10)
    assert np.abs(shifted).max() > 1e-3


def test_rows_of_inputs_and_weights_in_one_run_have_the_exact_distribution():
    """Bound by Aer while it runs, in branches too: the machine's circuit, of two lengths."""
    transpiled = transpile_step(architecture("dynamic-line"), snapshot("fake_boston"), seed=7)
    noise = DeviceNoise(transpiled.snapshot)
    model = sequence_model(transpiled, noise)
    simulator = RowSimulator(noise)
    rng = np.random.default_rng(3)
    for _ in range(2):  # the second time with circuits that are known
        weights = rng.uniform(-2, 2, (3, transpiled.architecture.n_weights))
        pubs, exact = [], []
        for steps in (1, 3):
            unrolled = transpiled.unroll(steps)
            features = rng.uniform(-2, 2, (3, steps, transpiled.architecture.n_features))
            columns = [*unrolled.inputs.ravel(), *unrolled.weights]
            values = np.hstack([features.reshape(3, -1), weights])
            order = [columns.index(p) for p in unrolled.circuit.parameters]
            pubs.append(Pub(unrolled.circuit, values[:, order]))
            law = jax.jit(
                jax.vmap(lambda w, x: model.distributions(w, x[None], jnp.array([len(x)])))
            )
            exact.append(np.asarray(law(weights, features))[:, 0])
        for found, expected in zip(simulator.distributions(pubs), exact, strict=True):
            assert np.abs(found - np.array(expected)).max() < 1e-12
            assert np.ptp(found, axis=0).max() > 1e-2  # rows differ


@pytest.mark.parametrize("gate", ["rx", "ry", "rz", "rzz"])
def test_angles_in_branches_are_bound_in_any_gate(gate):
    """The first three by Aer in one run, the last row by row."""
    angle = Parameter("a")
    circuit = QuantumCircuit(3)
    m, out = ClassicalRegister(1, "m"), ClassicalRegister(1, "out")
    circuit.add_register(m, out)
    circuit.rx(0.8, 0)
    circuit.rx(1.1, 1)
    circuit.measure(0, m[0])
    with circuit.if_test((m[0], 1)):
        getattr(circuit, gate)(angle, *([1, 2] if gate == "rzz" else [1]))
    circuit.rx(0.7, 1)
    circuit.measure(1, out[0])
    rows = np.array([[0.3], [1.1]])
    (found,) = row_distributions([Pub(circuit, rows)], AllQubitNoise())
    for row, value in zip(found, rows[:, 0], strict=True):
        bound = circuit.assign_parameters({angle: value})
        expected = circuit_distribution(bound, AllQubitNoise(), [1])
        np.testing.assert_allclose(row, expected, atol=1e-12)
    assert np.ptp(found, axis=0).max() > 1e-2


@pytest.mark.parametrize("n_rows", [1, 2, 3])
def test_equal_rows_each_have_their_distribution(n_rows):
    """Two short sentences can be the same one: nothing is then left for Aer to bind."""
    angle = Parameter("a")
    circuit = QuantumCircuit(1)
    circuit.add_register(ClassicalRegister(1, "out"))
    circuit.rx(angle, 0)
    circuit.measure(0, 0)
    other = np.array([[0.2], [1.7]])
    pubs = [Pub(circuit, np.full((n_rows, 1), 0.9)), Pub(circuit, other)]
    found = row_distributions(pubs, None)
    np.testing.assert_allclose(found[0][:, 1], [np.sin(0.45) ** 2] * n_rows, atol=1e-12)
    np.testing.assert_allclose(found[1][:, 1], np.sin(other[:, 0] / 2) ** 2, atol=1e-12)
