"""`calibrate instrument`: what is planted on a twin comes back, and flows into the noise."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from qiskit.circuit import QuantumCircuit

from calibration.errors import CalibrationError
from calibration.learned import read_learned, with_learned
from calibration.library import snapshot as recorded
from calibration.noise import DeviceNoise
from jobs.aer.recorded_device import on_active_qubits
from jobs.transpile.lifted_step import circuit_distribution
from jobs.transpile.schedule import midcircuit_measure
from jobs.twin.machine import Twin
from jobs.twin.site import Site
from jobs.twin.strengths import strengths_of
from qrnn_hw.errors import UsageError
from qrnn_hw.mitigation.instrument_calibration import fitted_instrument, predicted
from qrnn_hw.submission.instrument_run import REPETITIONS, InstrumentRun

SHOTS, QUBITS = 20_000, (0, 1, 2, 3)
EFFECTS = "read-decay=1.5,measurement-crosstalk=0.04,controller-wait=0.9e-6"


@pytest.fixture(scope="module")
def measured() -> tuple[Twin, dict[str, object]]:
    """Return a twin with a planted instrument, crosstalk and wait, and what the bits say of it."""
    device = recorded("fake_boston")
    twin = Twin(device, strengths_of(EFFECTS), seed=5)
    run = InstrumentRun(device, QUBITS, "measure_2")
    results = twin.run(run.pubs, SHOTS // REPETITIONS, seed=2)
    return twin, run.document(results, datetime.now(UTC))


def planted(twin: Twin, qubit: int) -> np.ndarray:
    """Return P(r, s' | s) by hand from the equations of `read-decay`, shape (2, 2, 2)."""
    strength = twin.strengths["read-decay"]
    record = twin.snapshot.record("measure_2", (qubit,))
    t1 = twin.snapshot.qubits[qubit].t1_seconds
    p01 = record.p01 if record.p01 is not None else record.error
    p10 = record.p10 if record.p10 is not None else record.error
    early = min(strength * (1 - np.exp(-record.seconds / t1)) / 2, p10)
    late = early / (1 - early)
    own = (p10 - early * (1 - p01)) / (1 - early)
    before = np.array([[1, 0], [early, 1 - early]])  # [s, at the decision]
    confusion = np.array([[1 - p01, p01], [own, 1 - own]])
    after = np.array([[1 - 0.004 * strength, 0.004 * strength], [late, 1 - late]])
    return np.einsum("sm,mr,ml->srl", before, confusion, after)


def test_what_is_planted_is_recovered(measured: tuple[Twin, dict[str, object]]) -> None:
    twin, document = measured
    for one in document["qubits"]:  # type: ignore[attr-defined]
        joint, error = (
            np.reshape(one[key], (2, 2, 2)) for key in ("joint", "joint_standard_error")
        )
        off = (joint - planted(twin, one["qubit"])) / error
        assert np.abs(off).max() < 4
        assert one["fit_p_value"] > 1e-3
        assert error.max() < 1.5e-3
    site = Site(twin.snapshot, twin.seed)
    assert len(document["crosstalk"]) == 6  # type: ignore[arg-type]
    for one in document["crosstalk"]:  # type: ignore[attr-defined]
        pair = one["measured"], one["neighbour"]
        direction = "measurement-crosstalk, up" if pair[0] < pair[1] else "measurement-crosstalk"
        phase = site.signed(direction, 0.06, 0.2, *pair)
        assert abs(one["phase"] - phase) < 4 * one["phase_standard_error"]
        assert abs(one["dephasing"] - 0.04) < 4 * one["dephasing_standard_error"]
    assert not document["repetitions"]["disagree"]  # type: ignore[index]
    wait, error = (document[f"branch_wait_{key}"] for key in ("seconds", "standard_error"))
    assert abs(wait - 0.9e-6) < 4 * error  # type: ignore[operator]
    assert error < 0.05e-6  # type: ignore[operator]


def test_the_learned_noise_is_nearer_to_the_machine(
    measured: tuple[Twin, dict[str, object]], tmp_path: Path
) -> None:
    twin, document = measured
    made = QuantumCircuit(twin.snapshot.n_qubits, 3)
    made.sx(0)
    made.sx(1)
    for _ in range(4):
        made.append(midcircuit_measure(), [0], [0])
        with made.if_test((made.clbits[0], 1)):
            made.x(0)
        made.rz(0.4, 1)
        made.cz(0, 1)
    made.sx(1)
    made.append(midcircuit_measure(), [1], [1])
    made.append(midcircuit_measure(), [0], [2])
    truth = twin.distribution(made, keep=[1, 2])
    path = tmp_path / "learned.json"
    path.write_text(json.dumps(document))
    device = with_learned(twin.snapshot, read_learned(path))
    small = on_active_qubits(made, [0, 1])
    off = [
        np.abs(circuit_distribution(small, DeviceNoise(one.restrict([0, 1])), [1, 2]) - truth).max()
        for one in (device, twin.snapshot)
    ]
    assert off[0] < 0.01
    assert off[1] > 20 * off[0]


def test_readings_that_leave_both_states_are_told_from_misreads() -> None:
    exact = np.array([0.01, 0.004, 0.002, 0.012, 0.006, 0.003, 0.008])
    flip = np.array([[4e-4, 0.9995], [0.9996, 5e-4]])
    counts = np.round(1e7 * predicted(exact, flip))
    found = fitted_instrument(counts, flip)
    assert found.leaves == pytest.approx(0.008, abs=2e-5)
    assert found.joint[0, 1, 0] == pytest.approx(0.01, abs=2e-5)
    assert found.joint[1, 1, 0] == pytest.approx(0.006, abs=2e-5)
    with pytest.raises(UsageError, match="four circuits of three readings"):
        fitted_instrument(np.zeros((4, 2, 2, 2)))


def test_documents_are_read_whole_or_refused_in_one_line(
    measured: tuple[Twin, dict[str, object]],
) -> None:
    device = recorded("fake_boston")
    wait = with_learned(device, {"branch_wait_seconds": 7e-7})
    assert wait.beyond.branch_wait_seconds == 7e-7
    both = with_learned(wait, measured[1] | {"branch_wait_seconds": None})
    assert both.beyond.branch_wait_seconds == 7e-7  # what was not measured stays
    for change, match in (
        ({"qubits": [{"qubit": 0, "joint": [1.0] * 8}]}, "add up to 1"),
        ({"crosstalk": [{"measured": 1, "neighbour": 1, "dephasing": 0, "phase": 0}]}, "neighbour"),
        ({"branch_wait_seconds": -1}, "from 0 to 1"),
        ({"instruction": "cz"}, "should be of a measurement"),
        ({"kind": "other"}, "faulty field"),
    ):
        with pytest.raises(CalibrationError, match=match):
            with_learned(device, measured[1] | change)
    with pytest.raises(UsageError, match="choose measure, or other qubits"):
        InstrumentRun(recorded("fake_torino"), (0, 1), "measure_2")
