"""A model's options as typed on the command line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from qrnn_hw.errors import UsageError

if TYPE_CHECKING:
    from circuits.definition import Architecture
    from circuits.zoo.row import Row


def chosen_architecture(
    name: str, given: Sequence[str] | None = None, **short: str | None
) -> Architecture:
    """Return the model of a name with its options as typed.

    Args:
        name: one of the registry.
        given: texts NAME=VALUE, each name once.
        short: values that were given by an option of their own, None where they were not.

    Raises:
        UnknownNameError: no such model; near names are listed.
        UsageError: a text without a name, or a name that comes twice.
        CircuitsError: no such option, or a value it does not take; what it takes is listed.
    """
    from circuits.zoo.registry import row

    own = row(name)
    return own.architecture(**typed_options(own, given, **short))


def one_circuit_remedy(architecture: Architecture) -> str:
    """Return what to choose in place of a model in rounds: its sampled form, where it has one."""
    own = "sampled" in architecture.modes
    return "choose --option mode=sampled" if own else "choose another model"


def check_one_circuit(architecture: Architecture) -> None:
    """Refuse a model in rounds where a study trains it.

    Raises:
        UsageError: it is one.
    """
    if architecture.mode == "expectation":
        raise UsageError(
            "a study that trains should have a model whose sequence is one circuit. Got "
            f"{architecture.name}, which is run in rounds; {one_circuit_remedy(architecture)}, or "
            "study a finished run of it with `qrnn-hw study shots --run`."
        )


def typed_options(
    own: Row, given: Sequence[str] | None = None, **short: str | None
) -> dict[str, Any]:
    """Return the options of a row by name, numbers where it takes numbers.

    Args:
        own: whose options they are.
        given: texts NAME=VALUE, each name once.
        short: values that were given by an option of their own, None where they were not.

    Raises:
        UsageError: a text without a name, or a name that comes twice.
    """
    pairs = [_pair(text) for text in given or ()]
    pairs += [(key, value) for key, value in short.items() if value is not None]
    return {
        key: _integer(value) if isinstance(own.options.get(key), range) else value
        for key, value in _once(pairs).items()
    }


def named_options(given: Sequence[str]) -> dict[str, str]:
    """Return texts NAME=VALUE by name.

    Raises:
        UsageError: a text without a name, or a name that comes twice.
    """
    return _once([_pair(text) for text in given])


def _once(pairs: Sequence[tuple[str, str]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for key, value in pairs:
        if key in found:
            raise UsageError(f"option {key} should be given once. Got it again as {value!r}.")
        found[key] = value
    return found


def _pair(text: str) -> tuple[str, str]:
    key, separator, value = text.partition("=")
    if not separator or not key:
        raise UsageError(f"an option should be given as NAME=VALUE. Got {text!r}.")
    return key, value


def _integer(text: str) -> int | str:
    """Return a number where there is one; the model says what it takes instead of a text."""
    # `int` takes more than a number as it is written: 1_0, spaces, the digits of other scripts.
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else text
