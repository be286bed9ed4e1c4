"""Numbers that count something."""

from __future__ import annotations

import numpy as np

from circuits.errors import CircuitsError


def count(what: str, given: object, least: int = 1) -> int:
    """Return a number that counts something.

    Raises:
        CircuitsError: it is a bool, not an integer, or below `least`.
    """
    if isinstance(given, bool) or not isinstance(given, int | np.integer) or given < least:
        raise CircuitsError(f"{what} should be an integer of at least {least}. Got {given!r}.")
    return int(given)
