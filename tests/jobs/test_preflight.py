"""Each rule refuses its own circuit, and only its own."""

import math

import numpy as np
import pytest
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister
from qiskit.circuit import Clbit, Delay, Duration, IfElseOp, Measure, Parameter, Reset
from qiskit.circuit.classical import expr
from qiskit.circuit.library import CZGate, RZGate, RZZGate, SXGate, XGate
from qiskit.transpiler import InstructionProperties, Target

from jobs.cost import Estimate
from jobs.errors import PreflightError, SpecError
from jobs.limits import Limits
from jobs.preflight import RULES, Sending, preflight, require
from jobs.spec import Pub


def machine(*, dynamic=True, alignment=1):
    made = Target(num_qubits=3, dt=4e-9, pulse_alignment=alignment)
    for gate, seconds in (
        (SXGate(), 32e-9),
        (XGate(), 32e-9),
        (RZGate(Parameter("t")), 0.0),
        (Measure(), 2e-6),
        (Reset(), 2e-6),
    ):
        made.add_instruction(gate, {(q,): InstructionProperties(seconds) for q in range(3)})
    for gate in (CZGate(), RZZGate(Parameter("t"))):
        pairs = {pair: InstructionProperties(1e-7) for pair in ((0, 1), (1, 2))}
        made.add_instruction(gate, pairs)
    made.add_instruction(Delay(Parameter("d")), {(q,): None for q in range(3)})
    if dynamic:
        made.add_instruction(IfElseOp, name="if_else")
    return made


TARGET = machine()


def start(n_bits=2, name="c"):
    circuit = QuantumCircuit(QuantumRegister(3, "q"), ClassicalRegister(n_bits, name))
    circuit.sx(0)
    circuit.measure(0, 0)
    return circuit


def legal():
    """Use every operation that the machine has, in every place where it is allowed."""
    circuit = start()
    circuit.rz(0.3, 0)
    circuit.cz(0, 1)
    circuit.rzz(math.pi / 2, 1, 2)
    circuit.reset(0)
    circuit.delay(100, 2)
    circuit.barrier()
    with circuit.if_test((circuit.clbits[0], 1)) as otherwise:
        circuit.x(1)
        circuit.delay(10, 2)
    with otherwise:
        circuit.rz(0.2, 1)
        circuit.cz(1, 2)
    circuit.measure(1, 1)
    with circuit.if_test(expr.bit_and(circuit.clbits[0], expr.logic_not(circuit.clbits[1]))):
        circuit.sx(2)
    with circuit.if_test(expr.less(circuit.cregs[0], 3)):
        circuit.sx(2)
    circuit.measure(2, 1)
    return circuit


def branch(fill):
    circuit = start()
    with circuit.if_test((circuit.clbits[0], 1)):
        fill(circuit)
    return circuit


def nested():
    def fill(circuit):
        with circuit.if_test((circuit.clbits[0], 0)):
            circuit.x(1)

    return branch(fill)


def for_loop():
    circuit = start()
    with circuit.for_loop(range(3)):
        circuit.x(0)
    return circuit


def for_loop_with_exit():
    circuit = start()
    with circuit.for_loop(range(3)):
        circuit.x(0)
        circuit.break_loop()
    return circuit


def while_loop():
    circuit = start()
    with circuit.while_loop((circuit.clbits[0], 1)):
        circuit.x(0)
    return circuit


def switch():
    circuit = start()
    with circuit.switch(circuit.cregs[0]) as case, case(1):
        circuit.x(0)
    return circuit


def box():
    circuit = start()
    with circuit.box():
        circuit.x(0)
    return circuit


def wide(expression):
    circuit = start(33)
    register = circuit.cregs[0]
    condition = expr.equal(register, 5) if expression else (register, 5)
    with circuit.if_test(condition):
        circuit.x(0)
    return circuit


def arithmetic(operation):
    circuit = start(4)
    register = circuit.cregs[0]
    with circuit.if_test(expr.equal(operation(register, register), 3)):
        circuit.x(0)
    return circuit


def variable():
    circuit = start()
    flag = circuit.add_var("flag", expr.lift(False))
    circuit.store(flag, circuit.clbits[0])
    return circuit


def unmeasured():
    circuit = start(2)
    with circuit.if_test((circuit.clbits[1], 1)):
        circuit.x(0)
    circuit.measure(1, 1)
    return circuit


def delay_in_rows(unit):
    circuit, length = start(), Parameter("length")
    circuit.delay(length, 1, unit)
    return Pub(circuit, np.array([[100.0]]))


def fraction_of_dt():
    circuit, length = start(), Parameter("length")
    circuit.delay(length, 1)
    return circuit.assign_parameters({length: 33.3})


def metadata_that_is_no_json():
    circuit = start()
    circuit.metadata = {"made by": circuit}
    return circuit


def called(name):
    """A gate of the circuit's own."""
    inner = QuantumCircuit(1, name=name)
    inner.rz(0.1, 0)
    return inner.to_gate()


def after(fill):
    circuit = start()
    fill(circuit)
    return circuit


def too_many_qubits():
    circuit = QuantumCircuit(4, 1)
    circuit.measure(3, 0)
    return circuit


def empty_register():
    circuit = start()
    circuit.add_register(ClassicalRegister(0, "none"))
    return circuit


def loose_bit():
    circuit = start()
    circuit.add_bits([Clbit()])
    circuit.measure(1, circuit.clbits[-1])
    return circuit


def no_output():
    circuit = QuantumCircuit(1, 1)
    circuit.x(0)
    return circuit


def free_parameter():
    return after(lambda c: c.rz(Parameter("angle"), 0))


def rzz_rows():
    angle = Parameter("angle")
    circuit = after(lambda c: c.rzz(2 * angle, 0, 1))
    return Pub(circuit, np.array([[0.1], [0.7], [0.9]]))


def many_branches(rows):
    angle = Parameter("angle")
    circuit = QuantumCircuit(QuantumRegister(1, "q"), ClassicalRegister(1, "c"))
    circuit.rz(angle, 0)
    for _ in range(100):
        circuit.measure(0, 0)
        with circuit.if_test((circuit.clbits[0], 1)):
            circuit.x(0)
    return Pub(circuit, np.zeros((rows, 1)))


def many_instructions(rows):
    angle = Parameter("angle")
    circuit = QuantumCircuit(QuantumRegister(1, "q"), ClassicalRegister(1, "c"))
    circuit.rz(angle, 0)
    for _ in range(500):
        circuit.reset(0)
    circuit.measure(0, 0)
    return Pub(circuit, np.zeros((rows, 1)))


ESTIMATE = Estimate(40.0, 50.0, 70.0, 1000, 2e-5)
ILLEGAL = [
    ("nested-if", nested, {}),
    ("measure-in-branch", lambda: branch(lambda c: c.measure(1, 1)), {}),
    ("reset-in-branch", lambda: branch(lambda c: c.reset(1)), {}),
    ("for-loop", for_loop, {}),
    ("loop-exit", for_loop_with_exit, {}),
    ("while-loop", while_loop, {}),
    ("switch", switch, {}),
    ("box", box, {}),
    ("wide-condition", lambda: wide(False), {}),
    ("wide-condition", lambda: wide(True), {}),
    ("arithmetic", lambda: arithmetic(expr.add), {}),
    ("arithmetic", lambda: arithmetic(expr.sub), {}),
    ("arithmetic", lambda: arithmetic(expr.mul), {}),
    ("arithmetic", lambda: arithmetic(expr.div), {}),
    ("classical-variable", variable, {}),
    ("unmeasured-condition", unmeasured, {}),
    ("no-dynamic-circuits", legal, {"target": machine(dynamic=False)}),
    ("basis", lambda: after(lambda c: c.h(0)), {}),
    ("basis", lambda: branch(lambda c: c.h(0)), {}),
    ("own-gate", lambda: after(lambda c: c.append(called("x"), [1])), {}),
    ("own-gate", lambda: after(lambda c: c.append(called("rz"), [1])), {}),
    ("own-gate", lambda: after(lambda c: c.append(called("delay"), [1])), {}),
    ("own-gate", lambda: branch(lambda c: c.append(called("sx"), [1])), {}),
    ("coupling", lambda: after(lambda c: c.cz(0, 2)), {}),
    ("coupling", lambda: after(lambda c: c.cz(1, 0)), {}),
    ("coupling", lambda: branch(lambda c: c.cz(0, 2)), {}),
    ("too-many-qubits", too_many_qubits, {}),
    ("faulty-qubit", legal, {"faulty_qubits": (1,)}),
    ("rzz-range", lambda: after(lambda c: c.rzz(1.6, 0, 1)), {}),
    ("rzz-range", lambda: after(lambda c: c.rzz(-0.1, 0, 1)), {}),
    ("rzz-range", rzz_rows, {}),
    ("non-finite-angle", lambda: after(lambda c: c.rz(math.nan, 0)), {}),
    ("non-finite-angle", lambda: branch(lambda c: c.rz(math.inf, 0)), {}),
    ("unbound-parameter", free_parameter, {}),
    ("register-name", lambda: start(name="measure"), {}),
    ("register-name", lambda: start(name="lambda"), {}),
    ("register-name", lambda: start(name="shape"), {}),
    ("register-name", lambda: start(name="1st"), {}),
    ("register-name", lambda: start(name="self"), {}),
    ("register-name", lambda: start(name="Maß"), {}),
    ("empty-register", empty_register, {}),
    ("delay", lambda: after(lambda c: c.delay(100, 1, "ns")), {}),
    ("delay", lambda: branch(lambda c: c.delay(1, 1, "s")), {}),
    ("delay", lambda: after(lambda c: c.delay(expr.lift(Duration.us(2)), 1)), {}),
    ("delay", lambda: delay_in_rows("dt"), {}),
    ("delay", lambda: delay_in_rows("ms"), {}),
    ("delay", fraction_of_dt, {}),
    ("delay-alignment", lambda: after(lambda c: c.delay(25, 1)), {"target": machine(alignment=8)}),
    ("delay-alignment", lambda: branch(lambda c: c.delay(4, 1)), {"target": machine(alignment=8)}),
    ("changed-by-qpy", metadata_that_is_no_json, {}),
    ("loose-bit", loose_bit, {}),
    ("no-output", no_output, {}),
    ("no-circuits", list, {}),
    ("shots", legal, {"shots": 0}),
    ("differing-shots", lambda: [legal(), legal()], {"shots": [100, 200]}),
    ("executions", legal, {"shots": 10_000_001}),
    ("executions", lambda: many_branches(11), {"shots": 1_000_000}),
    ("broadcasts", lambda: many_branches(25), {}),
    ("instructions", lambda: many_instructions(3200), {}),
    ("rep-delay", legal, {"request": Sending(rep_delay_seconds=5e-3)}),
    ("rep-delay", legal, {"request": Sending(rep_delay_seconds=1e-6)}),
    ("max-execution-time", legal, {"request": Sending(max_execution_seconds=0)}),
    ("max-execution-time", legal, {"request": Sending(max_execution_seconds=10_801)}),
    ("cut-short", legal, {"request": Sending(max_execution_seconds=49, estimate=ESTIMATE)}),
    ("plan-exhausted", legal, {"request": Sending(remaining_seconds=49.0, estimate=ESTIMATE)}),
    ("session-on-open-plan", legal, {"request": Sending(mode="session", plan="open")}),
    ("dynamical-decoupling", legal, {"request": Sending(dynamical_decoupling=True)}),
    ("twirling", legal, {"request": Sending(twirling=True)}),
]
# What else is wrong with the same circuit, because one thing cannot be had without the other.
COMPANIONS = {"loop-exit": {"for-loop"}}


@pytest.mark.parametrize(("rule", "make", "options"), ILLEGAL)
def test_each_rule_refuses_its_own_circuit_and_no_other_rule_does(rule, make, options):
    options = {"shots": 100, "target": TARGET, **options}
    findings = preflight(make(), options.pop("target"), **options)
    assert {one.rule for one in findings} - COMPANIONS.get(rule, set()) == {rule}
    for one in findings:
        assert one.found
        assert one.where
        assert one.why
        assert one.remedy
        assert one.source


def test_every_rule_of_the_table_is_tried():
    assert {rule for rule, _, _ in ILLEGAL} == set(RULES)
    assert len(ILLEGAL) >= 25


def test_a_legal_job_passes():
    request = Sending(
        mode="batch",
        plan="open",
        remaining_seconds=51.0,
        estimate=ESTIMATE,
        max_execution_seconds=60,
        rep_delay_seconds=250e-6,
    )
    jobs = [legal(), many_branches(23)]
    assert preflight(jobs, TARGET, shots=4096, request=request) == ()


def test_the_place_is_told_in_words():
    (one,) = preflight(nested(), TARGET, shots=1)
    assert one.where == ("circuit 0, instruction 2 (if_else), branch 0, instruction 0 (if_else)")


def test_the_same_fault_is_told_once_per_circuit():
    circuit = after(lambda c: [c.h(0) for _ in range(40)])
    findings = preflight([circuit, circuit], TARGET, shots=1)
    assert [one.where for one in findings] == [
        "circuit 0, instruction 2 (h) and 39 more",
        "circuit 1, instruction 2 (h) and 39 more",
    ]


def test_limits_are_settings():
    assert preflight(many_branches(25), TARGET, shots=1, limits=Limits(broadcast_slots=2500)) == ()
    single = Limits(rows_multiply_broadcasts=False)
    assert preflight(many_branches(25), TARGET, shots=1, limits=single) == ()
    assert preflight(legal(), TARGET, shots=1, limits=Limits(condition_bits=1)) != ()


def test_nothing_is_sent_while_an_error_stands():
    require(preflight(unmeasured(), TARGET, shots=1))
    with pytest.raises(PreflightError, match=r"nested-if: .*Got 2 levels.*\[IBM.*\(1 more error"):
        require(preflight([nested(), for_loop()], TARGET, shots=1))


def test_shots_are_one_number_or_one_for_each_circuit():
    with pytest.raises(SpecError, match="each of the 1 circuits"):
        preflight(legal(), TARGET, shots=[1, 2])
