"""A finished run in rounds, opened again from its folder and the job store."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from jobs.store.store import Store
from qrnn_hw.data.labelled_text import load_embedded, load_tsv
from qrnn_hw.errors import ConfigurationError, UsageError
from qrnn_hw.experiment.measure import Stored
from qrnn_hw.experiment.progress import Quiet
from qrnn_hw.experiment.recipe_run import train_recipe
from qrnn_hw.experiment.recompute import Recomputed, row_of
from qrnn_hw.experiment.rounds_job import PreparedRounds, prepare_rounds
from qrnn_hw.experiment.settings import RunSettings
from qrnn_hw.experiment.stored_run import opened, settings_in, stored_machine
from qrnn_hw.networks.network import TrainedNetwork
from qrnn_hw.submission.machine import Machine


@dataclass(frozen=True, eq=False)
class StoredRounds:
    """What a run in rounds was made of, and the scores that it measured."""

    prepared: PreparedRounds
    network: TrainedNetwork
    scores: NDArray[np.float64]  # shape (n,)

    @cached_property
    def ideal(self) -> NDArray[np.float64]:
        """Scores without noise and shots, shape (n,)."""
        test = self.prepared.test
        return self.network.scores(test.values, test.lengths)


def trained_rounds(
    settings: RunSettings, machine: Machine
) -> tuple[PreparedRounds, TrainedNetwork]:
    """Prepare the rounds of a finished run and read its trained network."""
    text = load_tsv(settings.data) if settings.data else load_embedded(settings.dataset)
    prepared = prepare_rounds(settings, text, machine)
    return prepared, prepared.recipe.trained(train_recipe(prepared.recipe, Quiet()))


def open_rounds(folder: Path, store: Store) -> StoredRounds:
    """Run the rounds again on what the store has of them; nothing is sent or simulated.

    Raises:
        ConfigurationError: a file is missing, unreadable or of another run, or a job is not of this
            run's circuits.
        StoreError: bits or the snapshot are not in the store.
    """
    document = opened(folder)
    settings = settings_in(document, folder)
    machine = stored_machine(document, store)
    prepared, network = trained_rounds(settings, machine)
    measure = Stored(machine, store=store)
    scores = prepared.scores(network, prepared.encoded(network), measure, is_planned=True)
    roles = document.get("roles", measure.roles)
    keys = dict(zip(roles, document["jobs"], strict=False))
    found = dict(zip(measure.roles, (spec.key for spec in measure.specs), strict=True))
    if keys != found or len(roles) != len(document["jobs"]):
        raise ConfigurationError(
            "a run's jobs should be the rounds of its trained model. Got others in "
            f"{folder / 'result.json'}. Run it again."
        )
    return StoredRounds(prepared, network, scores)


def recompute_rounds(run: StoredRounds, shots: int | None) -> Recomputed:
    """Hold the measured scores against those without noise.

    Raises:
        UsageError: other shots than were run, which would have fed other values back.
    """
    stored = run.prepared.settings.shots
    if shots not in (None, stored):
        raise UsageError(
            f"the shots of a run in rounds should be those that it stored ({stored}): fewer would "
            f"have fed other values back. Got {shots}; leave --shots out."
        )
    labels = run.prepared.test.known_targets
    ideal = row_of("ideal", run.ideal, run.ideal, labels, 0)
    return Recomputed(stored, None, (ideal, row_of("none", run.scores, run.ideal, labels, stored)))
