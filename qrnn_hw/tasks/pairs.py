"""Sentences in two languages: Multi30k's files, a table of pairs, or constructed ones."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from qrnn_hw.data.lines import shown
from qrnn_hw.errors import DataError
from qrnn_hw.tasks.constructed_pairs import constructed_pairs
from qrnn_hw.tasks.files import content_of, contents_of, is_archive, lines_of, text_of
from qrnn_hw.tasks.task import content_digest

PAD, BEGIN, END, UNKNOWN = range(4)
MARKS = ("<pad>", "<s>", "</s>", "<unk>")
WORD = re.compile(r"\w+|[^\w\s]")
FILES = {
    "training": ("train",),
    "validation": ("val", "valid", "dev"),
    "test": ("test_2016_flickr", "test2016", "test"),
}
"""Names of Multi30k's parts, each with the endings `.de` and `.en`."""

Sentence = tuple[str, ...]
Pair = tuple[Sentence, Sentence]


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
    n_repeats: int = 0
    """Pairs of the file that were left out as repeats."""

    @cached_property
    def digest(self) -> str:
        """SHA-256 of all pairs and both vocabularies."""
        parts = (self.training, self.validation, self.test)
        return content_digest(
            self.source_words,
            self.target_words,
            *(a for rows in parts for a in (rows.source, rows.target, rows.references)),
        )


def load_pairs(path: Path | None, *, longest: int = 24, fewest: int = 1) -> PairData:
    """Return sentence pairs, source language first, in lower case.

    Args:
        path: a folder or zip archive of Multi30k's files `train`, `val` and `test_2016_flickr` with
            the endings `.de` and `.en`, gzipped or not; or a file of lines SOURCE<TAB>TARGET,
            repeats and empty lines left out, a tenth of the source sentences each for validation
            and test with all their translations; None is German and English built from templates.
        longest: words of a sentence that are read, beside its marks.
        fewest: occurrences in the training part that a word needs to be known.

    Raises:
        DataError: a file is missing, malformed or empty.
    """
    source, n_repeats = str(path or "constructed from templates"), 0
    if path is not None and (path.is_dir() or is_archive(path)):
        split = {part: _words(rows) for part, rows in _multi30k(path).items()}
    else:
        read = _words(constructed_pairs() if path is None else _table(path))
        split = _in_three(read, source)
        n_repeats = len(read) - sum(map(len, split.values()))
    vocabularies = [
        _vocabulary([pair[side] for pair in split["training"]], fewest) for side in (0, 1)
    ]
    if len(MARKS) in map(len, vocabularies):
        raise DataError(
            f"some words of {source} should occur as often as they need to be known. Got none that "
            f"its training part has {fewest:,} times in one of the languages; use a smaller fewest."
        )
    rows = {part: _numbered(found, vocabularies, longest) for part, found in split.items()}
    training, validation, test = (rows[part] for part in FILES)
    return PairData(training, validation, test, vocabularies[0], vocabularies[1], source, n_repeats)


def _words(pairs: list[tuple[str, str]]) -> list[Pair]:
    return [(tuple(WORD.findall(a.lower())), tuple(WORD.findall(b.lower()))) for a, b in pairs]


def _in_three(pairs: list[Pair], name: str) -> dict[str, list[Pair]]:
    of_source: dict[Sentence, list[Pair]] = {}
    for pair in dict.fromkeys(pairs):
        of_source.setdefault(pair[0], []).append(pair)
    groups, n = list(of_source.values()), max(1, len(of_source) // 10)
    if len(groups) < 10:
        raise DataError(
            f"{name} should hold pairs of 10 different source sentences or more. Got {len(groups)}."
        )
    order = np.random.default_rng(0).permutation(len(groups))
    chosen = {"test": order[:n], "validation": order[n : 2 * n], "training": order[2 * n :]}
    return {part: [pair for i in rows for pair in groups[i]] for part, rows in chosen.items()}


def _table(path: Path) -> list[tuple[str, str]]:
    found = []
    for number, line in enumerate(lines_of(text_of(content_of(path), str(path))), 1):
        if not line.strip():
            continue
        cells = line.split("\t")
        if len(cells) != 2 or not all(map(str.strip, cells)):
            remedy = "; keep two columns (cut -f1,2)" if len(cells) > 2 else ""
            raise DataError(
                f"each line of {path} should be SOURCE<TAB>TARGET, two sentences. Got "
                f"{shown(line)} in line {number}{remedy}."
            )
        found.append((cells[0], cells[1]))
    return found


def _multi30k(folder: Path) -> dict[str, list[tuple[str, str]]]:
    names = [
        tuple(f"{name}.{language}" for name in FILES[part])
        for part in FILES
        for language in ("de", "en")
    ]
    usual = ", ".join(own[0] for own in FILES.values())
    form = f"a table of pairs, or a folder or archive of {usual} with the endings .de and .en"
    contents = contents_of(folder, names, form)
    sides = [
        lines_of(text_of(content, f"{own[0]} of {folder}"))
        for content, own in zip(contents, names, strict=True)
    ]
    parts = {}
    for part, german, english in zip(FILES, sides[::2], sides[1::2], strict=True):
        pairs = zip(german, english, strict=False)
        parts[part] = [pair for pair in pairs if all(map(str.strip, pair))]
        if len(german) != len(english) or not parts[part]:
            raise DataError(
                f"{FILES[part][0]} of {folder} should have as many German as English lines, and a "
                f"pair of sentences. Got {len(german)} and {len(english)}."
            )
    return parts


def _vocabulary(sentences: list[Sentence], fewest: int) -> tuple[str, ...]:
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
