"""How a file is to be read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from numbers import Integral
from pathlib import Path
from typing import Any, Literal, get_args

from qrnn_hw.data.series import DEFAULT_HORIZON, DEFAULT_WINDOW
from qrnn_hw.data.word_choice import WordChoice
from qrnn_hw.errors import UsageError
from qrnn_hw.ranges import MOST_SEED, MOST_SERIES, MOST_WINDOW

STEPS = 10
"""Words of a sentence that the models read, as in the first source."""

Gaps = Literal["refused", "last"]

LEAST_SERIES = 10

BOUNDS = {
    "window": (1, MOST_WINDOW),
    "horizon": (0, MOST_WINDOW),
    "steps": (1, MOST_WINDOW),
    "length": (LEAST_SERIES, MOST_SERIES),
    "data_seed": (0, MOST_SEED),
}
"""Least and largest value of each number."""


@dataclass(frozen=True)
class ReadOptions:
    """What the user says of a file; None and empty are what its header and ending say."""

    text: str | None = None
    """Column of the sentences."""

    label: str | None = None
    """Column of the classes; of arrays `y`, which then holds classes."""

    target: tuple[str, ...] = ()
    """Columns of the numbers to be learnt; of arrays `y`, which then holds numbers."""

    window: int | None = None
    """Steps of a series that a model reads."""

    horizon: int | None = None
    """Steps from the last one that is read to the target."""

    inputs: tuple[str, ...] = ()
    """Columns that a model reads."""

    sequence: str | None = None
    """Column that says to which sequence a row belongs."""

    time: str | None = None
    """Column of the times."""

    gaps: Gaps = "refused"
    """What a cell without a number is in a series: refused, or the last number before it."""

    changes: bool = False
    """Whether a series is read and forecast in changes from row to row."""

    per_step: bool | None = None
    """Whether every step has a target."""

    steps: int | None = None
    """Words of a text that are read, at most; by default `STEPS`."""

    words: WordChoice = "first"
    """Which of them."""

    embeddings: Path | None = None
    """The user's own word vectors."""

    test: Path | None = None
    """A second file of the same kind, whose rows are the test part."""

    length: int | None = None
    """Steps of a series that is made."""

    data_seed: int = 0
    """Of a series that is made."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        for name in ("target", "inputs"):
            given = getattr(self, name)
            names = (given,) if isinstance(given, str) else given
            if not isinstance(names, Iterable) or not all(isinstance(one, str) for one in names):
                raise UsageError(f"{name} should be names of columns. Got {given!r}.")
            object.__setattr__(self, name, tuple(names))
        for name in ("text", "label", "sequence", "time"):
            if not isinstance(given := getattr(self, name), str | None):
                raise UsageError(f"{name} should be the name of a column. Got {given!r}.")
        for name in ("changes", "per_step"):
            given = getattr(self, name)
            if not (isinstance(given, bool) or (given is None and name == "per_step")):
                raise UsageError(f"{name} should be true or false. Got {given!r}.")
        for name, (least, most) in BOUNDS.items():
            value = getattr(self, name)
            is_whole = isinstance(value, Integral) and not isinstance(value, bool)
            if value is not None and not is_whole:
                raise UsageError(f"{name} should be a whole number. Got {value!r}.")
            if value is not None and not least <= value <= most:
                raise UsageError(f"{name} should be from {least} to {most:,}. Got {value}.")
        for what, value, known in (
            ("the words read", self.words, get_args(WordChoice)),
            ("gaps", self.gaps, get_args(Gaps)),
        ):
            if value not in known:
                raise UsageError(f"{what} should be one of {', '.join(known)}. Got {value!r}.")
        if self.label is not None and self.target:
            raise UsageError(
                "either a label (classes) or a target (numbers) should be learnt. "
                f"Got both, {self.label!r} and {', '.join(self.target)!r}."
            )

    @property
    def given(self) -> tuple[str, ...]:
        """Names of the options that differ from their defaults, `embeddings` aside."""
        return tuple(
            one.name
            for one in fields(self)
            if one.name != "embeddings" and getattr(self, one.name) != one.default
        )

    @property
    def is_series(self) -> bool:
        """Whether a table is one series, by what is said of it."""
        windows = self.window is not None or self.horizon is not None
        return bool(self.target) or windows or self.changes

    @property
    def window_or_default(self) -> int:
        """Steps of a series that a model reads."""
        return DEFAULT_WINDOW if self.window is None else self.window

    @property
    def horizon_or_default(self) -> int:
        """Steps from the last one that is read to the target."""
        return DEFAULT_HORIZON if self.horizon is None else self.horizon

    def refuse(self, form: str, *unfit: str) -> None:
        """Refuse options that a form of data has no use for.

        Raises:
            UsageError: one is given.
        """
        if wrong := [name for name in unfit if name in self.given]:
            option = FLAGS.get(wrong[0], f"--{wrong[0].replace('_', '-')}")
            raise UsageError(f"{form} should be read without {option}. Got it; leave it out.")

    def to_json(self) -> dict[str, Any]:
        """Return the options as a JSON object."""
        paths = {name: getattr(self, name) for name in ("embeddings", "test")}
        return asdict(self) | {name: str(path) if path else None for name, path in paths.items()}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> ReadOptions:
        """Return the options that `to_json` gave.

        Raises:
            TypeError, ValueError: it is no such document.
        """
        paths = {name: document.get(name) for name in ("embeddings", "test")}
        found = {name: Path(path) if path else None for name, path in paths.items()}
        return cls(**{**document, **found})


FLAGS = {"words": "--read"}
"""Options whose flag has another name."""
