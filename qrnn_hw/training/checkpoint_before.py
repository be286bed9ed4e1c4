"""Checkpoints as commit 2b9fe54 wrote them: read where the same training would be meant today.

They were known by the name of the model, which is trusted only where the row of the registry still
is what it was then (`qrnn_hw.networks.frozen_rows`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from qrnn_hw.errors import ConfigurationError
from qrnn_hw.training.checkpoint import REMEDY, Identity
from qrnn_hw.training.trainer import Epoch, TrainingState

_RENAMED = {"quantum": "circuit", "decision": "head"}
_ONE_SEED = ("projection", "offset", "quantum", "decision")
"""Fields of the tuple that one seed's numbers were; several seeds had a dict."""


def is_before(header: dict[str, Any]) -> bool:
    """Say whether a file is of that format."""
    return header.get("format") == 1


def read_before(
    path: Path, arrays: dict[str, Any], header: dict[str, Any], like: TrainingState, run: Identity
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the arrays and the header as today's format has them.

    Raises:
        ConfigurationError: of another run, or of a model that has changed since.
    """
    leaves = [arrays.get(f"leaf{place}") for place in range(len(arrays))]
    is_one = not isinstance(header.get("best_epoch"), list)
    names = list(_ONE_SEED) if is_one else sorted(like.parameters)
    if not is_one and not like.parameters["circuit"].size:
        names.remove("circuit")
    if header.get("run") not in run.before or len(leaves) != 5 * len(names) + 1:
        raise ConfigurationError(
            f"{path} should be a checkpoint of the same run. Got one of an earlier version whose "
            f"data, settings, calibration or circuit cannot be shown to be these; {REMEDY}."
        )
    n, given = len(names), [np.asarray(leaf) for leaf in leaves]
    found: dict[str, Any] = {}
    empty = np.asarray(like.parameters["circuit"])
    places = ("parameters", "optimiser[0].mu", "optimiser[0].nu", "average", "best")
    starts = (0, n + 1, 2 * n + 1, 3 * n + 1, 4 * n + 1)
    for place, first in zip(places, starts, strict=True):
        if place.startswith("optimiser") and not like.optimiser:
            continue
        for name, leaf in zip(names, given[first : first + n], strict=True):
            new = _RENAMED.get(name, name)
            found[f"{place}['{new}']"] = leaf[None] if is_one else leaf
        if "circuit" not in names and "quantum" not in names:
            found[f"{place}['circuit']"] = empty
    if like.optimiser:
        found["optimiser[0].count"] = given[n][None] if is_one else given[n]
    history = np.asarray(header.get("history"), dtype=float)
    history = history.reshape(-1, len(like.best_epoch), len(Epoch._fields) if is_one else 2)
    if not is_one:
        unknown = np.full((*history.shape[:2], 1), np.nan)
        history = np.concatenate([history, unknown], axis=2)
    found["history"] = history
    return found, {"best_epoch": np.atleast_1d(header["best_epoch"]).tolist()}
