"""The stack of `--plan auto`: forecasts, held against canaries on the machine before the choice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jobs.cost import Estimate
from jobs.store.store import Store
from qrnn_hw.errors import UsageError
from qrnn_hw.experiment.canary_rows import Canaries
from qrnn_hw.experiment.evaluation import Evaluation
from qrnn_hw.experiment.forecast import final_readout, forecast, measured_noise_level
from qrnn_hw.experiment.measure import Priced
from qrnn_hw.experiment.measured import Measured
from qrnn_hw.experiment.one_circuit import OneCircuit
from qrnn_hw.experiment.plan import Plan
from qrnn_hw.experiment.progress import Progress
from qrnn_hw.experiment.rounds import MeasuredRounds
from qrnn_hw.experiment.tiled import TiledEvaluation
from qrnn_hw.mitigation.evidence import Evidence, reconsidered, shortlist
from qrnn_hw.mitigation.noise_level import REPORTED, NoiseLevel
from qrnn_hw.mitigation.plan import MitigationPlan
from qrnn_hw.mitigation.stack import Stack
from qrnn_hw.networks.encoded import Encoded
from qrnn_hw.networks.trained import TrainedNetwork
from qrnn_hw.submission.consent import Consent

TRIAL_SHARE = 0.1
"""Of the shots of all sentences, that one stack's trial on canaries takes."""

MOST_SHOTS = 8
"""A canary of the trial has at most so many times the shots of a sentence."""

MOST_CIRCUITS = 48
"""Of a stack that is tried: on canaries each has few shots, and each costs a row of its own."""

OWN_SEED = 500_000
"""Added to the seeds of the run, so that a recorded device draws the trial's shots anew."""


@dataclass(frozen=True)
class Choice:
    """What was chosen, why, and the jobs of the trial."""

    plan: MitigationPlan
    jobs: Mapping[str, str] = field(default_factory=dict)
    """Key of the job of each role."""

    estimate: Estimate | None = None
    """What the trial would be charged."""

    evidence: Mapping[str, Evidence] = field(default_factory=dict)
    """By the name of the stack; none where no canaries were sent."""

    level: NoiseLevel | None = None
    """Of all reported rates but readout, as canaries show it; None on tiles and without any."""

    def to_json(self) -> dict[str, Any]:
        """Return the forecasts, what canaries showed, and the jobs, as a JSON object."""
        return {
            **self.plan.to_json(),
            "canaries": {
                name: {"miss": one.squared_miss**0.5, "error": one.squared_error**0.5,
                       "scatter_over_shots": one.scatter, "n_canaries": one.n_canaries}
                for name, one in self.evidence.items()
            },
            "noise_level": None if self.level is None else self.level.to_json(),
            "jobs": list(self.jobs.values()),
        }  # fmt: skip


def choose(
    circuit: OneCircuit,
    trained: TrainedNetwork,
    encoded: Encoded,
    ideal: NDArray[np.float64],
    canaries: Canaries | None,
    consent: Consent,
    store: Store,
    progress: Progress,
) -> Choice:
    """Forecast every stack, try the best of each kind on the machine's canaries, and choose.

    Args:
        circuit: with the machine's reported noise, which is believed to a factor of two.
        trained: the network.
        encoded: the test rows.
        ideal: their outputs without noise, shape (n, k).
        canaries: None chooses by the forecasts alone.
        consent: who is asked about the trial.
        store: where its bits are kept.
        progress: told how far it is.

    Raises:
        JobsError: see `measure.running` and `measure.Stored`.
    """
    terminal = final_readout(circuit.transpiled, circuit.noise)

    def forecasts(level: NoiseLevel) -> MitigationPlan:
        return forecast(
            circuit.transpiled,
            circuit.noise,
            encoded,
            trained.head,
            shots=circuit.settings.shots,
            ideal=ideal,
            terminal=terminal,
            level=level,
            interleaved=circuit.settings.repetitions > 1,
            after=progress.advance,
        )

    progress.stage("forecasting every stack")
    plan = forecasts(REPORTED)
    if canaries is None:
        return Choice(plan)
    progress.stage("trying the best of each kind on canaries")
    trial = _trial(circuit, trained, len(encoded), canaries, plan)
    asked = Plan.of(trial, Priced(circuit.machine, store=store))
    measured, jobs = asked.measure(consent, store, progress)
    assert not isinstance(measured, MeasuredRounds)  # a model in one circuit
    evidence = {
        stack: Evidence.of(measured.answers[stack.name], canaries.known) for stack in trial.stacks
    }
    level = None
    # Tiles have levels of their own, and one sequence's forecast is of one place.
    if isinstance(measured, Measured):
        progress.stage("fitting the level of the noise to the canaries")
        counts = measured.bare_counts()
        level = measured_noise_level(
            circuit.transpiled, circuit.noise, canaries.encoded, counts, terminal, progress.advance
        )
        progress.stage("forecasting every stack at that level")
        plan = forecasts(level)
    named = {stack.name: one for stack, one in evidence.items()}
    return Choice(reconsidered(plan, evidence), jobs, asked.priced.estimate, named, level)


def _trial(
    circuit: OneCircuit,
    trained: TrainedNetwork,
    n_rows: int,
    canaries: Canaries,
    plan: MitigationPlan,
) -> Evaluation | TiledEvaluation:
    """Return the canaries as what is measured, under the stacks that they have shots for."""
    shots = circuit.settings.shots
    total = round(TRIAL_SHARE * shots * n_rows / len(canaries))
    total = min(MOST_SHOTS * shots, max(shots // 2, total, 1))
    stacks: list[Stack] = []
    found = circuit.evaluation(trained, canaries.encoded, ())
    seeds = {name: seed + OWN_SEED for name, seed in found.seeds.items()}
    for stack in shortlist(plan, MOST_CIRCUITS):
        one = replace(found, stacks=(*stacks, stack), total=total, seeds=seeds)
        try:
            one.check()
        except UsageError:  # fewer shots than circuits
            continue
        stacks.append(stack)
    return replace(found, stacks=tuple(stacks), total=total, seeds=seeds)
