"""The step on a machine: same physics after transpiling, unrolling, embedding; exact equals Aer."""

from dataclasses import replace

import jax.numpy as jnp
import numpy as np
import pytest
from qiskit.circuit import QuantumCircuit
from scipy.stats import chi2

import circuits
from calibration.library import snapshot
from calibration.noise import DeviceNoise
from circuits.definition import Architecture
from circuits.layers.cells import Entangle, Rotations
from circuits.layers.controllers import ControlledByBits
from circuits.layers.encoders import dense_angle_encoding
from circuits.layers.feedback import Measure
from jobs.aer.executor import SEVERAL, AerExecutor, measurement_names
from jobs.aer.recorded_device import RecordedDeviceExecutor, active_qubits, on_active_qubits
from jobs.aer.static_rows import exact_distribution
from jobs.digest import circuit_digest
from jobs.errors import SpecError
from jobs.preflight import preflight
from jobs.spec import JobSpec, Pub
from jobs.transpile.isa import transpile_step
from jobs.transpile.lifted_step import ExactExecutor, circuit_distribution, sequence_model

# Wires 0 and 3 interact, which no layout on a line or heavy hexagon allows without swaps.
RING = Architecture(
    name="ring",
    n_qubits=4,
    n_features=2,
    encoder=(dense_angle_encoding((0, 1), ("y",)),),
    cell=(Entangle(((0, 1), (1, 2), (2, 3), (3, 0), (0, 2))), Rotations((0, 1, 2, 3), "y")),
    readout=(2, 3),
)


# Angles of a step are affine in the two bits that the step before measured.
AFFINE = Architecture(
    name="affine",
    n_qubits=3,
    n_features=2,
    encoder=(dense_angle_encoding((0, 1), ("y",)), ControlledByBits(2, 2, form="affine")),
    cell=(Entangle(((0, 2), (1, 2))), Rotations((0, 1, 2), "y")),
    after_cell=(Measure((0, 1)),),
    readout=(2, 1),
    n_bits=2,
    modes=("sampled",),
    mode="sampled",
)


def slow(name):
    return pytest.param(name, marks=pytest.mark.slow)


def sampled_or_coherent(name):
    has_modes = len(circuits.architecture(name).modes) > 1
    return circuits.architecture(name, **({"mode": "sampled"} if has_modes else {}))


def out_bits(circuit):
    (out,) = (register for register in circuit.cregs if register.name == "out")
    return [circuit.find_bit(bit).index for bit in out]


def device(architecture, backend="fake_boston"):
    transpiled = transpile_step(architecture, snapshot(backend), seed=7)
    return transpiled, DeviceNoise(transpiled.snapshot)


def values_for(architecture, steps, seed=3):
    rng = np.random.default_rng(seed)
    features = rng.uniform(-2, 2, (steps, architecture.n_features))
    return features, rng.uniform(-2, 2, architecture.n_weights)


@pytest.mark.parametrize("backend", ["fake_boston", "fake_kingston"])
@pytest.mark.parametrize(
    "name", ["dynamic-line", "stacked-3-minimal", "ring", "adapted", "affine", "hybrid"]
)
def test_transpiling_and_unrolling_keep_the_ideal_distribution(name, backend):
    architecture = {"ring": RING, "affine": AFFINE}.get(name) or sampled_or_coherent(name)
    features, weights = values_for(architecture, 2)
    logical = circuits.unroll(architecture, 2).bind(features, weights)
    transpiled, _ = device(architecture, backend)
    physical = transpiled.unroll(2).bind(features, weights)
    np.testing.assert_allclose(
        circuit_distribution(physical, None, out_bits(physical)),
        circuit_distribution(logical, None, out_bits(logical)),
        atol=1e-10,
    )


def test_the_circuit_for_the_device_passes_preflight_and_lies_on_its_qubits():
    transpiled, _ = device(circuits.architecture("dynamic-line"))
    whole = snapshot("fake_boston")
    wide = transpiled.embed(transpiled.unroll(10).circuit, whole.n_qubits)
    rows = Pub(wide, np.zeros((1, wide.num_parameters)))
    errors = [f for f in preflight(rows, whole.target(), shots=100) if f.severity == "error"]
    assert errors == []
    assert active_qubits([wide]) == tuple(sorted(transpiled.snapshot.physical))
    back = on_active_qubits(wide, transpiled.snapshot.physical)
    assert back == transpiled.unroll(10).circuit or back.count_ops() == wide.count_ops()


@pytest.mark.parametrize(
    "name", ["dynamic-line", "stacked-3-minimal", "adapted", "affine", slow("v3a"), slow("hybrid")]
)
def test_exact_engine_and_aers_density_matrix_agree_to_1e_12(name):
    architecture = AFFINE if name == "affine" else sampled_or_coherent(name)
    transpiled, noise = device(architecture)
    features, weights = values_for(architecture, 3)
    bound = transpiled.unroll(3).bind(features, weights)
    keep = out_bits(bound)
    model = sequence_model(transpiled, noise)
    scanned = np.asarray(
        model.distributions(jnp.asarray(weights), jnp.asarray(features[None]), jnp.array([3]))
    )[0]
    by_aer = exact_distribution(bound, noise, keep)
    assert np.abs(scanned - by_aer).max() < 1e-12
    assert np.abs(circuit_distribution(bound, noise, keep) - by_aer).max() < 1e-12
    assert np.abs(scanned - circuit_distribution(bound, None, keep)).max() > 1e-5  # noise acts


def test_a_first_step_without_bits_stands_before_steps_that_read_them():
    transpiled, _ = device(AFFINE)
    circuit = transpiled.unroll(3).circuit
    assert [register.name for register in circuit.cregs] == ["m0", "m1", "m2", "out"]
    branches = [item for item in circuit.data if item.operation.name == "if_else"]
    read = [
        {circuit.find_bit(bit).registers[0][0].name for bit in item.clbits} for item in branches
    ]
    assert read == [{"m0"}, {"m0"}, {"m1"}, {"m1"}]
    assert transpiled.first.count_ops().get("if_else", 0) == 0
    whole = snapshot("fake_boston")
    wide = transpiled.embed(circuit, whole.n_qubits)
    rows = Pub(wide, np.zeros((1, wide.num_parameters)))
    assert not [f for f in preflight(rows, whole.target(), shots=9) if f.severity == "error"]


@pytest.mark.parametrize("place", ["aer", "recorded", "exact"])
def test_shots_of_every_place_follow_the_exact_distribution(place):
    architecture = circuits.architecture("dynamic-line")
    transpiled, noise = device(architecture)
    shots, steps = 8000, 2
    unrolled = transpiled.unroll(steps)
    features, weights = values_for(architecture, steps)
    column = dict(zip(unrolled.inputs.ravel(), features.ravel(), strict=True))
    column |= dict(zip(unrolled.weights, weights, strict=True))
    circuit = unrolled.circuit
    if place == "recorded":
        circuit = transpiled.embed(circuit, snapshot("fake_boston").n_qubits)
        executor = RecordedDeviceExecutor(snapshot("fake_boston"))
    else:
        executor = AerExecutor(noise) if place == "aer" else ExactExecutor(noise)
    row = np.array([[column[p] for p in circuit.parameters]])
    (result,) = executor.run(JobSpec((Pub(circuit, row),), shots, executor.name, "test", seed=11))
    bound = unrolled.bind(features, weights)
    expected = shots * circuit_distribution(bound, noise, out_bits(bound))
    counts = np.array([result.counts("out").get(k, 0) for k in range(4)])
    statistic = ((counts - expected) ** 2 / expected).sum()
    assert chi2.sf(statistic, 3) > 1e-4
    assert set(result.registers) == {"m0", "m1", "out"}
    # a mid-circuit bit of each step with the outcome
    keep = [bound.find_bit(register[0]).index for register in bound.cregs]
    expected = shots * circuit_distribution(bound, noise, keep)
    joint = sum(result.registers[name][0, :, 0] << j for j, name in enumerate(("m0", "m1", "out")))
    statistic = ((np.bincount(joint, minlength=8) - expected) ** 2 / expected).sum()
    assert chi2.sf(statistic, 7) > 1e-4


def test_one_qubit_with_two_kinds_of_readout_is_misread_by_each(monkeypatch):
    """The state is left alone, and each bit misread as its instruction misreads."""
    from qiskit_ibm_runtime.circuit import MidCircuitMeasure

    confusions = {
        "measure": np.array([[0.95, 0.05], [0.3, 0.7]]),
        "measure_2": np.array([[0.6, 0.4], [0.1, 0.9]]),
    }
    monkeypatch.setattr(DeviceNoise, "readout", lambda self, name, qubit: confusions[name])
    circuit = QuantumCircuit(2, 3)
    circuit.sx(0)
    circuit.append(MidCircuitMeasure("measure_2"), [0], [0])
    with circuit.if_test((circuit.clbits[0], 1)):
        circuit.x(1)
    circuit.sx(0)
    circuit.measure(0, 1)
    circuit.measure(1, 2)
    assert measurement_names([circuit]) == {0: SEVERAL, 1: "measure"}
    recorded = snapshot("fake_boston")
    noise = DeviceNoise(recorded.restrict((0, 1)))
    exact = exact_distribution(circuit, noise, (0, 1, 2))
    np.testing.assert_allclose(circuit_distribution(circuit, noise, (0, 1, 2)), exact, atol=1e-12)
    shots = 20_000
    spec = JobSpec((Pub.bound(circuit),), shots, "aer", "fake_boston", seed=11)
    for executor in (AerExecutor(noise), RecordedDeviceExecutor(recorded)):
        (result,) = executor.run(spec)
        assert set(result.registers) == {"c"}
        counts = np.array([result.counts("c").get(k, 0) for k in range(8)])
        statistic = ((counts - shots * exact) ** 2 / (shots * exact)).sum()
        assert chi2.sf(statistic, 7) > 1e-4


def test_a_device_without_feed_forward_is_refused():
    with pytest.raises(SpecError, match="needs if_else. Got fake_berlin"):
        transpile_step(circuits.architecture("dynamic-line"), snapshot("fake_berlin"), seed=1)


@pytest.mark.parametrize("qubits", [None, (11, 14, 13, 16)])
def test_a_device_with_cx_on_some_pairs_and_ecr_on_others_runs_the_same_circuit(qubits):
    """Recorded Cairo, each pair one way only; the ring swaps over pairs of both kinds."""
    whole = snapshot("fake_cairo")
    transpiled = transpile_step(RING, whole, seed=7, qubits=qubits)
    physical = transpiled.unroll(2)
    values = values_for(RING, 2)
    logical = circuits.unroll(RING, 2).bind(*values)
    np.testing.assert_allclose(
        circuit_distribution(physical.bind(*values), None, out_bits(physical.circuit)),
        circuit_distribution(logical, None, out_bits(logical)),
        atol=1e-10,
    )
    if qubits:
        assert {"cx", "ecr"} <= set(physical.circuit.count_ops())
    wide = transpiled.embed(physical.circuit, whole.n_qubits)
    rows = Pub(wide, np.zeros((1, wide.num_parameters)))
    assert [f for f in preflight(rows, whole.target(), shots=100) if f.severity == "error"] == []


def test_a_device_whose_gates_do_not_suffice_is_refused_in_one_line():
    line, whole = circuits.architecture("dynamic-line"), snapshot("fake_boston")
    kept = tuple(one for one in whole.instructions if one.name not in ("sx", "x"))
    with pytest.raises(SpecError, match="dynamic-line should be put .* Choose another backend"):
        transpile_step(line, replace(whole, instructions=kept), seed=7)


@pytest.mark.parametrize("name", ["v1", "hybrid"])
def test_models_in_rounds_are_refused(name):
    architecture = circuits.architecture(name, mode="expectation")
    with pytest.raises(SpecError, match=f"Got {name} in the mode expectation"):
        transpile_step(architecture, snapshot("fake_boston"), seed=1)


def test_a_step_that_routing_permutes_is_the_same_circuit_every_time():
    # A job is found again by its circuits: one that differs by chance would be paid for twice.
    model = circuits.architecture("adapted", mode="sampled")
    found = {
        circuit_digest(transpile_step(model, snapshot("fake_boston"), seed=0).step)
        for _ in range(6)
    }
    assert len(found) == 1
