import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister
from qiskit.circuit import Parameter, ParameterVector
from qiskit.circuit.classical import expr

from jobs.digest import circuit_digest
from jobs.errors import SpecError
from jobs.spec import JobSpec, Pub, PubResult


def circuit(name="a", register="m"):
    x, t = ParameterVector("x", 2), Parameter("t")
    qubits, bits = QuantumRegister(3, "q"), ClassicalRegister(2, register)
    made = QuantumCircuit(qubits, bits, name=name)
    made.rz(x[0], 0)
    made.rz(2 * x[1] + 0.1 * t, 1)
    made.measure(0, bits[0])
    made.delay(100, 2, unit="dt")
    with made.if_test((bits[0], 1)) as otherwise:
        made.rz(t, 1)
    with otherwise:
        made.x(1)
    with made.if_test(expr.equal(bits, 2)):
        made.x(2)
    made.measure(1, bits[1])
    return made


def job(**changes):
    values = np.arange(6.0).reshape(2, 3)
    fields = {
        "shots": 100,
        "executor": "aer",
        "backend": "fake_boston",
        "seed": 7,
        "snapshot": "s",
        "options": {"b": [1, 2], "a": {"c": None}},
    }
    return JobSpec(pubs=(Pub(circuit(), values),), **{**fields, **changes})


def test_key_is_the_same_in_another_process():
    script = "import runpy, sys; print(runpy.run_path(sys.argv[1])['job']().key)"
    elsewhere = subprocess.run(
        [sys.executable, "-c", script, __file__], capture_output=True, text=True, check=True
    )
    assert elsewhere.stdout.strip() == job().key


def test_key_does_not_depend_on_names_and_metadata():
    named = circuit(name="b")
    named.metadata = {"step": 3}
    named.global_phase = 0.3
    assert circuit_digest(named) == circuit_digest(circuit())
    assert job(options={"a": {"c": None}, "b": [1, 2]}).key == job().key


@pytest.mark.parametrize(
    "change",
    [
        {"shots": 101},
        {"executor": "exact"},
        {"backend": "fake_kingston"},
        {"seed": 8},
        {"seed": None},
        {"snapshot": "t"},
        {"options": {"b": [1, 3]}},
    ],
)
def test_key_depends_on_each_field(change):
    assert job(**change).key != job().key


def test_key_depends_on_parameters_and_their_rows():
    spec = job()
    values = spec.pubs[0].parameters.copy()
    values[1, 2] = np.nextafter(values[1, 2], 9)
    assert replace(spec, pubs=(Pub(circuit(), values),)).key != spec.key
    assert replace(spec, pubs=(Pub(circuit(), values[:1]),)).key != spec.key


def changed(change):
    qubits, bits, more = QuantumRegister(2, "q"), ClassicalRegister(2, "c"), Parameter("p")
    made = QuantumCircuit(qubits, bits)
    made.rz(more if change == "parameter" else 0.5, 1 if change == "qubit" else 0)
    made.measure(0, 1 if change == "bit" else 0)
    value = 0 if change == "value" else 1
    condition = (
        expr.logic_not(bits[0]) if change == "expression" else (bits[change == "operand"], value)
    )
    with made.if_test(condition) as otherwise:
        made.delay(100, 0, unit="us" if change == "unit" else "ns")
        made.delay(101 if change == "duration" else 100, 1)
    with otherwise:
        made.rz(0.25 if change == "branch" else 0.5, 1)
    if change == "order":
        made.x(1)
    if change == "register":
        made.add_register(ClassicalRegister(1, "d"))
    return circuit_digest(made)


def test_digest_depends_on_each_thing_a_circuit_does():
    changes = ["", "parameter", "qubit", "bit", "value", "expression", "operand", "unit"]
    changes += ["duration", "branch", "order", "register"]
    digests = {change: changed(change) for change in changes}
    assert len(set(digests.values())) == len(changes)


def test_digest_looks_into_gates_that_are_not_standard():
    def with_gate(angle):
        inner = QuantumCircuit(1, name="mine")
        inner.rx(angle, 0)
        outer = QuantumCircuit(1)
        outer.append(inner.to_gate(), [0])
        return circuit_digest(outer)

    assert with_gate(0.1) == with_gate(0.1)
    assert with_gate(0.1) != with_gate(0.2)


def test_parameter_vector_columns_follow_the_circuit():
    x = ParameterVector("x", 11)
    made = QuantumCircuit(1)
    for element in reversed(x):
        made.rz(element, 0)
    values = np.linspace(0, 1, 11)[None]
    pub = Pub(made, values)
    assert [pub.circuit.parameters[i].name for i in range(11)] == [f"x[{i}]" for i in range(11)]
    np.testing.assert_array_equal(pub.parameters, values)


@pytest.mark.parametrize("shape", [(3,), (0, 3), (2, 2), (1, 2, 3)])
def test_parameters_of_another_shape_are_refused(shape):
    with pytest.raises(SpecError, match=r"shape \(rows, 3\)"):
        Pub(circuit(), np.zeros(shape))


def test_a_bound_circuit_has_one_row():
    with pytest.raises(SpecError, match=r"one row.*Got 3 rows"):
        Pub(QuantumCircuit(1), np.empty((3, 0)))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_parameters_that_are_not_finite_are_refused(value):
    values = np.zeros((2, 3))
    values[1, 2] = value
    with pytest.raises(SpecError, match="row 1, column 2"):
        Pub(circuit(), values)


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"shots": 0}, "shots"),
        ({"shots": -5}, "shots"),
        ({"shots": True}, "shots"),
        ({"executor": "cloud"}, "one of aer, exact, ibm"),
        ({"seed": -1}, "seed"),
        ({"options": {"a": float("nan")}}, "plain JSON"),
        ({"options": {"a": object()}}, "plain JSON"),
    ],
)
def test_a_job_out_of_range_is_refused(change, rule):
    with pytest.raises(SpecError, match=rule):
        job(**change)


def test_a_job_without_circuits_is_refused():
    with pytest.raises(SpecError, match="at least one circuit"):
        JobSpec(pubs=(), shots=1, executor="aer", backend="b")


@given(st.integers(1, 70), st.integers(0, 2**31))
def test_counts_agree_with_the_bits(n_bits, seed):
    bits = np.random.default_rng(seed).integers(0, 2, (2, 20, n_bits), dtype=np.uint8)
    counts = PubResult({"c": bits}).counts("c", 1)
    by_hand = [sum(int(bit) << place for place, bit in enumerate(shot)) for shot in bits[1]]
    assert counts == {value: by_hand.count(value) for value in set(by_hand)}


def test_counts_of_an_unknown_register_name_the_known_ones():
    with pytest.raises(SpecError, match="one of: a, b"):
        PubResult({"b": np.zeros((1, 1, 1), np.uint8), "a": np.zeros((1, 1, 2), np.uint8)}).counts(
            "c"
        )


def test_registers_of_unlike_shapes_are_refused():
    with pytest.raises(SpecError, match="agree"):
        PubResult({"b": np.zeros((1, 2, 1), np.uint8), "a": np.zeros((1, 1, 2), np.uint8)})
