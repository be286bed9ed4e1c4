"""The stacks of a finished run again, from its stored bits alone."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qrnn_hw.errors import UsageError
from qrnn_hw.mitigation.stack import Stack, outcome_numbers
from qrnn_hw.mitigation.threshold import fit_threshold
from qrnn_hw.predict import counts_of
from qrnn_hw.run.evaluate import ZNE, accuracy_interval, plan_shots
from qrnn_hw.run.outcome import exact_distributions
from qrnn_hw.run.stored_run import StoredRun
from qrnn_hw.statistics.intervals import Interval


@dataclass(frozen=True)
class Row:
    """What one stack makes of the stored bits."""

    stack: str
    accuracy: Interval
    flips: float
    """Share of labels that differ from those of the ideal scores."""

    score_error: float | None
    """Mean |score - ideal score|; None where only the threshold moves."""

    def to_json(self) -> dict[str, Any]:
        """Return the row as a JSON object."""
        return asdict(self) | {"accuracy": self.accuracy.to_json()}


@dataclass(frozen=True)
class Recomputed:
    """All stacks at the same total number of shots for each prediction."""

    shots: int
    threshold: float
    """Fitted on the exact noisy scores of the validation sentences."""

    rows: tuple[Row, ...]


def ideal_scores(run: StoredRun) -> NDArray[np.float64]:
    """Return the exact scores without noise of the sentences that were run, shape (n,)."""
    return np.asarray(exact_distributions(run.prepared.ideal, run.encoded) @ run.decision)


STORED = tuple(
    Stack(extrapolation, "none", terminal)
    for extrapolation in (None, ZNE)
    for terminal in (False, True)
)
"""The stacks that the circuits of a run allow."""


def check_stored(stack: Stack | None) -> None:
    """Refuse a stack whose circuits a run does not run.

    Raises:
        UsageError: It is none of `STORED`.
    """
    if stack is not None and stack not in STORED:
        names = ", ".join(one.name for one in STORED)
        raise UsageError(
            f"a plan for a run's stored bits should be one of: {names}. Got {stack.name}, which "
            "needs circuits that it did not run."
        )


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
    plan_shots(total, len(run.prepared.test))
    return total


def recompute(run: StoredRun, shots: int | None = None, stack: Stack | None = None) -> Recomputed:
    """Correct and extrapolate the stored bits, each stack with the same total of shots.

    Args:
        run: opened from its folder.
        shots: for each prediction, at most as many as the run took; by default all.
        stack: one more to show, by its name.

    Raises:
        UsageError: fewer shots than can be divided, or more than are stored; a stack that needs
            circuits which the run did not run.
    """
    check_stored(stack)
    total = total_shots(run, shots)
    test, validation = run.prepared.test, run.prepared.task.validation
    decision, plan = run.decision, plan_shots(total, len(test))
    ideal = ideal_scores(run)
    under_noise = (
        exact_distributions(run.prepared.noisy, run.trained.encoded(validation)) @ decision
    )
    threshold = fit_threshold(under_noise, validation.labels)
    measured = run.measured(plan.calibration).scores(plan, decision)

    def row(stack: str, scores: NDArray[np.float64], *, moved: float = 0.0) -> Row:
        above = scores - moved
        return Row(
            stack,
            accuracy_interval(above, test.labels),
            float(np.mean((above > 0) != (ideal > 0))),
            None if moved else float(np.mean(np.abs(scores - ideal))),
        )

    rows = [row("ideal", ideal), *(row(name, scores) for name, scores in measured.items())]
    if stack is not None:
        rows.append(row(stack.name, _stack_scores(run, stack, total)))
    rows.append(row("threshold", measured["noisy"], moved=threshold))
    return Recomputed(total, threshold, tuple(rows))


def stored_counts(run: StoredRun) -> dict[float, NDArray[np.int64]]:
    """Return what each scale factor has read of each sentence, shape (n, 2**m) each."""
    n_outcomes = run.decision.size
    return {
        factor: counts_of(read, n_outcomes)
        for factor, read in zip(ZNE.scale_factors, run.outcomes(), strict=True)
    }


def _stack_scores(run: StoredRun, stack: Stack, total: int) -> NDArray[np.float64]:
    """Spend the shots of one prediction on a stack, as the run divided them."""
    plan = plan_shots(total, len(run.prepared.test))
    measured = run.measured(plan.calibration)
    numbers = outcome_numbers(run.decision, stack, measured.calibration)
    if stack.extrapolation is None:
        shots: tuple[int, ...] = (plan.readout if stack.terminal else total,)
    else:
        shots = plan.scaled
    by_factor = dict(zip(ZNE.scale_factors, measured.scaled, strict=True))
    parts = [
        weight * (counts_of(by_factor[factor][:, :n], numbers.size) @ numbers) / n
        for (factor, weight), n in zip(stack.scales(), shots, strict=True)
    ]
    return np.asarray(np.sum(parts, axis=0))
