"""What a model's name meant at commit 2b9fe54, when checkpoints and studies knew it by its name.

`frozen_rows.json` holds the digest of each row's circuits as they were then. What is still the same
keeps its old keys; what has changed since is known by its circuits.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any

from circuits.definition import Architecture
from circuits.errors import CircuitsError
from circuits.zoo.registry import architecture
from qrnn_hw.networks.identity import architecture_digest


def is_unchanged(model: Architecture) -> bool:
    """Say whether a row of the registry has the circuits that its name and options meant then."""
    return _rows().get(row_key(model)) == architecture_digest(model)[:16]


def changed_circuits(name: Any, options: Any = ()) -> str | None:
    """Return the digest of a model's circuits where they are not those of then.

    Args:
        name: of the registry; what is none has no circuits.
        options: (name, value) pairs.
    """
    try:
        model = architecture(name, **dict(options))
    except CircuitsError:
        return None
    return None if is_unchanged(model) else architecture_digest(model)


def row_key(model: Architecture) -> str:
    """Return a row's name with its options."""
    return " ".join([model.name, *(f"{name}={value}" for name, value in model.options)])


@cache
def _rows() -> dict[str, str]:
    text = (files("qrnn_hw.networks") / "frozen_rows.json").read_text(encoding="utf-8")
    rows: dict[str, str] = json.loads(text)
    return rows
