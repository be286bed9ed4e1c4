import pytest
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister
from qiskit.circuit.classical import expr

from jobs.preflight.broadcasts import broadcast_slots, condition_bits
from jobs.preflight.load import instructions_per_qubit


def circuit(n_bits):
    return QuantumCircuit(QuantumRegister(2, "q"), ClassicalRegister(n_bits, "c"))


def branch(made, condition):
    with made.if_test(condition):
        made.x(1)


def test_the_bits_of_each_form_of_condition():
    made = circuit(3)
    register, bits = made.cregs[0], made.clbits
    assert condition_bits((bits[1], 1)) == {bits[1]}
    assert condition_bits((register, 1)) == set(bits)
    assert condition_bits(expr.less(register, 3)) == set(bits)
    assert condition_bits(expr.logic_and(bits[0], expr.logic_not(bits[2]))) == {bits[0], bits[2]}


@pytest.mark.parametrize(("n_bits", "slots"), [(1, 1.0), (60, 8.0)])
def test_the_documented_points_are_on_the_line(n_bits, slots):
    made = circuit(n_bits)
    made.measure(0, 0)
    branch(made, (made.cregs[0], 1))
    assert broadcast_slots(made) == pytest.approx(slots)


def test_bits_are_sent_once_and_again_after_a_new_measurement():
    made = circuit(2)
    made.measure(0, 0)
    branch(made, (made.clbits[0], 1))
    branch(made, (made.clbits[0], 0))
    assert broadcast_slots(made) == 1.0
    branch(made, (made.clbits[1], 0))
    assert broadcast_slots(made) == 2.0
    made.measure(0, 0)
    branch(made, (made.clbits[0], 1))
    assert broadcast_slots(made) == 3.0


def test_the_busiest_qubit_counts_with_both_branches():
    made = circuit(1)
    made.sx(0)
    made.barrier()
    made.cz(0, 1)
    made.measure(1, 0)
    with made.if_test((made.clbits[0], 1)) as otherwise:
        made.x(1)
    with otherwise:
        made.rz(0.1, 1)
        made.reset(1)
    assert instructions_per_qubit(made) == 50 + 5 + 10 + 2 + 1 + 17
