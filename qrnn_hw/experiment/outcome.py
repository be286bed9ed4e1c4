"""What a run found, and its JSON document."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qrnn_hw.classical.baseline import Baseline
from qrnn_hw.data.sequences import Sequences
from qrnn_hw.experiment.choosing import Choice
from qrnn_hw.experiment.controls import baseline_interval
from qrnn_hw.experiment.exact import Simulated
from qrnn_hw.experiment.measured import Measured, accuracy_interval
from qrnn_hw.experiment.plan import Plan
from qrnn_hw.experiment.prepare import Prepared
from qrnn_hw.experiment.rounds import MeasuredRounds
from qrnn_hw.experiment.settings import RunSettings
from qrnn_hw.experiment.versions import package_versions
from qrnn_hw.mitigation.answer import Answer
from qrnn_hw.mitigation.stack import Stack
from qrnn_hw.mitigation.zne import extrapolated_by
from qrnn_hw.networks.network import TrainedNetwork
from qrnn_hw.statistics.decisions import DecisionRule, flip_probabilities
from qrnn_hw.statistics.intervals import Interval
from qrnn_hw.train.trainer import TrainingState

SCHEMA_VERSION = 2
FLIP_SHOTS = (1, 3, 10, 30, 100, 300, 1000, 3000, 10_000, 30_000, 100_000)


@dataclass(frozen=True, eq=False)
class Outcome:
    """All results of one run."""

    prepared: Prepared
    state: TrainingState
    trained: TrainedNetwork
    controls: tuple[Baseline, ...]
    """Classical classifiers on the same rows; predictions of all test sentences."""

    simulated: Simulated
    plan: Plan
    measured: Measured | MeasuredRounds
    jobs: Mapping[str, str]
    """Key of the job of each role."""

    choice: Choice | None = None
    """Why a plan was chosen, where one was."""

    @property
    def settings(self) -> RunSettings:
        """What was run."""
        return self.prepared.settings

    @property
    def test(self) -> Sequences:
        """The test rows that were run."""
        return self.prepared.test

    @property
    def stacks(self) -> tuple[Stack, ...]:
        """The stacks that were measured."""
        return self.plan.evaluation.stacks

    @cached_property
    def scores(self) -> dict[str, NDArray[np.float64]]:
        """Scores (n,): simulated ones first, those of each stack at equal total shots after."""
        return {**self.simulated.scores, **self.measured.by_stack()}

    @property
    def answers(self) -> dict[str, Answer]:
        """The scores of each stack with all their errors; none for a model in rounds."""
        return self.measured.answers if isinstance(self.measured, Measured) else {}

    @cached_property
    def accuracy(self) -> dict[str, Interval]:
        """Test accuracy of each with its 95 % Wilson interval."""
        return {
            name: accuracy_interval(score, self.test.known_targets)
            for name, score in self.scores.items()
        }

    def correct(self, name: str) -> NDArray[np.bool_]:
        """Return which sentences one of the scores labels rightly, shape (n,)."""
        return np.asarray((self.scores[name] > 0) == (self.test.known_targets == 1))

    @cached_property
    def flip_rate(self) -> dict[int, float]:
        """Mean probability that a raw prediction differs from the infinite-shot one, by shots.

        The law of the vote under the exact noisy distribution; nothing is sampled. Empty for a
        model in rounds, whose values fed back come from the shots: no closed law gives its labels.
        """
        if self.simulated.noisy is None:
            return {}
        rule = DecisionRule(tuple(self.trained.decision.tolist()))
        return {
            shots: float(flip_probabilities(self.simulated.noisy, rule, shots).mean())
            for shots in FLIP_SHOTS
        }

    @property
    def shots_per_prediction(self) -> float:
        """Shots that one prediction took, on average; in rounds over all its rounds."""
        if isinstance(self.measured, Measured):
            return self.settings.shots
        return self.plan.priced.estimate.executions / len(self.test)

    def _repr_html_(self) -> str:
        from qrnn_hw.report.notebook import outcome_html

        return outcome_html(self)

    def to_json(self, report: str) -> dict[str, Any]:
        """Return the document that `--json` prints.

        Args:
            report: path of the report.
        """
        prepared, settings, task = self.prepared, self.settings, self.prepared.task
        estimate, n_test = self.plan.priced.estimate, len(self.test)
        return {
            "schema_version": SCHEMA_VERSION,
            "model": settings.model,
            "mode": self.trained.network.architecture.mode,
            "dataset": str(settings.data or settings.dataset),
            "backend": prepared.machine.name,
            "shots": settings.shots,
            "shots_per_prediction": self.shots_per_prediction,
            "seeds": settings.seeds,
            "accuracy": {name: interval.to_json() for name, interval in self.accuracy.items()},
            "controls": [
                {
                    "name": control.name,
                    "n_parameters": control.n_parameters,
                    **baseline_interval(control, n_test).to_json(),
                }
                for control in self.controls
            ],
            **self._of_its_kind(),
            "qpu_seconds": estimate.best_seconds,
            "qpu_seconds_range": {"low": estimate.low_seconds, "high": estimate.high_seconds},
            "stacks": [stack.name for stack in self.stacks],
            "jobs": list(self.jobs.values()),
            "roles": list(self.jobs),
            "rows": {
                "training": len(task.training),
                "validation": len(task.validation),
                "test": n_test,
            },
            "data": task.usage.to_json(),
            "classes": list(task.text.classes),
            "training": {
                "engine": settings.engine,
                "calibrations": list(prepared.execution.trained_under),
                "epochs": self.state.finished_epochs,
                "best_epoch": int(self.state.best_epoch[0]) + 1,
                "n_parameters": self.trained.n_parameters,
                "n_quantum_weights": int(self.trained.network.architecture.n_weights),
                "history": [epoch._asdict() for epoch in self.state.epochs()],
            },
            "calibration": {
                "taken": prepared.machine.snapshot.taken,
                "snapshot": prepared.machine.snapshot.digest,
                **prepared.execution.described(),
                **self._readout(),
            },
            "settings": settings.to_json(),
            "extrapolated_by": extrapolated_by(),
            "versions": package_versions(),
            "report": report,
        }

    def _of_its_kind(self) -> dict[str, Any]:
        """Return what only a model in one circuit has, or only one in rounds."""
        if self.simulated.agreement is None:
            return {"rounds": len(self.jobs)}
        return {
            "agreement": self.simulated.agreement.to_json(),
            "flip_rate": {str(shots): rate for shots, rate in self.flip_rate.items()},
            "choice": self.choice and self.choice.to_json(),
            "answers": {name: answer.to_json() for name, answer in self.answers.items()},
        }

    def _readout(self) -> dict[str, Any]:
        """Return the measured readout errors, None where no stack corrects them."""
        if not isinstance(self.measured, Measured):
            return {}
        found = self.measured.calibration(self.measured.evaluation.shots.calibration)
        return {"readout": found and {"p01": list(found.p01), "p10": list(found.p10)}}
