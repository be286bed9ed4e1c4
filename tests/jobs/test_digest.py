"""One circuit has one digest, two have two, and what older versions stored is found."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit.circuit import (
    AnnotatedOperation,
    ClassicalRegister,
    ControlModifier,
    IfElseOp,
    InverseModifier,
    Parameter,
    QuantumCircuit,
    QuantumRegister,
)
from qiskit.circuit.classical import expr
from qiskit.circuit.library import CXGate, HGate, PauliEvolutionGate, UnitaryGate, XGate
from qiskit.quantum_info import SparsePauliOp, random_unitary

import jobs.spec
from jobs.digest import circuit_digest, former_digest
from jobs.errors import StoreError
from jobs.spec import JobSpec, Pub, PubResult
from jobs.states import Done, now
from jobs.store.packing import pack_circuit, unpack_circuit
from jobs.store.store import Store
from jobs.transpile.schedule import midcircuit_measure


def fed_forward():
    circuit = QuantumCircuit(
        QuantumRegister(6), ClassicalRegister(2, "m0"), ClassicalRegister(1, "out")
    )
    circuit.sx(0)
    circuit.rz(0.7, 0)
    circuit.cz(0, 1)
    circuit.delay(320, 2)
    circuit.append(midcircuit_measure(), [0], [0])
    circuit.measure(1, 1)
    with circuit.if_test((circuit.clbits[0], 1)):
        circuit.x(5)
        circuit.rz(-1.25, 3)
        circuit.delay(64, 3)
    with circuit.if_test((circuit.cregs[0], 2)) as otherwise:
        circuit.sx(2)
        circuit.x(4)
    with otherwise:
        circuit.x(2)
        circuit.x(4)
    with circuit.if_test(expr.bit_xor(circuit.clbits[1], circuit.clbits[0])):
        circuit.cz(4, 3)
    circuit.barrier()
    circuit.reset(0)
    circuit.measure(5, 2)
    return circuit


def parametrised():
    angles = [Parameter(name) for name in ("a", "b")]
    circuit = QuantumCircuit(3, 2)
    circuit.rz(2 * angles[0] + 0.1, 0)
    circuit.rzz(angles[1], 0, 1)
    circuit.measure(0, 0)
    with circuit.if_test((circuit.clbits[0], 0)):
        circuit.rx(angles[0], 2)
        circuit.rx(angles[1], 1)
    circuit.measure(2, 1)
    return circuit


def with_sub_circuit():
    inner = QuantumCircuit(2, name="layer")
    inner.h(0)
    inner.cx(0, 1)
    circuit = QuantumCircuit(2, 1)
    circuit.append(inner.to_gate(), [1, 0])
    circuit.measure(0, 0)
    return circuit


# What the first version with a store gave, which real stores hold.
DIGESTS = {
    fed_forward: "21321c230a7386d4cd09fa78f547eba46042c7b7e0a84a2eea513fc6fc7b8685",
    parametrised: "0cdb4f437c61c3865b1f03a9fd2b2fa1362df10b7e0ef7948f1edb23cfa9a36d",
    with_sub_circuit: "957a030db59d20f18974baaa304dacf7221c88dff333f041a18c2674258deb4a",
}


@pytest.mark.parametrize("build", DIGESTS)
def test_ordinary_circuits_keep_the_digests_of_older_versions(build):
    assert circuit_digest(build()) == former_digest(build()) == DIGESTS[build]


def test_ordinary_jobs_keep_the_keys_of_older_versions():
    rows = np.array([[0.5, -0.0], [1.5, 2.5]])
    sent = JobSpec(
        (Pub.bound(fed_forward()), Pub(parametrised(), rows)),
        400,
        "ibm",
        "ibm_boston",
        options={"part": [1, 2]},
    )
    assert sent.key == "99db7d2c6361df5c9a0c80f382bd4d36711b056204d8256511c02b622ce45362"
    drawn = JobSpec(
        (Pub.bound(with_sub_circuit()),), 7, "aer", "fake_boston", seed=3, snapshot="ab"
    )
    assert drawn.key == "9bab9ccff8f251176e01ee0142c5861bb651188de10f940eb85638c7ecf31702"


def relisted(circuit, random):
    """The same circuit whose branches list their qubits and bits in another order."""
    changed = circuit.copy_empty_like()
    for instruction in circuit.data:
        operation, qubits, clbits = instruction.operation, instruction.qubits, instruction.clbits
        if isinstance(operation, IfElseOp):
            q_order = random.permutation(len(qubits))
            c_order = random.permutation(len(clbits))
            blocks = []
            for block in operation.blocks:
                inner = QuantumCircuit(
                    [block.qubits[k] for k in q_order],
                    [block.clbits[k] for k in c_order],
                    *block.cregs,
                )
                for part in relisted(block, random).data:
                    inner.append(part)
                blocks.append(inner)
            operation = IfElseOp(operation.condition, *blocks)
            qubits, clbits = [qubits[k] for k in q_order], [clbits[k] for k in c_order]
        changed.append(operation, qubits, clbits)
    return changed


def branching(choices):
    """A circuit whose branches hold what `choices` say, some nested, some with an alternative."""
    circuit = QuantumCircuit(
        QuantumRegister(4), ClassicalRegister(2, "a"), ClassicalRegister(2, "b")
    )
    a, b = circuit.cregs
    conditions = [(a[0], 1), (b, 2), expr.logic_and(b[1], a[0]), expr.equal(a, b)]
    circuit.measure([0, 1], a)
    for condition, first, second, shape in choices:
        with circuit.if_test(conditions[condition]) as otherwise:
            circuit.cz(first, (first + 1) % 4)
            circuit.x(second)
            if shape == 2:
                with circuit.if_test((b[0], 1)):
                    circuit.x((second + 1) % 4)
                    circuit.x(first)
        if shape == 1:
            with otherwise:
                circuit.x((first + 2) % 4)
                circuit.measure(second, b[1])
    return circuit


BRANCHES = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(0, 3), st.integers(0, 2)),
    min_size=1,
    max_size=4,
)


@settings(max_examples=60, deadline=None)
@given(BRANCHES, st.integers(0, 2**32 - 1))
def test_the_order_in_which_branches_list_their_bits_is_no_part_of_a_circuit(choices, seed):
    circuit = branching(choices)
    other = relisted(circuit, np.random.default_rng(seed))
    assert circuit_digest(other) == circuit_digest(circuit)
    assert circuit_digest(unpack_circuit(pack_circuit(other))) == circuit_digest(circuit)


@settings(max_examples=60, deadline=None)
@given(BRANCHES, BRANCHES)
def test_other_branches_are_another_circuit(choices, others):
    same = circuit_digest(branching(choices)) == circuit_digest(branching(others))
    # In a circuit of branches alone nothing but what they say may tell them apart.
    assert same == (_said(choices) == _said(others))


def _said(choices):
    circuit = branching(choices)

    def block_of(block, qubits, clbits):
        return [told(block, item, qubits, clbits) for item in block.data]

    def told(owner, item, qubits, clbits):
        on = [qubits[owner.find_bit(q).index] for q in item.qubits]
        into = [clbits[owner.find_bit(c).index] for c in item.clbits]
        if not isinstance(item.operation, IfElseOp):
            return item.operation.name, on, into
        condition = repr(item.operation.condition)
        blocks = [block_of(block, on, into) for block in item.operation.blocks]
        return "if", sorted(on), condition.replace(repr(owner.clbits), ""), blocks

    return block_of(circuit, list(range(4)), list(range(4)))


def called(name, gate, phase=0.0):
    inner = QuantumCircuit(gate.num_qubits, name=name, global_phase=phase)
    inner.append(gate, range(gate.num_qubits))
    return inner.to_gate()


APART = {
    "x redefined": (XGate(), called("x", HGate())),
    "x redefined twice": (called("x", XGate()), called("x", HGate())),
    "cx redefined": (CXGate(), called("cx", CXGate(ctrl_state=0))),
    "controls": (CXGate(ctrl_state=0), CXGate()),
    "phases": (called("one", HGate(), 0.2), called("one", HGate(), 0.3)),
    "annotated": (
        AnnotatedOperation(XGate(), ControlModifier(1)),
        AnnotatedOperation(HGate(), ControlModifier(1)),
    ),
    "modifiers": (
        AnnotatedOperation(CXGate(), InverseModifier()),
        AnnotatedOperation(XGate(), ControlModifier(1)),
    ),
    "evolutions": (
        PauliEvolutionGate(SparsePauliOp("XX"), 0.2),
        PauliEvolutionGate(SparsePauliOp("ZX"), 0.2),
    ),
    "unitaries": (UnitaryGate(random_unitary(2, seed=1)), UnitaryGate(random_unitary(2, seed=2))),
}


@pytest.mark.parametrize("kind", APART)
def test_gates_that_do_different_things_are_told_apart(kind):
    def with_gate(gate):
        circuit = QuantumCircuit(2, 1)
        circuit.append(gate, range(gate.num_qubits))
        circuit.measure(0, 0)
        return circuit

    first, second = map(with_gate, APART[kind])
    assert circuit_digest(first) != circuit_digest(second)
    assert circuit_digest(first.copy()) == circuit_digest(first)


def stored_by_an_older_version(spec, path, monkeypatch):
    with monkeypatch.context() as older, Store(path) as store:
        older.setattr(jobs.spec, "circuit_digest", former_digest)
        old = JobSpec(spec.pubs, spec.shots, spec.executor, spec.backend)
        store.put_spec(old)
        bits = np.ones((1, spec.shots, 2), dtype=np.uint8)
        store.put_raw(old.key, [PubResult({"a": bits, "b": bits})], Done(now(), "id"))
    return old.key


def test_what_an_older_version_stored_in_another_order_is_found(tmp_path, monkeypatch):
    circuit = branching([(0, 2, 1, 1), (1, 3, 0, 0)])
    path = tmp_path / "store.sqlite"
    stored = relisted(circuit, np.random.default_rng(3))
    key = stored_by_an_older_version(
        JobSpec((Pub.bound(stored),), 5, "ibm", "ibm_boston"), path, monkeypatch
    )
    asked = JobSpec((Pub.bound(circuit),), 5, "ibm", "ibm_boston")
    assert asked.key != key
    with Store(path) as store:
        known = store.known(asked)
        assert known.key == key
        assert store.spec(key).key == key  # not taken for damage
        assert store.raw(known.key) is not None
        for other in (
            JobSpec((Pub.bound(circuit),), 6, "ibm", "ibm_boston"),
            JobSpec((Pub.bound(circuit),), 5, "ibm", "ibm_torino"),
            JobSpec((Pub.bound(branching([(0, 2, 1, 1), (1, 3, 1, 0)])),), 5, "ibm", "ibm_boston"),
            JobSpec((Pub.bound(circuit),), 5, "ibm", "ibm_boston", options={"part": [1, 2]}),
        ):
            assert store.known(other) is other


def test_a_row_that_is_no_circuit_of_its_key_is_still_called_damaged(tmp_path):
    spec = JobSpec((Pub.bound(fed_forward()),), 5, "ibm", "ibm_boston")
    with Store(tmp_path / "store.sqlite") as store:
        store.put_spec(spec)
        with store._database.transaction() as connection:
            changed = pack_circuit(with_sub_circuit())
            connection.execute("UPDATE circuits SET qpy = ?", (changed,))
        with pytest.raises(StoreError, match="it gives the key"):
            store.spec(spec.key)
