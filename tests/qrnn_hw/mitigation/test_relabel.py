from datetime import UTC, datetime

import numpy as np
import pytest
from mitigation_reference import IDEAL, READOUT_ERROR_ONLY, Noise, distribution
from mitigation_reference_circuits import instances, isa, qrnn
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister
from qiskit.circuit.classical import expr, types
from qiskit_aer import AerSimulator

import circuits
from jobs.aer.executor import lower
from qrnn_hw.errors import UsageError
from qrnn_hw.mitigation.branch_angles import share_branches
from qrnn_hw.mitigation.labels import all_masks, first_order
from qrnn_hw.mitigation.readout import ReadoutCalibration, correct_distribution
from qrnn_hw.mitigation.relabel import fed_forward_bits, relabel


def calibrated(noise, n_bits):
    return ReadoutCalibration(
        (noise.p01,) * n_bits,
        (noise.p10,) * n_bits,
        (0.0,) * n_bits,
        (0.0,) * n_bits,
        datetime(2026, 1, 1, tzinfo=UTC),
    )


def two_measured(n_hidden=1):
    """Measure two qubits into a register, with everything still to be fed forward."""
    bits, result = ClassicalRegister(2, "bits"), ClassicalRegister(1, "result")
    circuit = QuantumCircuit(QuantumRegister(2 + n_hidden), bits, result)
    circuit.ry(0.9, 0)
    circuit.ry(2.0, 1)
    circuit.cx(0, 1)
    circuit.ry(0.4, 2)
    circuit.cx(1, 2)
    circuit.measure([0, 1], [0, 1])
    return circuit, bits


def on_single_bits():
    circuit, bits = two_measured()
    for place, angle in ((0, 0.7), (1, -1.1)):
        with circuit.if_test((bits[place], 0)) as otherwise:
            circuit.ry(angle, 2)
        with otherwise:
            circuit.ry(angle / 3, 2)
    circuit.measure(2, 2)
    return circuit


def on_a_register():
    circuit, bits = two_measured()
    with circuit.if_test((bits, 2)) as otherwise:
        circuit.ry(0.7, 2)
    with otherwise:
        circuit.ry(-0.9, 2)
    circuit.measure(2, 2)
    return circuit


def on_a_table():
    circuit, bits = two_measured()
    for value, angle in enumerate((0.3, -0.8, 1.2, 2.2)):
        with circuit.if_test((bits, value)):
            circuit.ry(angle, 2)
    circuit.measure(2, 2)
    return circuit


def on_a_parity():
    circuit, bits = two_measured()
    with circuit.if_test(expr.bit_xor(bits[0], bits[1])):
        circuit.ry(0.8, 2)
    with circuit.if_test(expr.equal(expr.bit_and(bits, 2), 2)):
        circuit.ry(-0.5, 2)
    with circuit.if_test(expr.logic_not(bits[0])):
        circuit.x(2)
    circuit.measure(2, 2)
    return circuit


def on_a_bit_written_twice():
    circuit = QuantumCircuit(2, 2)
    for angle in (0.9, 1.7):
        circuit.ry(angle, 0)
        circuit.cx(0, 1)
        circuit.measure(0, 0)
        with circuit.if_test((circuit.clbits[0], 1)) as otherwise:
            circuit.ry(angle, 1)
        with otherwise:
            circuit.ry(0.2, 1)
        circuit.reset(0)
    circuit.measure(1, 1)
    return circuit


def on_the_step_before():
    network = circuits.architecture("adapted", mode="sampled")
    unrolled = circuits.unroll(network, 2)
    rng = np.random.default_rng(2)
    features = rng.uniform(0.2, 2, unrolled.inputs.shape)
    return isa(unrolled.bind(features, rng.uniform(-2, 2, unrolled.weights.size)))


FAMILY = isa(qrnn(*instances(1, n_steps=2)[0]))
CIRCUITS = {
    "single bits": on_single_bits(),
    "register": on_a_register(),
    "table": on_a_table(),
    "parity": on_a_parity(),
    "written twice": on_a_bit_written_twice(),
    "recurrent": FAMILY,
    "step before": on_the_step_before(),
}
ONE_CIRCUIT = [name for name in CIRCUITS if name != "parity"]


def corrected(circuits, relabelling, noise):
    """Combine the last bit's distribution over the masks, then correct that bit itself."""
    read = sum(
        weight * distribution(circuit, noise, [circuit.num_clbits - 1])
        for circuit, weight in zip(circuits, relabelling.weights, strict=True)
    )
    return correct_distribution(read, calibrated(noise, 1))


@pytest.mark.parametrize("name", CIRCUITS)
def test_all_masks_remove_the_readout_error(name):
    circuit = CIRCUITS[name]
    assert len(fed_forward_bits(circuit)) == 2
    last = [circuit.num_clbits - 1]
    ideal = distribution(circuit, IDEAL, last)
    for noise in (READOUT_ERROR_ONLY, Noise(p1=0, p2=0, p01=0.08, p10=0.01)):
        clean = distribution(circuit, Noise(**{**vars(noise), "p01": 0.0, "p10": 0.0}), last)
        masks = all_masks(calibrated(noise, 2))
        result = corrected([relabel(circuit, mask) for mask in masks.masks], masks, noise)
        np.testing.assert_allclose(result, clean, rtol=0, atol=1e-12)
    terminal_only = correct_distribution(
        distribution(circuit, READOUT_ERROR_ONLY, last), calibrated(READOUT_ERROR_ONLY, 1)
    )
    assert np.abs(terminal_only - ideal).max() > 1e-4


@pytest.mark.parametrize("name", ONE_CIRCUIT)
def test_masks_are_rows_of_one_circuit(name):
    circuit = CIRCUITS[name]
    masks = all_masks(calibrated(READOUT_ERROR_ONLY, 2))
    shared = share_branches(circuit)
    rows = shared.rows(masks.masks)
    assert rows.shape == (len(masks.masks), shared.circuit.num_parameters)
    assert tuple(shared.circuit.parameters) == shared.parameters  # rows are the values of one PUB
    bound = [
        shared.circuit.assign_parameters(dict(zip(shared.parameters, row, strict=True)))
        for row in rows
    ]
    for one, mask in zip(bound, masks.masks, strict=True):
        np.testing.assert_allclose(
            distribution(one, READOUT_ERROR_ONLY),
            distribution(relabel(circuit, mask), READOUT_ERROR_ONLY),
            atol=1e-12,
        )
    ideal = distribution(circuit, IDEAL, [circuit.num_clbits - 1])
    result = corrected(bound, masks, READOUT_ERROR_ONLY)
    np.testing.assert_allclose(result, ideal, rtol=0, atol=1e-12)


def test_first_order_leaves_little():
    last = [FAMILY.num_clbits - 1]
    ideal = distribution(FAMILY, IDEAL, last)
    raw = distribution(FAMILY, READOUT_ERROR_ONLY, last)
    masks = first_order(calibrated(READOUT_ERROR_ONLY, 2))
    result = corrected([relabel(FAMILY, m) for m in masks.masks], masks, READOUT_ERROR_ONLY)
    assert np.abs(result - ideal).max() < 0.05 * np.abs(raw - ideal).max()


@pytest.mark.parametrize("power", [2, 3])
def test_labels_amplify_the_error_that_branches_see(power):
    # A^power by labels on top of A equals a machine that reads as badly as A^power.
    circuit = CIRCUITS["single bits"]
    noise = READOUT_ERROR_ONLY
    matrix = np.array([[1 - noise.p01, noise.p10], [noise.p01, 1 - noise.p10]])
    worse = np.linalg.matrix_power(matrix, power)
    masks = all_masks(calibrated(noise, 2), power - 1)
    result = corrected([relabel(circuit, m) for m in masks.masks], masks, noise)
    bad = Noise(p1=0, p2=0, t1=np.inf, t2=np.inf, p01=worse[1, 0], p10=worse[0, 1])
    expected = correct_distribution(distribution(circuit, bad, [2]), calibrated(bad, 1))
    np.testing.assert_allclose(result, expected, atol=1e-12)


def test_relabelling_adds_no_gate_and_keeps_the_records():
    for name, circuit in CIRCUITS.items():
        relabelled = relabel(circuit, ("swap", "keep"))
        assert relabelled.count_ops() == circuit.count_ops(), name
        assert relabel(circuit, ("keep", "keep")) == circuit


def test_a_fixed_label_leaves_no_condition():
    circuit = CIRCUITS["single bits"]
    assert "if_else" not in relabel(circuit, ("zero", "one")).count_ops()
    assert relabel(circuit, ("zero", "swap")).count_ops()["if_else"] == 1


def test_rows_stay_legal_gates_and_one_structure():
    shared = share_branches(FAMILY)
    names = {
        frozenset(block.count_ops().items())
        for instruction in shared.circuit.data
        if instruction.operation.name == "if_else"
        for block in instruction.operation.blocks
    }
    assert len(names) == 1
    assert {name for name, _ in next(iter(names))} == {"rz", "sx", "cz"}


def nested():
    circuit = QuantumCircuit(1, 2)
    circuit.measure(0, 0)
    with circuit.if_test((circuit.clbits[0], 1)), circuit.if_test((circuit.clbits[1], 1)):
        circuit.x(0)
    return circuit


def looped():
    circuit = QuantumCircuit(1, 1)
    circuit.measure(0, 0)
    with circuit.while_loop((circuit.clbits[0], 1)):
        circuit.x(0)
    return circuit


def measuring():
    circuit = QuantumCircuit(1, 2)
    circuit.measure(0, 0)
    with circuit.if_test((circuit.clbits[0], 1)):
        circuit.measure(0, 1)
    return circuit


def on_a_variable():
    circuit = QuantumCircuit(1, 1)
    circuit.measure(0, 0)
    seen = circuit.add_var("seen", expr.lift(circuit.clbits[0]))
    with circuit.if_test(seen):
        circuit.x(0)
    return circuit


def test_what_cannot_be_relabelled_is_refused():
    with pytest.raises(UsageError, match=r"if without another inside. Got if_else > if_else"):
        relabel(nested(), ())
    with pytest.raises(UsageError, match="Got while_loop"):
        relabel(looped(), ())
    with pytest.raises(UsageError, match="should set no bit. Got measure"):
        relabel(measuring(), ())
    with pytest.raises(UsageError, match="that were measured. Got a variable"):
        relabel(on_a_variable(), ())
    with pytest.raises(UsageError, match=r"each of 2 fed-forward bits. Got \('keep',\)"):
        relabel(FAMILY, ("keep",))
    with pytest.raises(UsageError, match="keep, swap, zero, one"):
        relabel(FAMILY, ("keep", "X"))
    with pytest.raises(UsageError, match="Got an expression"):
        share_branches(CIRCUITS["parity"])
    with pytest.raises(UsageError, match=r"should have 2 labels. Got 1"):
        share_branches(FAMILY).rows([("keep",)])


def test_branches_that_cannot_share_are_refused():
    register = ClassicalRegister(6, "r")
    wide = QuantumCircuit(QuantumRegister(1), register)
    with wide.if_test((register, 1)):
        wide.x(0)
    with pytest.raises(UsageError, match=r"at most 5 bits. Got 6"):
        share_branches(wide)
    three = QuantumCircuit(3, 1)
    with three.if_test((three.clbits[0], 1)):
        three.cz(0, 1)
        three.cz(1, 2)
    with pytest.raises(UsageError, match=r"at most two qubits, with cx, cz, ecr. Got 3"):
        share_branches(three)
    waiting = QuantumCircuit(1, 1)
    with waiting.if_test((waiting.clbits[0], 1)):
        waiting.delay(100, 0)
    with pytest.raises(UsageError, match="Got delay"):
        share_branches(waiting)


def stored_over(condition_of):
    """Read 1 into both bits, store 0 over the first, and branch; `result` tells what happened."""
    circuit, bits = QuantumCircuit(QuantumRegister(2)), ClassicalRegister(2, "bits")
    circuit.add_register(bits, ClassicalRegister(1, "result"))
    circuit.x(0)
    circuit.measure([0, 0], bits)
    circuit.store(bits[0], expr.lift(False))
    with circuit.if_test(condition_of(bits)):
        circuit.x(1)
    circuit.measure(1, circuit.cregs[1][0])
    return circuit


CONDITIONS_AFTER_A_STORE = [
    (lambda bits: (bits[0], 0), lambda first, second: first == 0),
    (lambda bits: (bits, 2), lambda first, second: (first, second) == (0, 1)),
    (lambda bits: expr.bit_xor(*bits), lambda first, second: first != second),
    (
        lambda bits: expr.index(bits, expr.cast(bits[1], types.Uint(1))),
        lambda first, second: second,
    ),
]


@pytest.mark.parametrize(("condition_of", "meant"), CONDITIONS_AFTER_A_STORE)
def test_a_bit_that_was_stored_over_carries_no_label(condition_of, meant):
    circuit = stored_over(condition_of)
    fed = fed_forward_bits(circuit)
    assert 0 not in fed  # what was read into it reaches no condition
    for label, seen in {"keep": 1, "swap": 0, "zero": 0, "one": 1}.items():
        relabelled = relabel(circuit, (label,) * len(fed))
        counts = AerSimulator().run(lower(relabelled), shots=5).result().get_counts()
        taken = {text.split()[0] == "1" for text in counts}
        assert taken == {bool(meant(0, seen if fed else 1))}


def test_stores_that_reach_conditions_by_other_ways_are_refused():
    circuit = QuantumCircuit(1, 3)
    circuit.measure(0, 0)
    computed, copied, inside = circuit.copy(), circuit.copy(), circuit.copy()
    copied.store(copied.clbits[1], copied.clbits[0])
    with pytest.raises(UsageError, match="Got a store of one"):
        fed_forward_bits(copied)
    place = expr.cast(computed.clbits[2], types.Uint(2))
    computed.store(expr.index(computed.cregs[0], place), expr.lift(True))
    with pytest.raises(UsageError, match="Got a computed place"):
        fed_forward_bits(computed)
    with inside.if_test((inside.clbits[0], 1)):
        inside.store(inside.clbits[0], expr.lift(False))
    with pytest.raises(UsageError, match="should set no bit. Got store"):
        fed_forward_bits(inside)
    named = circuit.copy()
    named.store(expr.index(named.cregs[0], 0), expr.lift(True))
    with named.if_test((named.clbits[0], 1)):
        named.x(0)
    assert fed_forward_bits(named) == ()
