import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Delay, IfElseOp, Measure, Parameter, Reset
from qiskit.circuit.library import CZGate, RZGate, SXGate, XGate
from qiskit.transpiler import InstructionProperties, Target

from jobs.cost import DEFAULT_FORMULA, OPEN_PLAN, Estimate, PriceFormula, qpu_seconds, recalibrate
from jobs.errors import SpecError
from jobs.spec import Pub
from jobs.timing import longest_path_seconds

SX, CZ, MEASURE, RESET, ARRIVE = 32e-9, 100e-9, 2e-6, 1.6e-6, 0.5e-6


@pytest.fixture(scope="module")
def target():
    made = Target(num_qubits=3, dt=4e-9)
    for gate, seconds in (
        (SXGate(), SX),
        (XGate(), SX),
        (RZGate(Parameter("t")), 0.0),
        (Measure(), MEASURE),
        (Reset(), RESET),
    ):
        made.add_instruction(gate, {(q,): InstructionProperties(seconds) for q in range(3)})
    made.add_instruction(CZGate(), {pair: InstructionProperties(CZ) for pair in ((0, 1), (1, 2))})
    made.add_instruction(Delay(Parameter("d")), {(q,): None for q in range(3)})
    made.add_instruction(IfElseOp, name="if_else")
    return made


def seconds(circuit, target):
    return longest_path_seconds(circuit, target, feed_forward_seconds=ARRIVE)


def test_gates_in_parallel_and_in_a_row(target):
    circuit = QuantumCircuit(3, 1)
    circuit.sx(0)
    circuit.sx(0)
    circuit.sx(2)
    circuit.rz(0.3, 2)
    circuit.cz(1, 2)
    assert seconds(circuit, target) == pytest.approx(SX + CZ)
    circuit.cz(0, 1)
    assert seconds(circuit, target) == pytest.approx(SX + 2 * CZ)


def test_a_barrier_holds_back_without_taking_time(target):
    circuit = QuantumCircuit(3, 1)
    circuit.measure(0, 0)
    circuit.barrier(0, 1)
    circuit.sx(1)
    assert seconds(circuit, target) == pytest.approx(MEASURE + SX)


@pytest.mark.parametrize(
    ("duration", "unit", "expected"), [(250, "dt", 1e-6), (3, "us", 3e-6), (40, "ns", 4e-8)]
)
def test_delays_count_in_their_unit(target, duration, unit, expected):
    circuit = QuantumCircuit(1)
    circuit.delay(duration, 0, unit=unit)
    assert seconds(circuit, target) == pytest.approx(expected)


def test_a_branch_waits_for_its_bit_and_takes_the_longer_alternative(target):
    circuit = QuantumCircuit(3, 1)
    circuit.measure(0, 0)
    with circuit.if_test((circuit.clbits[0], 1)) as otherwise:
        circuit.x(1)
        circuit.x(1)
        circuit.x(1)
    with otherwise:
        circuit.x(1)
    assert seconds(circuit, target) == pytest.approx(MEASURE + ARRIVE + 3 * SX)


def test_a_reset_hides_the_way_of_the_bit(target):
    circuit = QuantumCircuit(3, 1)
    circuit.measure(0, 0)
    circuit.reset(0)
    with circuit.if_test((circuit.clbits[0], 1)):
        circuit.x(0)
    assert seconds(circuit, target) == pytest.approx(MEASURE + RESET + SX)


def test_a_branch_waits_for_the_latest_of_its_bits(target):
    circuit = QuantumCircuit(3, 2)
    circuit.measure(0, 0)
    circuit.sx(1)
    circuit.measure(1, 1)
    with circuit.if_test((circuit.cregs[0], 3)):
        circuit.x(2)
    assert seconds(circuit, target) == pytest.approx(SX + MEASURE + ARRIVE + SX)


def test_two_branches_on_other_qubits_run_side_by_side(target):
    circuit = QuantumCircuit(3, 1)
    circuit.measure(0, 0)
    for qubit in (1, 2):
        with circuit.if_test((circuit.clbits[0], 1)):
            circuit.delay(250, qubit)
    assert seconds(circuit, target) == pytest.approx(MEASURE + ARRIVE + 1e-6)


def test_without_feed_forward_it_agrees_with_the_transpilers_estimate(target):
    circuit = QuantumCircuit(3, 3)
    generator = np.random.default_rng(3)
    for _ in range(60):
        qubit = int(generator.integers(3))
        match generator.integers(4):
            case 0:
                circuit.sx(qubit)
            case 1:
                circuit.cz(*((0, 1), (1, 2))[int(generator.integers(2))])
            case 2:
                circuit.delay(int(generator.integers(1, 90)), qubit)
            case _:
                circuit.barrier()
    circuit.measure(range(3), range(3))
    assert seconds(circuit, target) == pytest.approx(circuit.estimate_duration(target, unit="s"))


def test_what_has_no_duration_is_refused(target):
    circuit = QuantumCircuit(3)
    circuit.cz(0, 2)
    with pytest.raises(SpecError, match=r"cz on qubits \[0, 2\]"):
        seconds(circuit, target)
    loop = QuantumCircuit(1)
    with loop.for_loop(range(3)):
        loop.x(0)
    with pytest.raises(SpecError, match="for_loop"):
        seconds(loop, target)


def test_the_estimate_follows_the_documented_formula(target):
    circuit = QuantumCircuit(1, 1)
    circuit.rz(Parameter("a"), 0)
    circuit.measure(0, 0)
    pubs = [Pub(circuit, np.zeros((37, 1))), Pub(circuit, np.zeros((3, 1)))]
    estimate = qpu_seconds(pubs, target, shots=1000, n_jobs=2, rep_delay_seconds=250e-6)
    assert estimate.executions == 40_000
    assert estimate.circuit_seconds == pytest.approx(MEASURE)
    assert estimate.best_seconds == pytest.approx(2 * 2.0 + 40_000 * (250e-6 + MEASURE))
    assert estimate.low_seconds == pytest.approx(40_000 * (250e-6 + MEASURE))
    assert estimate.high_seconds == pytest.approx(2 * 2.0 + 40_000 * 0.35e-3)
    assert estimate.share_of(OPEN_PLAN.seconds) == pytest.approx(estimate.best_seconds / 600)
    assert estimate.share_of(0.0) == float("inf")


def test_estimates_add():
    total = Estimate(1, 2, 3, 10, 5e-6) + Estimate(2, 3, 5, 1, 9e-6)
    assert total == Estimate(3, 5, 8, 11, 9e-6)


def test_recalibration_recovers_the_scale_and_ignores_one_outlier():
    true = PriceFormula(scale=1.3)
    busy = [4.0, 10.0, 25.0, 31.0, 60.0]
    history = [(2.0 + b, 2.0 + true.scale * b) for b in busy]
    assert recalibrate(history, DEFAULT_FORMULA).scale == pytest.approx(1.3)
    assert recalibrate([*history, (12.0, 900.0)], DEFAULT_FORMULA).scale == pytest.approx(1.3)
    assert recalibrate(history[:2], DEFAULT_FORMULA) == DEFAULT_FORMULA
