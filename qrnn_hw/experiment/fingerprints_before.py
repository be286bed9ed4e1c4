"""By what commit 2b9fe54 knew a training: checkpoints of then go on where they mean the same."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from qrnn_hw.data.sequences import Sequences
from qrnn_hw.networks.frozen_rows import is_unchanged
from qrnn_hw.networks.identity import digest
from qrnn_hw.networks.network import Network
from qrnn_hw.training.options import TrainingOptions

if TYPE_CHECKING:
    from qrnn_hw.experiment.settings import RunSettings
    from qrnn_hw.experiment.task import ModelTask


def run_before(
    settings: RunSettings, task: ModelTask, network: Network, calibration: dict[str, Any] | None
) -> tuple[str, ...]:
    """Return the fingerprints of a run, none where then knew no such circuits or loss."""
    is_text = task.data.text is not None and task.target.n_outputs == 1
    if settings.training.is_regularised or not is_unchanged(network.architecture) or not is_text:
        return ()
    if network.in_rounds:
        noise = None
        if calibration is not None:
            noise = "{snapshot}, seed {seed}, decoupling {decoupling}".format(**calibration)
        parts = [[task.training], [task.test], [task.validation]]
        seeds = (settings.seeds["training"],)
        return recipe_before(network, "ours", settings.training, seeds, parts, noise=noise)
    if "qubits" in (calibration or {}):
        return ()  # elsewhere than then
    options = settings.training.to_json()
    options.pop("epochs")
    content: dict[str, Any] = {
        "model": settings.model,
        "engine": settings.engine,
        "training": options,
        "seeds": settings.seeds,
        "task": task.arrays_digest,
        "snapshot": (calibration or {})["snapshot"],
    }
    if settings.decoupling is not None:
        content["decoupling"] = settings.decoupling
    if settings.options:
        content["options"] = settings.options
    if not settings.trains_under_noise:
        content["noise"] = "none"
    if others := (calibration or {})["others"]:
        content["other_snapshots"] = others
    return (digest(content),)


def recipe_before(
    network: Network,
    recipe: str,
    options: TrainingOptions,
    seeds: Sequence[int],
    parts: Sequence[Sequence[Sequences]],
    *,
    frozen: bool = False,
    noise: str | None = None,
) -> tuple[str, ...]:
    """Return the fingerprints of a training by a recipe.

    Args:
        network: what is trained.
        recipe: its name.
        options: settings.
        seeds: of the rows' order.
        parts: training, test and, where there is one, validation, each of every seed.
        frozen: whether the circuit keeps its weights.
        noise: of the machine that is trained under, as then named it.
    """
    if not is_unchanged(network.architecture):
        return ()
    names = ("batch_size", "learning_rate", "projection_decay", "averaging", "patience")
    schedule = {name: getattr(options, name) for name in names}
    arrays = [
        np.stack([getattr(one, name) for one in part])
        for part in parts
        for name in ("values", "lengths", "targets")
    ]
    content = {
        "model": network.architecture.name,
        "options": dict(network.architecture.options),
        "recipe": recipe,
        "schedule": schedule | {"frozen": frozen},
        "seeds": list(seeds),
        "data": [hashlib.sha256(np.ascontiguousarray(a).tobytes()).hexdigest() for a in arrays],
    }
    if noise is not None:
        content["noise"] = noise
    return (digest(content),)
