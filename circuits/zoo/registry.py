"""Architectures by name."""

from __future__ import annotations

import difflib
from typing import Any

from circuits.definition import Architecture
from circuits.errors import UnknownNameError
from circuits.zoo import adapted, amplitude_models, angle_models, hybrid, qlstm, sim, stacked
from circuits.zoo.dynamic_line import DYNAMIC_LINE
from circuits.zoo.row import Row, fixed

REGISTRY: dict[str, Row] = {
    row.name: row
    for row in (
        fixed(DYNAMIC_LINE),
        *angle_models.ROWS,
        *amplitude_models.ROWS,
        *qlstm.ROWS,
        *adapted.ROWS,
        *stacked.ROWS,
        *sim.ROWS,
        *hybrid.ROWS,
    )
}


def architectures() -> tuple[str, ...]:
    """Return all names, in the order of the registry."""
    return tuple(REGISTRY)


def row(name: str) -> Row:
    """Return the row of a name: its builder and the options it takes.

    Raises:
        UnknownNameError: no such name; near ones are listed.
    """
    if not isinstance(name, str) or name not in REGISTRY:
        near = difflib.get_close_matches(str(name), REGISTRY, n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(near)}? " if near else ""
        raise UnknownNameError(
            f"no model is called {name!r}; {hint}Available: {', '.join(REGISTRY)}."
        )
    return REGISTRY[name]


def architecture(name: str, **options: Any) -> Architecture:
    """Return an architecture by name, with options in place of its defaults.

    Args:
        name: one of `architectures()`.
        options: those of the row, such as `mode`, `wiring` or `input_mode`.

    Raises:
        UnknownNameError: no such name; near ones are listed.
        CircuitsError: no such option, or a value it does not take.
    """
    return row(name).architecture(**options)
