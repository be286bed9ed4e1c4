"""A row of the registry: a name, a builder and the options that it takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from circuits.definition import Architecture
from circuits.errors import CircuitsError


@dataclass(frozen=True)
class Row:
    """How to build one named architecture.

    `options` gives the values each option takes, the default first (a `range` for integers; its
    first value need not be the default, which then stands in `defaults`).
    """

    name: str
    build: Callable[..., Architecture]
    options: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)

    def default(self, option: str) -> Any:
        """Return the value of an option that is not given."""
        return self.defaults.get(option, self.options[option][0])

    def architecture(self, **given: Any) -> Architecture:
        """Build the architecture.

        Raises:
            CircuitsError: no such option, or a value it does not take.
        """
        unknown = sorted(set(given) - set(self.options))
        if unknown:
            raise CircuitsError(
                f"options of {self.name} should be among {', '.join(sorted(self.options))}. "
                f"Got {', '.join(unknown)}."
            )
        for option, value in given.items():
            if not _takes(self.options[option], value):
                raise CircuitsError(
                    f"{'the feedback mode' if option == 'mode' else f'option {option}'} of "
                    f"{self.name} should be one of {listed(self.options[option])}. Got {value!r}."
                )
        chosen = {option: self.default(option) for option in self.options}
        for option, value in given.items():  # a numpy integer is no JSON
            chosen[option] = value if isinstance(value, str) else int(value)
        return replace(self.build(**chosen), name=self.name, options=tuple(chosen.items()))


def fixed(architecture: Architecture) -> Row:
    """Return the row of an architecture without options but its modes."""

    def build(mode: Any) -> Architecture:
        return architecture.with_options(mode=mode)

    modes = sorted(architecture.modes, key=lambda mode: mode != architecture.mode)
    return Row(architecture.name, build, {"mode": tuple(modes)})


def _takes(values: Sequence[Any], value: Any) -> bool:
    """Return whether a value is one of those, of their type: True is no 1."""
    kind = int | np.integer if isinstance(values, range) else str
    return isinstance(value, kind) and not isinstance(value, bool) and value in values


def listed(values: Sequence[Any]) -> str:
    """Return the values of an option in words."""
    if isinstance(values, range):
        return f"{values[0]} to {values[-1]}"
    return ", ".join(str(value) for value in values)
