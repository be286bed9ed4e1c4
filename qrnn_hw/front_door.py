"""The front door: read data, train under a machine's noise, predict, plan, run, in a few lines.

import qrnn_hw as qh

data = qh.read("reviews.tsv")
trained = qh.train("dynamic-line", data, machine="fake_boston")
trained.predict(["great sound"], shots="auto", delta=0.01)
plan = trained.plan(stacks=["none", "linear(1,3) + terminal"], shots=1000)
outcome = plan.run(budget=60)
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from qrnn_hw.answers.model_file import Model
from qrnn_hw.answers.prediction import Prediction, from_file, from_texts
from qrnn_hw.answers.prediction import predict as answered
from qrnn_hw.data.dataset import Dataset
from qrnn_hw.data.inputs import Inputs
from qrnn_hw.data.named import NAMES, read_named
from qrnn_hw.data.read_options import ReadOptions
from qrnn_hw.data.reading import read as read_file
from qrnn_hw.experiment import pipeline
from qrnn_hw.experiment.outcome import Outcome
from qrnn_hw.experiment.prepare import Prepared, prepare
from qrnn_hw.experiment.progress import Quiet
from qrnn_hw.experiment.settings import RunSettings
from qrnn_hw.submission.consent import Spending
from qrnn_hw.train.options import TrainingOptions
from qrnn_hw.train.trainer import TrainingState


def read(source: str | Path, **options: Any) -> Dataset:
    """Return the data of a file, or of a data set by its name.

    Args:
        source: a file, or one of `qrnn_hw.data.named.NAMES`.
        options: fields of `qrnn_hw.data.read_options.ReadOptions`.

    Raises:
        DataError, UsageError: in one line, with the place, what was expected and what was got.
    """
    if str(source) in NAMES and not Path(source).exists():
        return read_named(str(source), **options)
    return read_file(source, **options)


def train(
    model: str,
    data: Dataset,
    *,
    machine: str = "fake_boston",
    epochs: int = 30,
    seed: int = 0,
    options: dict[str, Any] | None = None,
    folder: str | Path | None = None,
    **settings: Any,
) -> Trained:
    """Train a model on data under a machine's noise.

    Args:
        model: of the registry, or a user's own cell.
        data: as `read` returns it.
        machine: a recorded device (fake_...) or a real one.
        epochs: at most so many.
        seed: all others are derived from it.
        options: of the model, by name.
        folder: where the checkpoint, jobs' roles and reports are kept; by default a new one.
        settings: further fields of `qrnn_hw.experiment.settings.RunSettings`.

    Raises:
        QRNNError, CircuitsError, CalibrationError, JobsError: as `qrnn-hw run`.
    """
    given = RunSettings(
        model=model,
        dataset=data.name,
        backend=machine,
        seed=seed,
        training=TrainingOptions(epochs=epochs),
        options=tuple((options or {}).items()),
        output=Path(folder or tempfile.mkdtemp(prefix="qrnn-hw-")),
        **settings,
    )
    prepared = prepare(given, data, Quiet())
    state = pipeline.train(prepared, Quiet())
    own = prepared.training.trained(state)
    return Trained(Model.of(model, own, prepared.task, ReadOptions()), prepared, state)


def load(path: str | Path) -> Trained:
    """Return a model that `Trained.save` or `qrnn-hw export` wrote.

    Raises:
        ConfigurationError: it is damaged, newer, or of something else.
    """
    return Trained(Model.load(path))


@dataclass(frozen=True, eq=False)
class Trained:
    """A trained model; one that was trained here knows its data and its machine too."""

    model: Model
    prepared: Prepared | None = None
    state: TrainingState | None = None

    def predict(
        self,
        rows: str | Path | Dataset | Sequence[str],
        *,
        shots: int | Literal["auto"] | None = None,
        delta: float = 0.01,
        seed: int = 0,
    ) -> list[Prediction]:
        """Answer sentences, or the rows of a file or of data that are read, without noise.

        Arguments and errors: see `qrnn_hw.answers.prediction.predict`.
        """
        if isinstance(rows, Dataset):
            names = tuple(f"row {row + 1}" for row in range(len(rows)))
            inputs = Inputs(rows.sequences, names, ("",) * len(rows))
        elif isinstance(rows, str | Path):
            inputs = from_file(self.model, rows)
        else:
            inputs = from_texts(self.model, list(rows))
        return answered(self.model, inputs, shots=shots, delta=delta, seed=seed)

    def save(self, path: str | Path) -> Path:
        """Write the model as one file."""
        return self.model.save(path)

    def plan(self, *, stacks: Sequence[str] = (), shots: int = 1000, **settings: Any) -> Planned:
        """Return what a run would send and cost, checked against the machine; nothing is sent.

        Args:
            stacks: names of the mitigation stacks; by default those of `qrnn-hw run`.
            shots: of a prediction, the same total for each stack.
            settings: further fields of `RunSettings`, such as `sentences`.

        Raises:
            UsageError: a model that was loaded from a file, or a stack that it is not run with.
        """
        from qrnn_hw.errors import UsageError

        if self.prepared is None:
            raise UsageError(
                "a plan should be of a model that was trained here, with its data and machine. Got "
                "one from a file; train it, or use `predict`."
            )
        changed = {"plans": tuple(stacks), "shots": shots, **settings}
        told = self.prepared.told(replace(self.prepared.settings, **changed))
        return Planned(told, pipeline.priced(told))


@dataclass(frozen=True, eq=False)
class Planned:
    """Jobs that are priced and checked, not sent."""

    prepared: Prepared
    priced: Any

    def __str__(self) -> str:
        estimate, settings = self.priced.estimate, self.prepared.settings
        lines = [
            f"{settings.model} on {self.prepared.machine.name}: {len(self.priced.specs)} jobs, "
            f"{len(self.prepared.test)} rows, {settings.shots:,} shots per prediction",
            *(f"  {role}" for role in self.priced.roles),
            f"about {estimate.best_seconds:.0f} s of QPU time ({estimate.low_seconds:.0f} to "
            f"{estimate.high_seconds:.0f} s)",
        ]
        return "\n".join(lines)

    def run(self, *, budget: float | None = None) -> Outcome:
        """Run what is planned, within a budget of QPU seconds; the training is not repeated.

        Raises:
            BudgetError: it costs more, or it is a real machine and no budget is given.
            JobsError: as `qrnn-hw run`.
        """
        from jobs.errors import BudgetError
        from qrnn_hw.report.run_report import write_report

        def confirm(spending: Spending) -> None:
            if spending.machine.is_real and budget is None:
                raise BudgetError(
                    "a run on a real machine should have a budget of QPU seconds. Got none; "
                    f"about {spending.estimate.best_seconds:.0f} s are needed: run(budget=...)."
                )

        settings = replace(self.prepared.settings, budget_seconds=budget)
        outcome = pipeline.run_prepared(self.prepared.told(settings), Quiet(), confirm)
        write_report(outcome)
        return outcome
