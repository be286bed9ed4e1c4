"""Sentences in two languages: Multi30k's files, a table of pairs, or constructed ones."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from qrnn_hw.errors import DataError
from qrnn_hw.tasks.constructed_pairs import constructed_pairs
from qrnn_hw.tasks.files import lines_of

PAD, BEGIN, END, UNKNOWN = range(4)
MARKS = ("<pad>", "<s>", "</s>", "<unk>")
WORD = re.compile(r"\w+|[^\w\s]")
PARTS = {"train": "training", "val": "validation", "test_2016_flickr": "test"}

Pair = tuple[list[str], list[str]]


@dataclass(frozen=True, eq=False)
class PairRows:
    """One part: sentences as numbers, and the words that a translation is compared with."""

    source: NDArray[np.int32]  # shape (n, S), sentences at the right end, 0 before them
    target: NDArray[np.int32]  # shape (n, T + 1), BEGIN, sentence, END, then 0
    references: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.source)


@dataclass(frozen=True, eq=False)
class PairData:
    """A data set in three parts with the vocabularies of its training part."""

    training: PairRows
    validation: PairRows
    test: PairRows
    source_words: tuple[str, ...]
    target_words: tuple[str, ...]
    source: str


def load_pairs(path: Path | None, *, longest: int = 24, fewest: int = 1) -> PairData:
    """Return sentence pairs, source language first, in lower case.

    Args:
        path: a folder of Multi30k's files `train`, `val` and `test_2016_flickr` with the endings
            `.de` and `.en`, gzipped or not; or a file of lines SOURCE<TAB>TARGET, a tenth each for
            validation and test; None is German and English constructed from templates.
        longest: words of a sentence that are read, beside its marks.
        fewest: occurrences in the training part that a word needs to be known.

    Raises:
        DataError: a file is missing, malformed or empty.
    """
    if path is None:
        parts, source = _in_three(constructed_pairs()), "constructed from templates"
    elif path.is_dir():
        parts, source = {PARTS[name]: _multi30k(path, name) for name in PARTS}, str(path)
    else:
        parts, source = _in_three(_table(path)), str(path)
    split = {
        part: [(WORD.findall(a.lower()), WORD.findall(b.lower())) for a, b in rows]
        for part, rows in parts.items()
    }
    vocabularies = [
        _vocabulary([pair[side] for pair in split["training"]], fewest) for side in (0, 1)
    ]
    rows = {part: _numbered(found, vocabularies, longest) for part, found in split.items()}
    training, validation, test = (rows[part] for part in PARTS.values())
    return PairData(training, validation, test, vocabularies[0], vocabularies[1], source)


def _in_three(pairs: list[tuple[str, str]]) -> dict[str, list[tuple[str, str]]]:
    order = np.random.default_rng(0).permutation(len(pairs))
    n = max(1, len(pairs) // 10)
    chosen = {"test": order[:n], "validation": order[n : 2 * n], "training": order[2 * n :]}
    return {part: [pairs[i] for i in rows] for part, rows in chosen.items()}


def _table(path: Path) -> list[tuple[str, str]]:
    found = []
    for number, line in enumerate(lines_of(path), 1):
        cells = line.split("\t")
        if len(cells) != 2 or not all(map(str.strip, cells)):
            raise DataError(
                f"each line of {path} should be SOURCE<TAB>TARGET. Got {len(cells)} cells in line "
                f"{number}."
            )
        found.append((cells[0], cells[1]))
    if len(found) < 10:
        raise DataError(f"{path} should hold 10 sentence pairs or more. Got {len(found)}.")
    return found


def _multi30k(folder: Path, name: str) -> list[tuple[str, str]]:
    sides = []
    for language in ("de", "en"):
        plain = folder / f"{name}.{language}"
        path = plain if plain.is_file() else plain.with_name(f"{plain.name}.gz")
        if not path.is_file():
            raise DataError(
                "--data of the translation task should be a table of pairs, or a folder of "
                f"{', '.join(PARTS)} with .de and .en. Got {folder} without {plain.name}."
            )
        sides.append(lines_of(path))
    if len(sides[0]) != len(sides[1]):
        raise DataError(
            f"{name} of {folder} should have as many German as English lines. Got "
            f"{len(sides[0])} and {len(sides[1])}."
        )
    return [pair for pair in zip(*sides, strict=True) if all(map(str.strip, pair))]


def _vocabulary(sentences: list[list[str]], fewest: int) -> tuple[str, ...]:
    counted = Counter(word for sentence in sentences for word in sentence)
    return (*MARKS, *(word for word, n in counted.most_common() if n >= fewest))


def _numbered(pairs: list[Pair], vocabularies: list[tuple[str, ...]], longest: int) -> PairRows:
    numbers = [{word: i for i, word in enumerate(words)} for words in vocabularies]
    source = np.zeros((len(pairs), longest + 1), np.int32)
    target = np.zeros((len(pairs), longest + 2), np.int32)
    for row, (given, wanted) in enumerate(pairs):
        ids = [numbers[0].get(word, UNKNOWN) for word in given[:longest]] + [END]
        source[row, len(source[row]) - len(ids) :] = ids
        ids = [BEGIN] + [numbers[1].get(word, UNKNOWN) for word in wanted[:longest]] + [END]
        target[row, : len(ids)] = ids
    return PairRows(source, target, tuple(" ".join(wanted) for _, wanted in pairs))
