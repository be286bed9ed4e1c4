"""From the settings' plans to stacks, to requests with their price, to measured scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from jobs.store.run_time import run_time
from jobs.store.store import Store
from qrnn_hw.config import store_path
from qrnn_hw.experiment.evaluation import READOUT, Evaluation
from qrnn_hw.experiment.forecast import final_readout, forecast
from qrnn_hw.experiment.measure import Priced, Request, running
from qrnn_hw.experiment.measured import Measured, decode
from qrnn_hw.experiment.progress import Progress
from qrnn_hw.experiment.settings import AUTO, DEFAULT_PLANS, RunSettings
from qrnn_hw.mitigation.stack import Stack
from qrnn_hw.mitigation.stack_names import parse_stack
from qrnn_hw.networks.encoded import Encoded
from qrnn_hw.submission.consent import Consent

if TYPE_CHECKING:
    from qrnn_hw.experiment.main_job import Prepared


def named_stacks(settings: RunSettings, chosen: Stack | None = None) -> tuple[Stack, ...]:
    """Return the stacks of a run in the order given, each once; the one for `auto` is the chosen.

    Raises:
        UsageError: a name that is no stack's.
    """
    names = settings.plans or DEFAULT_PLANS
    found = [chosen if name == AUTO else parse_stack(name) for name in names]
    return tuple(dict.fromkeys(stack for stack in found if stack is not None))


def evaluation_of(
    prepared: Prepared,
    encoded: Encoded,
    decision: NDArray[np.float64],
    stacks: Sequence[Stack],
) -> Evaluation:
    """Return what scores the test sentences by each stack, at the shots of the settings."""
    shots = prepared.settings.shots
    return Evaluation(prepared.transpiled, prepared.noise, encoded, decision, tuple(stacks), shots)


def choose_stack(
    prepared: Prepared,
    encoded: Encoded,
    decision: NDArray[np.float64],
    ideal: NDArray[np.float64],
    progress: Progress,
) -> Stack:
    """Return the stack of the least forecast error; none unless it gains over 20 %.

    Args:
        prepared: with the machine's reported noise, which is believed to a factor of two.
        encoded: the test sentences.
        decision: score of each outcome, shape (2**m,).
        ideal: scores without noise, shape (n,).
        progress: told how far it is.
    """
    progress.stage("forecasting every stack")
    return forecast(
        prepared.transpiled,
        prepared.noise,
        encoded,
        decision,
        shots=prepared.settings.shots,
        ideal=ideal,
        terminal=final_readout(prepared.transpiled, prepared.noise),
        after=progress.advance,
    ).stack


@dataclass(frozen=True, eq=False)
class Planned:
    """An evaluation with its requests, held against the machine and priced."""

    evaluation: Evaluation
    requests: tuple[Request, ...]
    priced: Priced

    @classmethod
    def of(cls, prepared: Prepared, evaluation: Evaluation) -> Planned:
        """Build every circuit on the device.

        Raises:
            UsageError: too few shots, or a stack that the model has no circuits for.
        """
        width = prepared.machine.snapshot.n_qubits
        requests = tuple(evaluation.requests(width, prepared.settings.seeds))
        priced = Priced(prepared.machine)
        priced(requests)
        return cls(evaluation, requests, priced)

    def measure(self, consent: Consent, progress: Progress) -> Measured:
        """Ask, then run what is not in the store.

        Raises:
            JobsError: see `run.measure.running` and `run.measure.Stored`.
        """
        roles = [request.role for request in self.requests]
        progress.stage(f"running {len(roles)} jobs on {self.priced.machine.name}")
        with Store(store_path()) as store:
            measure = running(self.priced, consent, store, progress.advance)
            results = dict(zip(roles, measure(self.requests), strict=True))
            keys = dict(zip(roles, (spec.key for spec in measure.specs), strict=True))
            at = run_time(keys[READOUT], store).at if READOUT in keys else None
        return decode(self.evaluation, results, keys, at)
