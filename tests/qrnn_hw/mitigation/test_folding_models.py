"""Folding keeps what every model of the registry computes on a machine, and amplifies its noise."""

from functools import cache

import numpy as np
import pytest
from qiskit.circuit import ControlFlowOp
from qiskit.transpiler import generate_preset_pass_manager

import circuits
from calibration.library import snapshot
from calibration.noise import DeviceNoise, NoiseScale
from circuits.zoo.registry import REGISTRY
from jobs.aer.recorded_device import active_qubits, on_active_qubits
from jobs.preflight import preflight
from jobs.transpile.isa import transpile_step
from jobs.transpile.lifted_step import circuit_distribution
from qrnn_hw.mitigation.folding import count_folded, fold

SMALL = 4  # qubits; larger models take seconds each, and get no noisy distributions
LARGEST_OF_TWO_STEPS = 6  # qubits; larger models are folded for one step only


def built(name, mode):
    chosen = {"mode": mode} if "mode" in REGISTRY[name].options else {}
    return circuits.architecture(name, **chosen)


# Each model in each mode that is one dynamic circuit; what runs in rounds is not.
WHOLE = [
    (name, mode)
    for name, row in REGISTRY.items()
    for mode in row.architecture().modes
    if mode != "expectation"
]
SMALL_ONES = [pair for pair in WHOLE if built(*pair).n_qubits <= SMALL]
ALL = [
    pair if pair in SMALL_ONES else pytest.param(*pair, marks=pytest.mark.slow) for pair in WHOLE
]


@cache
def on_device(name, mode):
    """Return the bound circuit for fake_boston, the same on its active qubits, and their noise."""
    architecture, device = built(name, mode), snapshot("fake_boston")
    steps = 2 if architecture.n_qubits <= LARGEST_OF_TWO_STEPS else 1
    generator = np.random.default_rng(3)
    values = (
        generator.uniform(-2, 2, (steps, architecture.n_features)),
        generator.uniform(-2, 2, architecture.n_weights),
    )
    if architecture.reads_previous:  # no repeated step: the whole circuit is transpiled
        wide = generate_preset_pass_manager(
            optimization_level=3, target=device.target(), seed_transpiler=7
        ).run(circuits.unroll(architecture, steps).bind(*values))
        physical = active_qubits([wide])
        small, active = on_active_qubits(wide, physical), device.restrict(physical)
    else:
        transpiled = transpile_step(architecture, device, seed=7)
        small, active = transpiled.unroll(steps).bind(*values), transpiled.snapshot
        wide = transpiled.embed(small, device.n_qubits)
    return wide, small, DeviceNoise(active)


def out_distribution(circuit, noise):
    (out,) = (register for register in circuit.cregs if register.name == "out")
    return circuit_distribution(circuit, noise, [circuit.find_bit(bit).index for bit in out])


@pytest.mark.parametrize(("name", "mode"), ALL)
def test_a_folded_circuit_of_every_model_is_legal_and_computes_the_same(name, mode):
    wide, small, _ = on_device(name, mode)
    folded = fold(small, 3)
    np.testing.assert_allclose(
        out_distribution(folded, None), out_distribution(small, None), rtol=0, atol=1e-12
    )
    target = snapshot("fake_boston").target()
    found = [one for one in preflight(fold(wide, 3), target, shots=100) if one.severity == "error"]
    assert found == []
    assert count_folded(folded) >= 3 * count_folded(small) > 0


def gates(circuit, name):
    inside = (
        gates(block, name)
        for item in circuit.data
        if isinstance(item.operation, ControlFlowOp)
        for block in item.operation.blocks
    )
    return sum(item.operation.name == name for item in circuit.data) + sum(inside)


@pytest.mark.parametrize(("name", "mode"), ALL)
def test_every_cz_runs_three_times_inside_branches_too(name, mode):
    _, small, _ = on_device(name, mode)
    assert gates(fold(small, 3), "cz") == 3 * gates(small, "cz") > 0


@pytest.mark.parametrize(("name", "mode"), SMALL_ONES)
def test_gate_and_idling_errors_grow_with_the_scale(name, mode):
    _, small, noise = on_device(name, mode)
    ideal = out_distribution(small, None)
    # Readout is not amplified and may cancel what is.
    without_readout = noise.scaled(NoiseScale(readout=0))
    distances = [
        np.abs(out_distribution(fold(small, scale), without_readout) - ideal).sum() / 2
        for scale in (1, 3)
    ]
    assert distances[0] > 1e-4
    assert distances[1] > 1.5 * distances[0]
