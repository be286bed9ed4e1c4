"""The most that a budget of QPU minutes buys of a run: shots, for the stacks that it can pay."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property

from jobs.assess import Conditions
from jobs.budget import least_limit
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
from qrnn_hw.submission.consent import ALIKE

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

    @property
    def stack_names(self) -> tuple[str, ...]:
        """Of what is run, as `--plan` takes them."""
        return tuple(one.name for one in self.stacks)

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
            f"{', '.join(self.stack_names)} on "
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
    seconds = min(settings.budget_seconds or seconds, seconds)
    # The price of a circuit that is placed again after the training may be a little more.
    within = seconds / ALIKE if settings.placement == AUTO else seconds
    while True:
        found = _most(prices, tuple(stacks), within)
        if found is not None:
            bought = prices.bought(tuple(stacks), tuple(left_out), found)
            return as_bought(prepared, bought.shots, bought.stack_names, seconds), bought
        if len(stacks) == 1:
            fewest = prices.fewest(tuple(stacks))
            least = prices.of(tuple(stacks), fewest).limit_seconds * (seconds / within)
            enough = math.ceil(100 * least / 60) / 100
            side_by_side = "" if _n_tiles(prepared) > 1 else ", or --tiles auto"
            raise UsageError(
                f"a run of {counted(len(prepared.test), 'sequence')} with {stacks[0].name} and "
                f"{fewest} shots each should fit into its minutes. Got {seconds / 60:g}; it "
                f"takes --minutes {enough:g}, or fewer --sentences{side_by_side}."
            )
        dearest = max(stacks, key=prices.least)
        stacks.remove(dearest)
        left_out.append(dearest)


def as_bought(
    prepared: Prepared, shots: int, stack_names: tuple[str, ...], seconds: float
) -> Prepared:
    """Return the run with the shots and stacks that the seconds bought."""
    told = replace(prepared.settings, shots=shots, plans=stack_names, budget_seconds=seconds)
    return prepared.told(told)


@dataclass(frozen=True)
class _Price:
    """What so many shots of all stacks cost."""

    shots: int
    estimate: Estimate
    n_jobs: int
    limit_seconds: float
    """What their limits come to at least, against which a budget is held."""


def _most(prices: _Prices, stacks: tuple[Stack, ...], seconds: float) -> _Price | None:
    """Return the most shots within the seconds, None where the fewest are not."""
    fits, beyond = prices.of(stacks, prices.fewest(stacks)), None
    if fits.limit_seconds > seconds:
        return None
    # Seconds grow with shots but for the jobs: a few steps of the secant come near enough.
    for _ in range(7):
        each = (fits.estimate.high_seconds - 2.5 * fits.n_jobs) / fits.shots
        more = int(0.97 * (seconds - fits.estimate.high_seconds) / max(each, 1e-9))
        if beyond is not None:
            more = min(more, (beyond.shots - fits.shots) // 2)
        if more < max(1, fits.shots // 50) or fits.shots >= MOST_SHOTS:
            break
        found = prices.of(stacks, min(MOST_SHOTS, fits.shots + more))
        if found.limit_seconds > seconds:
            beyond = found
        else:
            fits = found
    return fits


@dataclass(frozen=True, eq=False)
class _Prices:
    """Prices of one run at unlike shots, whose circuits are looked at once."""

    prepared: Prepared

    @cached_property
    def _conditions(self) -> Conditions:
        return conditions_of(self.prepared.machine)

    def of(self, stacks: tuple[Stack, ...], shots: int) -> _Price:
        """Return what so many shots for all stacks cost, and in how many jobs."""
        machine = self.prepared.machine
        priced = Priced(machine, conditions=self._conditions)
        self._evaluation(stacks, shots).measure(priced)
        limits = (
            least_limit(part, is_charged=machine.is_real)
            for job in priced.jobs
            for part in job.parts
        )
        return _Price(shots, priced.estimate, priced.n_parts, sum(limits))

    def bought(
        self, stacks: tuple[Stack, ...], left_out: tuple[Stack, ...], price: _Price
    ) -> Bought:
        """Return a plan in words."""
        prepared = self.prepared
        tiles, is_forecast = _n_tiles(prepared), isinstance(prepared.task.target, Numbers)
        told, n = (price.estimate, price.n_jobs), len(prepared.test)
        return Bought(price.shots, stacks, left_out, *told, tiles, n, is_forecast)

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
        return self.of((stack,), self.fewest((stack,))).estimate.best_seconds

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
