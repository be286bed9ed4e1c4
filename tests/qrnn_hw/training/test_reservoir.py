"""Reservoirs: a head on frozen circuits, fitted to exact readings and to jobs of a store."""

from dataclasses import replace

import jax.numpy as jnp
import numpy as np
import pytest

import circuits
from calibration.library import snapshot
from jobs.aer.executor import AerExecutor
from jobs.runner import run
from jobs.spec import JobSpec
from jobs.store.store import Store
from jobs.transpile.isa import transpile_step
from qrnn_hw.data.target import Numbers
from qrnn_hw.errors import UsageError
from qrnn_hw.networks.network import network_of
from qrnn_hw.networks.recorded import from_results
from qrnn_hw.networks.step_readings import StepReadings
from qrnn_hw.networks.trained import TrainedNetwork
from qrnn_hw.predict import sentence_pubs
from qrnn_hw.statistics.memory import capacities, delayed
from qrnn_hw.training.reservoir import (
    best_drawn,
    draw,
    driven,
    exact_readings,
    fit_reservoir,
)
from qrnn_hw.training.ridge import counted

LINE = circuits.architecture("dynamic-line")


def test_a_series_is_answered_once_at_every_step_after_the_wash_out():
    u, y = np.arange(23.0)[:, None], np.arange(23) % 2
    given = driven(u, y, n_steps=8, washout=3)
    np.testing.assert_array_equal(given.values[1, :, 0], np.arange(5, 13))
    answered = given.values[:, 3:, 0].ravel()
    np.testing.assert_array_equal(answered, np.arange(3, 23))
    np.testing.assert_array_equal(given.targets, given.values[..., 0] % 2)
    with pytest.raises(UsageError, match="Got 23 steps, 23 targets, sequences of 8 and a wash-out"):
        driven(u, y, n_steps=8, washout=8)


def drawn(network):
    """Return wide random angles, and inputs that turn about a right angle: cosines are even."""
    rng, start = np.random.default_rng(3), network.initial(3)
    wide = {
        "projection": rng.uniform(0.1, 0.4, start["projection"].shape),
        "offset": np.full(4, 0.5),
        "circuit": np.random.default_rng(3).uniform(-np.pi, np.pi, start["circuit"].shape),
    }
    return start | {name: jnp.asarray(value) for name, value in wide.items()}


def test_it_remembers_from_shots_of_stored_jobs_what_it_remembers_exactly(tmp_path):
    u = np.random.default_rng(0).uniform(-1, 1, 420)
    targets, washout = delayed(u, 2), 4
    target = Numbers(("one ago", "two ago"), per_step=True)
    network = network_of(LINE, 1, target=target, steps=StepReadings(1))
    parameters = drawn(network)
    given = driven(u[:, None], targets, n_steps=14, washout=washout)
    rows = np.arange(len(given))
    parts = given.take(rows[:25]), given.take(rows[25:32]), given.take(rows[32:])
    exact = [exact_readings(network, parameters, part) for part in parts]
    transpiled = transpile_step(LINE, snapshot("fake_boston"), seed=7)
    trained, jobs = TrainedNetwork(network, parameters), []
    with Store(tmp_path / "store.sqlite") as store:
        for part in parts:
            sentences = sentence_pubs(transpiled, trained.encoded(part))
            spec = JobSpec(sentences.pubs, 200, "aer", "fake_boston", seed=3)
            run(spec, AerExecutor(None), store)
            bits = from_results(store.raw(spec.key), sentences.rows, part.lengths)
            jobs.append(bits.readings(network.steps, per_step=True))
    remembered = []
    for readings in (exact, jobs):
        fitted = fit_reservoir(network, parameters, parts[:2], readings[:2], washout=washout)
        np.testing.assert_array_equal(fitted.parameters["circuit"], parameters["circuit"])
        outputs = readings[2] @ fitted.coefficients
        remembered.append(capacities(*counted(target, outputs, parts[2].targets, washout=washout)))
    assert remembered[0][0] > 0.8
    assert 0.3 < remembered[1][0] < remembered[0][0]
    # A step ago is remembered better than two, by either.
    assert all(one[0] > one[1] for one in remembered)
    # What the exact head says agrees with the network's own outputs.
    own = fit_reservoir(network, parameters, parts[:2], exact[:2], washout=washout)
    np.testing.assert_allclose(
        own.outputs(parts[2].values, parts[2].lengths), exact[2] @ own.coefficients, atol=1e-10
    )


def test_validation_rows_choose_the_circuit_that_hears_its_inputs():
    u = np.random.default_rng(1).uniform(-1, 1, 122)
    network = network_of(LINE, 1, target=Numbers(("u",), per_step=True), steps=StepReadings(1))
    given = driven(u[:, None], u[:, None], n_steps=12, washout=2)
    parts = [given.take(rows) for rows in np.split(np.arange(len(given)), [6, 9])]
    deaf, hears = draw(network, 0), draw(network, 1)
    deaf |= {"projection": 0 * deaf["projection"]}
    for order in ([deaf, hears], [hears, deaf]):
        chosen = best_drawn(network, order, parts[:2], washout=2)
        np.testing.assert_array_equal(chosen.parameters["projection"], hears["projection"])
        # The circuit stays as it was drawn; the head alone is fitted.
        np.testing.assert_array_equal(chosen.parameters["circuit"], hears["circuit"])


def test_a_head_beside_the_inputs_has_the_line_through_the_window():
    rng = np.random.default_rng(4)
    rows = driven(rng.normal(size=(120, 2)), rng.normal(size=120), n_steps=3, washout=2)
    target = rows.values.reshape(len(rows), -1) @ np.array([1.0, -2, 3, 0.5, 0, 4])[:, None]
    rows = replace(rows, targets=target)
    parts = [rows.take(np.arange(80)), rows.take(np.arange(80, len(rows)))]
    steps = StepReadings(1, 1)
    network = network_of(LINE, 2, target=Numbers(("y",)), steps=steps, direct=3)
    bits = [rng.normal(size=(len(part), network.n_readings)) for part in parts]
    fitted = fit_reservoir(network, network.initial(0), parts, bits)
    outputs = bits[1][:, 1:] @ fitted.coefficients[1:] + fitted.coefficients[0]
    outputs = outputs + fitted.direct_part(parts[1].values, parts[1].lengths)
    np.testing.assert_allclose(outputs, target[80:], atol=1e-4)
