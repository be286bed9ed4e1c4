"""Every core by name, at its own size or at that of the hybrid."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from circuits.errors import UnknownNameError
from qrnn_hw.tasks.classical_cores import gru, lstm, orthogonal, rnn
from qrnn_hw.tasks.controlled_cores import CircuitSize, frozen, no_quantum, product, qrnn
from qrnn_hw.tasks.core import Core

CoreOf = Callable[[int], Core]
"""Number of inputs to a core: a task decides how many numbers a step has."""

CLASSICAL = {"rnn": rnn, "gru": gru, "lstm": lstm, "orthogonal": orthogonal}
CONTROLLED = {"qrnn": qrnn, "product": product, "frozen": frozen, "no-quantum": no_quantum}
NAMES = (*CONTROLLED, *CLASSICAL)


def core_of(name: str, size: CircuitSize, n_hidden: int | None = None) -> CoreOf:
    """Return the maker of a core.

    Args:
        name: one of `NAMES`.
        size: of the hybrid's circuit and controller.
        n_hidden: hidden units of a classical core, or of a controller in place of the size's own.

    Raises:
        UnknownNameError: no such core.
    """
    if name in CLASSICAL:
        width = size.n_hidden if n_hidden is None else n_hidden
        return lambda n_inputs: CLASSICAL[name](n_inputs, width)
    if name not in CONTROLLED:
        raise unknown("core", name, NAMES)
    own = size if n_hidden is None else replace(size, n_hidden=n_hidden)
    return lambda n_inputs: CONTROLLED[name](n_inputs, own)


def unknown(kind: str, name: str, known: Iterable[str]) -> UnknownNameError:
    """Return the error of a name that is none of those known."""
    return UnknownNameError(
        f"the {kind} should be one of {', '.join(sorted(known))}. Got {name!r}."
    )


def equal_width(n_parameters_of: Callable[[int], int], goal: int) -> int:
    """Return the width, 1 to 4,096, whose number of parameters is nearest to the goal.

    Args:
        n_parameters_of: grows with the width.
        goal: of the network that is matched, head and all.
    """
    low, high = 1, 4096
    while low < high:
        middle = (low + high) // 2
        if n_parameters_of(middle) < goal:
            low = middle + 1
        else:
            high = middle
    below = max(1, low - 1)
    return min((below, low), key=lambda width: abs(n_parameters_of(width) - goal))
