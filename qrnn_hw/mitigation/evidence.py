"""What canaries show of a stack on the machine itself, weighed against a forecast."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from qrnn_hw.mitigation.answer import Answer
from qrnn_hw.mitigation.plan import NOTHING, Declined, Forecast, MitigationPlan, is_far
from qrnn_hw.mitigation.stack import Stack

LEAST_BIAS = 0.003
"""Of a score between -1 and 1, that no description of noise is believed below."""

BELIEF = 0.35
"""Half of the middle half of a belief in the logarithm of the squared bias, around its forecast."""


@dataclass(frozen=True)
class Evidence:
    """What canaries under a stack showed on the machine itself.

    A description of the noise has no errors but those that it names; what canaries miss has all of
    them, drowned in shots. `bias` weighs the one by the other.
    """

    squared_miss: float
    """Mean square of what the canaries missed, shots in it."""

    squared_error: float
    """Mean square of their standard errors."""

    n_canaries: int
    scatter: float = 1.0
    """Error of the scatter between repetitions over that of the shots; below 1 counts as 1."""

    @classmethod
    def of(cls, sent: Answer, known: NDArray[np.float64]) -> "Evidence":
        """Hold the canaries' answers under a stack against what they are known to be."""
        return cls(
            float(np.mean((sent.value - known) ** 2)),
            float(np.mean(sent.standard_error**2)),
            len(known),
            1.0 if sent.repeated is None else sent.repeated.ratio,
        )

    def squared_bias(self, forecast: float) -> float:
        """Return the geometric mean of the squared bias, given what a noise description forecasts.

        The misses are normal with the bias's square and the shots' as variance. The belief before
        is Cauchy's in the logarithm, around the forecast, which no description being complete is
        never below `LEAST_BIAS` squared: narrow, so that the shot noise of a few canaries does not
        choose among stacks, and with tails so long that what they show beyond doubt does.

        Args:
            forecast: squared bias under the description.
        """
        logs = np.linspace(math.log(1e-8), 0.0, 400)
        middle = math.log(forecast + LEAST_BIAS**2)
        total = np.exp(logs) + self.squared_error
        score = -np.log1p(((logs - middle) / BELIEF) ** 2)
        score -= self.n_canaries / 2 * (np.log(total) + self.squared_miss / total)
        weights = np.exp(score - score.max())
        return float(np.exp(weights @ logs / weights.sum()))


def shortlist(plan: MitigationPlan, most_circuits: int = 1000) -> tuple[Stack, ...]:
    """Return the stacks that are worth a trial on canaries: the best of each kind by forecast.

    Kinds differ in what canaries may find out: with relabelling and without it, extrapolated or
    not, from near factors alone or from far ones too. No mitigation is always among them.

    Args:
        plan: the forecasts.
        most_circuits: of a stack that is to be tried.
    """
    best: dict[tuple[bool, bool, bool], Stack] = {}
    for item in plan.forecasts:
        if item.n_circuits > most_circuits:
            continue
        best.setdefault(_kind(item.stack), item.stack)
    return tuple(dict.fromkeys((NOTHING, *best.values())))


def _kind(stack: Stack) -> tuple[bool, bool, bool]:
    return stack.feed_forward != "none", stack.extrapolation is not None, is_far(stack)


def reconsidered(plan: MitigationPlan, evidence: Mapping[Stack, Evidence]) -> MitigationPlan:
    """Choose again by what canaries showed.

    The bias of a stack that they ran is theirs as much as the description's, and its variance grows
    by what repetitions scattered beyond shots. Another stack, of no more circuits than any of
    these, is taken to miss its forecast as the one of its kind did (`shortlist`), and no less than
    forecast. No mitigation stays the answer where nothing gains enough.

    Args:
        plan: the forecasts of a description, whose level should be fitted to the same canaries: the
            best of a description that is off by a factor is another stack.
        evidence: of some of its stacks.
    """
    tried = {one.stack: one for one in plan.forecasts if one.stack in evidence}
    most = max(one.n_circuits for one in tried.values())
    found = {stack: _corrected(one, evidence[stack]) for stack, one in tried.items()}
    over = {stack: one.squared_bias / _believed(tried[stack]) for stack, one in found.items()}
    likewise: dict[tuple[bool, bool, bool], float] = {}
    for stack, ratio in over.items():
        likewise[_kind(stack)] = max(1.0, ratio, likewise.get(_kind(stack), 0.0))
    others = [one for one in plan.forecasts if one.stack not in evidence]
    for one in others:
        if one.n_circuits <= most:
            ratio = likewise.get(_kind(one.stack), max(1.0, *over.values()))
            found[one.stack] = replace(one, squared_bias=ratio * _believed(one))
    forecasts = sorted(found.values(), key=lambda one: one.squared_error)
    # Where no canary ran without mitigation its forecast has to do.
    nothing = next(one for one in (*forecasts, *plan.forecasts) if one.stack == NOTHING)
    gains = forecasts[0].squared_error < (1 - plan.least_gain) * nothing.squared_error
    untried = tuple(
        Declined(one.stack, "no canary was run under so many circuits")
        for one in others
        if one.stack not in found
    )
    stack = forecasts[0].stack if gains else NOTHING
    return replace(
        plan, stack=stack, forecasts=tuple(forecasts), declined=(*plan.declined, *untried)
    )


def _believed(item: Forecast) -> float:
    return item.squared_bias + LEAST_BIAS**2


def _corrected(item: Forecast, evidence: Evidence) -> Forecast:
    return replace(
        item,
        squared_bias=evidence.squared_bias(item.squared_bias),
        variance=item.variance * max(1.0, evidence.scatter) ** 2,
    )
