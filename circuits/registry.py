"""Architectures by name."""

from __future__ import annotations

import difflib
from typing import Any

from circuits.definition import Architecture
from circuits.dynamic_line import DYNAMIC_LINE
from circuits.errors import CircuitsError, UnknownNameError
from circuits.seed_models import STACKED_3_MINIMAL

REGISTRY: dict[str, Architecture] = {row.name: row for row in (DYNAMIC_LINE, STACKED_3_MINIMAL)}


def architectures() -> tuple[str, ...]:
    """Return all names, in the order of the registry."""
    return tuple(REGISTRY)


def architecture(name: str, **options: Any) -> Architecture:
    """Return an architecture by name, with options in place of its defaults.

    Args:
        name: one of `architectures()`.
        options: fields to replace, such as `mode`.

    Raises:
        UnknownNameError: no such name; near ones are listed.
        CircuitsError: no such option, or a value it does not take.
    """
    if name not in REGISTRY:
        near = difflib.get_close_matches(name, REGISTRY, n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(near)}? " if near else ""
        raise UnknownNameError(
            f"no model is called {name!r}; {hint}Available: {', '.join(REGISTRY)}."
        )
    unknown = set(options) - {"mode"}
    if unknown:
        raise CircuitsError(
            f"options of {name} should be among mode. Got {', '.join(sorted(unknown))}."
        )
    return REGISTRY[name].with_options(**options)
