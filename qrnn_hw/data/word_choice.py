"""Which words of a text are read, where it has more than a model has steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeVar, get_args

import numpy as np

from qrnn_hw.errors import UsageError

WordChoice = Literal["first", "last", "spread"]

Word = TypeVar("Word")


def chosen_words(words: Sequence[Word], steps: int, choice: WordChoice = "first") -> list[Word]:
    """Return at most `steps` of the words, in their order.

    `first` and `last` are those at an end; `spread` is evenly spaced from the first to the last.

    >>> chosen_words("abcdefg", 3, "spread")
    ['a', 'd', 'g']

    Raises:
        UsageError: there is no such choice.
    """
    if choice not in get_args(WordChoice):
        raise UsageError(
            f"the words read should be one of {', '.join(get_args(WordChoice))}. Got {choice!r}."
        )
    if len(words) <= steps or choice == "first":
        return list(words[:steps])
    if choice == "last":
        return list(words[-steps:])
    places = np.linspace(0, len(words) - 1, steps).round().astype(int)
    return [words[place] for place in places]
