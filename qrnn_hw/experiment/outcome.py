"""What the main job found, and its JSON document."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from circuits.exact.sequence import SequenceModel
from jobs.transpile.isa import TranspiledStep
from qrnn_hw.classical.baselines import Baseline
from qrnn_hw.data.sequences import Sequences
from qrnn_hw.experiment.agreement import Agreement
from qrnn_hw.experiment.controls import baseline_interval
from qrnn_hw.experiment.measure import Priced
from qrnn_hw.experiment.measured import Measured, accuracy_interval
from qrnn_hw.experiment.settings import RunSettings
from qrnn_hw.experiment.task import Task
from qrnn_hw.experiment.versions import package_versions
from qrnn_hw.mitigation.stack import Stack
from qrnn_hw.mitigation.zne import extrapolated_by
from qrnn_hw.networks.encoded import Encoded
from qrnn_hw.networks.network import TrainedNetwork
from qrnn_hw.statistics.decisions import DecisionRule, flip_probabilities
from qrnn_hw.statistics.intervals import Interval
from qrnn_hw.submission.machine import Machine
from qrnn_hw.train.trainer import TrainingState

SCHEMA_VERSION = 2
FLIP_SHOTS = (1, 3, 10, 30, 100, 300, 1000, 3000, 10_000, 30_000, 100_000)


def exact_distributions(model: SequenceModel, encoded: Encoded) -> NDArray[np.float64]:
    """Return the exact outcome distribution of each sentence, shape (n, 2**m)."""
    given = map(jnp.asarray, (encoded.circuit, encoded.features, encoded.lengths))
    return np.asarray(_compiled(model)(*given))


@lru_cache(maxsize=8)
def _compiled(model: SequenceModel) -> Callable[..., jax.Array]:
    """Keep what was compiled: it takes longer than to run it, and other weights use it again."""
    run: Callable[..., jax.Array] = jax.jit(model.distributions)
    return run


@dataclass(frozen=True, eq=False)
class Outcome:
    """All results of one run of the main job."""

    settings: RunSettings
    task: Task
    machine: Machine
    transpiled: TranspiledStep
    state: TrainingState
    trained: TrainedNetwork
    trained_under: tuple[str, ...]
    """When the calibrations of the training were taken, that of the run first; empty where it was
    without noise."""

    test: Sequences
    controls: tuple[Baseline, ...]
    """Classical classifiers on the same rows; predictions of all test sentences."""

    agreement: Agreement
    planned: Priced
    measured: Measured
    ideal: NDArray[np.float64]  # shape (n, 2**m), exact distributions without noise
    noisy: NDArray[np.float64]  # shape (n, 2**m), exact distributions under the noise

    @property
    def decision(self) -> NDArray[np.float64]:
        """Score of each outcome, shape (2**m,)."""
        return self.trained.decision

    @property
    def stacks(self) -> tuple[Stack, ...]:
        """The stacks that were measured."""
        return self.measured.evaluation.stacks

    @cached_property
    def scores(self) -> dict[str, NDArray[np.float64]]:
        """Scores (n,): exact ones first, those of each stack at equal total shots after."""
        plan = self.measured.evaluation.shots
        return {
            "ideal": self.ideal @ self.decision,
            "noisy_exact": self.noisy @ self.decision,
            **{stack.name: self.measured.scores(stack, plan).value for stack in self.stacks},
        }

    @cached_property
    def accuracy(self) -> dict[str, Interval]:
        """Test accuracy of each stack with its 95 % Wilson interval."""
        return {
            name: accuracy_interval(score, self.test.known_targets)
            for name, score in self.scores.items()
        }

    def correct(self, stack: str) -> NDArray[np.bool_]:
        """Return which sentences a stack labels rightly, shape (n,)."""
        return np.asarray((self.scores[stack] > 0) == (self.test.known_targets == 1))

    @cached_property
    def flip_rate(self) -> dict[int, float]:
        """Mean probability that a raw prediction differs from the infinite-shot one, by shots.

        The law of the vote under the exact noisy distribution; nothing is sampled.
        """
        rule = DecisionRule(tuple(self.decision.tolist()))
        return {
            shots: float(flip_probabilities(self.noisy, rule, shots).mean()) for shots in FLIP_SHOTS
        }

    def _repr_html_(self) -> str:
        from qrnn_hw.report.notebook import outcome_html

        return outcome_html(self)

    def to_json(self, report: str) -> dict[str, Any]:
        """Return the document that `--json` prints.

        Args:
            report: path of the report.
        """
        estimate = self.planned.estimate
        readout = self.measured.calibration(self.measured.evaluation.shots.calibration)
        return {
            "schema_version": SCHEMA_VERSION,
            "model": self.settings.model,
            "mode": self.transpiled.architecture.mode,
            "dataset": str(self.settings.data or self.settings.dataset),
            "backend": self.machine.name,
            "shots": self.settings.shots,
            "seeds": self.settings.seeds,
            "accuracy": {name: interval.to_json() for name, interval in self.accuracy.items()},
            "controls": [
                {
                    "name": control.name,
                    "n_parameters": control.n_parameters,
                    **baseline_interval(control, len(self.test)).to_json(),
                }
                for control in self.controls
            ],
            "agreement": self.agreement.to_json(),
            "flip_rate": {str(shots): rate for shots, rate in self.flip_rate.items()},
            "qpu_seconds": estimate.best_seconds,
            "qpu_seconds_range": {"low": estimate.low_seconds, "high": estimate.high_seconds},
            "stacks": [stack.name for stack in self.stacks],
            "jobs": list(self.measured.jobs.values()),
            "roles": list(self.measured.jobs),
            "rows": {
                "training": len(self.task.training),
                "validation": len(self.task.validation),
                "test": len(self.test),
            },
            "data": self.task.usage.to_json(),
            "classes": list(self.task.text.classes),
            "training": {
                "engine": self.settings.engine,
                "calibrations": list(self.trained_under),
                "epochs": self.state.finished_epochs,
                "best_epoch": int(self.state.best_epoch[0]) + 1,
                "n_parameters": self.trained.n_parameters,
                "n_quantum_weights": int(self.trained.parameters["circuit"].size),
                "history": [epoch._asdict() for epoch in self.state.epochs()],
            },
            "calibration": {
                "taken": self.machine.snapshot.taken,
                "snapshot": self.machine.snapshot.digest,
                "qubits": list(self.transpiled.snapshot.physical),
                "readout": readout and {"p01": list(readout.p01), "p10": list(readout.p10)},
            },
            "settings": self.settings.to_json(),
            "extrapolated_by": extrapolated_by(),
            "versions": package_versions(),
            "report": report,
        }
