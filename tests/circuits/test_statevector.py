"""Pure states of random circuits against Qiskit's."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit.circuit import Parameter, QuantumCircuit
from qiskit.quantum_info import Statevector

from circuits.errors import CircuitsError
from circuits.pure.gate_program import program
from circuits.pure.statevector import apply, ground_state, outcome_law

FIXED = ["x", "y", "z", "h", "s", "sdg", "sx", "cx", "cy", "cz", "ch", "ccx"]
TURNED = ["rx", "ry", "rz", "crx", "cry", "crz"]
GATE = st.tuples(st.sampled_from(FIXED + TURNED), st.permutations((0, 1, 2)), st.floats(-3.0, 3.0))


@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.lists(GATE, min_size=1, max_size=12))
def test_random_circuits_end_in_qiskits_state(gates):
    circuit = QuantumCircuit(3)
    for name, wires, angle in gates:
        n_wires = {"c": 2}.get(name[0], 1) + (name == "ccx")
        getattr(circuit, name)(*([angle] if name in TURNED else []), *wires[:n_wires])
    own = program(circuit, (), ())
    state = apply(own, ground_state(3), own.offsets(np.zeros(0)))
    expected = Statevector(circuit).reverse_qargs().data
    np.testing.assert_allclose(state[:, 0], expected, atol=1e-12)
    law = outcome_law(np.abs(expected) ** 2, 3, (2, 0))  # bit 0 is wire 2, as qiskit's qargs say
    np.testing.assert_allclose(law, Statevector(circuit).probabilities([2, 0]), atol=1e-12)


def test_angles_split_into_what_features_and_weights_set():
    x, w, h = Parameter("x"), Parameter("w"), Parameter("h")
    circuit = QuantumCircuit(1)
    circuit.ry(x**2 + 0.3 * w - 2 * h + 1, 0)
    own = program(circuit, [x], [w], h)
    np.testing.assert_allclose(own.offsets(np.array([3.0])), [10.0])
    np.testing.assert_allclose(own.slopes([w, h]), [[0.3, -2.0]])


def test_what_has_no_pure_state_form_is_refused():
    w = Parameter("w")
    circuit = QuantumCircuit(1)
    circuit.ry(w**2, 0)
    with pytest.raises(CircuitsError, match=r"affine in w\. Got w\*\*2"):
        program(circuit, (), [w]).slopes([w])
    circuit = QuantumCircuit(2)
    circuit.swap(0, 1)
    with pytest.raises(CircuitsError, match=r"alone or controlled\. Got swap"):
        program(circuit, (), ())
    circuit = QuantumCircuit(1, 1)
    circuit.measure(0, 0)
    circuit.x(0)
    with pytest.raises(CircuitsError, match=r"left alone .* Got x on wire 0"):
        program(circuit, (), ())
