from dataclasses import replace

import numpy as np
import pytest
from mitigation_reference import IDEAL, NO_READOUT_ERROR, Noise, distribution, expectation
from mitigation_reference_circuits import BASIS, instances, isa, qrnn
from qiskit import QuantumCircuit, transpile
from qiskit.circuit import ControlFlowOp, Gate, Instruction, Parameter
from qiskit.circuit.library import standard_gates
from qiskit.quantum_info import Operator

from qrnn_hw.errors import UsageError
from qrnn_hw.mitigation.folding import count_folded, fold, fold_ensemble


def count_named(circuit, name, *, in_branches=None):
    """Count by an independent walk; in_branches selects inside (True) or outside (False)."""
    total = 0
    for instruction in circuit.data:
        operation = instruction.operation
        if isinstance(operation, ControlFlowOp):
            if in_branches is not False:
                total += sum(count_named(block, name) for block in operation.blocks)
        elif in_branches is not True:
            total += operation.name == name
    return total


def delays(circuit):
    return [
        instruction.operation.duration
        for instruction in circuit.data
        if instruction.operation.name == "delay"
    ]


@pytest.fixture(scope="module")
def circuit():
    return isa(qrnn(*instances(1, n_steps=3)[0]))


@pytest.mark.parametrize("gates", ["all", "two-qubit"])
@pytest.mark.parametrize("scale_factor", [3, 5])
def test_the_ideal_distribution_does_not_change(circuit, gates, scale_factor):
    folded = fold(circuit, scale_factor, gates=gates)
    np.testing.assert_allclose(
        distribution(folded, IDEAL), distribution(circuit, IDEAL), rtol=0, atol=1e-12
    )


@pytest.mark.parametrize("scale_factor", [3, 15])
def test_folding_does_to_the_noise_what_folded_channels_do(circuit, scale_factor):
    expected = distribution(circuit, Noise().folded(scale_factor))
    found = distribution(fold(circuit, scale_factor), Noise())
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)
    assert np.abs(found - distribution(circuit, Noise())).max() > 0.01


@pytest.mark.parametrize("scale_factor", [1, 3, 7])
def test_gates_inside_branches_are_folded_and_nothing_else_multiplied(circuit, scale_factor):
    folded = fold(circuit, scale_factor)
    for name in ("cz", "sx", "x"):
        for in_branches in (True, False):
            original = count_named(circuit, name, in_branches=in_branches)
            assert count_named(folded, name, in_branches=in_branches) == scale_factor * original
    assert count_named(circuit, "cz", in_branches=True) == 3
    for name in ("measure", "reset", "delay"):
        assert count_named(folded, name) == count_named(circuit, name)


def test_two_qubit_folding_leaves_single_qubit_gates(circuit):
    folded = fold(circuit, 3, gates="two-qubit", stretch_delays=False)
    assert count_named(folded, "cz") == 3 * count_named(circuit, "cz")
    assert count_named(folded, "sx") == count_named(circuit, "sx")
    assert delays(folded) == delays(circuit)


def test_delays_are_stretched_and_stay_whole_in_dt():
    circuit = QuantumCircuit(1)
    circuit.delay(100, 0, unit="dt")
    circuit.delay(7, 0, unit="dt")
    circuit.delay(2.5, 0, unit="us")
    assert delays(fold(circuit, 3)) == [300, 21, 7.5]
    assert delays(fold(circuit, 1.5, seed=1))[:2] == [150, 10]
    assert all(isinstance(duration, int) for duration in delays(fold(circuit, 1.5, seed=1))[:2])


# Relaxation in delays and depolarising gates: both commute with what stands between the folds, so
# that to first order the loss grows exactly by the scale factor.
WEAK = replace(NO_READOUT_ERROR.scaled(1e-4, 0.0), seconds_1q=0.0, seconds_2q=0.0)


def loss_ratio(circuits, original):
    """Return the mean loss of the circuits in units of the original's, under weak noise."""
    ideal, once = expectation(original, IDEAL), expectation(original, WEAK)
    return (np.mean([expectation(folded, WEAK) for folded in circuits]) - ideal) / (once - ideal)


def test_the_loss_grows_by_the_scale_factor(circuit):
    assert loss_ratio([fold(circuit, 3)], circuit) == pytest.approx(3, rel=1e-3)
    assert abs(loss_ratio([fold(circuit, 3, gates="two-qubit")], circuit) - 3) > 0.01
    assert abs(loss_ratio([fold(circuit, 3, stretch_delays=False)], circuit) - 3) > 0.01


@pytest.mark.parametrize("optimization_level", [0, 1, 2, 3])
def test_folds_survive_the_transpiler(circuit, optimization_level):
    folded = fold(circuit, 3)
    again = transpile(
        folded, basis_gates=BASIS, optimization_level=optimization_level, seed_transpiler=1
    )
    for name in ("cz", "sx", "x"):
        assert count_named(again, name) == 3 * count_named(circuit, name)
    assert set(again.count_ops()) <= {*BASIS, "barrier"}


def test_without_barriers_the_transpiler_would_cancel_the_folds(circuit):
    folded = fold(circuit, 3)
    bare = folded.copy_empty_like()
    for instruction in folded.data:
        if instruction.operation.name != "barrier":
            bare.append(instruction)
    optimised = transpile(bare, basis_gates=BASIS, optimization_level=2)
    assert count_named(optimised, "cz", in_branches=False) < count_named(
        folded, "cz", in_branches=False
    )


GATES = [
    standard_gates.SXGate(),
    standard_gates.XGate(),
    standard_gates.RXGate(0.3),
    standard_gates.HGate(),
    standard_gates.CZGate(),
    standard_gates.ECRGate(),
    standard_gates.CXGate(),
    standard_gates.RZZGate(0.7),
    standard_gates.CRYGate(0.4),
]


@pytest.mark.parametrize("gate", GATES, ids=lambda gate: gate.name)
def test_folding_keeps_the_operator_with_its_phase(gate):
    circuit = QuantumCircuit(gate.num_qubits)
    circuit.append(gate, range(gate.num_qubits))
    folded = fold(circuit, 5)
    assert Operator(folded) == Operator(circuit)
    assert count_named(folded, gate.name) == 5


def test_an_inverted_rzz_keeps_an_angle_that_the_machine_takes():
    angle = Parameter("angle")
    circuit = QuantumCircuit(2)
    circuit.rzz(angle, 0, 1)
    folded = fold(circuit, 3)
    assert {i.operation.name for i in folded.data} == {"rzz", "x", "barrier"}
    assert all(i.operation.params == [angle] for i in folded.data if i.operation.name == "rzz")
    value = {angle: 0.4}
    assert Operator(folded.assign_parameters(value)) == Operator(circuit.assign_parameters(value))


def test_parameters_inside_branches_are_kept():
    angle = Parameter("angle")
    circuit = QuantumCircuit(2, 2)
    circuit.sx(0)
    circuit.measure(0, 0)
    with circuit.if_test((circuit.clbits[0], 1)):
        circuit.sx(1)
        circuit.rz(angle, 1)
        circuit.sx(1)
        circuit.cz(0, 1)
    circuit.measure(1, 1)
    folded = fold(circuit, 3)
    assert set(folded.parameters) == {angle}
    bound = [c.assign_parameters({angle: 0.37}) for c in (circuit, folded)]
    first, second = (distribution(c, IDEAL) for c in bound)
    np.testing.assert_allclose(first, second, atol=1e-12)


def test_the_machine_s_own_measurements_are_left_alone():
    circuit = QuantumCircuit(1, 1)
    circuit.sx(0)
    circuit.append(Instruction("measure_2", 1, 1, []), [0], [0])
    circuit.append(Instruction("reset_2", 1, 0, []), [0])
    names = [i.operation.name for i in fold(circuit, 3).data]
    assert names.count("measure_2") == names.count("reset_2") == 1
    assert names.count("sx") == 3


def test_the_layout_is_kept():
    circuit = transpile(qrnn([0.3], np.ones(7)), coupling_map=[[2, 0], [0, 1]], seed_transpiler=1)
    assert fold(circuit, 3).layout == circuit.layout
    assert circuit.layout is not None


def test_an_ensemble_folds_every_gate_equally_often(circuit):
    n_gates = count_folded(circuit)
    ensemble = fold_ensemble(circuit, 2, n_subsets=4, seed=3)
    folded_once_more = [
        (count_folded(member) - n_gates) / 2 for member in ensemble
    ]  # each fold adds G^-1 and G
    assert folded_once_more == [round(n_gates / 2)] * 4
    assert loss_ratio(ensemble, circuit) == pytest.approx(2, rel=0.01)
    assert abs(loss_ratio(ensemble[:1], circuit) - 2) > 0.02


def test_subsets_follow_the_seed(circuit):
    assert fold(circuit, 1.7, seed=5) == fold(circuit, 1.7, seed=5)
    assert fold(circuit, 1.7, seed=5) != fold(circuit, 1.7, seed=6)


def test_what_cannot_be_folded_is_refused(circuit):
    with pytest.raises(UsageError, match=r"1 or more. Got 0.5"):
        fold(circuit, 0.5)
    with pytest.raises(UsageError, match=r"1 or more. Got nan"):
        fold(circuit, float("nan"))
    with pytest.raises(UsageError, match=r"one of all, two-qubit. Got 'some'"):
        fold(circuit, 3, gates="some")
    with pytest.raises(UsageError, match="fold_ensemble"):
        fold(circuit, 2)
    with pytest.raises(UsageError, match=r"1 subset or more. Got 0"):
        fold_ensemble(circuit, 2, n_subsets=0, seed=1)
    one_gate = QuantumCircuit(1)
    one_gate.x(0)
    with pytest.raises(UsageError, match="an odd integer, or come with a seed. Got 2"):
        fold(one_gate, 2)  # half of its gates are none
    opaque = QuantumCircuit(1)
    opaque.append(Instruction("thermometer", 1, 0, []), [0])
    with pytest.raises(UsageError, match="Got 'thermometer'"):
        fold(opaque, 3)
    stretched = QuantumCircuit(1)
    stretched.delay(stretched.add_stretch("wait"), 0)
    with pytest.raises(UsageError, match="Got a stretch"):
        fold(stretched, 3)
    assert fold(stretched, 3, stretch_delays=False) == stretched


def test_the_original_is_not_changed(circuit):
    before = circuit.copy()
    fold(circuit, 5)
    assert circuit == before
    assert all(isinstance(gate, Gate) for gate in GATES)
