"""What a head reads, as the user says it, and what that means for some data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

import numpy as np

from circuits.definition import Architecture
from qrnn_hw.data.sequences import Sequences
from qrnn_hw.data.target import Target
from qrnn_hw.errors import UsageError
from qrnn_hw.networks.step_readings import StepReadings

Reading = Literal["final", "steps"]

DEGREE = 2
MOST_DEGREE = 8
WINDOW = 12
"""Steps up to each one that a head per step reads; linear models per step read as many."""

MOST_SEGMENTS = 4


HEAD_SHOTS = 1000
"""That answers are given from, where nobody says how many."""


def head_of(
    reading: str | None,
    degree: int | None,
    direct: bool | None = None,
    head_shots: int | None = None,
    *,
    shots: int = HEAD_SHOTS,
) -> HeadOptions:
    """Return the options of a command, what is not given by default.

    Args:
        reading: as `HeadOptions` has it.
        degree: as `HeadOptions` has it; None is by default.
        direct: as `HeadOptions` has it.
        head_shots: that a head with direct connections is fitted for; 0 is infinitely many.
        shots: where that is None.

    Raises:
        UsageError: a value out of its range, a degree without the reading steps, or head shots
            without direct connections.
    """
    if head_shots is not None and not direct:
        raise UsageError(
            "--head-shots should come with --direct, whose head is fitted by ridge. Got "
            f"{head_shots}; leave it out."
        )
    most = DEGREE if degree is None else degree
    fitted = (shots if head_shots is None else head_shots) or None
    return HeadOptions(reading, most, bool(direct), fitted if direct else None)  # type: ignore[arg-type]


@dataclass(frozen=True)
class HeadOptions:
    """Which bits a head reads: `final` those of the outcome, `steps` those of every step too."""

    reading: Reading | None = None
    """None is `steps` where every step has a target, else `final`."""

    degree: int = DEGREE
    """Of `steps`, most bits of one product."""

    direct: bool = False
    """Whether inputs reach the outputs past the circuits too; of numbers."""

    shots: int | None = None
    """That answers will be given from, which a head with direct connections is fitted for; None is
    infinitely many."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        if self.reading not in (None, *get_args(Reading)):
            raise UsageError(
                f"the reading should be one of {', '.join(get_args(Reading))}. "
                f"Got {self.reading!r}."
            )
        whole = isinstance(self.degree, int) and not isinstance(self.degree, bool)
        if not whole or not 1 <= self.degree <= MOST_DEGREE:
            raise UsageError(
                f"the degree should be a whole number from 1 to {MOST_DEGREE}. Got {self.degree!r}."
            )
        if self.shots is not None and (self.shots < 1 or not self.direct):
            raise UsageError(
                "shots that a head is fitted for should be 1 or more, with direct connections. Got "
                f"{self.shots}."
            )
        if self.reading == "final" and self.degree != DEGREE:
            raise UsageError(
                "a degree should come with the reading steps: it is of products of their bits. "
                f"Got degree {self.degree} with the reading final."
            )

    def check(self, architecture: Architecture) -> None:
        """Refuse a model whose steps record nothing to read.

        Raises:
            UsageError: it is one, and its steps are to be read.
        """
        if self.reading == "steps" and (architecture.mode != "sampled" or not architecture.n_bits):
            raise UsageError(
                "the reading steps should be of a model whose steps record bits within one "
                f"circuit, such as dynamic-line. Got {architecture.name} in {architecture.mode} "
                "mode; choose --mode sampled, another model, or --reading final."
            )

    def readings(self, target: Target, rows: Sequences) -> StepReadings | None:
        """Return which readings of every step are meant; None is the outcome alone.

        Of sequences of one length every step has numbers of its own. Of others the last step has,
        and the means over equal parts of a sequence, as many as the shortest has steps and four at
        most: what counts from the end differs from row to row. Where every step has a target, the
        last `WINDOW` steps up to it are read.

        Args:
            target: what is learnt.
            rows: that it is learnt from.

        Raises:
            UsageError: the outcome alone, for a target at every step.
        """
        shortest, longest = int(np.min(rows.lengths)), int(np.max(rows.lengths))
        if target.per_step:
            if self.reading == "final":
                raise UsageError(
                    "a target at every step should have the reading steps: the outcome answers "
                    "once. Got the reading final; leave it out."
                )
            return StepReadings(min(WINDOW, longest), self.degree)
        if self.reading != "steps":
            return None
        if shortest == longest:
            return StepReadings(longest, self.degree)
        return StepReadings(1, self.degree, max(1, min(MOST_SEGMENTS, shortest)))

    def direct_steps(self, target: Target, rows: Sequences) -> int:
        """Return of how many last steps the inputs reach the outputs; 0 is none.

        As many as every row has; where every step has a target, the last `WINDOW` up to it.

        Args:
            target: what is learnt.
            rows: that it is learnt from.
        """
        if not self.direct:
            return 0
        if target.per_step:
            return min(WINDOW, int(np.max(rows.lengths)))
        return max(1, int(np.min(rows.lengths)))

    def to_json(self) -> dict[str, Any]:
        """Return the options as a JSON object; no direct connections are unsaid, as they were."""
        document = asdict(self)
        if not self.direct:
            del document["direct"]
        if self.shots is None:
            del document["shots"]
        return document

    @property
    def told(self) -> dict[str, Any]:
        """What differs from the defaults, by name."""
        return {k: v for k, v in asdict(self).items() if v != getattr(HeadOptions, k)}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> HeadOptions:
        """Return what `to_json` gave.

        Raises:
            TypeError, UsageError: it is no such document.
        """
        return cls(**document)
