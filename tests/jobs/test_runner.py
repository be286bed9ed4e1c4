import numpy as np
import pytest
from qiskit import QuantumCircuit

from jobs.errors import SpecError
from jobs.runner import run
from jobs.spec import JobSpec, Pub, PubResult
from jobs.states import Done, Failed
from jobs.store.store import Store


class Counting:
    name = "aer"

    def __init__(self, store=None):
        self.n_runs = 0

    def run(self, spec):
        self.n_runs += 1
        if spec.options.get("broken"):
            raise SpecError("The circuit should be lowered. Got measure_2.")
        return (PubResult({"c": np.full((1, spec.shots, 1), self.n_runs % 2, np.uint8)}),)


def job(**options):
    circuit = QuantumCircuit(1, 1)
    circuit.measure(0, 0)
    return JobSpec((Pub.bound(circuit),), 4, "aer", "fake_boston", seed=1, options=options)


def test_a_known_key_is_answered_without_a_second_run(tmp_path):
    place = Counting()
    with Store(tmp_path / "jobs.db") as store:
        first = run(job(), place, store)
    with Store(tmp_path / "jobs.db") as store:
        second = run(job(), place, store)
        assert isinstance(store.state(job().key), Done)
    assert place.n_runs == 1
    np.testing.assert_array_equal(first[0].registers["c"], second[0].registers["c"])


def test_another_job_is_run(tmp_path):
    place = Counting()
    with Store(tmp_path / "jobs.db") as store:
        run(job(), place, store)
        run(job(part=2), place, store)
    assert place.n_runs == 2


def test_a_failure_is_recorded_and_does_not_stand_in_the_way(tmp_path):
    with Store(tmp_path / "jobs.db") as store:
        with pytest.raises(SpecError):
            run(job(broken=True), Counting(), store)
        state = store.state(job(broken=True).key)
        assert isinstance(state, Failed)
        assert "measure_2" in state.reason
        assert store.raw(job(broken=True).key) is None
