"""Random dynamic circuits: preflight and the loopback machine agree on every one."""

import numpy as np
import pytest
from emulator.backends import load
from emulator.rules import Refusal, check
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister
from qiskit.circuit.classical import expr
from qiskit_ibm_runtime.models import BackendProperties, QasmBackendConfiguration
from qiskit_ibm_runtime.utils.backend_converter import convert_to_target

from jobs.preflight import preflight
from jobs.spec import Pub

CONFIGURATION, PROPERTIES = load("boston", 4)
TARGET = convert_to_target(
    QasmBackendConfiguration.from_dict(CONFIGURATION), BackendProperties.from_dict(PROPERTIES)
)
# About what comes back and how, which is no matter of the machine's.
BESIDE_THE_MACHINE = {"no-output", "unmeasured-condition"}

qubit = st.integers(0, 3)
gates = st.one_of(
    st.tuples(st.just("rz"), st.floats(-7, 7), qubit),
    st.tuples(st.sampled_from(["sx", "x", "reset", "h"]), qubit),
    st.tuples(st.just("cz"), st.sampled_from([(0, 1), (1, 0), (1, 2), (2, 3), (0, 2), (3, 1)])),
    st.tuples(st.just("measure"), qubit, st.integers(0, 3)),
    st.tuples(st.just("delay"), st.integers(0, 500), qubit),
)
legal_gates = st.one_of(
    st.tuples(st.just("rz"), st.floats(-7, 7), qubit),
    st.tuples(st.sampled_from(["sx", "x"]), qubit),
    st.tuples(st.just("cz"), st.sampled_from([(0, 1), (2, 1), (2, 3)])),
)
conditions = st.sampled_from(["bit", "register", "compare", "combine", "add", "wide", "loop"])


def bodies(parts):
    return st.lists(parts, min_size=1, max_size=3)


branches = st.tuples(st.just("if"), conditions, bodies(gates), bodies(gates))
legal_branches = st.tuples(
    st.just("if"),
    st.sampled_from(["bit", "register", "compare", "combine"]),
    bodies(legal_gates),
    bodies(legal_gates),
)
nested = st.tuples(st.just("if"), conditions, bodies(legal_branches), bodies(legal_gates))
pieces = st.one_of(gates, legal_gates, legal_branches, legal_branches, branches, nested)


def build(parts):
    bits, wide = ClassicalRegister(4, "c"), ClassicalRegister(33, "w")
    circuit = QuantumCircuit(QuantumRegister(4, "q"), bits, wide)
    fill(circuit, parts, bits, wide)
    return circuit


def fill(circuit, parts, bits, wide):
    for name, *rest in parts:
        if name == "if":
            branch(circuit, rest, bits, wide)
        elif name == "cz":
            circuit.cz(*rest[0])
        else:
            getattr(circuit, name)(*rest)


def branch(circuit, rest, bits, wide):
    kind, then, otherwise = rest
    if kind == "loop":
        with circuit.while_loop((bits[0], 1)):
            fill(circuit, then, bits, wide)
        return
    condition = {
        "bit": lambda: (bits[1], 1),
        "register": lambda: (bits, 5),
        "compare": lambda: expr.less(bits, 9),
        "combine": lambda: expr.logic_and(bits[0], expr.logic_not(bits[2])),
        "add": lambda: expr.equal(expr.add(bits, 1), 3),
        "wide": lambda: expr.equal(wide, 3),
    }[kind]()
    with circuit.if_test(condition) as else_branch:
        fill(circuit, then, bits, wide)
    with else_branch:
        fill(circuit, otherwise, bits, wide)


def passes_preflight(pub):
    findings = preflight(pub, TARGET, shots=100)
    return not {one.rule for one in findings} - BESIDE_THE_MACHINE


def runs(pub):
    try:
        check([(pub.circuit, pub.parameters)], 100, CONFIGURATION)
    except Refusal:
        return False
    return True


@settings(max_examples=250, deadline=None)
@given(st.lists(pieces, max_size=6))
def test_preflight_and_the_machine_agree(parts):
    pub = Pub.bound(build(parts))
    assert passes_preflight(pub) == runs(pub)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.one_of(legal_gates, legal_branches), max_size=8))
def test_legal_circuits_pass_both(parts):
    pub = Pub.bound(build(parts))
    assert passes_preflight(pub)
    assert runs(pub)


@pytest.mark.parametrize("n_bits", [1, 8, 31])
def test_both_draw_the_line_of_broadcasts_at_the_same_number_of_rows(n_bits):
    bits = ClassicalRegister(n_bits, "c")
    circuit = QuantumCircuit(QuantumRegister(4, "q"), bits)
    for _ in range(50):
        circuit.measure(0, 0)
        with circuit.if_test((bits, 1)):
            circuit.rz(0.1, 0)
    decisions = set()
    for n_copies in (1, 10, 11, 26, 27, 48, 49):
        jobs = [Pub.bound(circuit)] * n_copies
        passed = not preflight(jobs, TARGET, shots=1)
        try:
            check([(circuit, np.empty((n_copies, 0)))], 1, CONFIGURATION)
            ran = True
        except Refusal:
            ran = False
        assert passed == ran
        decisions.add(passed)
    assert decisions == {True, False}
