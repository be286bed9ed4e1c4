"""Rounds followed exactly, against the state vector, Aer with noise and finite differences."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import circuits
from calibration.library import snapshot
from calibration.noise import DeviceNoise
from circuits.errors import CircuitsError
from circuits.exact.rounds import rounds_model
from jobs.aer.static_rows import row_distributions
from jobs.transpile.isa import transpile_round
from qrnn_hw.networks.expectation import exactly, run_rounds


def draw(name, n_sequences=2, steps=2, **options):
    rng = np.random.default_rng(5)
    model = circuits.architecture(name, **options)
    x = rng.uniform(0.1, 1, (n_sequences, steps, model.n_features))
    return model, x, rng.uniform(-np.pi, np.pi, model.n_weights)


@pytest.mark.parametrize("name", ["adapted", "v1", pytest.param("v4", marks=pytest.mark.slow)])
def test_without_noise_they_are_those_of_the_state_vector(name):
    model, x, w = draw(name)
    lengths = np.array([2, 1])
    found = jax.jit(jax.vmap(rounds_model(model).outputs, (None, 0, 0)))(w, x, lengths)
    expected = run_rounds(model, x, w, exactly, lengths=lengths).outputs
    np.testing.assert_allclose(found, expected, atol=1e-12)
    assert np.abs(expected).max() > 0.05


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("adapted", {}),
        ("v3a", {}),
        *(
            pytest.param(name, options, marks=pytest.mark.slow)
            for name, options in (
                ("v1", {"wiring": "repaired"}),
                ("v2", {"wiring": "repaired"}),
                ("v3b", {}),
                ("v4", {}),
            )
        ),
    ],
)
def test_under_noise_they_are_those_of_aers_density_matrix(name, options):
    model, x, w = draw(name, **options)
    whole, noises = snapshot("fake_boston"), {}

    def on_machine(circuit):
        found = transpile_round(circuit, whole, seed=7)
        noises[circuit.num_qubits] = DeviceNoise(found.snapshot)
        return found.circuit, noises[circuit.num_qubits]

    def by_aer(pubs):
        (laws,) = row_distributions(pubs, noises[model.n_qubits])
        signs = 1 - 2 * (np.arange(laws.shape[1])[:, None] >> np.arange(len(model.readout)) & 1)
        return (laws @ signs)[None]

    noisy = rounds_model(model, on_machine)
    found = jax.jit(jax.vmap(noisy.outputs, (None, 0, None)))(w, x, 2)
    expected = run_rounds(model, x, w, by_aer, lambda circuit: on_machine(circuit)[0]).outputs
    np.testing.assert_allclose(found, expected, atol=1e-12)
    ideal = run_rounds(model, x, w, exactly).outputs
    assert np.abs(expected - ideal).max() > 1e-3


def test_gradients_through_the_fed_back_value_equal_differences():
    model, x, w = draw("adapted")
    run = rounds_model(model)
    value = jax.jit(lambda w, x: run.outputs(w, x, 2).sum())
    slopes = jax.jit(jax.grad(value, (0, 1)))(w, x[0])
    for argument, given in enumerate((w, x[0])):
        for place in [(0,), (-1,)] if argument == 0 else [(0, 0), (0, -1), (1, 2)]:
            step = np.zeros_like(given)
            step[place] = 1e-5
            moved = [(w + s, x[0]) if argument == 0 else (w, x[0] + s) for s in (step, -step)]
            difference = float(value(*moved[0]) - value(*moved[1])) / 2e-5
            assert float(slopes[argument][place]) == pytest.approx(difference, abs=1e-8)
    assert np.abs(slopes[1][0]).max() > 1e-3  # the first word reaches the end only through h


@pytest.mark.parametrize("beyond", [0.0, np.nan])
def test_what_is_beyond_the_end_reaches_neither_value_nor_gradient(beyond):
    # It encodes the direction of its features.
    model, x, w = draw("v1", n_sequences=1, wiring="repaired")
    run = rounds_model(model)
    slopes = jax.jit(jax.grad(lambda w, x: run.outputs(w, x, 1).sum(), (0, 1)))
    whole = slopes(w, x[0])
    x[0, 1] = beyond
    for found, expected in zip(slopes(w, x[0]), whole, strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-12)
    assert min(np.abs(part).max() for part in whole) > 1e-3
    np.testing.assert_array_equal(whole[1][1], 0)


def test_what_does_not_run_in_rounds_is_refused():
    with pytest.raises(CircuitsError, match="Got dynamic-line in sampled mode"):
        rounds_model(circuits.architecture("dynamic-line"))
    model, x, w = draw("adapted")
    run = rounds_model(model)
    with pytest.raises(CircuitsError, match=r"shapes \(8,\) and \(T, 8\)"):
        run.outputs(jnp.asarray(w[:-1]), jnp.asarray(x[0]), 2)
    with pytest.raises(CircuitsError, match=r"T at least 1\. Got \(8,\) and \(0, 8\)"):
        run.outputs(jnp.asarray(w), jnp.asarray(x[0, :0]), 0)
