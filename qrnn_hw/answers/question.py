"""Rows that a machine is asked for: a model's circuits on it, and canaries beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import QuantumCircuit

from qrnn_hw.answers.asked_rows import direct_of
from qrnn_hw.answers.model_file import Model
from qrnn_hw.answers.placed import placed_for_rows
from qrnn_hw.data.sequences import Sequences
from qrnn_hw.errors import UsageError
from qrnn_hw.experiment.canaries import largest
from qrnn_hw.experiment.canary_rows import Canaries
from qrnn_hw.experiment.evaluation import Evaluation
from qrnn_hw.experiment.kept_features import encoded_once, weights_digest
from qrnn_hw.experiment.measure import Bits, Measurer, Request
from qrnn_hw.experiment.one_circuit import OneCircuit
from qrnn_hw.experiment.run_folder import RUNS, file_name
from qrnn_hw.experiment.settings import DEFAULT_CANARIES, RunSettings
from qrnn_hw.mitigation.stack import Stack
from qrnn_hw.networks.encoded import Encoded
from qrnn_hw.networks.identity import digest, network_content
from qrnn_hw.submission.machine import Machine
from qrnn_hw.training.checkpoint import Identity

TOLD = ("backend", "placement", "canaries", "repetitions")
"""Settings that a folder is for."""


@dataclass(frozen=True, eq=False)
class Question:
    """A model's rows on a machine; every batch asks for some of them."""

    execution: OneCircuit
    model: Model
    encoded: Encoded
    canaries: Canaries | None
    seed: int
    """Of a recorded device's shots."""

    direct: list[Any] = field(default_factory=list)
    """What reaches the outputs of each row past the circuits, as `direct_of` has it."""

    made: dict[tuple[object, ...], QuantumCircuit] = field(default_factory=dict, repr=False)

    @classmethod
    def on(
        cls, machine: Machine, settings: RunSettings, model: Model, rows: Sequences, seed: int
    ) -> Question:
        """Place a model on a machine and encode rows, once for all times that they are asked for.

        Args:
            machine: as it was calibrated when they were asked for first.
            settings: placement, canaries, repetitions, and the folder that keeps the angles.
            model: trained.
            rows: as the model reads them, scaled.
            seed: of a recorded device's shots.

        Raises:
            UsageError: a model in rounds.
        """
        network = model.trained.network
        if network.in_rounds:
            raise UsageError(
                "a machine is asked for the shots of one circuit. Got a model in rounds; leave "
                "--shots out, or use `qrnn-hw run`."
            )
        who = Identity({"network": network_content(network), "rows": rows.digest})
        encoded = encoded_once(model.trained, rows, settings.output, who)
        folder = settings.output
        execution = placed_for_rows(model.trained, encoded, machine, settings, folder)
        canaries = known_canaries(model, execution, encoded, settings.canaries)
        return cls(execution, model, encoded, canaries, seed, direct_of(model, rows))

    def batch(self, rows: NDArray[np.int64], shots: int) -> Evaluation:
        """Return what asks for some of the rows, with so many shots each, without mitigation."""
        trained, some = self.model.trained, self.encoded.take(rows)
        found = self.execution.alone(trained, some, (Stack(),))
        canaries = self.canaries
        if canaries is not None and not (some.lengths == canaries.encoded.lengths[0]).any():
            canaries = None  # their circuit is no longer run
        return replace(found, total=shots, canaries=canaries, made=self.made)


def known_canaries(
    model: Model, execution: OneCircuit, encoded: Encoded, n: int, name: str = "canaries.npz"
) -> Canaries | None:
    """Return the model's held-out rows of the largest answers, cut to a length that is asked for.

    The longest length that enough of them reach: what is longest misses most, and they then share
    its circuit. None where there are too few for the default.

    Raises:
        UsageError: more are asked for than by default, and there are too few.
    """
    rows = model.canaries
    if rows is None or not n:
        return None
    for length in sorted(set(encoded.lengths.tolist()), reverse=True):
        long = np.flatnonzero(rows.lengths >= length)
        if length and len(long) >= n:
            break
    else:
        asked = encoded.lengths[encoded.lengths > 0]
        if n > DEFAULT_CANARIES and len(asked):
            shortest = int(asked.min())
            most = int((rows.lengths >= shortest).sum())
            raise UsageError(
                f"--canaries should be at most {most}, the held-out rows that the model carries "
                f"and that are as long as what is asked. Got {n}."
            )
        return None
    cut = Sequences(rows.values[long, :length], np.full(len(long), length))
    who = Identity({"network": network_content(model.trained.network), "rows": cut.digest})
    every = encoded_once(model.trained, cut, execution.settings.output, who, name)
    return largest(execution.ideal, model.trained, every, n)


@dataclass
class Numbered:
    """A measure whose jobs are told apart by the batch that they belong to.

    Two batches of the same rows and shots are two jobs, with shots of their own.
    """

    measure: Measurer
    batch: int
    seed: int

    @property
    def binds(self) -> bool:
        """Whether what is asked for is run."""
        return self.measure.binds

    def ran_at(self, role: str) -> datetime | None:
        """Return when the job of a role ran."""
        return self.measure.ran_at(role)

    def __call__(self, requests: Sequence[Request]) -> list[Bits]:
        """Return the bits of each request."""
        return self.measure([self._numbered(one) for one in requests])

    def _numbered(self, request: Request) -> Request:
        mixed = np.random.SeedSequence([self.seed, request.seed, self.batch])
        options = {**request.options, "batch": self.batch}
        return replace(request, seed=int(mixed.generate_state(1)[0] >> 1), options=options)


def folder_of(model: Model, settings: RunSettings, rows: Sequences, seed: int) -> Path:
    """Return runs/predict-MODEL-DIGEST, for just this model, these rows and this machine.

    Neither delta nor the number of shots is in it: who asks for more goes on from what there is.
    """
    told = {
        "model": network_content(model.trained.network)
        | {"weights": weights_digest(model.trained)},
        "rows": rows.digest,
        "seed": seed,
        **{name: getattr(settings, name) for name in TOLD},
    }
    return RUNS / f"predict-{file_name(settings.model)}-{digest(told)[:8]}"
