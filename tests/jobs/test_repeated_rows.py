"""Equal rows of a job on a recorded device are run together, and dealt out as they were asked."""

from dataclasses import replace

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter

from jobs.aer.repeated_rows import run_gathered
from jobs.spec import JobSpec, Pub, PubResult

ANGLE = Parameter("a")


def measured(parametrised):
    circuit = QuantumCircuit(1, name="c")
    circuit.rx(ANGLE, 0) if parametrised else circuit.x(0)
    circuit.measure_all()
    return circuit


class Counting:
    """Writes (circuit, angle, number of the shot) where bits would be."""

    def __init__(self):
        self.asked = []

    def __call__(self, spec):
        self.asked.append(spec)
        results = []
        for pub in spec.pubs:
            bits = np.zeros((pub.n_rows, spec.shots, 2), np.uint8)
            bits[..., 0] = pub.parameters if pub.parameters.size else 99
            bits[..., 1] = np.arange(spec.shots)
            results.append(PubResult({"meas": bits}))
        return tuple(results)


def test_each_row_gets_shots_of_its_own_circuit_and_angle_and_none_twice():
    with_angle, without = measured(True), measured(False)
    rows = [[1], [2]]
    pubs = (
        Pub(with_angle, [*rows, *rows, [3]]),
        Pub.bound(without),
        Pub(with_angle, rows),
        Pub.bound(without),
    )
    spec, place = JobSpec(pubs, 5, "aer", "fake", seed=4), Counting()
    results = run_gathered(spec, place)
    assert sum(one.n_executions for one in place.asked) == spec.n_executions
    assert len({one.seed for one in place.asked}) == len(place.asked) == 3  # once, twice, thrice
    seen = {}
    for pub, result in zip(pubs, results, strict=True):
        bits = result.registers["meas"]
        assert bits.shape[:2] == (pub.n_rows, 5)
        for place_, row in enumerate(bits):
            angle = pub.parameters[place_][0] if pub.parameters.size else 99
            assert (row[:, 0] == angle).all()
            seen.setdefault(angle, []).extend(row[:, 1].tolist())
    assert {angle: sorted(shots) for angle, shots in seen.items()} == {
        1: list(range(15)), 2: list(range(15)), 3: list(range(5)), 99: list(range(10))
    }  # fmt: skip


def test_a_job_without_equal_rows_is_run_as_it_is():
    spec, place = JobSpec((Pub(measured(True), [[1], [2]]),), 5, "aer", "fake", seed=4), Counting()
    run_gathered(spec, place)
    assert place.asked == [spec]
    assert run_gathered(replace(spec, seed=None), place)
