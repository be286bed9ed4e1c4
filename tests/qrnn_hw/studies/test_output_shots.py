"""Shots, noise and stacks for several classes, numbers and heads on every step."""

from functools import cached_property
from types import SimpleNamespace

import numpy as np
import pytest

import circuits
from calibration.library import snapshot
from calibration.noise import DeviceNoise
from jobs.transpile.isa import transpile_step
from jobs.transpile.lifted_step import sequence_model
from qrnn_hw.data.target import Classes, Numbers
from qrnn_hw.experiment.forecast import bound_step, reported_readout, scaled_model
from qrnn_hw.experiment.output_law import OutputLaw
from qrnn_hw.experiment.quality import Judge
from qrnn_hw.experiment.step_forecast import step_world
from qrnn_hw.mitigation.stack_names import parse_stack
from qrnn_hw.networks.encoded import Encoded
from qrnn_hw.networks.network import network_of
from qrnn_hw.networks.recorded import drawn
from qrnn_hw.networks.shot_head import ShotHead
from qrnn_hw.networks.step_readings import StepReadings
from qrnn_hw.studies.noise import leading
from qrnn_hw.studies.output_shots import study_outputs
from qrnn_hw.studies.shots import ShotPlan
from qrnn_hw.studies.stack_draws import drawn_outputs

LINE = circuits.architecture("dynamic-line")
TRANSPILED = transpile_step(LINE, snapshot("fake_boston"), seed=7)
NOISE = DeviceNoise(TRANSPILED.snapshot)
LENGTHS = np.array([2, 1, 2, 2])


class Model:
    """A trained model as a study sees it: rows of one or two steps."""

    def __init__(self, target, *, steps):
        network = network_of(LINE, 1, target=target, steps=steps)
        rng = np.random.default_rng(1)
        r = rng.normal(size=(network.n_readings, target.n_outputs))
        head = ShotHead(r, steps, target.per_step, 2, 2)
        self.trained = SimpleNamespace(head=head, network=network)
        self.prepared = SimpleNamespace(circuit=SimpleNamespace(transpiled=TRANSPILED, noise=NOISE))
        features = rng.uniform(-2, 2, (4, 2, LINE.n_features))
        self.encoded = Encoded(rng.uniform(-2, 2, LINE.n_weights), features, LENGTHS)
        self.test = range(4)
        shape = (4, 2) if target.per_step else (4,)
        wanted = rng.integers(0, 2, shape)
        if isinstance(target, Numbers):
            wanted = rng.normal(size=(*shape, target.n_outputs)) * 3
        self.judge = Judge(target, wanted, None, 1, LENGTHS)
        self.engine = sequence_model(TRANSPILED, NOISE)

    @cached_property
    def noisy_law(self):
        return OutputLaw(self.engine, self.encoded, self.trained.head, self.judge.target)

    @property
    def ideal_law(self):
        ideal = sequence_model(TRANSPILED, None)
        return OutputLaw(ideal, self.encoded, self.trained.head, self.judge.target)


def test_numbers_at_every_step_have_the_half_widths_of_drawn_shots():
    model = Model(Numbers(("a",), per_step=True), steps=StepReadings(2))
    study = study_outputs(model, ShotPlan((10, 1000), max_shots=10**6))
    noisy = study.conditions["noisy"]
    assert noisy.sizes.shape == (LENGTHS.sum(), 2)
    np.testing.assert_allclose(noisy.sizes[:, 0], 10 * noisy.sizes[:, 1])
    many = drawn(model.engine, model.encoded, 20_000, np.random.default_rng(0))
    head, spread = model.trained.head, []
    for row, length in enumerate(LENGTHS):
        values = many.shot_readings(row, head.steps, per_step=True) @ head.coefficients
        spread += [values[:, step, 0].std() for step in range(length)]
    unit = model.judge.wanted[model.judge.counts].std()
    np.testing.assert_allclose(
        noisy.sizes[:, 1], 1.96 * np.array(spread) / unit / 1000**0.5, rtol=0.03
    )
    # So many shots bring half of the answers within a tenth of a deviation.
    needed = (1.96 * np.array(spread) / unit / 0.1) ** 2
    assert noisy.needed["0.1"] == pytest.approx(np.median(needed), rel=0.08, abs=1)
    assert {row["input_id"] for row in study.rows()} == {0, 1, 2, 3}


@pytest.mark.slow
def test_labels_are_certain_from_the_shots_on_that_flip_no_more():
    model = Model(Classes(("a", "b", "c")), steps=None)
    study = study_outputs(model, ShotPlan((30, 1000), delta=0.02))
    law, noisy = model.noisy_law, study.conditions["noisy"]
    (middle,) = noisy.needed.values()
    flips = np.sort(law.flips(int(middle)))
    assert (flips <= 0.02).sum() >= 2
    assert noisy.points[1].certain == (law.flips(1000) <= 0.02).mean()
    own = law.outputs
    assert leading(own)[0] == pytest.approx(np.diff(np.sort(own[0]))[-1])


@pytest.mark.parametrize("steps", [None, StepReadings(2)])
def test_draws_of_a_stack_have_the_mean_and_the_spread_of_its_exact_law(steps):
    model = Model(Numbers(("a", "b")), steps=steps)
    rng = np.random.default_rng(3)
    raw = np.stack([drawn_outputs(model, parse_stack("none"), (50,), 0, rng) for _ in range(120)])
    law = model.noisy_law
    expected = np.sqrt(law.variances / 50)
    np.testing.assert_allclose(raw.std(axis=0), expected, rtol=0.3)
    assert np.abs((raw.mean(axis=0) - law.outputs) / expected * 120**0.5).max() < 4.5
    # With endless shots what is left of the noise is that of a machine that reads truly.
    settled = drawn_outputs(model, parse_stack("terminal"), (10**12,), 10**9, rng)
    if steps is None:
        true = scaled_model(TRANSPILED, NOISE, 1, 1)
        exact = OutputLaw(true, model.encoded, model.trained.head, model.judge.target).outputs
    else:
        bound = {1.0: bound_step(TRANSPILED, model.encoded.circuit)}
        readout = reported_readout(TRANSPILED, NOISE)
        world = step_world(bound, NOISE, model.encoded, model.trained.head, readout)
        exact, _ = world(parse_stack("terminal"), 1.0, 1.0)
    np.testing.assert_allclose(settled, exact, atol=5e-4)
    assert np.abs(law.outputs - exact).max() > 1e-3
