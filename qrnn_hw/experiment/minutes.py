"""The most that a budget of QPU minutes buys of a run: shots, for the stacks that it can pay."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property

from jobs.assess import Conditions
from jobs.cost import Estimate
from jobs.counted import counted
from jobs.service.pace import sending_seconds
from qrnn_hw.data.target import Numbers
from qrnn_hw.errors import TooFewShotsError, UsageError
from qrnn_hw.experiment.canaries import priced_canaries
from qrnn_hw.experiment.evaluation import Evaluation
from qrnn_hw.experiment.measure import Priced
from qrnn_hw.experiment.plan import named_stacks
from qrnn_hw.experiment.prepare import Prepared
from qrnn_hw.experiment.settings import AUTO
from qrnn_hw.experiment.tiled import TiledEvaluation
from qrnn_hw.mitigation.stack import Stack
from qrnn_hw.ranges import MOST_SHOTS
from qrnn_hw.statistics.intervals import wilson
from qrnn_hw.submission.assessment import conditions_of

FEWEST = 32
"""Shots of a prediction: with fewer, extrapolated scores are noise."""

MOST_FEWEST = 32_768
"""With as many every stack has a shot for each of its circuits, on tiles too."""

USUAL_ACCURACY = 0.8
"""For the width of an interval before anything is known."""


@dataclass(frozen=True)
class Bought:
    """The plan that a budget buys."""

    shots: int
    stacks: tuple[Stack, ...]
    left_out: tuple[Stack, ...]
    """Stacks that cannot be had at `FEWEST` shots, the dearest first."""

    estimate: Estimate
    n_jobs: int
    tiles: int
    sequences: int
    is_forecast: bool = False
    """Whether numbers are asked for, which have no accuracy."""

    def __str__(self) -> str:
        cost, known = self.estimate, ""
        if not self.is_forecast:
            low, high = _interval(self.sequences)
            known = (
                f"; an accuracy of {USUAL_ACCURACY:.0%} would be known as {low:.0%} to {high:.0%}"
            )
        out = f"; not reached: {', '.join(one.name for one in self.left_out)}" * bool(self.left_out)
        minutes = sending_seconds(self.n_jobs) / 60
        sending = f", {minutes:.0f} minutes or more to send them" if minutes else ""
        return (
            f"{counted(self.shots, 'shot')} per prediction for "
            f"{', '.join(one.name for one in self.stacks)} on "
            f"{counted(self.tiles, 'tile')}: {counted(self.n_jobs, 'job')}, "
            f"about {cost.best_seconds:.0f} s "
            f"({cost.low_seconds:.0f} to {cost.high_seconds:.0f} s){sending}{known}{out}"
        )


def fitted(prepared: Prepared, seconds: float) -> tuple[Prepared, Bought]:
    """Return the run with as many shots as the seconds pay for, and the plan in words.

    The stacks asked for are kept as long as `FEWEST` shots of all of them are within the budget;
    else the one that adds most is left out, and so on.

    Args:
        prepared: with the stacks and tiles of its settings.
        seconds: by the upper end of the estimate.

    Raises:
        UsageError: a model in rounds, a plan that is yet to be chosen, or nothing is within.
    """
    settings = prepared.settings
    if AUTO in settings.plans:
        raise UsageError("minutes should be planned for stacks that are named. Got --plan auto.")
    stacks: list[Stack] = list(named_stacks(settings))
    left_out: list[Stack] = []
    prices = _Prices(prepared)
    while True:
        bought = _most(prices, tuple(stacks), tuple(left_out), seconds)
        if bought is not None:
            told = replace(
                settings,
                shots=bought.shots,
                plans=tuple(one.name for one in bought.stacks),
                budget_seconds=min(settings.budget_seconds or seconds, seconds),
            )
            return prepared.told(told), bought
        if len(stacks) == 1:
            fewest = prices.fewest(tuple(stacks))
            least, _ = prices.of(tuple(stacks), fewest)
            enough = math.ceil(100 * least.high_seconds / 60) / 100
            side_by_side = "" if _n_tiles(prepared) > 1 else ", or --tiles auto"
            raise UsageError(
                f"a run of {counted(len(prepared.test), 'sequence')} with {stacks[0].name} and "
                f"{fewest} shots each should fit into its minutes. Got {seconds / 60:g}; it "
                f"takes --minutes {enough:g}, or fewer --sentences{side_by_side}."
            )
        dearest = max(stacks, key=prices.least)
        stacks.remove(dearest)
        left_out.append(dearest)


def _most(
    prices: _Prices, stacks: tuple[Stack, ...], left_out: tuple[Stack, ...], seconds: float
) -> Bought | None:
    """Return the plan of most shots within the seconds, None where the fewest are not."""
    shots, fits, prepared = prices.fewest(stacks), None, prices.prepared
    estimate, n_jobs = prices.of(stacks, shots)
    # Seconds grow with shots but for the jobs: a few steps of the secant come near enough.
    for _ in range(4):
        if estimate.high_seconds > seconds:
            if fits is None:
                return None
            break
        fits = (shots, estimate, n_jobs)
        spare = seconds - estimate.high_seconds
        each = (estimate.high_seconds / 1.25 - 2.0 * n_jobs) / shots * 1.25
        more = int(0.97 * spare / max(each, 1e-9))
        if more < max(1, shots // 50) or shots >= MOST_SHOTS:
            break
        shots = min(MOST_SHOTS, shots + more)
        estimate, n_jobs = prices.of(stacks, shots)
    assert fits is not None
    found, price, jobs = fits
    tiles, is_forecast = _n_tiles(prepared), isinstance(prepared.task.target, Numbers)
    return Bought(found, stacks, left_out, price, jobs, tiles, len(prepared.test), is_forecast)


@dataclass(frozen=True, eq=False)
class _Prices:
    """Prices of one run at unlike shots, whose circuits are looked at once."""

    prepared: Prepared

    @cached_property
    def _conditions(self) -> Conditions:
        return conditions_of(self.prepared.machine)

    def of(self, stacks: tuple[Stack, ...], shots: int) -> tuple[Estimate, int]:
        """Return what so many shots for all stacks cost, and in how many jobs."""
        priced = Priced(self.prepared.machine, conditions=self._conditions)
        self._evaluation(stacks, shots).measure(priced)
        return priced.estimate, priced.n_parts

    def fewest(self, stacks: tuple[Stack, ...]) -> int:
        """Return `FEWEST`, or where masks want more circuits as many as these take.

        Raises:
            UsageError: a stack that the model is not run with, with any shots.
        """
        shots = FEWEST
        while True:
            try:
                self._evaluation(stacks, shots).check()
            except TooFewShotsError:
                if shots >= MOST_FEWEST:
                    raise
                shots *= 2
            else:
                return shots

    def least(self, stack: Stack) -> float:
        """Return the seconds of a stack by itself with its fewest shots."""
        return self.of((stack,), self.fewest((stack,)))[0].best_seconds

    def _evaluation(self, stacks: tuple[Stack, ...], shots: int) -> Evaluation | TiledEvaluation:
        told = self.prepared.told(replace(self.prepared.settings, shots=shots))
        untrained = told.training.untrained
        along = priced_canaries(told, untrained)
        evaluation = told.evaluation(untrained, untrained.encoded(told.test), stacks, along)
        if not isinstance(evaluation, Evaluation | TiledEvaluation):
            raise UsageError(
                "minutes should be planned for a model whose sequence is one circuit. Got "
                f"{told.settings.model}, which is run in rounds."
            )
        return evaluation


def _n_tiles(prepared: Prepared) -> int:
    tiler = prepared.circuit.tiler
    return 1 if tiler is None else len(tiler.tiling)


def _interval(n: int) -> tuple[float, float]:
    found = wilson(round(USUAL_ACCURACY * n), n, 0.95)
    return found.low, found.high
