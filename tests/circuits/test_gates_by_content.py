"""Gates are known by what they do, not by their names: against Qiskit's state vectors."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit.circuit import (
    AnnotatedOperation,
    ControlModifier,
    InverseModifier,
    Parameter,
    PowerModifier,
    QuantumCircuit,
)
from qiskit.circuit.library import (
    CCXGate,
    CXGate,
    DiagonalGate,
    GlobalPhaseGate,
    HGate,
    MCXGate,
    PauliEvolutionGate,
    PauliGate,
    PermutationGate,
    StatePreparation,
    SXGate,
    UCRYGate,
    UnitaryGate,
    XGate,
)
from qiskit.quantum_info import Clifford, SparsePauliOp, Statevector, random_unitary

from circuits.errors import CircuitsError
from circuits.exact.evolve import distribution
from circuits.exact.lift import lift
from circuits.known_operations import is_measurement, is_reset, is_standard
from jobs.store.packing import pack_circuit, unpack_circuit
from jobs.transpile.schedule import midcircuit_measure


def named(name, gates, n_qubits=1, phase=0.0):
    """A gate of the user's own, whatever it is called."""
    inner = QuantumCircuit(n_qubits, name=name, global_phase=phase)
    for gate, qubits in gates:
        inner.append(gate, qubits)
    return inner.to_gate()


def exact(circuit, values=()):
    keep = list(range(circuit.num_clbits))
    return np.asarray(distribution(lift(circuit), np.array(values, dtype=float), keep))


def between(*operations, n_qubits=3):
    """A circuit that shows phases too: operations between rotations, all qubits measured."""
    circuit = QuantumCircuit(n_qubits, n_qubits)
    circuit.ry(0.3, 0)
    for qubit in range(1, n_qubits):
        circuit.ry(0.3 + 0.4 * qubit, qubit)
        circuit.cx(qubit - 1, qubit)
    for operation, qubits in operations:
        circuit.append(operation, qubits)
        circuit.h(range(n_qubits))
    circuit.measure(range(n_qubits), range(n_qubits))
    return circuit


def ideal(circuit):
    return Statevector(circuit.remove_final_measurements(inplace=False)).probabilities()


OF_ONE_NAME = {
    "sub-circuits": [
        (named("layer", [(XGate(), [0])]), [0]),
        (named("layer", [(HGate(), [0])]), [0]),
    ],
    "evolutions": [
        (PauliEvolutionGate(SparsePauliOp("ZX"), 0.7), [0, 1]),
        (PauliEvolutionGate(SparsePauliOp("YY"), 0.7), [0, 1]),
    ],
    "annotated": [
        (AnnotatedOperation(XGate(), ControlModifier(1)), [0, 1]),
        (AnnotatedOperation(HGate(), [InverseModifier(), ControlModifier(1, 0)]), [0, 1]),
        (AnnotatedOperation(SXGate(), PowerModifier(3)), [2]),
    ],
    "Paulis": [(PauliGate("XZY"), [0, 1, 2]), (PauliGate("YYX"), [0, 1, 2])],
    "unitaries": [
        (UnitaryGate(random_unitary(4, seed=1)), [0, 1]),
        (UnitaryGate(random_unitary(4, seed=2)), [1, 2]),
    ],
    "controls": [
        (CXGate(ctrl_state=0), [0, 1]),
        (CXGate(), [0, 1]),
        (CCXGate(ctrl_state=1), [0, 1, 2]),
        (CCXGate(ctrl_state=2), [0, 1, 2]),
        (MCXGate(2, ctrl_state=2), [0, 1, 2]),
    ],
    "phases": [
        (GlobalPhaseGate(0.3), []),
        (named("mine", [(HGate(), [0])], phase=0.4).control(), [0, 1]),
        (named("mine", [(HGate(), [0])], phase=1.9).control(), [0, 1]),
    ],
    "labels": [(XGate(label="h"), [0]), (HGate(label="x"), [1])],
    "permutations": [
        (PermutationGate([2, 0, 1]), [0, 1, 2]),
        (PermutationGate([1, 0, 2]), [0, 1, 2]),
    ],
    "diagonals": [(DiagonalGate([1, -1, 1j, 1]), [0, 1]), (DiagonalGate([1, 1j, 1, 1]), [0, 1])],
    "multiplexers": [(UCRYGate([0.1, 0.2]), [0, 1]), (UCRYGate([0.3, -0.2]), [0, 1])],
    "Cliffords": [(Clifford(CXGate()), [0, 1]), (Clifford(HGate()), [0])],
    "preparations": [(StatePreparation([0.6, 0.8]), [0]), (StatePreparation([0.8, 0.6j]), [0])],
}


@pytest.mark.parametrize("kind", OF_ONE_NAME)
def test_gates_of_one_name_keep_their_own_content(kind):
    circuit = between(*OF_ONE_NAME[kind])
    np.testing.assert_allclose(exact(circuit), ideal(circuit), atol=1e-12)


# Names that mean something to an engine: gates, instructions, prefixes of variants.
NAMES = ("x", "h", "rx", "measure", "measure_2", "reset", "reset_now", "delay", "barrier", "layer")
GATES = st.sampled_from([XGate(), HGate(), SXGate(), UnitaryGate(random_unitary(2, seed=3))])


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(NAMES), GATES, st.integers(0, 1)), max_size=6))
def test_whatever_a_gate_is_called_it_does_what_it_is_made_of(drawn):
    circuit = between(
        *((named(name, [(gate, [0])]), [qubit]) for name, gate, qubit in drawn), n_qubits=2
    )
    np.testing.assert_allclose(exact(circuit), ideal(circuit), atol=1e-12)


def test_free_parameters_of_gates_that_are_no_rotations():
    angle = Parameter("angle")
    turned = QuantumCircuit(1, name="rx")
    turned.ry(2 * angle, 0)
    circuit = between(
        (turned.to_gate(), [0]),
        (PauliEvolutionGate(SparsePauliOp("XX"), angle), [0, 1]),
        (PauliEvolutionGate(SparsePauliOp("ZY"), angle), [1, 2]),
    )
    expected = ideal(circuit.assign_parameters([0.7]))
    np.testing.assert_allclose(exact(circuit, [0.7]), expected, atol=1e-12)


def test_instructions_that_measure_and_reset_are_written_out():
    inner = QuantumCircuit(2, 1, name="measure_and_turn")
    inner.x(0)
    inner.measure(0, 0)
    inner.x(1)
    circuit = QuantumCircuit(2, 2)
    circuit.append(inner.to_instruction(), [1, 0], [1])
    circuit.measure(0, 0)
    np.testing.assert_allclose(exact(circuit), [0, 0, 0, 1], atol=1e-12)
    circuit = QuantumCircuit(2, 2)
    circuit.h(0)  # forgotten by the reset of `initialize`
    circuit.initialize([0.6, 0.8], 0)
    circuit.measure([0, 1], [0, 1])
    np.testing.assert_allclose(exact(circuit), [0.36, 0.64, 0, 0], atol=1e-12)


def test_kinds_survive_qpy():
    circuit = QuantumCircuit(1, 1)
    circuit.x(0)
    circuit.append(named("x", [(HGate(), [0])]), [0])
    circuit.reset(0)
    circuit.append(midcircuit_measure(), [0], [0])
    for one in (circuit, unpack_circuit(pack_circuit(circuit))):
        standard, own, reset, read = (item.operation for item in one.data)
        assert is_standard(standard)
        assert not is_standard(own)
        assert is_reset(reset)
        assert is_measurement(read)
        assert not is_measurement(own)


@pytest.mark.parametrize("name", ["for_loop", "box", "store"])
def test_what_has_no_exact_map_is_named(name):
    circuit = QuantumCircuit(1, 1)
    if name == "for_loop":
        with circuit.for_loop(range(2)):
            circuit.x(0)
    elif name == "box":
        with circuit.box():
            circuit.x(0)
    else:
        circuit.store(circuit.clbits[0], True)
    with pytest.raises(CircuitsError, match=f"Got {name}"):
        lift(circuit)
