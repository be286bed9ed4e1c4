"""The four causes of a flip, on a network that was trained for a moment."""

from dataclasses import replace

import numpy as np
import pytest

from calibration.errors import CalibrationError
from calibration.files import write_snapshot
from calibration.series import read_series
from calibration.snapshot import QubitRecord, Snapshot
from jobs.transpile.lifted_step import sequence_model
from qrnn_hw.errors import UsageError
from qrnn_hw.experiment.settings import RunSettings
from qrnn_hw.report.cause_blocks import cause_blocks, cause_findings
from qrnn_hw.statistics.decisions import shot_variances
from qrnn_hw.studies import causes
from qrnn_hw.studies.causes import CausePlan, study_causes
from qrnn_hw.studies.trained import trained_model
from qrnn_hw.training.options import TrainingOptions


class Silent:
    def stage(self, text): ...

    def advance(self, done, total, note=""): ...


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("causes")
    words = ["good", "bad", "phone", "great", "poor", "works", "never", "battery", "terrible"]
    generator = np.random.default_rng(0)
    lines = [f"{n % 2}\t{' '.join(generator.choice(words, 4))}" for n in range(80)]
    (folder / "some.tsv").write_text("label\ttext\n" + "\n".join(lines) + "\n")
    options = TrainingOptions(epochs=1)
    settings = RunSettings(data=folder / "some.tsv", training=options, output=folder)
    return trained_model(settings, Silent())


def later(snapshot: Snapshot, day: int, factor: float, broken: int = -1) -> Snapshot:
    """Return the device on another day: other coherence, one qubit that reads 1 at random."""
    qubits = tuple(
        QubitRecord(q.t1_seconds and factor * q.t1_seconds, q.t2_seconds and factor * q.t2_seconds)
        for q in snapshot.qubits
    )
    instructions = tuple(
        one if one.p01 is None or one.qubits != (broken,) else replace(one, p01=0.9)
        for one in snapshot.instructions
    )
    taken = f"2026-01-{day:02}T00:00:00+00:00"
    return replace(snapshot, qubits=qubits, instructions=instructions, taken=taken)


def bad_day(model) -> Snapshot:
    transpiled = model.prepared.circuit.transpiled
    read = transpiled.wires[transpiled.architecture.readout[0]]
    whole = model.prepared.machine.snapshot
    return later(whole, 1, 0.5, broken=transpiled.snapshot.physical[read])


@pytest.fixture(scope="module")
def study(model, tmp_path_factory):
    whole = model.prepared.machine.snapshot
    days = [whole, bad_day(model)]
    plan = CausePlan(shots=400, n_training_seeds=2, jitter=0.3, n_jitters=3, n_repeats=8)
    folder = tmp_path_factory.mktemp("seeds")
    return study_causes(model, plan, snapshots=days, folder=folder, progress=Silent())


@pytest.mark.slow
def test_each_cause_has_a_rate_and_a_share(study):
    assert [one.cause for one in study.flips] == ["shots", "seed", "jitter", "drift"]
    assert [one.n_levels for one in study.flips] == [0, 1, 3, 1]
    names = ["drift", "seed", "drift x seed", "jitter", "shots"]
    assert [one.cause for one in study.split] == names
    assert sum(one.share for one in study.split) == pytest.approx(1)
    for one in study.flips:
        assert 0 <= one.rate.low <= one.rate.value <= one.rate.high <= 1
    assert study.not_varied == ()
    assert len(study.taken) == 2


def test_the_shots_part_is_the_exact_variance_of_one_shot_over_shots(model, tmp_path):
    """Drawn repeats against the formula: the mean over inputs of variance / S."""
    plan = CausePlan(shots=50, jitter=0.0, n_repeats=400)
    (shots,) = study_causes(model, plan, folder=tmp_path, progress=Silent()).split
    rule = causes._rule(model.trained)
    expected = shot_variances(model.noisy, rule).mean() / 50
    # A sample variance of 400 has a relative error of sqrt(2 / 399), over the inputs.
    assert shots.variance.value == pytest.approx(
        expected, rel=4 * np.sqrt(2 / 399 / len(model.test))
    )
    assert shots.variance.low <= expected <= shots.variance.high


@pytest.mark.slow
def test_drift_is_what_recomputing_by_hand_gives(model, study):
    drift = next(one for one in study.flips if one.cause == "drift")
    active = bad_day(model).restrict(model.prepared.circuit.transpiled.snapshot.physical)
    noise = replace(model.prepared.circuit.noise, snapshot=active)
    table = model.distributions(sequence_model(model.prepared.circuit.transpiled, noise))
    changed = (table @ model.decision > 0) != (model.noisy @ model.decision > 0)
    assert drift.rate.value == changed.mean() > 0


def test_levels_that_agree_do_not_make_an_interval_of_nothing():
    never = causes._over_levels("drift", np.zeros((4, 50), dtype=bool))
    assert never.rate.low == 0 < never.rate.high
    half = causes._over_levels("seed", np.arange(4)[:, None] * np.ones((4, 50)) < 2)
    assert (half.rate.low, half.rate.high) == (0, 1)  # seeds that differ by everything


def test_jitters_change_words_by_their_share_and_nothing_else(model):
    asked = causes._with_jitters(model.test, 0.3, 2, np.random.default_rng(1))
    n, vectors = len(model.test), model.test.values
    np.testing.assert_array_equal(asked.values[:n], vectors)
    changed = asked.values[n:].reshape(2, *vectors.shape) - vectors
    words = np.arange(vectors.shape[1]) < model.test.lengths[:, None]
    assert (changed[:, ~words] == 0).all()
    size = np.sqrt((vectors[words] ** 2).mean())
    assert changed[:, words].std() == pytest.approx(0.3 * size, rel=0.05)


@pytest.mark.slow
def test_another_seed_trains_another_model_on_the_same_rows(model, study):
    other = replace(model.prepared.settings, training_seed=1)
    assert other.seeds["split"] == model.prepared.settings.seeds["split"]
    seed = next(one for one in study.flips if one.cause == "seed")
    assert seed.method == "Wilson over inputs, one level"


def test_a_cause_not_varied_is_said_and_how_to_vary_it(model, tmp_path):
    found = study_causes(model, CausePlan(), folder=tmp_path, progress=Silent())
    assert found.not_varied == ("drift", "seed")
    texts = " ".join(block.text for block in cause_blocks(found) if hasattr(block, "text"))
    assert "--training-seeds 5" in texts
    assert "--snapshots" in texts
    assert found.to_json()["not_varied"].keys() == {"drift", "seed"}
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_the_finding_names_the_largest_cause(study):
    told = cause_findings(study)
    largest = max(study.split, key=lambda one: one.share)
    assert f"{largest.share:.0%} comes from" in told[1]


def test_a_series_is_one_device_in_the_order_of_time(model, tmp_path):
    whole = model.prepared.machine.snapshot
    paths = [tmp_path / f"{n}.json" for n in range(3)]
    for path, (day, factor) in zip(paths, ((3, 0.5), (1, 0.7), (3, 0.5)), strict=True):
        write_snapshot(later(whole, day, factor), path)
    found = read_series(paths, whole.backend)
    assert [one.taken[:10] for one in found] == ["2026-01-01", "2026-01-03"]
    with pytest.raises(CalibrationError, match=r"all be of fake_x. Got one of fake_boston"):
        read_series(paths, "fake_x")


@pytest.mark.parametrize("wrong", [{"n_repeats": 1}, {"n_training_seeds": 0}, {"jitter": -0.1}])
def test_wrong_plans_are_refused(wrong):
    with pytest.raises(UsageError, match="Got"):
        CausePlan(**wrong)
