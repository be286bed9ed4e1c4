"""A step is lifted and compiled once; noises, calibrations and scales are arrays given to it."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import circuits
from calibration.library import snapshot
from calibration.noise import DeviceNoise, NoiseScale
from circuits.exact.sequence import SequenceModel
from jobs.aer.static_rows import exact_distribution
from jobs.transpile.isa import transpile_step
from jobs.transpile.lifted_step import sequence_model
from qrnn_hw.experiment.exact import exact_distributions
from qrnn_hw.networks.encoded import Encoded
from qrnn_hw.networks.readers import turned

# Compiled, gate by gate, carrying bits.
NAMES = ["dynamic-line", "stacked-3-minimal", pytest.param("hybrid", marks=pytest.mark.slow)]


def step_of(name):
    options = {"mode": "sampled"} if len(circuits.architecture(name).modes) > 1 else {}
    return transpile_step(circuits.architecture(name, **options), snapshot("fake_boston"), seed=7)


def noises(step):
    device = DeviceNoise(step.snapshot)
    older = tuple(replace(q, t1_seconds=q.t1_seconds / 3) for q in step.snapshot.qubits)
    return [
        None,
        device,
        device.scaled(NoiseScale(0, 0, 2, 0)),
        replace(device.scaled(NoiseScale(0, 0, 0, 1)), reset_flip=0.02),
        DeviceNoise(replace(step.snapshot, qubits=older)),
    ]


@pytest.mark.parametrize("name", NAMES)
def test_one_compilation_serves_every_noise_and_each_is_what_aer_computes(name, monkeypatch):
    step = step_of(name)
    architecture = step.architecture
    generator = np.random.default_rng(3)
    features = generator.uniform(-2, 2, (1, 2, architecture.n_features))
    encoded = Encoded(
        generator.uniform(-2, 2, architecture.n_weights), features, np.array([2], dtype=np.int64)
    )
    traced = []
    plain = SequenceModel.distributions

    def counted(self, *given):
        traced.append(self)
        return plain(self, *given)

    monkeypatch.setattr(SequenceModel, "distributions", counted)
    bound = step.unroll(2).bind(features[0], encoded.circuit)
    keep = [bound.find_bit(bit).index for bit in bound.cregs[-1]]
    for noise in noises(step):
        found = exact_distributions(sequence_model(step, noise), encoded)[0]
        assert np.abs(found - exact_distribution(bound, noise, keep)).max() < 1e-12
    assert len(traced) == 1


def test_turns_of_one_step_under_several_noises_are_traced_once():
    step = step_of("dynamic-line")
    models = [sequence_model(step, noise) for noise in noises(step)[:2]]
    architecture = step.architecture
    generator = np.random.default_rng(4)
    weights = generator.uniform(-2, 2, architecture.n_weights)
    features = generator.uniform(-2, 2, (2, 3, architecture.n_features))
    encoded = Encoded(weights, features, np.array([3, 2], dtype=np.int64))
    given = tuple(map(jnp.asarray, (weights, features, encoded.lengths)))
    turn_of = jax.jit(lambda turn: turned(models, turn)(*given))
    for turn, model in enumerate(models):
        expected = exact_distributions(model, encoded)
        assert np.abs(np.asarray(turn_of(turn)) - expected).max() < 1e-13
    text = str(jax.make_jaxpr(lambda turn: turned(models, turn)(*given))(0))
    assert "cond[" not in text  # no branch for each noise
    own = [lambda *given, scale=scale: given[0] * scale for scale in (1.0, 2.0)]
    other = jax.jit(lambda turn: turned(own, turn)(*given))  # readers of any other kind
    assert np.array_equal(other(1), 2 * given[0])
