"""How strong each effect of a twin is, from text and back."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from jobs.errors import SpecError
from jobs.twin.catalogue import EFFECTS, PRESETS


@dataclass(frozen=True)
class Strengths:
    """A number for each effect, in its own unit; one that is not named is not there.

    Raises:
        SpecError: an unknown effect, or a strength out of its range.
    """

    given: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        kept = {}
        for name, value in self.given.items():
            effect = EFFECTS.get(name)
            if effect is None:
                raise _unknown(name)
            if not effect.none <= value <= effect.most:  # false for what is no number, too
                raise SpecError(
                    f"the strength of {name} should be from {effect.none:g} to {effect.most:g} "
                    f"({effect.unit}). Got {value:g}."
                )
            if value != effect.none:
                kept[name] = float(value)
        ordered = {name: kept[name] for name in EFFECTS if name in kept}
        object.__setattr__(self, "given", MappingProxyType(ordered))

    def __hash__(self) -> int:
        return hash(tuple(self.given.items()))

    def __getitem__(self, name: str) -> float:
        return self.given.get(name, EFFECTS[name].none)

    def __contains__(self, name: str) -> bool:
        return name in self.given

    @property
    def text(self) -> str:
        """The same effects, as `strengths_of` reads them; `none` where there are none."""
        for name, preset in PRESETS.items():
            if dict(self.given) == dict(preset):
                return name
        return ",".join(f"{name}={value!r}" for name, value in self.given.items())


def strengths_of(text: str) -> Strengths:
    """Return the strengths that a text such as "reset=0.015,gate-drift=0.3" names.

    A preset (none, mild, full) may stand first, and what follows changes it; an effect without a
    number is as strong as in `full`.

    >>> strengths_of("reset=0.02, defect").text
    'reset=0.02,defect=0.25'

    Raises:
        SpecError: an unknown or repeated name, a strength that is no number or out of its range, or
            no name at all.
    """
    found: dict[str, float] = {}
    named: set[str] = set()
    for place, piece in enumerate(text.split(",")):
        name, equals, number = (part.strip() for part in piece.partition("="))
        if name in PRESETS and not equals:
            if place:
                raise SpecError(f"a preset of effects should stand first, once. Got {text[:80]!r}.")
            found.update(PRESETS[name])
            continue
        if not name:
            raise SpecError(
                f"effects should be named, such as reset=0.015,gate-drift=0.3. Got {text[:80]!r}. "
                f"{_KNOWN}"
            )
        if name not in EFFECTS:
            raise _unknown(name)
        if name in named:
            raise SpecError(f"each effect should be named once. Got {name} twice.")
        named.add(name)
        found[name] = _number(name, number) if equals else EFFECTS[name].full
    return Strengths(found)


def _number(name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        effect = EFFECTS[name]
        raise SpecError(
            f"the strength of {name} should be a number from {effect.none:g} to {effect.most:g} "
            f"({effect.unit}). Got {text[:40]!r}."
        ) from None


_KNOWN = f"Effects: {', '.join(EFFECTS)}; presets: {', '.join(PRESETS)}."


def _unknown(name: str) -> SpecError:
    near = difflib.get_close_matches(name, [*EFFECTS, *PRESETS], n=2, cutoff=0.5)
    hint = f" Did you mean {' or '.join(near)}?" if near else ""
    return SpecError(f"no effect is called {name[:40]!r}.{hint} {_KNOWN}")
