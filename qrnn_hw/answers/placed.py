"""A trained model on a machine: where the rows that are asked lose least, or where it is told."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import replace
from pathlib import Path

from qrnn_hw.experiment.kept_calibration import PLACEMENT
from qrnn_hw.experiment.kept_features import weights_digest
from qrnn_hw.experiment.one_circuit import OneCircuit
from qrnn_hw.experiment.place_for_trained import kept_choice, probe_of
from qrnn_hw.experiment.settings import RunSettings
from qrnn_hw.networks.encoded import Encoded
from qrnn_hw.networks.trained import TrainedNetwork
from qrnn_hw.submission.machine import Machine
from qrnn_hw.submission.placing import AUTO


def placed_for_rows(
    trained: TrainedNetwork,
    encoded: Encoded,
    machine: Machine,
    settings: RunSettings,
    folder: Path | None = None,
) -> OneCircuit:
    """Return a trained model on a machine; `auto` puts it where its outputs for rows lose least.

    Args:
        trained: the network.
        encoded: the rows that are asked.
        machine: as it is calibrated.
        settings: with the placement.
        folder: that keeps the choice, and has it of before; None keeps nothing, nor does one that
            is not there.

    Raises:
        ConfigurationError: a kept choice cannot be read.
        UsageError: qubits that the model cannot lie on.
    """
    if settings.placement != AUTO:
        return OneCircuit.on(machine, settings)
    told = {
        "weights": weights_digest(trained),
        "rows": hashlib.sha256(encoded.features.tobytes() + encoded.lengths.tobytes()).hexdigest(),
        "snapshot": machine.snapshot.digest,
    }
    who = hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()
    path = None if folder is None else folder / PLACEMENT
    kept = None if path is None or kept_choice(path, who) is None else path
    found = OneCircuit.on(machine, settings, probe=probe_of(encoded, trained), kept=kept)
    document = (found.placed.document or {}) | {"for": who}
    if path is not None and kept is None and os.access(path.parent, os.W_OK):
        path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    return replace(found, placed=replace(found.placed, document=document))
