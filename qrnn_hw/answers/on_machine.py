"""Answers of a machine: batches of shots through the store, each only of what is still open."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from jobs.counted import counted
from jobs.errors import BudgetError
from jobs.store.store import Store
from qrnn_hw.answers.asked_rows import scaled
from qrnn_hw.answers.model_file import Model
from qrnn_hw.answers.once import Once
from qrnn_hw.answers.prices import following
from qrnn_hw.answers.question import Numbered, Question, folder_of
from qrnn_hw.answers.votes import Votes
from qrnn_hw.config import writable_folder
from qrnn_hw.data.inputs import Inputs
from qrnn_hw.data.target import Classes
from qrnn_hw.errors import UsageError
from qrnn_hw.experiment.kept_calibration import with_learned_of
from qrnn_hw.experiment.measure import Priced, Stored
from qrnn_hw.experiment.progress import Progress
from qrnn_hw.experiment.settings import RunSettings
from qrnn_hw.mitigation.stack import Stack
from qrnn_hw.mitigation.stack_names import parse_stack
from qrnn_hw.statistics.certificates import LEAST_CANARIES, NOISELESS
from qrnn_hw.studies.adaptive import growing_looks
from qrnn_hw.studies.device import first_day
from qrnn_hw.submission.consent import Consent
from qrnn_hw.submission.machine import Machine, open_machine

FIRST, RATIO = 250, 2.0
"""Shots of the first batch with `auto`, and how far apart looks are: each batch is a job."""

MOST = 32_000
"""Shots of a row with `auto` on a machine, at most."""


def looks_of(shots: int | None, most: int = MOST) -> tuple[int, ...]:
    """Return the shots after which labels are looked at: once, or after growing batches."""
    return growing_looks(most, FIRST, RATIO) if shots is None else (shots,)


def ask(votes: Votes, consent: Consent, store: Store, progress: Progress) -> Votes:
    """Send batch after batch, or read it from the store, until no row is open.

    Before the first that is not stored the most that can follow is confirmed. A budget that a
    batch could exceed ends it: `Votes.stopped` says so.

    Raises:
        BudgetError: nothing can be sent, or it was not confirmed.
        PreflightError: the machine would refuse a job.
        JobsError: a job failed, or the service is away; asking again goes on.
    """
    question, machine = votes.question, votes.question.execution.machine
    store.put_snapshot(machine.snapshot.digest, machine.snapshot.to_json())
    executor, budget, is_confirmed, before = machine.executor(), consent.budget(store), False, 0
    for number, look in enumerate(votes.looks):
        rows = votes.open_rows()
        if not len(rows):
            break
        evaluation = question.batch(rows, look - before)
        priced = Priced(machine, store=store)
        evaluation.measure(Numbered(priced, number, question.seed))
        if machine.is_real and not is_confirmed and budget.unsent(priced.jobs):
            worst = following(votes, number, [rows] * len(votes.looks), store)
            consent.confirm_unsent(worst, store, within_plan=not votes.is_sequential)
            is_confirmed = True
        try:
            terms = budget.terms(priced.jobs, of=[*votes.assessed, *priced.jobs])
        except BudgetError as error:
            if not number:
                raise
            votes.stopped = error
            break
        progress.stage(
            f"batch {number + 1}: {counted(look - before, 'shot')} of {counted(len(rows), 'row')}"
        )
        stored = Stored(machine, store=store, executor=executor, terms=terms)
        votes.add(rows, evaluation.measure(Numbered(stored, number, question.seed)))
        votes.assessed += priced.jobs
        votes.jobs.append(stored.keys)
        votes.asked.append(rows)
        before = look
    return votes


@dataclass(frozen=True)
class Asking:
    """How a machine is asked for labels."""

    shots: int | None = None
    """Of each row; None is as many as its label needs."""

    delta: float = 0.01
    most: int = MOST
    until_noiseless: bool = False
    seed: int = 0
    """Of a recorded device's shots."""

    stacks: tuple[str, ...] = ()
    """Names of the mitigation stacks that a fixed number of shots is combined by."""

    def check(self, model: Model) -> None:
        """Refuse a model that a machine is not asked for, before one is opened.

        Raises:
            UsageError: numbers, a head on every step, or stacks, without a number of shots; or no
                stack of such a name.
        """
        if self.shots is None:
            got = ""
            if not isinstance(model.target, Classes):
                got = "a model of numbers"
            elif model.trained.network.steps is not None:
                got = "a head that reads the bits of every step"
            elif self.stacks:
                got = "mitigation stacks"
            if got:
                raise UsageError(
                    "--shots auto is for labels of the outcome alone, as it is read. Got "
                    f"{got}; give a number."
                )
        self.parsed()

    def parsed(self) -> tuple[Stack, ...]:
        """Return the stacks.

        Raises:
            UsageError: there is none of such a name.
        """
        return tuple(dict.fromkeys(parse_stack(name) for name in self.stacks)) or (Stack(),)

    def asks_once(self, model: Model) -> bool:
        """Tell whether rows are asked once, with stacks or for the bits of every step."""
        return bool(self.stacks) or model.trained.network.steps is not None

    def votes(self, model: Model, inputs: Inputs, settings: RunSettings, machine: Machine) -> Votes:
        """Return a model's rows on a machine, with no shots yet.

        Raises:
            UsageError: a model in rounds, or a noiseless label without the canaries that it takes.
        """
        question = self._question(model, inputs, settings, machine)
        canaries = question.canaries
        if self.until_noiseless and (canaries is None or len(canaries) < LEAST_CANARIES):
            held = 0 if model.canaries is None else len(model.canaries)
            raise UsageError(
                f"{NOISELESS}, should have {LEAST_CANARIES} canaries or more, as long as a row. "
                f"Got --canaries {settings.canaries} and a model that carries {held} held-out "
                "rows; export it again, or ask for this machine's label."
            )
        return Votes(question, self.delta, looks_of(self.shots, self.most), self.until_noiseless)

    def once(self, model: Model, inputs: Inputs, settings: RunSettings, machine: Machine) -> Once:
        """Return a model's rows on a machine, to be asked once.

        Raises:
            UsageError: a model in rounds, or a stack that it is not run with.
        """
        assert self.shots is not None
        question = self._question(model, inputs, settings, machine)
        return Once(question, self.parsed(), self.shots, self.delta)

    def _question(
        self, model: Model, inputs: Inputs, settings: RunSettings, machine: Machine
    ) -> Question:
        return Question.on(machine, settings, model, scaled(model, inputs), self.seed)


def votes_on(
    model: Model, inputs: Inputs, settings: RunSettings, asking: Asking, *, keeps: bool = True
) -> tuple[Votes, RunSettings]:
    """Open the machine as it was calibrated when just these rows were asked for first.

    Args:
        model: trained.
        inputs: rows as the model reads them.
        settings: on a machine; without an output folder they get one for these rows.
        asking: how.
        keeps: whether the folder keeps what it begins with; a price leaves nothing behind.

    Returns:
        No votes yet, and the settings with their folder.

    Raises:
        QRNNError, JobsError, CalibrationError: as `Asking.check`, `Asking.votes` and
            `open_machine`.
    """
    machine, settings = begun(model, inputs, settings, asking, keeps=keeps)
    return asking.votes(model, inputs, settings, machine), settings


def once_on(
    model: Model, inputs: Inputs, settings: RunSettings, asking: Asking, *, keeps: bool = True
) -> tuple[Once, RunSettings]:
    """Return the same of rows that are asked once; arguments and errors as `votes_on`."""
    machine, settings = begun(model, inputs, settings, asking, keeps=keeps)
    return asking.once(model, inputs, settings, machine), settings


def begun(
    model: Model, inputs: Inputs, settings: RunSettings, asking: Asking, *, keeps: bool
) -> tuple[Machine, RunSettings]:
    """Open the machine as it was calibrated when just these rows were asked for first."""
    asking.check(model)
    machine = with_learned_of(open_machine(settings.backend), settings)
    if settings.output == Path():
        folder = folder_of(model, settings, scaled(model, inputs), asking.seed)
        settings = replace(settings, output=folder)
    if keeps:
        writable_folder(settings.output)
    if keeps or settings.output.exists():
        machine = first_day(machine, settings.output)
    return machine, settings
