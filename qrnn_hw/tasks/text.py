"""Texts as numbered characters or words, in three parts."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from qrnn_hw.errors import DataError
from qrnn_hw.tasks.files import content_of, contents_of, is_archive, text_of
from qrnn_hw.tasks.task import content_digest

Unit = Literal["characters", "words"]
UNKNOWN = "<unk>"
END = "<eos>"
PARTS = [(f"ptb.{part}.txt", f"{part}.txt") for part in ("train", "valid", "test")]
"""Files of the Penn Treebank, or of any text that is split like it."""

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

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the text and its names."""
        return content_digest(self.training, self.validation, self.test, self.vocabulary)


def load_text_parts(
    path: Path | None, unit: Unit = "characters", n_words: int | None = None
) -> TextData:
    """Return a text in three parts; its vocabulary is that of the training part.

    Args:
        path: a file of UTF-8 text, its last twentieths for validation and test, or a folder or zip
            archive of three files as of the Penn Treebank; None is the carried scenes of
            Shakespeare.
        unit: what is predicted.
        n_words: the most frequent words to keep; others are one unknown word.

    Raises:
        DataError: a file is missing, no text, or too short.
    """
    if path is None:
        whole = files("qrnn_hw.tasks").joinpath("carried/shakespeare.txt").read_text("utf-8")
        parts, source = _in_three(whole, unit), "carried scenes of Shakespeare"
    elif path.is_dir() or is_archive(path):
        contents = contents_of(path, PARTS, f"a text, or a folder or archive of {_usual()}")
        named = zip(contents, PARTS, strict=True)
        parts = [text_of(content, f"{names[0]} of {path}") for content, names in named]
        source = str(path)
    else:
        parts, source = _in_three(text_of(content_of(path), str(path)), unit), str(path)
    split = [list(part) if unit == "characters" else _words(part) for part in parts]
    sizes = [len(part) for part in split]
    if sum(sizes) < FEWEST or min(sizes) < 2:
        raise DataError(
            f"a text should have {FEWEST:,} {unit} or more, and each part 2. Got {sum(sizes):,} in "
            f"{source}: {' + '.join(f'{size:,}' for size in sizes)}."
        )
    counted = Counter(split[0]).most_common(n_words)
    names = [name for name, _ in counted]
    if UNKNOWN not in names:
        names.append(UNKNOWN)
    number = {name: index for index, name in enumerate(names)}
    unknown = number[UNKNOWN]
    ids = [np.array([number.get(one, unknown) for one in part], np.int32) for part in split]
    return TextData(ids[0], ids[1], ids[2], tuple(names), unit, source)


def _usual() -> str:
    return ", ".join(names[0] for names in PARTS)


def _in_three(text: str, unit: Unit) -> list[str]:
    """Return the first 18 twentieths, the next and the last; of words no one is cut in two."""
    first, second = len(text) * 18 // 20, len(text) * 19 // 20
    if unit == "words":
        first, second = _after_word(text, first), _after_word(text, second)
    return [text[:first], text[first:second], text[second:]]


def _after_word(text: str, place: int) -> int:
    """Return the end of the word that a place lies in, else the place."""
    while 0 < place < len(text) and not (text[place - 1].isspace() or text[place].isspace()):
        place += 1
    return place


def _words(text: str) -> list[str]:
    return text.replace("\n", f" {END} ").split()
