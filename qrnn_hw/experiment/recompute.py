"""The stacks of a finished run again, from its stored bits alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qrnn_hw.errors import UsageError
from qrnn_hw.experiment.quality import Judge, to_json
from qrnn_hw.experiment.rounds import MeasuredRounds
from qrnn_hw.experiment.shot_plan import ShotPlan
from qrnn_hw.experiment.stored import StoredRun
from qrnn_hw.experiment.tiled_measured import TiledMeasured
from qrnn_hw.mitigation.evidence import Evidence
from qrnn_hw.mitigation.stack import Stack
from qrnn_hw.mitigation.threshold import fit_threshold
from qrnn_hw.statistics.intervals import Interval


@dataclass(frozen=True)
class StackRow:
    """What one stack makes of the stored bits."""

    stack: str
    quality: dict[str, Interval]
    """By the name of the measure: accuracy, or nrmse and r2."""

    unlike: float
    """Share of labels that differ from those of the ideal outputs; of numbers the mean distance to
    them, in standard deviations of the target."""

    score_error: float | None
    """Mean |output - ideal output|; None where only the threshold moves."""

    shots: int
    """Spent on each prediction, a share of the readout calibration included."""

    def to_json(self) -> dict[str, Any]:
        """Return the row as a JSON object."""
        unlike = "flips" if "accuracy" in self.quality else "distance"
        return {
            "stack": self.stack,
            **to_json(self.quality),
            unlike: self.unlike,
            "score_error": self.score_error,
            "shots": self.shots,
        }


def row_of(
    name: str,
    outputs: NDArray[np.float64],
    ideal: NDArray[np.float64],
    judge: Judge,
    shots: int,
    *,
    moved: float = 0.0,
) -> StackRow:
    """Hold outputs (n, k), per step (n, T, k), against the targets and against the ideal outputs.

    Args:
        name: of the stack.
        outputs: as it estimates them.
        ideal: without noise, at infinite shots.
        judge: of the rows.
        shots: that it spent on each.
        moved: decision threshold of two classes.
    """
    answers = judge.answers(outputs - moved)
    own, exact = judge.numbers(outputs), judge.numbers(ideal)
    return StackRow(
        name,
        judge.intervals(answers),
        judge.unlike(answers, judge.answers(ideal)),
        None if moved else float(np.mean(np.abs(own - exact)[judge.counts])),
        shots,
    )


@dataclass(frozen=True)
class Recomputed:
    """All stacks at the same total number of shots for each prediction."""

    shots: int
    threshold: float | None
    """Fitted on the exact noisy scores of the validation rows; None without raw scores of two
    classes."""

    rows: tuple[StackRow, ...]


def ideal_outputs(run: StoredRun) -> NDArray[np.float64]:
    """Return the exact outputs without noise of the rows that were run, shape (n, k)."""
    circuit = run.prepared.circuit
    return circuit.law(run.trained, run.encoded, circuit.ideal).outputs


def recompute(run: StoredRun, shots: int | None = None, stack: Stack | None = None) -> Recomputed:
    """Correct and extrapolate the stored bits, each stack with the same total of shots.

    Args:
        run: opened from its folder.
        shots: for each prediction, at most as many as the run took; by default all.
        stack: one more to show, made of circuits that the run ran.

    Raises:
        UsageError: fewer shots than can be divided, or more than are stored; a stack that needs
            circuits which the run did not run.
    """
    if isinstance(run.measured, MeasuredRounds):
        return _rounds(run, run.measured, shots)
    if isinstance(run.measured, TiledMeasured):
        return _tiled(run, run.measured, shots, stack)
    total, planned = total_shots(run, shots), run.evaluation.stacks
    plan, judge = run.evaluation.shot_plan(total), run.judge
    ideal = ideal_outputs(run)
    rows = [row_of("ideal", ideal, ideal, judge, 0)]
    for one in planned:
        rows.append(row_of(one.name, run.circuits.outputs(one, plan), ideal, judge, total))
    if stack is not None and stack not in planned:
        fitting = fitting_plan(run, stack, total)
        if fitting is None:
            names = ", ".join(one.name for one in stored_stacks(run, total))
            raise UsageError(
                f"a plan for a run's stored bits should be one of: {names}. Got {stack.name}, "
                "which needs circuits that it did not run."
            )
        found = run.circuits.outputs(stack, fitting)
        rows.append(row_of(stack.name, found, ideal, judge, fitting.total))
    threshold = None
    if Stack() in planned and judge.is_one_score:
        threshold = _threshold(run)
        raw = run.circuits.outputs(Stack(), plan)
        rows.append(row_of("threshold", raw, ideal, judge, total, moved=threshold))
    return Recomputed(total, threshold, tuple(rows))


def _threshold(run: StoredRun) -> float:
    validation = run.prepared.task.validation
    circuit = run.prepared.circuit
    noisy = circuit.law(run.trained, run.trained.encoded(validation), circuit.noisy)
    return fit_threshold(noisy.outputs[:, 0], validation.known_targets)


def _rounds(run: StoredRun, measured: MeasuredRounds, shots: int | None) -> Recomputed:
    """Hold the outputs of a run in rounds against those without noise."""
    test, stored = run.prepared.test, run.prepared.settings.shots
    if shots not in (None, stored):
        raise UsageError(
            f"the shots of a run in rounds should be those that it stored ({stored}): fewer would "
            f"have fed other values back. Got {shots}; leave --shots out."
        )
    ideal, spent = (
        run.trained.circuit_outputs(test.values, test.lengths),
        round(measured.shots_per_prediction),
    )
    rows = (
        row_of("ideal", ideal, ideal, run.judge, 0),
        row_of("none", measured.outputs, ideal, run.judge, spent),
    )
    return Recomputed(spent, None, rows)


def _tiled(
    run: StoredRun, measured: TiledMeasured, shots: int | None, stack: Stack | None
) -> Recomputed:
    """Hold the outputs of a run on tiles against those without noise.

    Raises:
        UsageError: a stack or shots other than those that the run planned.
    """
    planned = measured.evaluation.stacks
    if stack is not None and stack not in planned:
        raise UsageError(
            f"the plan of a run on tiles should be one that it ran: "
            f"{', '.join(one.name for one in planned)}. Got {stack.name}."
        )
    stored = run.prepared.settings.shots
    if shots not in (None, stored):
        raise UsageError(
            f"the shots of a run on tiles should be those that it stored ({stored}), which each "
            f"sequence spent on several of them. Got {shots}; leave --shots out."
        )
    circuit = run.prepared.circuit
    ideal = circuit.law(run.trained, measured.evaluation.encoded, circuit.ideal).outputs
    rows = [row_of("ideal", ideal, ideal, run.judge, 0)]
    for name, outputs in measured.by_stack().items():
        rows.append(row_of(name, outputs, ideal, run.judge, stored))
    return Recomputed(stored, None, tuple(rows))


def total_shots(run: StoredRun, shots: int | None) -> int:
    """Return the shots of one prediction: those asked for, or all that are stored.

    Raises:
        UsageError: More than are stored, or too few to divide.
    """
    stored = run.prepared.settings.shots
    total = stored if shots is None else shots
    if total > stored:
        raise UsageError(
            f"the shots should be at most those that the run stored ({stored}). Got {total}. "
            "Use fewer, or run again with more."
        )
    replace(run.evaluation, total=total).check()
    return total


def stored_stacks(run: StoredRun, total: int) -> tuple[Stack, ...]:
    """Return the planned stacks, and the others that their circuits allow."""
    factors = [stack.extrapolation for stack in run.evaluation.stacks]
    others = (
        replace(stack, extrapolation=extrapolation, terminal=terminal)
        for stack in run.evaluation.stacks
        for extrapolation in (None, *factors)
        if extrapolation is not None or stack.feed_forward != "amplify"
        for terminal in (False, True)
    )
    found = dict.fromkeys((*run.evaluation.stacks, *others))
    return tuple(one for one in found if fitting_plan(run, one, total) is not None)


def canary_evidence(run: StoredRun, stacks: Sequence[Stack], total: int) -> dict[Stack, Evidence]:
    """Return what the run's canaries showed of stacks that its circuits allow; none without any."""
    measured, canaries = run.circuits, run.evaluation.canaries
    plans = {one: fitting_plan(run, one, total) for one in stacks} if canaries else {}
    return {
        one: Evidence.of(measured.sent(one, plan), canaries.known)
        for one, plan in plans.items()
        if plan is not None and canaries is not None
    }


def fitting_plan(run: StoredRun, stack: Stack, total: int) -> ShotPlan | None:
    """Return the largest plan of at most `total` shots whose circuits have theirs in the store.

    A run gives each circuit what its own stacks want; another stack may want more of one.
    """
    run_plan = run.evaluation.shot_plan(total)
    for spent in range(total, total - run_plan.calibration_share - 1, -1):
        plan = replace(run_plan, total=spent)
        try:
            if not run.circuits.lacks(stack, plan):
                return plan
        except UsageError:  # fewer shots than circuits, or nothing to relabel
            return None
    return None
