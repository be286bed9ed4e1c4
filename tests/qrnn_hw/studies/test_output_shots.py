"""Shots, noise and stacks for several classes, numbers and heads on every step."""

from functools import cached_property
from itertools import combinations
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import stats

import circuits
from calibration.library import snapshot
from calibration.noise import DeviceNoise
from jobs.aer.executor import AerExecutor
from jobs.spec import JobSpec
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
from qrnn_hw.networks.recorded import drawn, from_results
from qrnn_hw.networks.shot_head import ShotHead
from qrnn_hw.networks.step_readings import StepReadings
from qrnn_hw.predict import sentence_pubs
from qrnn_hw.studies.device import RoundMeasurement
from qrnn_hw.studies.device_findings import summarise_rounds
from qrnn_hw.studies.noise import leading
from qrnn_hw.studies.output_shots import study_outputs
from qrnn_hw.studies.round_sums import RoundSums
from qrnn_hw.studies.shots import ShotStudyPlan
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
    study = study_outputs(model, ShotStudyPlan((10, 1000), max_shots=10**6))
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
    study = study_outputs(model, ShotStudyPlan((30, 1000), delta=0.02))
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


@pytest.mark.parametrize(
    ("target", "steps"),
    [
        (Classes(("a", "b", "c")), None),
        (Classes(("a", "b", "c"), per_step=True), StepReadings(2)),
        (Numbers(("a", "b"), per_step=True), StepReadings(2)),
    ],
)
def test_repeats_on_a_machine_say_of_any_answers_what_their_shots_say(target, steps):
    """Against the shots themselves, one by one."""
    model, n_rounds, shots = Model(target, steps=steps), 3, 14
    circuit = model.prepared.circuit.transpiled
    pubs, head, place = (
        sentence_pubs(circuit, model.encoded),
        model.trained.head,
        AerExecutor(NOISE),
    )
    rounds, each = [], []
    for n in range(n_rounds):
        spec = JobSpec(pubs.pubs, shots, "aer", "fake_boston", n, "")
        results = place.run(spec)
        rounds.append(RoundMeasurement(n, shots, "", RoundSums.of(results, pubs, head), ""))
        bits = from_results(results, pubs.rows, LENGTHS)
        if steps is None:
            outcomes = bits.outcome @ (1 << np.arange(2))
            each.append(head.coefficients[outcomes])
        else:
            kept = [bits.shot_readings(row, steps, per_step=target.per_step) for row in range(4)]
            each.append(np.stack(kept) @ head.coefficients)
    table = np.stack(each)  # (rounds, n, shots, [T,] k)
    (found,) = summarise_rounds(model, rounds)
    judge, answers = model.judge, [model.judge.answers(one.mean(axis=1)) for one in table]
    assert found["by_round"] == {
        name: pytest.approx([judge.measured(one)[name] for one in answers])
        for name in judge.measures
    }
    alive = judge.counts.reshape(4, -1)
    if isinstance(target, Numbers):
        spread = judge.wanted[judge.counts].std(axis=0)
        exact = model.noisy_law.outputs
        far = np.mean([np.abs(one - exact) / spread for one in answers], axis=0).mean(axis=-1)
        rows = [far[row][alive[row]].mean() for row in range(4)]
        assert found["distance"]["value"] == pytest.approx(np.mean(rows))
        wide = 1.96 * (np.std(answers, axis=0, ddof=1) / spread).mean(axis=-1)
        rows = [wide[row][alive[row]].mean() for row in range(4)]
        assert found["half_width"]["value"] == pytest.approx(np.mean(rows))
    else:
        pairs = [(a != b).reshape(4, -1) for a, b in combinations(answers, 2)]
        rows = [np.mean([one[row][alive[row]].mean() for one in pairs]) for row in range(4)]
        assert found["disagreement"]["value"] == pytest.approx(np.mean(rows))
        # Every rival is passed: 97.5 % each of two, shots and rounds.
        sure = []
        for row, step in zip(*np.nonzero(alive), strict=True):
            own = table.reshape(n_rounds, 4, shots, -1, 3)[:, row, :, step]
            best = own.mean(axis=(0, 1)).argmax()
            gaps = own[..., [best]] - np.delete(own, best, axis=-1)
            by_shot = gaps.reshape(-1, 2)
            shot = by_shot.std(axis=0, ddof=1) / len(by_shot) ** 0.5
            scatter = gaps.mean(axis=1).std(axis=0, ddof=1) / n_rounds**0.5
            half = np.maximum(stats.norm.ppf(0.9875) * shot, stats.t.ppf(0.9875, 2) * scatter)
            sure.append((by_shot.mean(axis=0) > half).all())
        assert 0 < np.mean(sure) < 1
        assert found["certified"]["share"] == pytest.approx(np.mean(sure))
    # Drift is that of the mean output, the steps of a row together.
    means = (
        table
        if steps is None
        else np.stack([table[:, row, :, : LENGTHS[row]].mean(axis=2) for row in range(4)], axis=1)
    )
    scores = means.mean(axis=(1, 2)).var(axis=0, ddof=1).sum()
    shot = means.transpose(1, 0, 2, 3).reshape(4, n_rounds * shots, -1).var(axis=1, ddof=1)
    assert found["drift"]["value"] == pytest.approx(scores / (shot.mean(axis=0).sum() / 4 / shots))
