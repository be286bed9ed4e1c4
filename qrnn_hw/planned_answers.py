"""Answers of a machine to rows: what they would cost, and the rows sent within a budget."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from jobs.counted import counted
from jobs.errors import BudgetError
from jobs.store.store import Store
from qrnn_hw.answers.asked_rows import notes_of
from qrnn_hw.answers.machine_answer import predictions
from qrnn_hw.answers.model_file import Model
from qrnn_hw.answers.on_machine import Asking, ask, once_on, votes_on
from qrnn_hw.answers.prediction import Prediction, check_asked
from qrnn_hw.answers.prices import Price, price
from qrnn_hw.answers.runs import settings_on
from qrnn_hw.config import store_path
from qrnn_hw.data.inputs import Inputs
from qrnn_hw.errors import UsageError
from qrnn_hw.experiment.progress import Quiet
from qrnn_hw.experiment.settings import RunSettings
from qrnn_hw.submission.consent import Confirm, Consent, Spending

TOLD = (
    *("canaries", "repetitions", "placement", "decoupling", "learned"),
    *("rep_delay_seconds", "output"),
)
"""Settings on the machine that rows may be asked with."""

Shots = int | Literal["auto"] | None


@dataclass(frozen=True, eq=False)
class PlannedAnswers:
    """Rows that a machine is to answer, checked and priced; nothing is sent before `run`."""

    model: Model
    inputs: Inputs
    machine: str
    shots: Shots
    delta: float = 0.01
    seed: int = 0
    trained_for: RunSettings | None = None
    """Of the run that trained the model, whose circuits are asked; None is one from a file."""

    settings: dict[str, Any] = field(default_factory=dict)
    """Further fields of `RunSettings` on the machine, such as `canaries`."""

    stacks: tuple[str, ...] = ()
    """Names of mitigation stacks, all with the same total of shots."""

    def __post_init__(self) -> None:
        """Check how many shots are asked for, and what the machine is told.

        Raises:
            UsageError: none, or no number; a delta that is no probability; a setting that does not
                belong to rows that are asked, or a model that they are not asked of.
        """
        check_asked(self.shots, self.delta)
        if self.shots is None:
            raise UsageError("a machine runs shots. Got none; give a number, or auto.")
        if other := sorted(set(self.settings) - set(TOLD)):
            raise UsageError(
                f"rows on a machine may be told {', '.join(TOLD)}. Got {other[0]}; leave it out."
            )
        self._asking.check(self.model)

    def price(self) -> Price:
        """Return what is left to be sent, and its QPU seconds.

        Raises:
            UsageError: a model that a machine is not asked for shots of.
            QRNNError, JobsError, CalibrationError: as `qrnn-hw predict --dry-run`.
        """
        given = self.model, self.inputs, self._settings(None), self._asking
        with Store(store_path()) as store:
            if self._asking.asks_once(self.model):
                once, _ = once_on(*given, keeps=False)
                return once.price(store)
            votes, _ = votes_on(*given, keeps=False)
            return price(votes, store)

    def __str__(self) -> str:
        """Return the price in words."""
        found, rows = self.price(), counted(len(self.inputs.names), "row")
        head = f"{self.model.name} on {self.machine}: {rows}, {self.shots} shots of each"
        if self.stacks:
            head += f" by each of {', '.join(one.name for one in self._asking.parsed())}"
        if found.most is None:
            return f"{head}\nall in the store, nothing would be sent"
        likely = found.expected or found.most
        return (
            f"{head}, {counted(found.n_jobs, 'job')} at most\n"
            f"about {likely.best_seconds:.1f} s of QPU time ({likely.low_seconds:.1f} to "
            f"{likely.high_seconds:.1f} s), {found.most.high_seconds:.1f} s at most"
        )

    def run(self, *, budget: float | None = None) -> list[Prediction]:
        """Send what is not in the store yet, within a budget of QPU seconds, and answer.

        Raises:
            BudgetError: it costs more, or it is a real machine and no budget is given.
            UsageError: there are several stacks; `by_stack` answers by each.
            QRNNError, JobsError, CalibrationError: as `qrnn-hw predict`.
        """
        if len(self._asking.parsed()) > 1:
            raise UsageError(
                "rows should be answered by one stack. Got "
                f"{', '.join(one.name for one in self._asking.parsed())}; ask with `by_stack`."
            )
        if self._asking.asks_once(self.model):
            (found,) = self.by_stack(budget=budget).values()
            return found
        votes, _ = votes_on(self.model, self.inputs, self._settings(budget), self._asking)
        machine = votes.question.execution.machine
        with Store(store_path()) as store:
            ask(votes, Consent(machine, within(budget), budget), store, Quiet())
        return predictions(votes, self.inputs.names, notes_of(self.model, self.inputs))

    def by_stack(self, *, budget: float | None = None) -> dict[str, list[Prediction]]:
        """Send and answer as `run`, by the name of each stack; of none by `none`.

        Raises:
            UsageError: the shots are no number.
            BudgetError, QRNNError, JobsError, CalibrationError: as `run`.
        """
        if self.shots == "auto":
            raise UsageError(
                "stacks combine a fixed number of shots. Got auto; give a number, or ask with "
                "`run`."
            )
        once, _ = once_on(self.model, self.inputs, self._settings(budget), self._asking)
        machine = once.question.execution.machine
        with Store(store_path()) as store:
            asked = once.ask(Consent(machine, within(budget), budget), store, Quiet())
        notes = notes_of(self.model, self.inputs)
        return {
            stack.name: asked.predictions(stack, self.inputs.names, notes) for stack in once.stacks
        }

    @property
    def _asking(self) -> Asking:
        shots = None if self.shots == "auto" else self.shots
        return Asking(shots, self.delta, seed=self.seed, stacks=self.stacks)

    def _settings(self, budget: float | None) -> RunSettings:
        given = {"budget_seconds": budget, "output": Path(), **self.settings}
        return settings_on(self.model, self.machine, self.trained_for, **given)


def stack_names(given: Any) -> tuple[str, ...]:
    """Return the names of stacks as a tuple.

    Raises:
        UsageError: they are no list of names.
    """
    if isinstance(given, str) or not all(isinstance(one, str) for one in given):
        raise UsageError(
            f'stacks should be a list of names, such as ["none", "terminal"]. Got {given!r}.'
        )
    return tuple(given)


def within(budget: float | None) -> Confirm:
    """Return what agrees to spend QPU time where a budget says how much."""

    def confirm(spending: Spending) -> None:
        if spending.machine.is_real and budget is None:
            raise BudgetError(
                "a real machine should have a budget of QPU seconds. Got none; about "
                f"{spending.estimate.best_seconds:.0f} s are needed: budget=..."
            )

    return confirm
