"""A budget of minutes buys shots, is nearly used up, never passed, and says what it cannot pay."""

import math
import re
from dataclasses import dataclass, field, replace

import numpy as np
import pytest

import circuits
from calibration.library import snapshot
from calibration.noise import DeviceNoise
from jobs.cost import PriceFormula
from jobs.transpile.isa import transpile_step
from qrnn_hw.data.target import TWO_CLASSES
from qrnn_hw.errors import ConfigurationError, TooFewShotsError, UsageError
from qrnn_hw.experiment import minutes
from qrnn_hw.experiment.evaluation import Evaluation
from qrnn_hw.experiment.kept_minutes import bought_once
from qrnn_hw.experiment.measure import Priced
from qrnn_hw.experiment.progress import Quiet
from qrnn_hw.experiment.settings import RunSettings
from qrnn_hw.networks.encoded import Encoded
from qrnn_hw.networks.shot_head import ShotHead
from qrnn_hw.submission.machine import Machine

DEVICE = snapshot("fake_kingston")
MODEL = circuits.architecture("dynamic-line")
STEP = transpile_step(MODEL, DEVICE, seed=7)
N = 40


@dataclass(frozen=True)
class Prepared:
    """What planning asks of a run, with one length of sequences."""

    settings: RunSettings
    machine: Machine = field(default=Machine("fake_kingston", DEVICE, is_real=False))
    test: range = range(N)

    class training:
        class untrained:
            @staticmethod
            def encoded(rows):
                return Encoded(
                    np.zeros(MODEL.n_weights),
                    np.zeros((len(rows), 1, MODEL.n_features)),
                    np.ones(len(rows), dtype=int),
                )

    class circuit:
        tiler = None

    class task:
        target = TWO_CLASSES

    def told(self, settings):
        return replace(self, settings=settings)

    def evaluation(self, untrained, encoded, stacks, along):
        return Evaluation(
            STEP,
            DeviceNoise(STEP.snapshot),
            encoded,
            ShotHead(np.array([[1.0], [0.0], [0.0], [-1.0]])),
            stacks,
            self.settings.shots,
            self.settings.seeds,
            DEVICE.n_qubits,
        )


@pytest.fixture(autouse=True)
def no_canaries(monkeypatch):
    monkeypatch.setattr(minutes, "priced_canaries", lambda prepared, untrained: None)


def test_the_minutes_are_used_and_not_passed():
    plain = Prepared(RunSettings(plans=("none", "terminal")))
    for seconds in (30.0, 120.0):
        run, bought = minutes.fitted(plain, seconds)
        assert 0.85 * seconds < bought.estimate.high_seconds <= seconds
        assert run.settings.shots == bought.shots
        assert run.settings.budget_seconds == seconds
        assert bought.left_out == ()
    assert "2 jobs" in str(bought)
    assert "would be known as 65% to 90%" in str(bought)
    assert "accuracy" not in str(replace(bought, is_forecast=True))


def test_a_plan_that_cannot_be_paid_is_left_out_by_name():
    plain = Prepared(RunSettings(plans=("none", "linear(1,3)")))
    run, bought = minutes.fitted(plain, 4.5)
    assert [one.name for one in bought.left_out] == ["linear(1,3)"]
    assert run.settings.plans == ("none",)
    assert "not reached: linear(1,3)" in str(bought)


def test_too_few_minutes_name_the_fewest_that_do_and_an_open_plan_is_refused():
    plain = Prepared(RunSettings(plans=("none", "terminal")))
    with pytest.raises(UsageError, match="with none and 32 shots each .* Got 0.01;") as refused:
        minutes.fitted(plain, 0.6)
    enough = float(re.search(r"--minutes (\S+), or fewer", str(refused.value))[1])
    _, bought = minutes.fitted(plain, 60 * enough)
    assert bought.shots >= minutes.FEWEST
    with pytest.raises(UsageError, match="should fit into its minutes"):
        minutes.fitted(plain, 60 * (enough - 0.01))
    with pytest.raises(UsageError, match="Got --plan auto"):
        minutes.fitted(Prepared(RunSettings(plans=("auto",))), 100.0)
    with pytest.raises(UsageError, match="minutes should be a number above 0"):
        RunSettings(minutes=0)


def test_a_plan_that_needs_more_shots_than_the_fewest_is_priced_with_as_many(monkeypatch):
    """Two scale factors have no single shot; on tiles masks have no 32."""
    monkeypatch.setattr(minutes, "FEWEST", 1)
    plain = Prepared(RunSettings(plans=("none", "linear(1,3)")))
    assert minutes._Prices(plain).fewest(minutes.named_stacks(plain.settings)) == 2
    _, bought = minutes.fitted(plain, 30.0)
    assert bought.left_out == ()
    monkeypatch.setattr(minutes, "MOST_FEWEST", 1)
    with pytest.raises(TooFewShotsError, match="should be at least 2"):
        minutes.fitted(plain, 30.0)


@pytest.mark.parametrize("seconds", [9.0, 30.0, 33.6])
def test_limits_in_whole_seconds_stay_within_the_minutes_of_a_real_machine(seconds):
    """A job of 4.2 s is allowed 5: two such jobs are not within 9 s."""
    real = Machine("ibm_kingston", DEVICE, is_real=True)
    run, bought = minutes.fitted(Prepared(RunSettings(plans=("none", "terminal")), real), seconds)
    priced = Priced(real)
    run.evaluation(None, real_rows(run), bought.stacks, None).measure(priced)
    highs = [part.estimate.high_seconds for job in priced.jobs for part in job.parts]
    assert len(highs) == bought.n_jobs == 2
    assert 0.7 * seconds < sum(map(math.ceil, highs)) <= seconds


def real_rows(run):
    return run.training.untrained.encoded(run.test)


def test_a_run_that_goes_on_keeps_what_its_minutes_bought(tmp_path, monkeypatch):
    """Its own charges make later jobs dearer: other shots would be other jobs, paid again."""
    begun = Prepared(RunSettings(plans=("none",), output=tmp_path))
    first = bought_once(begun, 0.5, Quiet()).settings
    with monkeypatch.context() as charged:
        dear = PriceFormula(2.0, 1.5, 0.35e-3)
        charged.setattr("qrnn_hw.submission.assessment.own_formula", lambda: dear)
        dearer = bought_once(begun, 0.5, Quiet()).settings
    assert dearer.shots < first.shots  # nothing was trained or sent yet
    (tmp_path / "checkpoint.npz").touch()
    assert bought_once(begun, 0.5, Quiet()).settings == dearer
    assert bought_once(begun, 0.6, Quiet()).settings.shots > dearer.shots
    (tmp_path / "minutes.json").write_text("{")
    with pytest.raises(ConfigurationError, match="choose another --output"):
        bought_once(begun, 0.6, Quiet())
