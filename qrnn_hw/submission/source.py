"""Whether a command was given a model or a circuit file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from qrnn_hw.errors import UsageError
from qrnn_hw.models.options import chosen_architecture


def is_file(source: str) -> bool:
    """Return whether a source names a file, not a model."""
    from circuits.zoo.own import is_own
    from circuits.zoo.registry import REGISTRY

    path = Path(source)
    model = source in REGISTRY or is_own(source)
    return not model and (bool(path.suffix) or path.exists() or len(path.parts) > 1)


def check_source(source: str, options: Sequence[str] = ()) -> None:
    """Refuse quickly, before a machine is opened, what is neither a model nor a file.

    Raises:
        UnknownNameError: no such model; near names are listed.
        UsageError: no such file, or options for one.
        CircuitsError: an option that the model does not take.
    """
    if not is_file(source):
        chosen_architecture(source, options)
    elif options:
        raise UsageError(f"options should go with a model. Got {options[0]!r} for a file.")
    elif not Path(source).is_file():
        raise UsageError(f"a circuit file should exist. Got {source}.")
