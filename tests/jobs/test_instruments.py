"""Instruments, crosstalk and the wait: the exact engine, Aer's matrix and Aer's shots agree."""

from __future__ import annotations

from dataclasses import replace

import jax.numpy as jnp
import numpy as np
import pytest
from qiskit.circuit import ClassicalRegister, QuantumCircuit, QuantumRegister
from scipy.stats import chi2

from calibration.beyond import Beyond, MeasuredInstrument, MeasurementCrosstalk
from calibration.library import snapshot as recorded
from calibration.noise import DeviceNoise, NoiseScale
from calibration.snapshot import Snapshot
from circuits.exact.evolve import distribution
from circuits.exact.filling import filled, formulas_of
from circuits.exact.formula import values_of
from circuits.exact.lift import open_lift
from jobs.aer.executor import AerExecutor
from jobs.aer.static_rows import exact_distribution
from jobs.spec import JobSpec, Pub
from jobs.transpile.lifted_step import circuit_distribution
from jobs.transpile.schedule import midcircuit_measure

LEAVES = MeasuredInstrument("measure_2", 0, (0.90, 0.03, 0.05, 0.02, 0.04, 0.06, 0.10, 0.80))


@pytest.fixture(scope="module")
def device() -> Snapshot:
    """Return three coupled qubits of a recorded device with large effects of each kind."""
    beyond = Beyond(
        (LEAVES, MeasuredInstrument("measure", 1, (0.9, 0.0, 0.05, 0.05, 0.1, 0.0, 0.2, 0.7))),
        (
            MeasurementCrosstalk("measure_2", 0, 1, 0.1, 0.4),
            MeasurementCrosstalk("measure", 1, 2, 0.05, -0.7),
        ),
        5e-6,
    )
    return replace(recorded("fake_boston").restrict([0, 1, 2]), beyond=beyond)


def circuit() -> QuantumCircuit:
    """Return three readings of a qubit, branches on them, and neighbours in superposition."""
    made = QuantumCircuit(
        QuantumRegister(3), ClassicalRegister(2, "m"), ClassicalRegister(3, "out")
    )
    made.sx(0)
    made.sx(1)
    made.cz(0, 1)
    made.append(midcircuit_measure(), [0], [0])
    made.append(midcircuit_measure(), [0], [1])
    with made.if_test((made.clbits[1], 1)):
        made.sx(2)
    made.sx(1)
    made.cz(1, 2)
    made.measure(1, 2)
    made.sx(2)
    with made.if_test((made.clbits[2], 0)):
        made.x(1)
    made.measure(1, 3)
    made.append(midcircuit_measure(), [0], [4])
    return made


def test_the_engine_is_aer_with_instruments(device: Snapshot) -> None:
    noise, keep = DeviceNoise(device), [0, 1, 2, 3, 4]
    found = circuit_distribution(circuit(), noise, keep)
    np.testing.assert_allclose(found, exact_distribution(circuit(), noise, keep), atol=1e-12)
    plain = circuit_distribution(
        circuit(), replace(noise, snapshot=replace(device, beyond=Beyond())), keep
    )
    assert np.abs(found - plain).max() > 0.01
    program = open_lift(circuit(), (), device.beyond)
    formulas = formulas_of(program)
    values = values_of(noise)
    one = filled(program, formulas, [jnp.asarray(formula.value(values)) for formula in formulas])
    np.testing.assert_allclose(distribution(one, jnp.zeros(0), keep), found, atol=1e-12)


def test_shots_of_aer_follow_it(device: Snapshot) -> None:
    noise, keep = DeviceNoise(device), [0, 1, 2, 3, 4]
    law = circuit_distribution(circuit(), noise, keep)
    spec = JobSpec((Pub.bound(circuit()),), 20_000, "aer", "fake_boston", 3)
    registers = AerExecutor(noise).run(spec)[0].registers
    bits = np.concatenate([registers["m"][0], registers["out"][0]], axis=1)
    seen = np.bincount(bits @ (1 << np.arange(5)), minlength=32)
    kept = law > 1e-9
    assert not seen[~kept].any()
    expected = 20_000 * law[kept]
    assert chi2.sf(((seen[kept] - expected) ** 2 / expected).sum(), kept.sum() - 1) > 1e-3


def test_what_a_reading_leaves_is_by_hand(device: Snapshot) -> None:
    quiet = DeviceNoise(replace(device, beyond=Beyond((LEAVES,))), NoiseScale(gate=0, idle=0))
    made = QuantumCircuit(3, 2)
    made.append(midcircuit_measure(), [0], [0])
    made.append(midcircuit_measure(), [0], [1])
    joint = LEAVES.array
    expected = np.einsum("rl,lq->qr", joint[0], joint.sum(axis=2))  # [second, first]
    np.testing.assert_allclose(
        circuit_distribution(made, quiet, [0, 1]).reshape(2, 2), expected, atol=1e-14
    )
    half = replace(quiet, scale=NoiseScale(gate=0, idle=0, readout=0.5))
    assert half.instrument("measure_2", 0)[0, 0, 0] == pytest.approx(0.95)  # type: ignore[index]
    none = replace(quiet, scale=NoiseScale(0, 0, 0, 0))
    np.testing.assert_allclose(circuit_distribution(made, none, [0, 1]), [1, 0, 0, 0], atol=1e-14)


def test_a_snapshot_keeps_it_and_one_without_is_what_it_was(device: Snapshot) -> None:
    assert Snapshot.from_json(device.to_json()) == device
    plain = replace(device, beyond=Beyond())
    assert "beyond" not in plain.to_json()
    assert plain.digest != device.digest
    turned = device.restrict([1, 0])
    assert turned.beyond.reached("measure_2", 1) == (0,)
    assert turned.beyond.reached("measure", 0) == ()
