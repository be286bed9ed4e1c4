"""Jobs that the account has and that were not sent from here, over HTTP."""

import json
import time

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit_ibm_runtime import QiskitRuntimeService, SamplerV2
from qiskit_ibm_runtime.executor_sampler import Sampler

from calibration.snapshot import Snapshot
from jobs.store.store import Store
from qrnn_hw.cli import invoke
from qrnn_hw.config import store_path

SHOTS = 50


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("QRNN_HW_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HOME", str(tmp_path))


def turned(fold=1):
    """Return a circuit that reads 0 at the angle pi and 1 at 0, its gates `fold` times."""
    angle = Parameter("angle")
    circuit = QuantumCircuit(12, 1)
    for _ in range(fold):
        circuit.x(2)
    circuit.sx(0)
    circuit.rz(angle, 0)
    circuit.sx(0)
    circuit.measure(0, 0)
    return circuit


def command(capsys, *words, code=0):
    assert invoke([*words, "--json"]) == code, capsys.readouterr().err
    captured = capsys.readouterr()
    assert "Traceback" not in captured.err
    return json.loads(captured.out) if captured.out else captured.err


def sent(emulator, pubs, program, **options):
    """Send a job as any user of the client would, and wait for its end."""
    backend = QiskitRuntimeService().backend("ibm_boston")
    job = program(mode=backend).run(pubs, **options)
    while emulator.service.jobs[job.job_id()].finished is None:
        time.sleep(0.01)
    return job.job_id()


@pytest.mark.parametrize("program", [Sampler, SamplerV2])
def test_a_job_of_the_client_is_imported_with_bits_rows_charge_and_calibration(
    emulator, capsys, program
):
    rows = np.array([[np.pi], [0.0], [np.pi]])
    job_id = sent(emulator, [(turned(), rows), (turned(3), rows[:2])], program, shots=SHOTS)
    before = emulator.service.backends["ibm_boston"][1]
    recalibrate(emulator)
    document = command(capsys, "jobs", "import", job_id)
    assert (document["state"], document["id"], document["shots"]) == ("done", job_id, SHOTS)
    assert document["quantum_seconds"] == pytest.approx(emulator.service.jobs[job_id].seconds)
    fetched = command(capsys, "jobs", "fetch", job_id)
    counts = [[row["c"] for row in one["rows"]] for one in fetched["circuits"]]
    zero, one = {"0": SHOTS}, {"1": SHOTS}
    assert counts == [[zero, one, zero], [zero, one]]
    with Store(store_path()) as store:
        spec = store.spec(document["key"])
        np.testing.assert_array_equal(spec.pubs[0].parameters, rows)
        snapshot = Snapshot.from_json(store.snapshot(spec.snapshot))
    assert snapshot.taken[:19] == before["last_update_date"][:19]
    # Again nothing is asked of the service, and nothing is doubled.
    emulator.log.clear()
    again = command(capsys, "jobs", "import", job_id)
    assert (again["key"], again["new"]) == (document["key"], False)
    assert emulator.log == []
    assert len(emulator.service.jobs) == 1


def recalibrate(emulator):
    configuration, properties = emulator.service.backends["ibm_boston"]
    emulator.service.history["ibm_boston"] = [(properties["last_update_date"], properties)]
    later = json.loads(json.dumps(properties))
    later["last_update_date"] = "2031-01-01T00:00:00+00:00"
    emulator.service.backends["ibm_boston"] = (configuration, later)


def test_imported_jobs_are_mitigated_together(emulator, capsys):
    """Two jobs of one circuit, folded by hand: the extrapolated value is that of both."""
    from qrnn_hw.mitigation.folding import fold

    circuit = turned().assign_parameters([0.3])
    ids = [sent(emulator, [one], Sampler, shots=4000) for one in (circuit, fold(circuit, 3))]
    for job_id in ids:
        command(capsys, "jobs", "import", job_id)
    found = command(capsys, "mitigate", *ids, "--plan", "linear(1,3)")
    (value,) = found["values"]
    # The loopback machine is without noise: 4 standard errors of the true <Z>.
    error = value["mitigated"]["standard_error"]
    assert 0 < error < 0.1
    assert value["mitigated"]["value"] == pytest.approx(-np.cos(0.3), abs=4 * error)
    assert found["shots"]["plan"] == [4000, 4000]


def test_what_cannot_be_imported_is_one_line_and_its_code(emulator, capsys):
    assert "none of that id" in command(capsys, "jobs", "import", "d0nothing", code=7)
    emulator.service.settings.queue_seconds = 120
    backend = QiskitRuntimeService().backend("ibm_boston")
    circuit = turned().assign_parameters([0.0])
    waiting = Sampler(mode=backend).run([circuit], shots=5).job_id()
    assert "should have ended" in command(capsys, "jobs", "import", waiting, code=10)
    emulator.service.settings.queue_seconds = 0
    while emulator.service.jobs[waiting].finished is None:
        time.sleep(0.01)
    job = emulator.service.jobs[waiting]
    job.request["program_id"] = "estimator"
    assert "should be of a sampler" in command(capsys, "jobs", "import", waiting, code=2)
    job.request["program_id"] = "executor"
    whole, job.result = job.result, job.result[: len(job.result) // 2]
    assert "Import it again later" in command(capsys, "jobs", "import", waiting, code=6)
    job.result = whole
    assert command(capsys, "jobs", "import", waiting)["state"] == "done"


def test_pubs_of_different_shots_are_refused(emulator, capsys):
    circuit = turned().assign_parameters([0.0])
    job_id = sent(emulator, [(circuit, None, 5), (circuit, None, 6)], SamplerV2)
    assert "one number of shots" in command(capsys, "jobs", "import", job_id, code=2)
