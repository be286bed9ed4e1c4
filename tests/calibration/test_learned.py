"""What was measured of a device enters its noise, and nothing else."""

import json
from datetime import UTC, datetime

import numpy as np
import pytest
from qiskit import QuantumCircuit

from calibration.errors import CalibrationError
from calibration.learned import read_learned, with_learned
from calibration.library import snapshot
from calibration.noise import DeviceNoise, NoiseScale
from calibration.readout import readout_circuits, reset_circuits
from circuits.zoo.dynamic_line import DYNAMIC_LINE
from jobs.aer.recorded_device import active_qubits, on_active_qubits
from jobs.aer.static_rows import exact_distributions
from jobs.spec import JobSpec, Pub
from jobs.transpile.isa import transpile_step
from jobs.transpile.lifted_step import circuit_distribution
from jobs.transpile.schedule import midcircuit_measure, midcircuit_reset
from jobs.twin.machine import Twin
from jobs.twin.strengths import strengths_of
from qrnn_hw.experiment.kept_calibration import with_learned_of
from qrnn_hw.experiment.settings import RunSettings
from qrnn_hw.mitigation.readout_calibration import from_shots
from qrnn_hw.mitigation.reset_calibration import from_resets
from qrnn_hw.submission.belonging import check_readout
from qrnn_hw.submission.machine import open_machine


def document(qubits, reset=None, p01=0.02, p10=0.04, instruction="measure_2"):
    rows = [{"qubit": q, "p01": p01, "p10": p10, "reset": reset} for q in qubits]
    return {"instruction": instruction, "qubits": rows}


def distance(one, other):
    return float(np.abs(one - other).sum() / 2)


@pytest.fixture(scope="module")
def four_steps():
    device = snapshot("fake_boston")
    step = transpile_step(DYNAMIC_LINE, device, seed=11)
    unrolled = step.unroll(4).circuit
    angles = np.random.default_rng(5).normal(size=unrolled.num_parameters)
    made = step.embed(unrolled.assign_parameters(angles), device.n_qubits)
    out = next(register for register in made.cregs if register.name == "out")
    return device, step, made, [made.find_bit(bit).index for bit in out]


def test_the_model_that_learned_the_reset_is_the_twin(four_steps):
    device, step, made, out = four_steps
    truth = Twin(device, strengths_of("reset=0.1")).distribution(made, keep=out)
    physical = active_qubits([made])
    small = on_active_qubits(made, physical)
    active = device.restrict(physical)
    qubits = list(step.snapshot.physical)
    reads = {q: device.record("measure_2", (q,)) for q in qubits}
    rows = [
        {"qubit": q, "p01": reads[q].error, "p10": reads[q].error, "reset": 0.1} for q in qubits
    ]
    learned = with_learned(device, {"instruction": "measure_2", "qubits": rows})
    noise = DeviceNoise(learned.restrict(physical))
    before = circuit_distribution(small, DeviceNoise(active), out)
    assert distance(before, truth) > 0.01
    assert distance(circuit_distribution(small, noise, out), truth) < 1e-12
    (aer,) = exact_distributions([small], noise, out)
    assert distance(aer, truth) < 1e-10
    # The layout is that of the reported device: nothing is known of its other qubits.
    assert transpile_step(DYNAMIC_LINE, learned, seed=11).snapshot.physical == tuple(qubits)


def test_the_scale_of_resets_scales_what_was_learned():
    learned = with_learned(snapshot("fake_boston"), document([2], reset=0.1)).restrict([1, 2])
    noise = DeviceNoise(learned, NoiseScale(reset=2.0), reset_flip=0.01)
    flips = [noise.channel(name, (q,))[3, 0].real for name in ("reset", "reset_2") for q in (0, 1)]
    np.testing.assert_allclose(flips, [0.02, 0.2, 0.02, 0.2])
    confusion = noise.readout("measure_2", 1)
    assert (confusion[0, 1], confusion[1, 0]) == (0.02, 0.04)


@pytest.mark.parametrize("flip", [0.0, 0.03])
def test_reset_errors_come_out_of_their_circuits(flip):
    device = snapshot("fake_boston")
    read, reset = midcircuit_measure(), midcircuit_reset()
    circuits = [
        *readout_circuits(156, [4, 5], read),
        *reset_circuits(156, [4, 5], read, reset),
    ]
    pubs = [Pub.bound(circuit) for circuit in circuits]
    done = Twin(device, strengths_of(f"reset={flip}")).run(pubs, 40_000, 3)
    zeros, ones, *resets = (result.registers["out"][0] for result in done)
    found = from_resets(*resets, from_shots(zeros, ones, datetime.now(UTC)))
    assert (found.standard_error < 0.0015).all()
    assert (np.abs(found.rate - flip) < 4 * found.standard_error).all()
    assert (found.rate >= 0).all()


def test_a_job_with_resets_is_a_readout_calibration_too():
    for read, reset in ((None, None), (midcircuit_measure(), midcircuit_reset())):
        circuits = [*readout_circuits(8, [4, 5], read), *reset_circuits(8, [4, 5], read, reset)]
        spec = JobSpec(tuple(map(Pub.bound, circuits)), 10, "aer", "x")
        assert [one.qubit for one in check_readout(spec)] == [4, 5]
    other = QuantumCircuit(8, 2)
    spec = JobSpec((*spec.pubs[:3], Pub.bound(other)), 10, "aer", "x")
    with pytest.raises(ValueError, match="readout job"):
        check_readout(spec)


def test_a_run_knows_what_was_learned_and_its_twin_does_not_change(tmp_path):
    path = tmp_path / "learned.json"
    path.write_text(json.dumps(document([3], reset=0.25)))
    settings = RunSettings(backend="twin:fake_boston", learned=(path,), output=tmp_path)
    opened = open_machine(settings.backend)
    machine = with_learned_of(opened, settings)
    assert machine.snapshot.record("reset_2", (3,)).error == 0.25
    assert machine.snapshot.digest != opened.snapshot.digest
    made = QuantumCircuit(156, 1)
    made.reset(3)
    made.measure(3, 0)
    spec = JobSpec((Pub.bound(made),), 2000, "twin", machine.name)
    assert machine.executor().run(spec)[0].registers["c"].mean() < 0.05
    kept = RunSettings.from_json(settings.to_json(), tmp_path)
    assert kept.learned == (tmp_path / "learned-1.json",)
    old = {k: v for k, v in settings.to_json().items() if k != "learned"}
    assert RunSettings.from_json(old, tmp_path).learned == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[]", "document"),
        ("{", "JSON"),
        ('{"qubits": [{"qubit": 0}], "instruction": "measure"}', "p01"),
        ('{"qubits": [{"qubit": 0, "p01": 2, "p10": 0}], "instruction": "measure"}', "'2'"),
        ('{"qubits": [{"qubit": 999, "p01": 0, "p10": 0}], "instruction": "measure"}', "999"),
        ('{"qubits": 3, "instruction": "measure"}', "document"),
    ],
)
def test_what_is_no_learned_calibration_ends_in_one_line(tmp_path, text, message):
    path = tmp_path / "learned.json"
    path.write_text(text)
    with pytest.raises(CalibrationError, match=message) as caught:
        with_learned(snapshot("fake_boston"), read_learned(path))
    assert "\n" not in str(caught.value)
    with pytest.raises(CalibrationError, match="can be read"):
        read_learned(tmp_path / "none.json")
