"""Texts as numbered characters or words, in three parts."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from qrnn_hw.errors import DataError
from qrnn_hw.tasks.files import text_of

Unit = Literal["characters", "words"]
UNKNOWN = "<unk>"
END = "<eos>"
PTB_PARTS = ("ptb.train.txt", "ptb.valid.txt", "ptb.test.txt")
FEWEST = 1000
"""Characters or words that a text should have."""


@dataclass(frozen=True, eq=False)
class TextData:
    """A text in three parts."""

    training: NDArray[np.int32]
    validation: NDArray[np.int32]
    test: NDArray[np.int32]
    vocabulary: tuple[str, ...]
    unit: Unit
    source: str


def load_text_parts(
    path: Path | None, unit: Unit = "characters", n_words: int | None = None
) -> TextData:
    """Return a text in three parts; its vocabulary is that of the training part.

    Args:
        path: a file of UTF-8 text, its last twentieths for validation and test, or a folder of the
            three files of the Penn Treebank; None is the carried scenes of Shakespeare.
        unit: what is predicted.
        n_words: the most frequent words to keep; others are one unknown word.

    Raises:
        DataError: a file is missing, no text, or too short.
    """
    if path is None:
        whole = files("qrnn_hw.tasks").joinpath("carried/shakespeare.txt").read_text("utf-8")
        parts, source = _in_three(whole), "carried scenes of Shakespeare"
    elif path.is_dir():
        missing = [name for name in PTB_PARTS if not (path / name).is_file()]
        if missing:
            raise DataError(
                f"--data of a language task should be a text or a folder of {', '.join(PTB_PARTS)}."
                f" Got {path} without {', '.join(missing)}."
            )
        parts, source = [text_of(path / name) for name in PTB_PARTS], str(path)
    else:
        parts, source = _in_three(text_of(path)), str(path)
    split = [list(part) if unit == "characters" else _words(part) for part in parts]
    shortest = min(map(len, split))
    if sum(map(len, split)) < FEWEST or shortest < 2:
        raise DataError(
            f"a text should have {FEWEST:,} {unit} or more. Got {sum(map(len, split)):,} in "
            f"{source}."
        )
    counted = Counter(split[0]).most_common(n_words)
    names = [name for name, _ in counted]
    if UNKNOWN not in names:
        names.append(UNKNOWN)
    number = {name: index for index, name in enumerate(names)}
    unknown = number[UNKNOWN]
    ids = [np.array([number.get(one, unknown) for one in part], np.int32) for part in split]
    return TextData(ids[0], ids[1], ids[2], tuple(names), unit, source)


def _in_three(text: str) -> list[str]:
    first, second = len(text) * 18 // 20, len(text) * 19 // 20
    return [text[:first], text[first:second], text[second:]]


def _words(text: str) -> list[str]:
    return text.replace("\n", f" {END} ").split()
