"""The kinds of study that a grid can be of: their parameters, their cell, their usual axes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from qrnn_hw.studies.grid import Scalar

KINDS = ("noise", "mitigation")
USUAL_AXES: dict[str, dict[str, tuple[Scalar, ...]]] = {
    "noise": {
        "source": ("all", "gate", "readout", "idle", "reset"),
        "scale": (0.0, 0.5, 1.0, 2.0, 4.0, 8.0),
    },
    "mitigation": {
        "stack": ("none", "threshold", "terminal", "linear(1,3)", "linear(1,3) + terminal"),
        "shots": (300, 1000, 3000, 10_000),
    },
}
"""What is asked when the user gives no axes."""


def defaults(kind: str) -> Mapping[str, Scalar]:
    """Return the parameters of a kind of study with their defaults."""
    module = import_module(f"qrnn_hw.studies.{kind}")
    found: Mapping[str, Scalar] = module.DEFAULTS
    return found


def evaluator(kind: str, folder: Path) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Return what computes a cell; it can be sent to other processes.

    Args:
        kind: one of `KINDS`.
        folder: of the study, where trained models are kept; workers must see it.
    """
    module = import_module(f"qrnn_hw.studies.{kind}")
    return partial(getattr(module, f"{kind}_cell"), folder=folder.resolve())
