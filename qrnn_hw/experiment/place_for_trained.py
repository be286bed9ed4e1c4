"""Where a trained network's own outputs are least disturbed, by rows that it was trained on.

A placement chosen before the training is one for the average of all weights. The training keeps
its noise, and its checkpoint; what is measured moves to where these weights lose least.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from jobs.transpile.probe import LONGEST, NARROW, SEQUENCES, Probe
from qrnn_hw.data.sequences import Sequences
from qrnn_hw.experiment.kept_calibration import PLACEMENT
from qrnn_hw.experiment.kept_features import weights_digest
from qrnn_hw.experiment.one_circuit import OneCircuit
from qrnn_hw.experiment.prepare import Prepared
from qrnn_hw.experiment.progress import Progress
from qrnn_hw.networks.encoded import Encoded
from qrnn_hw.networks.trained import TrainedNetwork
from qrnn_hw.submission.kept_placement import AGAIN, read_placement, said
from qrnn_hw.submission.placing import LISTED, on_qubits, scores_on

FILE_NAME = "placement-trained.json"

FRESH = 4
"""Probes of further rows, that choose among the best of the first."""


def placed_for(prepared: Prepared, trained: TrainedNetwork, progress: Progress) -> Prepared:
    """Return the same run with its circuit where the trained network loses least.

    Only of a run with `--placement auto`, and of one that began so: a folder of before goes on
    where it is. What was chosen is kept in the folder beside the checkpoint, and read again for the
    same weights.

    Args:
        prepared: with its circuit where it was trained.
        trained: with its training over.
        progress: told of the choice.

    Raises:
        ConfigurationError: the kept choice cannot be read.
    """
    execution = prepared.execution
    if not isinstance(execution, OneCircuit) or not execution.places_again:
        return prepared
    folder, who = prepared.settings.output, _asked(prepared, execution, trained)
    document = kept_choice(folder / FILE_NAME, who)
    if document is None:
        progress.stage("placing what was trained where its outputs lose least")
        document = _scored(prepared, execution, trained) | {"for": who}
        if os.access(folder, os.W_OK):
            (folder / FILE_NAME).write_text(json.dumps(document, indent=2) + "\n")
    progress.stage(said(document))
    moved = on_qubits(
        execution.settings.architecture,
        execution.machine,
        tuple(document["placements"][0]["qubits"]),
        seed=execution.settings.seeds["transpiler"],
        decoupling=execution.settings.decoupling,
        document=document,
    )
    return replace(prepared, execution=execution.moved(moved), begun=execution)


def probe_of(encoded: Encoded, trained: TrainedNetwork) -> Probe:
    """Return rows of a trained network as what placements are judged by: by its outputs.

    Of many rows as many as are worth their time, evenly. A head that reads the bits of every step
    is judged by the law of the outcome alone.
    """
    most = n_probed(trained.network.architecture.n_qubits, encoded.features.shape[1])
    if len(encoded) > most:
        encoded = encoded.take(np.arange(most) * len(encoded) // most)
    weights = np.tile(encoded.circuit, (len(encoded), 1))
    columns = trained.coefficients if trained.network.steps is None else None
    return Probe(weights, encoded.features, encoded.lengths, columns=columns)


def n_probed(n_qubits: int, steps: int) -> int:
    """Return how many rows of a probe cost about as much as two random ones."""
    n = 2 * SEQUENCES if n_qubits <= NARROW else SEQUENCES // 2
    return max(8, n * LONGEST // max(steps, LONGEST))


def _scored(prepared: Prepared, execution: OneCircuit, trained: TrainedNetwork) -> dict[str, Any]:
    settings, task = prepared.settings, prepared.task
    first, *fresh = (
        probe_of(one, trained)
        for one in _rows(trained, task.training, task.validation, settings.seed)
    )
    found = scores_on(
        settings.architecture,
        prepared.machine,
        settings.seeds["transpiler"],
        settings.decoupling,
        probe=first,
        fresh=fresh,
        standing=execution.qubits,
    )
    return found.to_json(LISTED) | {AGAIN: found.standing.to_json()}


def _rows(
    trained: TrainedNetwork, training: Sequences, validation: Sequences, seed: int
) -> list[Encoded]:
    """Return training and validation rows, drawn once each: those of every probe."""
    n = n_probed(trained.network.architecture.n_qubits, training.n_steps)
    n = max(1, min(n, (len(training) + len(validation)) // (1 + FRESH)))
    order = np.random.default_rng([seed, 29]).permutation(len(training) + len(validation))
    found = []
    for number in range(1 + FRESH):
        rows = np.sort(order[number * n : (number + 1) * n])
        early, late = rows[rows < len(training)], rows[rows >= len(training)]
        parts = [
            trained.encoded(part.take(places))
            for part, places in ((training, early), (validation, late - len(training)))
            if len(places)
        ]
        found.append(parts[0] if len(parts) == 1 else parts[0].beside(parts[1]))
    return [one for one in found if len(one)]


def _asked(prepared: Prepared, execution: OneCircuit, trained: TrainedNetwork) -> str:
    told = {
        "weights": weights_digest(trained),
        "run": prepared.training.identity.digest,
        "snapshot": execution.machine.snapshot.digest,
    }
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def kept_choice(path: Path, who: str) -> dict[str, Any] | None:
    """Return a choice for just this, None where there is none."""
    if not path.exists():
        return None
    document = read_placement(path)
    return document if document.get("for") == who else None


def chosen_qubits(folder: Path) -> tuple[int, ...] | None:
    """Return the qubits that a run with `--placement auto` has chosen last, None of another run.

    Raises:
        ConfigurationError: the kept choice cannot be read.
    """
    for path in (folder / FILE_NAME, folder / PLACEMENT):
        if path.exists():
            return tuple(read_placement(path)["placements"][0]["qubits"])
    return None
