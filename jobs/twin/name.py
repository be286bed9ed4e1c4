"""The name of a twin: all that it is, so that jobs of different twins never mix.

`twin:DEVICE:EFFECTS:MACHINE`, such as `twin:fake_boston:reset=0.015,gate-drift=0.3:7`; the last two
may be left out.
"""

from __future__ import annotations

from dataclasses import dataclass

from jobs.errors import SpecError
from jobs.twin.strengths import Strengths, strengths_of

PREFIX = "twin:"
MOST_SEED = 2**32 - 1


@dataclass(frozen=True)
class TwinName:
    """A recorded device, what is wrong with it, and which machine of that kind it is."""

    device: str
    strengths: Strengths
    seed: int = 0
    """Draws the signs and sizes within each effect's strength, and the weather of its jobs."""

    def __str__(self) -> str:
        return f"{PREFIX}{self.device}:{self.strengths.text}:{self.seed}"


def device_of(name: str) -> str:
    """Return the recorded device of a twin's name, and any other backend's name as it is.

    Raises:
        SpecError: as `twin_name`.
    """
    return twin_name(name).device if is_twin(name) else name


def is_twin(name: str) -> bool:
    """Say whether a backend's name is meant as a twin's."""
    return name.strip().lower().startswith(PREFIX)


def twin_name(text: str) -> TwinName:
    """Read the name of a twin.

    >>> str(twin_name("twin:fake_boston:mild"))
    'twin:fake_boston:mild:0'

    Raises:
        SpecError: another form, an effect that there is not, or no whole number as the machine.
    """
    device, *rest = text.strip()[len(PREFIX) :].split(":")
    if not is_twin(text) or not device.strip() or len(rest) > 2:
        raise SpecError(
            "a twin should be called twin:DEVICE:EFFECTS:MACHINE, the last two optional, such as "
            f"twin:fake_boston:reset=0.015:7. Got {text[:80]!r}."
        )
    effects, seed = (*rest, *("none", "0")[len(rest) :])
    if not (seed.isascii() and seed.isdecimal() and len(seed) < 11 and int(seed) <= MOST_SEED):
        raise SpecError(
            f"the machine of a twin should be a whole number from 0 to {MOST_SEED}. Got "
            f"{seed[:40]!r}."
        )
    return TwinName(device.strip(), strengths_of(effects), int(seed))
