"""The stacks of a finished run again, from its stored bits alone."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qrnn_hw.errors import UsageError
from qrnn_hw.evaluate import accuracy_interval, plan_shots
from qrnn_hw.mitigation.threshold import fit_threshold
from qrnn_hw.outcome import exact_distributions
from qrnn_hw.statistics.intervals import Interval
from qrnn_hw.stored_run import StoredRun


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
    decision = np.asarray(run.weights.decision)
    return np.asarray(
        exact_distributions(run.prepared.ideal, run.weights, run.prepared.test) @ decision
    )


def recompute(run: StoredRun, shots: int | None = None) -> Recomputed:
    """Correct and extrapolate the stored bits, each stack with the same total of shots.

    Args:
        run: opened from its folder.
        shots: for each prediction, at most as many as the run took; by default all.

    Raises:
        UsageError: fewer shots than can be divided, or more than are stored.
    """
    stored = run.prepared.settings.shots
    total = stored if shots is None else shots
    if total > stored:
        raise UsageError(
            f"the shots should be at most those that the run stored ({stored}). Got {total}. "
            "Use fewer, or run again with more."
        )
    test, validation = run.prepared.test, run.prepared.task.validation
    decision, plan = np.asarray(run.weights.decision), plan_shots(total, len(test))
    ideal = ideal_scores(run)
    under_noise = exact_distributions(run.prepared.noisy, run.weights, validation) @ decision
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
    rows.append(row("threshold", measured["noisy"], moved=threshold))
    return Recomputed(total, threshold, tuple(rows))
