"""Stopping early: labels from batches of shots, and what that saves against fixed shots."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qrnn_hw.errors import UsageError
from qrnn_hw.statistics.certificates import CanaryLine, guarded_verdict
from qrnn_hw.statistics.decisions import (
    UNDECIDED,
    DecisionRule,
    Labels,
    decide,
    distributions,
    infinite_shot_labels,
)
from qrnn_hw.statistics.intervals import Interval, bootstrap, mean_share
from qrnn_hw.statistics.repetitions import sums_disagree
from qrnn_hw.statistics.sequential import (
    BetaMixture,
    Betting,
    SequentialTest,
    Stopped,
    has_equal_votes,
    verdict,
)

Array = NDArray[np.float64]
Draw = Callable[[NDArray[np.int64], int], ArrayLike]
"""Runs the inputs of these indices with so many more shots each; counts, shape (rows, 2**m)."""

FIXED_LIMIT = 64
"""Fixed shots are looked for up to so many times the adaptive cap."""


def growing_looks(max_shots: int, first: int = 8, ratio: float = 1.1) -> tuple[int, ...]:
    """Return the shots at which to look: each a tenth later than the last, the cap at the end.

    Looking at every shot saves at most the last tenth more and costs a job each on a device.

    Raises:
        UsageError: if the cap is below 1, the first look below 1 or the ratio not above 1.
    """
    if max_shots < 1 or first < 1 or ratio <= 1:
        raise UsageError(
            "looks need a cap and a first look of at least 1 and a ratio above 1. "
            f"Got {max_shots}, {first} and {ratio}."
        )
    looks, last = [], float(first)
    while last < max_shots:
        looks.append(round(last))
        last = max(last * ratio, last + 1)
    return (*looks, max_shots)


def label_in_batches(
    test: SequentialTest,
    draw: Draw,
    n_inputs: int,
    looks: Sequence[int],
    line: CanaryLine | None = None,
) -> Stopped:
    """Run only the inputs that are still open, batch by batch, until the last look.

    The guarantee of an anytime-valid test holds whatever the looks are, for this machine's label if
    its shots are alike: an input whose batches disagree stays open. With a line of canaries the
    labels are the noiseless ones, if canaries are representative.

    Args:
        test: the stopping rule.
        draw: runs a batch: a simulation, or any executor through `studies.live.batch_draw`.
        n_inputs: number of inputs.
        looks: rising numbers of shots at which the evidence is looked at.
        line: of canaries on the same machine; the noiseless labels are then asked for.

    Returns:
        Labels and shots, each of shape (n_inputs,).
    """
    counts = np.zeros((n_inputs, len(test.rule.weights)))
    squares = np.zeros(n_inputs)
    labels = np.full(n_inputs, UNDECIDED, dtype=np.int8)
    shots = np.full(n_inputs, looks[-1], dtype=np.int64)
    before = 0
    for number, look in enumerate(looks, start=1):
        rows = np.flatnonzero(labels == UNDECIDED)
        if rows.size == 0:
            break
        batch, steps = np.asarray(draw(rows, look - before)), test.rule.steps
        counts[rows] += batch
        squares[rows] += (batch @ steps) ** 2 / (look - before)
        seen = counts[rows]
        found = verdict(test, seen) if line is None else _noiseless(test, line, seen)
        drifts = sums_disagree(squares[rows], number, seen, steps)
        labels[rows] = np.where(drifts, UNDECIDED, found)
        shots[rows[labels[rows] != UNDECIDED]] = look
        before = look
    return Stopped(labels, shots)


def _noiseless(test: SequentialTest, line: CanaryLine, counts: Array) -> Labels:
    # Of all tests betting alone takes the unequal weights that a moved threshold makes.
    delta = float(np.exp(-test.log_bound))
    return guarded_verdict(lambda rule: Betting(rule, delta), test.rule, line, delta, counts)


@dataclass(frozen=True)
class AdaptiveRow:
    """One sequential test on one set, beside fixed shots that answer as many inputs."""

    condition: str
    test: str
    delta: float
    max_shots: int
    decided: Interval
    wrong: Interval  # share of all inputs labelled unlike their infinite-shot label
    mean_shots: Interval
    fixed_shots: int | None
    """Fewest shots for every input at which a test of fixed size with the same guarantee, the
    margin unknown, answers as large a share; None beyond `FIXED_LIMIT` caps."""

    oracle_shots: int | None
    """Fewest shots at which as large a share flips with at most delta by the exact law, which a
    user does not know."""

    @property
    def saving(self) -> float | None:
        """Fixed shots over mean adaptive shots."""
        return None if self.fixed_shots is None else self.fixed_shots / self.mean_shots.value

    @property
    def oracle_saving(self) -> float | None:
        """Oracle shots over mean adaptive shots."""
        return None if self.oracle_shots is None else self.oracle_shots / self.mean_shots.value

    def to_json(self) -> dict[str, Any]:
        """Return the fields and both savings as a JSON object."""
        return asdict(self) | {"saving": self.saving, "oracle_saving": self.oracle_saving}


def compare_with_fixed(
    condition: str,
    probabilities: ArrayLike,
    certain_shots: ArrayLike,
    rule: DecisionRule,
    *,
    delta: float,
    max_shots: int,
    n_repeats: int,
    seed: int,
) -> tuple[AdaptiveRow, ...]:
    """Draw every input `n_repeats` times and hold each anytime-valid test against fixed shots.

    Intervals are bootstrapped over inputs, Wilson's where all agree: they say what other inputs of
    the same kind would show.

    Args:
        condition: name for the rows.
        probabilities: exact outcome distributions, shape (n, 2**m).
        certain_shots: shots at which each label is certain by the exact law, shape (n,), from
            `certainty.exact_shots`.
        rule: the weights and the threshold, with weights on both sides of it.
        delta: accepted probability of a wrong label.
        max_shots: cap; what is still open there is undecided.
        n_repeats: simulated runs of each input.
        seed: of the draws.
    """
    p = distributions(probabilities, rule)
    tests: dict[str, SequentialTest] = {"betting": Betting(rule, delta)}
    if has_equal_votes(rule):
        tests["Beta mixture"] = BetaMixture(rule, delta)
    needed = np.sort(np.asarray(certain_shots, dtype=np.float64))
    draws = (delta, max_shots, n_repeats, seed)
    return tuple(_compare(condition, name, test, p, needed, *draws) for name, test in tests.items())


def _compare(
    condition: str,
    name: str,
    test: SequentialTest,
    p: Array,
    needed: Array,
    delta: float,
    max_shots: int,
    n_repeats: int,
    seed: int,
) -> AdaptiveRow:
    rule, truth = test.rule, infinite_shot_labels(p, test.rule)
    draw = simulated_draw(p, n_repeats, seed)
    stopped = label_in_batches(test, draw, n_repeats * len(p), growing_looks(max_shots))
    labels = stopped.labels.reshape(len(p), n_repeats)
    answered = labels != UNDECIDED
    wrong = answered & (labels != truth[:, None])
    shots = stopped.shots.reshape(len(p), n_repeats)
    share, limit = float(answered.mean()), FIXED_LIMIT * max_shots

    def fixed_answers(shots: int) -> bool:
        counts = np.random.default_rng([seed, shots]).multinomial(
            shots, np.repeat(p, n_repeats, axis=0)
        )
        return float((decide(counts, rule, delta) != UNDECIDED).mean()) >= share

    # The share flips with at most delta once as many inputs are certain.
    oracle = float(needed[max(0, math.ceil(share * len(p)) - 1)])
    return AdaptiveRow(
        condition,
        name,
        delta,
        max_shots,
        decided=mean_share(answered.mean(axis=1), seed=seed),
        wrong=mean_share(wrong.mean(axis=1), seed=seed),
        mean_shots=bootstrap(shots.mean(axis=1), seed=seed),
        fixed_shots=_fewest(fixed_answers, limit),
        oracle_shots=int(oracle) if np.isfinite(oracle) else None,
    )


def simulated_draw(probabilities: Array, n_repeats: int, seed: int) -> Draw:
    """Return a draw from exact distributions; input i is run as the indices of its repeats.

    Args:
        probabilities: shape (n, 2**m); index i * n_repeats + k is repeat k of input i.
        n_repeats: simulated runs of each input.
        seed: of the draws.
    """
    generator = np.random.default_rng(seed)
    return lambda rows, shots: generator.multinomial(shots, probabilities[rows // n_repeats])


def _fewest(holds: Callable[[int], bool], limit: int) -> int | None:
    """Return the fewest shots, within a hundredth, at which a growing share is reached."""
    enough = 1
    while not holds(enough):
        if enough >= limit:
            return None
        enough *= 2
    too_few = enough // 2
    while enough - too_few > max(1, enough // 100):
        middle = (too_few + enough) // 2
        too_few, enough = (too_few, middle) if holds(middle) else (middle, enough)
    return enough
