"""The grid of the noise study with noise as data, beside lifting and compiling every cell."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from unittest.mock import patch

import jax
import jax.numpy as jnp
import numpy as np
from qiskit.circuit import Gate
from timing import Row

import circuits
from calibration.library import snapshot
from calibration.noise import DeviceNoise
from circuits.exact.lift import lift
from circuits.exact.sequence import SequenceModel
from jobs.transpile.isa import TranspiledStep, transpile_step
from jobs.transpile.lifted_step import sequence_model
from qrnn_hw.experiment.exact import exact_distributions
from qrnn_hw.networks.encoded import Encoded
from qrnn_hw.studies.noise import DEFAULTS, SOURCES, _noise

SCALES = (0.0, 0.5, 1.0, 2.0, 3.0, 5.0)
SAMPLED = (0.5, 3.0)
"""Scales whose cells are also compiled as before, the others being alike."""

MODELS = ("dynamic-line", "stacked-3-minimal")


def noise_grid() -> Iterator[Row]:
    """2 models x 5 sources x 6 scales, a third of the cells by turns with the way of before."""
    data: list[float] = []
    compiled: list[float] = []
    furthest = 0.0
    for name in MODELS:
        step = transpile_step(circuits.architecture(name), snapshot("fake_boston"), seed=7)
        encoded = _encoded(step)
        device = DeviceNoise(step.snapshot)
        for source, scale in product(SOURCES, SCALES):
            noise = _noise(device, DEFAULTS | {"source": source, "scale": scale})
            start = time.process_time()
            # What the first cell of a model compiles counts with its cells.
            found = exact_distributions(sequence_model(step, noise), encoded)
            between = time.process_time()
            data.append(between - start)
            if scale in SAMPLED:
                before = _compiled_anew(step, noise, encoded)
                compiled.append(time.process_time() - between)
                furthest = max(furthest, float(np.abs(found - before).max()))
    each = float(np.median(compiled))
    said = (
        f"channels by Aer, lifted and compiled for each cell: {each:.2f} s in the median of "
        f"{len(compiled)} cells ({1e3 * float(np.median(data)):.0f} ms as data)"
    )
    ratio = each * len(data) / sum(data)
    yield Row.at_least("noise study, 2 x 5 x 6 cells, all that is compiled counted", ratio, said, 5)
    yield Row.at_most("noise study, distance of the distributions", furthest, said, 1e-12)


def _encoded(step: TranspiledStep) -> Encoded:
    generator = np.random.default_rng(0)
    architecture = step.architecture
    features = generator.uniform(-2, 2, (200, 10, architecture.n_features))
    weights = generator.normal(0, 1, architecture.n_weights)
    return Encoded(weights, features, np.full(200, 10))


def _compiled_anew(step: TranspiledStep, noise: DeviceNoise, encoded: Encoded) -> np.ndarray:
    """Return the distributions as before: the noise a constant of what is compiled."""
    features, weights = list(step.features), list(step.weights)
    with patch.object(DeviceNoise, "_gate_channels", _by_aer(noise)):
        model = SequenceModel(
            step=lift(step.step, [*features, *weights], noise),
            closing=lift(step.closing, weights, noise),
            n_features=len(features),
            n_weights=len(weights),
            data_qubits=step.data_qubits,
            out_bits=tuple(range(len(step.architecture.readout))),
        )
    given = map(jnp.asarray, (encoded.circuit, encoded.features, encoded.lengths))
    return np.asarray(jax.jit(model.distributions)(*given))


def _by_aer(noise: DeviceNoise) -> dict[tuple[str, tuple[int, ...]], np.ndarray]:
    from qiskit.quantum_info import SuperOp
    from qiskit_aer.noise.device import basic_device_gate_errors

    factor = noise.scale.gate
    if not factor:
        return {}
    records = tuple(
        replace(r, error=r.error and r.error * factor, seconds=r.seconds and r.seconds * factor)
        for r in noise.snapshot.instructions
    )
    target = replace(noise.snapshot, instructions=records).target()
    return {
        (name, tuple(qubits)): SuperOp(error).data
        for name, qubits, error in basic_device_gate_errors(target=target)
        if isinstance(target.operation_from_name(name), Gate)
    }
