"""Pulses during idling: the same computation, legal on the machine, equally spaced."""

import numpy as np
import pytest
from qiskit.circuit import QuantumCircuit
from qiskit.quantum_info import Operator

import circuits
from calibration.library import snapshot
from jobs.errors import SpecError
from jobs.preflight import preflight
from jobs.transpile.decoupling import with_pulses
from jobs.transpile.isa import transpile_step
from jobs.transpile.lifted_step import circuit_distribution

DEVICE = snapshot("fake_boston")
ARCHITECTURE = circuits.architecture("dynamic-line")


def bound(decoupling):
    transpiled = transpile_step(ARCHITECTURE, DEVICE, seed=7, decoupling=decoupling)
    generator = np.random.default_rng(3)
    features = generator.uniform(-2, 2, (2, ARCHITECTURE.n_features))
    weights = generator.uniform(-2, 2, ARCHITECTURE.n_weights)
    return transpiled, transpiled.unroll(2).bind(features, weights)


def out_distribution(circuit):
    (out,) = (register for register in circuit.cregs if register.name == "out")
    keep = [circuit.find_bit(bit).index for bit in out]
    return circuit_distribution(circuit, None, keep)


def length(circuit, target):
    """Return the time of each qubit outside branches, in dt."""
    total = np.zeros(circuit.num_qubits, dtype=int)
    for item in circuit.data:
        qubits = tuple(circuit.find_bit(qubit).index for qubit in item.qubits)
        name = item.operation.name
        if name == "delay":
            total[list(qubits)] += item.operation.duration
        elif name not in ("barrier", "if_else"):
            total[list(qubits)] += round(target[name][qubits].duration / target.dt)
    return total


@pytest.mark.parametrize("decoupling", ["xx", "xy4"])
def test_pulses_fill_the_idling_and_change_nothing_else(decoupling):
    _, plain = bound(None)
    transpiled, echoed = bound(decoupling)
    np.testing.assert_allclose(
        out_distribution(echoed), out_distribution(plain), rtol=0, atol=1e-12
    )
    n_pulses = echoed.count_ops()["x"] - plain.count_ops()["x"]
    assert n_pulses > 0
    assert n_pulses % len({"xx": "xx", "xy4": "xyxy"}[decoupling]) == 0
    target = transpiled.snapshot.target()
    np.testing.assert_array_equal(length(echoed, target), length(plain, target))
    wide = transpiled.embed(echoed, DEVICE.n_qubits)
    found = preflight(wide, DEVICE.target(), shots=100)
    assert [one for one in found if one.severity == "error"] == []


def test_idling_inside_branches_is_echoed_too():
    """Written by hand: one long branch on one qubit while its neighbour idles."""
    circuit = QuantumCircuit(2, 1)
    circuit.x(0)
    circuit.measure(0, 0)
    with circuit.if_test((circuit.clbits[0], 1)) as otherwise:
        circuit.delay(4000, 1, unit="dt")
        circuit.sx(1)
    with otherwise:
        circuit.delay(3001, 1, unit="dt")
    target = DEVICE.restrict((0, 1)).target()
    for name, n_pulses in (("xx", 2), ("xy4", 4)):
        pulsed = with_pulses(circuit, target, name)
        plain, echoed = (
            next(i.operation for i in c.data if i.name == "if_else") for c in (circuit, pulsed)
        )
        for before, after in zip(plain.blocks, echoed.blocks, strict=True):
            assert after.count_ops()["x"] == n_pulses
            pulse_dt = round(target["x"][(1,)].duration / target.dt)
            delays = [i.operation.duration for i in after.data if i.name == "delay"]
            idle = next(i.operation.duration for i in before.data if i.name == "delay")
            assert sum(delays) + n_pulses * pulse_dt == idle
            unitary, expected = (Operator(without_delays(block)) for block in (after, before))
            assert unitary.equiv(expected, atol=1e-12)
    short = QuantumCircuit(1)
    short.delay(20, 0, unit="dt")
    assert with_pulses(short, target, "xx") == short


def without_delays(block):
    bare = QuantumCircuit(*block.qregs) if block.qregs else QuantumCircuit(block.qubits)
    for item in block.data:
        if item.name not in ("delay", "barrier"):
            bare.append(item.operation, item.qubits)
    return bare


def test_an_unknown_sequence_is_refused():
    with pytest.raises(SpecError, match="one of xx, xy4. Got 'udd'"):
        transpile_step(ARCHITECTURE, DEVICE, seed=7, decoupling="udd")
