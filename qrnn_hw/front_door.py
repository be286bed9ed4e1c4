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

from jobs.counted import counted
from jobs.preflight import require
from qrnn_hw.answers.asked_rows import from_any
from qrnn_hw.answers.model_file import Model
from qrnn_hw.answers.prediction import Prediction, check_asked
from qrnn_hw.answers.prediction import predict as answered
from qrnn_hw.data.dataset import Dataset
from qrnn_hw.data.named import NAMES, read_named
from qrnn_hw.data.reading import read as read_file
from qrnn_hw.errors import UsageError
from qrnn_hw.experiment import pipeline
from qrnn_hw.experiment.outcome import Outcome
from qrnn_hw.experiment.prepare import Prepared, prepare
from qrnn_hw.experiment.progress import Quiet
from qrnn_hw.experiment.settings import RunSettings
from qrnn_hw.networks.head_options import HEAD_SHOTS, head_of
from qrnn_hw.training.options import TrainingOptions
from qrnn_hw.training.trainer import TrainingState


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
    reading: Literal["final", "steps"] | None = None,
    degree: int | None = None,
    direct: bool | None = None,
    head_shots: int | None = None,
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
        reading: what the head reads: `final`, the bits after the last step, or `steps`, those that
            every step records too; by default final, and steps where every step has a target.
        degree: of `steps`, most bits of one product; 2 by default.
        direct: whether what was last read reaches the answer past the circuit too, as a line that
            is trained with it; of numbers, by default not.
        head_shots: of an answer that such a head is fitted for: it weighs what so few add to its
            errors; by default `shots` of the settings, else 1000; 0 is infinitely many.
        folder: where the checkpoint, jobs' roles and reports are kept; by default a new one.
        settings: further fields of `qrnn_hw.experiment.settings.RunSettings`.

    Raises:
        QRNNError, CircuitsError, CalibrationError, JobsError: as `qrnn-hw run`.
    """
    found: tuple[Any, Any] = data, machine
    for one, kind in zip(found, (Dataset, str), strict=True):
        if not isinstance(one, kind):
            raise UsageError(
                "train should be given data as qh.read returns it, and a machine by its name. Got "
                f"{str(one)[:60]!r} of the type {type(one).__name__}."
            )
    given = RunSettings(
        model=model,
        data=data.path,
        dataset=data.name,
        reading=replace(data.reading, embeddings=None),
        embeddings=data.reading.embeddings,
        backend=machine,
        seed=seed,
        training=TrainingOptions(epochs=epochs),
        options=tuple((options or {}).items()),
        head=head_of(reading, degree, direct, head_shots, shots=settings.get("shots", HEAD_SHOTS)),
        output=Path(folder or tempfile.mkdtemp(prefix="qrnn-hw-")),
        **settings,
    )
    prepared = prepare(given, data, Quiet())
    state = pipeline.train(prepared, Quiet())
    own = prepared.training.trained(state)
    return Trained(Model.of(model, own, prepared.task), prepared, state)


def load(path: str | Path) -> Trained:
    """Return a model that `Trained.save` or `qrnn-hw export` wrote.

    Raises:
        ConfigurationError: it is damaged, newer, or of something else.
    """
    return Trained(Model.load(path))


PLANNED = ("budget_seconds", "canaries", "minutes", "repetitions", "sentences")
"""Settings that a plan may change: neither the circuits nor the training depend on them."""


@dataclass(frozen=True, eq=False)
class Trained:
    """A trained model; one that was trained here knows its data and its machine too."""

    model: Model
    prepared: Prepared | None = None
    state: TrainingState | None = None

    def __repr__(self) -> str:
        """Return what was trained, and for what, without its numbers."""
        target, machine = self.model.target, self.prepared and self.prepared.machine.name
        where = f", trained for {machine}" if machine else ""
        return f"Trained({self.model.name!r} of {', '.join(target.names)}{where})"

    def predict(
        self,
        rows: str | Path | Dataset | Sequence[str],
        *,
        shots: int | Literal["auto"] | None = None,
        delta: float = 0.01,
        seed: int = 0,
        machine: str | None = None,
        budget: float | None = None,
        stack: str | None = None,
        **settings: Any,
    ) -> list[Prediction]:
        """Answer sentences, or the rows of a file or of data that are read.

        Args:
            rows: what to answer.
            shots: None is exact, a number is drawn for each row, `auto` as many as its label needs.
            delta: probability of a wrong label that is accepted.
            seed: of the draws.
            machine: that runs the shots, through the store; None draws them without noise.
            budget: QPU seconds on the machine; a real one wants a number.
            stack: that mitigates what the machine's shots say, such as `linear(1,3) + terminal`.
            settings: further fields of `RunSettings` on the machine, such as `canaries`.

        Raises:
            UsageError: a stack without a machine and a number of shots.
            BudgetError: a real machine without a budget, or one that does not do.
            QRNNError, JobsError: as `qrnn-hw predict`.
        """
        check_asked(shots, delta)
        inputs = from_any(self.model, rows)
        if machine is None:
            if stack is not None:
                raise UsageError(
                    f"a stack mitigates a machine's shots. Got {stack} without machine=...; leave "
                    "one out."
                )
            return answered(self.model, inputs, shots=shots, delta=delta, seed=seed)
        from qrnn_hw.planned_answers import PlannedAnswers

        run = None if self.prepared is None else self.prepared.settings
        stacks = () if stack is None else (stack,)
        told = machine, shots, delta, seed, run, settings, stacks
        return PlannedAnswers(self.model, inputs, *told).run(budget=budget)

    def save(self, path: str | Path) -> Path:
        """Write the model as one file."""
        return self.model.save(path)

    def plan(self, *, stacks: Sequence[str] = (), shots: int = 1000, **settings: Any) -> Planned:
        """Return what a run would send and cost, checked against the machine; nothing is sent.

        Args:
            stacks: names of the mitigation stacks; by default those of `qrnn-hw run`.
            shots: of a prediction, the same total for each stack.
            settings: of `RunSettings`, those of `PLANNED`; `minutes` chooses the shots.

        Raises:
            PreflightError: the machine would refuse a job.
            UsageError: a model that was loaded from a file, a stack that it is not run with, or a
                setting that would make other circuits or another training.
        """
        from qrnn_hw.experiment.minutes import fitted

        if self.prepared is None:
            raise UsageError(
                "a plan should be of a model that was trained here, with its data and machine. Got "
                "one from a file; train it, or use `predict`."
            )
        other = sorted(set(settings) - set(PLANNED))
        if other:
            raise UsageError(
                f"a plan should be told {', '.join(PLANNED)} beside stacks and shots. Got "
                f"{other[0]}; what makes the circuits, such as tiles, belongs to `train`."
            )
        changed = {"plans": tuple(stacks), "shots": shots, **settings}
        told = self.prepared.told(replace(self.prepared.settings, **changed))
        if told.settings.minutes is not None:
            told, _ = fitted(told, 60 * told.settings.minutes)
        priced = pipeline.priced(told)
        for job in priced.jobs:
            require(job.findings)
        return Planned(told, priced)


@dataclass(frozen=True, eq=False)
class Planned:
    """Jobs that are priced and checked, not sent."""

    prepared: Prepared
    priced: Any

    def __str__(self) -> str:
        estimate, settings = self.priced.estimate, self.prepared.settings
        in_rounds = settings.architecture.mode == "expectation"
        lines = [
            f"{settings.model} on {self.prepared.machine.name}: "
            f"{counted(len(self.priced.specs), 'job')}, {counted(len(self.prepared.test), 'row')}, "
            f"{counted(settings.shots, 'shot')} "
            f"{'of each circuit in each round' if in_rounds else 'per prediction'}",
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
        from qrnn_hw.planned_answers import within
        from qrnn_hw.report.run_report import write_report

        settings = replace(self.prepared.settings, budget_seconds=budget)
        outcome = pipeline.run_prepared(self.prepared.told(settings), Quiet(), within(budget))
        write_report(outcome)
        return outcome
