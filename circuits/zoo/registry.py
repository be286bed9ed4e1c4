"""Architectures by name: our own, those of installed packages, those of a user's file."""

from __future__ import annotations

import difflib
from typing import Any

from circuits.definition import Architecture
from circuits.errors import UnknownNameError
from circuits.zoo import adapted, amplitude_models, angle_models, hybrid, qlstm, sim, stacked
from circuits.zoo.dynamic_line import DYNAMIC_LINE
from circuits.zoo.own import installed_row, installed_rows, is_own, own_row
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

    Args:
        name: of the registry, of a model that an installed package offers, or `FILE.py:NAME`.

    Raises:
        UnknownNameError: no such name; near ones are listed.
        CircuitsError: a file or package that fails, or what it names is no model.
    """
    if not isinstance(name, str):
        raise UnknownNameError(f"no model is called {name!r}; a name is a text.")
    if name in REGISTRY:
        return REGISTRY[name]
    if is_own(name):
        return own_row(name)
    installed = installed_rows()
    if name in installed:
        return installed_row(name, installed[name])
    known = [*REGISTRY, *installed]
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(near)}? " if near else ""
    raise UnknownNameError(
        f"no model is called {name!r}; {hint}Available: {', '.join(known)}. One of your own is "
        "FILE.py:NAME."
    )


def architecture(name: str, **options: Any) -> Architecture:
    """Return an architecture by name, with options in place of its defaults.

    Args:
        name: one of `architectures()`, of an installed package, or `FILE.py:NAME`.
        options: those of the row, such as `mode`, `wiring` or `input_mode`.

    Raises:
        UnknownNameError: no such name; near ones are listed.
        CircuitsError: no such option, or a value it does not take.
    """
    return row(name).architecture(**options)
