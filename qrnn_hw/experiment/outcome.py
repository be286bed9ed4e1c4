"""What a run found, and its JSON document."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jobs.cost import Estimate
from qrnn_hw.classical.baseline import Baseline
from qrnn_hw.data.sequences import Sequences
from qrnn_hw.data.target import Classes
from qrnn_hw.experiment.choosing import Choice
from qrnn_hw.experiment.direct_share import DirectShare, direct_share
from qrnn_hw.experiment.measured import Measured
from qrnn_hw.experiment.plan import Plan
from qrnn_hw.experiment.prepare import Prepared
from qrnn_hw.experiment.quality import Judge, to_json
from qrnn_hw.experiment.rounds import MeasuredRounds
from qrnn_hw.experiment.settings import RunSettings
from qrnn_hw.experiment.simulated import Simulated
from qrnn_hw.experiment.tiled_measured import TiledMeasured
from qrnn_hw.experiment.versions import package_versions
from qrnn_hw.mitigation.answer import Answer
from qrnn_hw.mitigation.stack import Stack
from qrnn_hw.mitigation.zne import extrapolated_by
from qrnn_hw.networks.trained import TrainedNetwork
from qrnn_hw.statistics.intervals import Interval
from qrnn_hw.training.trainer import TrainingState

SCHEMA_VERSION = 2
SHOT_COUNTS = (1, 3, 10, 30, 100, 300, 1000, 3000, 10_000, 30_000, 100_000)


@dataclass(frozen=True, eq=False)
class Outcome:
    """All results of one run."""

    prepared: Prepared
    state: TrainingState
    trained: TrainedNetwork
    controls: tuple[Baseline, ...]
    """Classical models on the same rows; predictions of all test rows."""

    simulated: Simulated
    plan: Plan
    measured: Measured | TiledMeasured | MeasuredRounds
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
    def judge(self) -> Judge:
        """What is right for the rows that were run."""
        return Judge.of(self.prepared.task, len(self.test), self.trained)

    @property
    def assumptions(self) -> tuple[str, ...]:
        """What the stacks take for granted of the machine, in plain words."""
        if isinstance(self.measured, MeasuredRounds):
            return ()
        return self.measured.evaluation.assumptions

    @property
    def answers(self) -> dict[str, Answer]:
        """The outputs of each stack with all their errors; none in rounds without canaries."""
        return self.measured.answers

    @cached_property
    def outputs(self) -> dict[str, NDArray[np.float64]]:
        """Outputs (n, k), per step (n, T, k), numbers in their own units: simulated ones first."""
        found = {**self.simulated.outputs, **self.measured.by_stack()}
        return {name: self.judge.numbers(one) for name, one in found.items()}

    @cached_property
    def predictions(self) -> dict[str, NDArray[Any]]:
        """Places of classes, shape (n,), or numbers in their own units, (n, k); per step (n, T)."""
        found = {**self.simulated.outputs, **self.measured.by_stack()}
        return {name: self.judge.answers(one) for name, one in found.items()}

    @cached_property
    def quality(self) -> dict[str, dict[str, Interval]]:
        """Each measure of each set of answers with its 95 % interval: by measure, then by name."""
        found = {name: self.judge.intervals(one) for name, one in self.predictions.items()}
        return {
            measure: {name: one[measure] for name, one in found.items() if measure in one}
            for measure in self.judge.measures
        }

    @property
    def accuracy(self) -> dict[str, Interval]:
        """The test accuracy of classes."""
        return self.quality.get("accuracy", {})

    def correct(self, name: str) -> NDArray[np.bool_]:
        """Return which rows one of the sets of answers labels rightly, shape (n,), or (n, T)."""
        return np.asarray(self.predictions[name] == self.judge.wanted)

    @cached_property
    def flip_rate(self) -> dict[int, float]:
        """Mean probability that a raw label differs from the infinite-shot one, by shots.

        From the exact law under noise (`OutputLaw.flips`); nothing is sampled. Empty for numbers,
        and for a model in rounds, whose values fed back come from the shots: no closed law gives
        its labels.
        """
        law = self.simulated.noisy
        if law is None or not isinstance(self.judge.target, Classes):
            return {}
        return {n: float(law.flips(n).mean()) for n in SHOT_COUNTS}

    @cached_property
    def half_width(self) -> dict[int, float]:
        """Mean half-width of a raw number's 95 % interval in its own units, by shots.

        Empty for classes, and for a model in rounds.
        """
        law, scaling = self.simulated.noisy, self.prepared.task.parts.scaling
        if law is None or isinstance(self.judge.target, Classes):
            return {}
        unit = 1.0 if scaling is None else scaling.target_deviation
        return {n: float((unit * law.half_widths(n)).mean()) for n in SHOT_COUNTS}

    @cached_property
    def direct(self) -> DirectShare | None:
        """What of the answers no circuit computed; None of a network without direct connections."""
        # Under the machine's noise where there is some: the head was trained for those readings,
        # and without it the circuits' mean is another.
        outputs = self.simulated.outputs
        return direct_share(self.judge, outputs.get("noisy_exact", outputs["ideal"]))

    @property
    def estimate(self) -> Estimate:
        """What all jobs would be charged, those that a plan was tried with among them."""
        tried = None if self.choice is None else self.choice.estimate
        found = self.plan.priced.estimate
        return found if tried is None else found + tried

    @property
    def shots_per_prediction(self) -> float:
        """Shots that one prediction took, on average; in rounds over all its rounds."""
        if isinstance(self.measured, MeasuredRounds):
            return self.measured.shots_per_prediction
        return self.settings.shots

    def _repr_html_(self) -> str:
        from qrnn_hw.report.notebook import outcome_html

        return outcome_html(self)

    def to_json(self, report: str) -> dict[str, Any]:
        """Return the document that `--json` prints.

        Args:
            report: path of the report.
        """
        prepared, settings, task = self.prepared, self.settings, self.prepared.task
        estimate, usage = self.estimate, task.usage
        return {
            "schema_version": SCHEMA_VERSION,
            "model": settings.model,
            "mode": self.trained.network.architecture.mode,
            "dataset": str(settings.data or settings.dataset),
            "backend": prepared.machine.name,
            "shots": settings.shots,
            "shots_per_prediction": self.shots_per_prediction,
            "seeds": settings.seeds,
            **{measure: to_json(found) for measure, found in self.quality.items()},
            "controls": [
                {
                    "name": control.name,
                    "n_parameters": control.n_parameters,
                    **self._control(control),
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
                "test": len(self.test),
            },
            "data": usage and usage.to_json(),
            "notes": [*task.data.notes, *self.judge.unmeasured],
            "target": {
                "kind": "classes" if isinstance(task.target, Classes) else "numbers",
                "names": list(task.target.names),
                **({"per_step": True} if task.target.per_step else {}),
            },
            **self._head(),
            "training": {
                "engine": settings.engine,
                "calibrations": list(prepared.trained_on.trained_under),
                "epochs": self.state.finished_epochs,
                "best_epoch": int(self.state.best_epoch[0]) + 1,
                "n_parameters": self.trained.n_parameters,
                "n_quantum_weights": int(self.trained.network.architecture.n_weights),
                "history": [epoch.to_json() for epoch in self.state.epochs()],
            },
            "calibration": {
                "taken": prepared.machine.snapshot.taken,
                "snapshot": prepared.machine.snapshot.digest,
                **prepared.execution.described(),
                **({} if prepared.begun is None else {"trained_on": prepared.begun.described()}),
                **self._readout(),
            },
            "settings": settings.to_json(),
            "extrapolated_by": extrapolated_by(),
            "versions": package_versions(),
            "report": report,
        }

    def _control(self, control: Baseline) -> dict[str, Any]:
        """Return a classical model's measures; the accuracy of classes as it stood always."""
        found: dict[str, Any] = to_json(self.judge.of_baseline(control))
        accuracy: dict[str, Any] | None = found.get("accuracy")
        return found if accuracy is None else accuracy

    def _head(self) -> dict[str, Any]:
        """Return what a head takes beside the outcome; nothing of one of the outcome alone."""
        network, found = self.trained.network, {}
        if network.steps is not None:
            found = {"reading": "steps", **asdict(network.steps)}
        if self.direct is not None:
            found["direct"] = {"n_steps": network.direct, **self.direct.to_json()}
        return {"head": found} if found else {}

    def _of_its_kind(self) -> dict[str, Any]:
        """Return what only some targets have, and a model in one circuit, or in rounds."""
        found: dict[str, Any] = {}
        if isinstance(self.judge.target, Classes):
            found["classes"] = list(self.judge.target.names)
        if self.simulated.agreement is None:
            found["rounds"] = len(self.jobs)
            repeated = getattr(self.measured, "repeated", None)
            if repeated is not None:
                found["rounds_repeated"] = repeated.to_json()
            if self.answers:
                found["answers"] = {name: one.to_json() for name, one in self.answers.items()}
            return found
        if isinstance(self.measured, TiledMeasured):
            found["tiling"] = self.measured.to_json()
        found["agreement"] = self.simulated.agreement.to_json()
        for name, by_shots in (("flip_rate", self.flip_rate), ("half_width", self.half_width)):
            if by_shots:
                found[name] = {str(shots): one for shots, one in by_shots.items()}
        if self.assumptions:
            found["assumptions"] = list(self.assumptions)
        found["choice"] = self.choice and self.choice.to_json()
        found["answers"] = {name: answer.to_json() for name, answer in self.answers.items()}
        return found

    def _readout(self) -> dict[str, Any]:
        """Return the measured readout errors, None where no stack corrects them."""
        if isinstance(self.measured, TiledMeasured):
            return {"readout": self.measured.readout()}
        if not isinstance(self.measured, Measured):
            return {}
        found = self.measured.readout(self.measured.evaluation.shots.calibration)
        if found is None:
            return {"readout": None}
        both = {"readout": found.final, "readout_of_steps": found.recorded}
        return {
            name: {"p01": list(one.p01), "p10": list(one.p10)}
            for name, one in both.items()
            if one is not None
        }
