"""How many shots until any answers hold still: of K classes, numbers, heads on every step.

Everything follows from the exact law of a shot's outputs under each condition (`OutputLaw`). Labels
have a probability of a flip; numbers have a half-width in its place. An answer is one of a row, or
of each of its steps; intervals are over rows, whose steps are no sample of their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qrnn_hw.data.target import Classes
from qrnn_hw.errors import UsageError
from qrnn_hw.experiment.output_law import OutputLaw
from qrnn_hw.experiment.quality import Judge, to_json
from qrnn_hw.statistics.half_widths import shots_for
from qrnn_hw.statistics.intervals import Interval, mean_interval, mean_share
from qrnn_hw.studies.shots import ShotStudyPlan
from qrnn_hw.studies.trained import TrainedModel

Array = NDArray[np.float64]

SHARES_OF_DEVIATION = (0.2, 0.1, 0.05, 0.02, 0.01)
"""Half-widths that are asked for, in deviations of the targets."""


@dataclass(frozen=True)
class OutputPoint:
    """What so many shots do to the answers under one condition."""

    shots: int
    size: Interval
    """Of classes the probability of a flip, of numbers the half-width of the 95 % interval in the
    target's deviations: the mean over answers, its interval over rows."""

    certain: float | None
    """Share of labels that flip with at most the plan's delta; None of numbers."""

    disagreement: float | None
    """Probability that two runs give unlike labels; None of numbers."""


@dataclass(frozen=True, eq=False)
class NoiseCondition:
    """The answers under one noise."""

    quality: Mapping[str, Interval]
    """At infinite shots."""

    points: tuple[OutputPoint, ...]
    sizes: Array  # shape (answers, shot counts): each answer's flip, or its half-width
    answers: Array
    """Of infinitely many shots, one row an answer."""

    needed: Mapping[str, float | None]
    """Median shots that an answer needs: of classes until it is `certain`, of numbers until its
    half-width is so many deviations; None where it is beyond the plan's largest."""


@dataclass(frozen=True, eq=False)
class OutputStudy:
    """The curves over shots under each condition."""

    model: TrainedModel
    plan: ShotStudyPlan
    conditions: Mapping[str, NoiseCondition]
    unlike: float
    """Share of labels that the noise changes, or the mean distance of numbers in deviations."""

    owners: NDArray[np.int64]
    """The row of each answer."""

    @property
    def of_labels(self) -> bool:
        """Whether answers are classes."""
        return isinstance(self.model.judge.target, Classes)

    def to_json(self) -> dict[str, Any]:
        """Return the curves as a JSON object."""
        size = "flip_rate" if self.of_labels else "half_width"
        return {
            "plan": asdict(self.plan),
            "n_inputs": len(self.model.test),
            "n_answers": len(self.owners),
            "noise_changes": self.unlike,
            "conditions": {
                name: {
                    "quality": to_json(one.quality),
                    "median_shots": dict(one.needed),
                    "shots": [
                        {
                            "shots": point.shots,
                            size: point.size.to_json(),
                            "certain": point.certain,
                            "disagreement": point.disagreement,
                        }
                        for point in one.points
                    ],
                }
                for name, one in self.conditions.items()
            },
        }

    def rows(self) -> list[dict[str, Any]]:
        """Return one line for each answer and condition, as `rows.csv` holds them."""
        size = "flip_at" if self.of_labels else "half_width_at"
        return [
            {"condition": name, "input_id": int(owner), "answer": _listed(answer)}
            | {f"{size}_{n}": float(x) for n, x in zip(self.plan.shot_counts, sizes, strict=True)}
            for name, one in self.conditions.items()
            for owner, answer, sizes in zip(self.owners, one.answers, one.sizes, strict=True)
        ]


def study_outputs(model: TrainedModel, plan: ShotStudyPlan) -> OutputStudy:
    """Study the answers to the test rows without noise and under the machine's.

    Raises:
        UsageError: fewer than two rows, which have no interval.
    """
    judge = model.judge
    if len(model.test) < 2:
        raise UsageError(f"a shot study needs two rows or more. Got {len(model.test)}.")
    laws = {"ideal": model.ideal_law, "noisy": model.noisy_law}
    answers = {name: judge.answers(law.outputs) for name, law in laws.items()}
    owners = np.nonzero(judge.counts)[0]
    return OutputStudy(
        model,
        plan,
        {name: _condition(law, judge, answers[name], owners, plan) for name, law in laws.items()},
        judge.unlike(answers["noisy"], answers["ideal"]),
        owners,
    )


def _condition(
    law: OutputLaw,
    judge: Judge,
    answers: NDArray[Any],
    owners: NDArray[np.int64],
    plan: ShotStudyPlan,
) -> NoiseCondition:
    sizes = np.stack([_sizes(law, judge, n) for n in plan.shot_counts], axis=1)
    is_class = isinstance(judge.target, Classes)
    n_rows = int(owners.max()) + 1
    points = []
    for place, shots in enumerate(plan.shot_counts):
        each = sizes[:, place]
        of_rows = np.bincount(owners, each, minlength=n_rows) / np.bincount(owners)
        points.append(
            OutputPoint(
                shots,
                mean_share(of_rows, seed=plan.seed) if is_class else mean_interval(of_rows),
                float((each <= plan.delta).mean()) if is_class else None,
                float((2 * each * (1 - each)).mean()) if is_class else None,
            )
        )
    needed = _certain_shots(law, plan) if is_class else _narrow_shots(law, judge, plan)
    own = answers[judge.counts]
    return NoiseCondition(
        judge.intervals(answers), tuple(points), sizes, own.reshape(len(own), -1), needed
    )


def _sizes(law: OutputLaw, judge: Judge, shots: int) -> Array:
    """Return each answer's probability of a flip, or its half-width in deviations."""
    if isinstance(judge.target, Classes):
        return law.flips(shots)
    return np.asarray((law.half_widths(shots) * judge.unit).mean(axis=1))


def _certain_shots(law: OutputLaw, plan: ShotStudyPlan) -> dict[str, float | None]:
    """Return the median of the shots from which on each label flips with at most delta.

    Counts are tried in steps of a tenth or less, from the plan's largest down.
    """
    tried = np.unique(np.geomspace(1, plan.max_shots, 150).astype(int))[::-1]
    holds = np.ones(int(law.counts.sum()), dtype=bool)
    found = np.full(len(holds), np.inf)
    for shots in tried.tolist():
        holds &= law.flips(shots) <= plan.delta
        if not holds.any():
            break
        found[holds] = shots
    middle = float(np.quantile(found, 0.5, method="higher"))
    return {f"{plan.delta:g}": middle if np.isfinite(middle) else None}


def _narrow_shots(law: OutputLaw, judge: Judge, plan: ShotStudyPlan) -> dict[str, float | None]:
    """Return the median shots whose half-widths are at most so many deviations."""
    variances = law.variances[law.counts] * judge.unit**2
    found = {}
    for share in SHARES_OF_DEVIATION:
        middle = float(np.median(shots_for(variances, share).max(axis=1)))
        found[f"{share:g}"] = middle if middle <= plan.max_shots else None
    return found


def _listed(answer: Array) -> float | str:
    return float(answer[0]) if len(answer) == 1 else " ".join(f"{x:.6g}" for x in answer)
