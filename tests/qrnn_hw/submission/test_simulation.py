"""What a recorded device has to simulate is said before it starts, and how to have less of it."""

import numpy as np
import pytest
from qiskit.circuit import Parameter, QuantumCircuit

from calibration.library import snapshot
from jobs.spec import JobSpec, Pub
from jobs.store.store import Store
from qrnn_hw.cli.spending import confirmation
from qrnn_hw.submission.assessment import assess_jobs, conditions_of
from qrnn_hw.submission.consent import Consent
from qrnn_hw.submission.machine import Machine
from qrnn_hw.submission.simulation import Simulation

MACHINE = Machine("fake_boston", snapshot("fake_boston"), is_real=False)


def spec(shots, rows=3):
    circuit = QuantumCircuit(156, 1)
    circuit.rz(Parameter("a"), 0)
    for _ in range(98):
        circuit.sx(0)
    circuit.measure(0, 0)
    pub = Pub(circuit, np.arange(rows, dtype=float)[:, None])
    return JobSpec(pubs=(pub,), shots=shots, executor="aer", backend="fake_boston", seed=1)


def test_every_row_and_shot_counts_with_its_instructions():
    found = Simulation.of([spec(1000), spec(10, rows=1)])
    assert (found.rows, found.shots) == (4, 3010)
    assert found.seconds == pytest.approx(4 * 0.1 + 3010 * 100 * 0.35e-6)
    assert "4 circuits with 3,010 shots in all are simulated here, about 1 min" in str(found)
    # The same rows once more in a job are so many more shots, and no further circuit.
    one = spec(1000)
    again = Simulation.of([JobSpec((*one.pubs, *one.pubs), 1000, "aer", "fake_boston", seed=1)])
    assert (again.rows, again.shots) == (6, 6000)
    assert again.seconds == pytest.approx(3 * 0.1 + 6000 * 100 * 0.35e-6)
    assert "about 1.9 h on one thread" in str(Simulation.of([spec(64_900_000)]))


@pytest.mark.parametrize(("shots", "said"), [(2_000_000, True), (1000, False)])
def test_what_takes_long_is_said_before_it_starts_with_the_remedy(shots, said, tmp_path, capsys):
    consent = Consent(MACHINE, confirmation(yes=False, remedy="fewer --minutes take less"))
    with Store(tmp_path / "jobs.db") as store:
        consent.ask(assess_jobs([spec(shots)], MACHINE, conditions_of(MACHINE)), store)
    line = capsys.readouterr().err
    if said:
        assert line.startswith("fake_boston: 3 circuits with 6,000,000 shots in all are simulated")
        assert line.rstrip().endswith("about 4 min on one thread; fewer --minutes take less")
    assert bool(line) == said
