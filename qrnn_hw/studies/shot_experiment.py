"""The shot study of one trained model: exact distributions, rows, summary, adaptive shots."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from qrnn_hw.studies.adaptive import AdaptiveRow, compare_with_fixed
from qrnn_hw.studies.causes import CauseStudy
from qrnn_hw.studies.shot_findings import summarise
from qrnn_hw.studies.shots import ShotStudy, ShotStudyPlan, study_shots
from qrnn_hw.studies.trained import TrainedModel

ADAPTIVE_REPEATS = 20
"""Simulated runs of each input under a sequential test."""


@dataclass(frozen=True, eq=False)
class ShotExperiment:
    """All that a report of a shot study needs."""

    model: TrainedModel
    study: ShotStudy
    summary: dict[str, Any]
    adaptive: tuple[AdaptiveRow, ...]
    causes: CauseStudy | None = None

    def _repr_html_(self) -> str:
        from qrnn_hw.report.notebook import shots_html

        return shots_html(self)


def study_shots_of(
    model: TrainedModel, plan: ShotStudyPlan, *, adaptive_max_shots: int | None = None
) -> ShotExperiment:
    """Study the test sentences under "ideal" and "noisy"; every input is evolved once.

    Args:
        model: trained.
        plan: shot counts, repeats, certainty and seed.
        adaptive_max_shots: cap of the sequential tests; None leaves them out.
    """
    tables = {"ideal": model.ideal, "noisy": model.noisy}
    study = study_shots(tables, model.test.known_targets, model.rule, plan)
    adaptive: tuple[AdaptiveRow, ...] = ()
    if adaptive_max_shots is not None:
        for condition, table in tables.items():
            adaptive += compare_with_fixed(
                condition,
                table,
                [row.exact_shots for row in study.under(condition)],
                model.rule,
                delta=plan.delta,
                max_shots=adaptive_max_shots,
                n_repeats=ADAPTIVE_REPEATS,
                seed=plan.seed,
            )
    return ShotExperiment(model, study, summarise(study, "ideal"), adaptive)
