"""The time between two shots: in the machine's range, in the job and in its price."""

from dataclasses import replace

import numpy as np
import pytest

from calibration.excitation import left_of_excitation
from calibration.library import snapshot
from jobs.errors import SpecError
from jobs.transpile.isa import transpile_step
from qrnn_hw.errors import UsageError
from qrnn_hw.submission.assessment import assess
from qrnn_hw.submission.machine import Machine
from qrnn_hw.submission.workload import load_workload

DEVICE = snapshot("fake_kingston")
MACHINE = Machine("fake_kingston", DEVICE, is_real=False)


def verdict(machine):
    return assess(load_workload("dynamic-line", machine, steps=2), machine, shots=4000)


def test_a_shorter_delay_is_in_the_job_and_in_the_price():
    usual, short = verdict(MACHINE), verdict(MACHINE.with_rep_delay(20e-6))
    assert short.specs[0].options == {"rep_delay_seconds": 20e-6}
    assert short.specs[0].key != usual.specs[0].key
    saved = usual.estimate.best_seconds - short.estimate.best_seconds
    assert saved == pytest.approx(4000 * 230e-6)
    document = short.to_json()["rep_delay"]
    used = [q for q in range(156) if q in load_qubits(short)]
    slowest = max(DEVICE.qubits[qubit].t1_seconds for qubit in used)
    assert document["microseconds"] == pytest.approx(20)
    assert document["left_of_excitation"] == pytest.approx(np.exp(-20e-6 / slowest))


def load_qubits(one):
    circuit = one.workload.pubs[0].circuit
    return {
        circuit.find_bit(q).index for i in circuit.data if i.name != "barrier" for q in i.qubits
    }


def test_the_rule_of_thumb_is_of_machines_that_wait_250_us():
    fast = replace(DEVICE, rep_delay_seconds=1e-6, rep_delay_range_seconds=(1e-6, 5e-4))
    estimate = verdict(Machine("fake_kingston", fast, is_real=False)).estimate
    assert estimate.high_seconds == pytest.approx(1.25 * estimate.best_seconds)
    assert estimate.low_seconds < 4000 * 50e-6
    usual = verdict(MACHINE).estimate
    assert usual.high_seconds == pytest.approx(max(2 + 4000 * 0.35e-3, 1.25 * usual.best_seconds))


@pytest.mark.parametrize("seconds", [-1e-6, 2.1e-3])
def test_a_delay_outside_the_range_is_refused(seconds):
    with pytest.raises(UsageError, match="from 0 to 2000 microseconds"):
        MACHINE.with_rep_delay(seconds)
    assert MACHINE.with_rep_delay(2e-3).with_rep_delay(None) == MACHINE


def test_what_is_left_of_an_excitation_decays_with_t1():
    left = left_of_excitation(DEVICE, [3, 4], 1e-4)
    assert left == pytest.approx([np.exp(-1e-4 / DEVICE.qubits[q].t1_seconds) for q in (3, 4)])


@pytest.mark.parametrize(
    ("model", "mode", "lacks"),
    [("dynamic-line", "sampled", "if_else"), ("sim-v1", "coherent", "reset")],
)
def test_a_machine_that_lacks_what_the_model_needs_is_refused_by_name(model, mode, lacks):
    import circuits

    architecture = circuits.architecture(model)
    assert architecture.mode == mode
    with pytest.raises(SpecError, match=f"needs {lacks}. Got fake_miami without it"):
        transpile_step(architecture, snapshot("fake_miami"), seed=0)
