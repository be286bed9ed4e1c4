"""Word vectors: the GloVe vectors that the package carries, and the user's own file."""

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from qrnn_hw.data.lines import numbered_lines, regular_file, shown
from qrnn_hw.errors import DataError

EMBEDDED_VECTORS = Path(__file__).parent / "embedded" / "glove_100d_uci_f16.npz"
EMBEDDED_WORDS = Path(__file__).parent / "embedded" / "glove_uci_vocab.txt"


@dataclass(frozen=True)
class WordVectors:
    """One finite vector for each of some distinct words."""

    words: tuple[str, ...]
    vectors: NDArray[np.float32]  # shape: (n, dim)

    def __post_init__(self) -> None:
        if self.vectors.ndim != 2 or 0 in self.vectors.shape:
            raise DataError(
                "vectors should be a table with a row a word and a column a dimension. "
                f"Got the shape {self.vectors.shape}."
            )
        if len(self.words) != len(self.vectors):
            raise DataError(
                f"each word should have one vector. Got {len(self.words)} words and "
                f"{len(self.vectors)} vectors."
            )
        if not np.isfinite(self.vectors).all():
            row = int(np.flatnonzero(~np.isfinite(self.vectors).all(axis=1))[0])
            raise DataError(
                "vectors should be finite in single precision. "
                f"Got one that is not, for {shown(self.words[row])}."
            )
        if len(self.index) != len(self.words):
            word = next(word for row, word in enumerate(self.words) if self.index[word] != row)
            raise DataError(f"each word should have one vector. Got several for {shown(word)}.")

    @property
    def dim(self) -> int:
        """The length of a vector."""
        return int(self.vectors.shape[1])

    @cached_property
    def index(self) -> dict[str, int]:
        """The row of each word."""
        return {word: row for row, word in enumerate(self.words)}


def load_embedded_vectors() -> WordVectors:
    """Return GloVe 6B, 100 dimensions, for the vocabulary of the embedded sentences.

    Source: Pennington, Socher & Manning, GloVe: Global Vectors for Word Representation, EMNLP
    2014; Public Domain Dedication and License 1.0. Stored in half precision.
    """
    words = tuple(word for _, word in numbered_lines(EMBEDDED_WORDS))
    with np.load(EMBEDDED_VECTORS, allow_pickle=False) as archive:
        return WordVectors(words=words, vectors=archive["vectors"].astype(np.float32))


def load_vectors(path: Path | str, *, keep: Collection[str] | None = None) -> WordVectors:
    """Return word vectors from the user's own file.

    A name that ends in `.npz` is a NumPy archive with `words` (n,) strings and `vectors` (n, dim)
    numbers. Any other is text as GloVe, word2vec and fastText write it: a line for each word, the
    word and then `dim` numbers parted by blanks, after an optional line with the two counts.

    A word that comes twice is an error: which vector was meant cannot be known.

    Args:
        path: the file.
        keep: the words to read; the others' lines are passed over, which saves minutes and
            gigabytes on a published file. All words by default.

    Raises:
        DataError: one line with the file, the line number, what was expected and what was got.
    """
    path = Path(path)
    wanted = None if keep is None else frozenset(keep)
    if path.suffix.lower() == ".npz":
        return _from_archive(path, wanted)
    return _from_text(path, wanted)


def _from_text(path: Path, wanted: frozenset[str] | None) -> WordVectors:
    promised: tuple[int, int] | None = None
    dim: int | None = None
    lines_of: dict[str, int] = {}
    rows: list[NDArray[np.float32]] = []
    n_words = 0
    for number, line in numbered_lines(path):
        if number == 1:
            promised = _counts(line)
            if promised is not None:
                dim = promised[1]
                continue
        line = line.rstrip()
        if dim is None:
            dim = len(line.split()) - 1
        # From the right, because a few published vocabularies hold words with blanks.
        word, *cells = line.rsplit(maxsplit=dim)
        if dim < 1 or len(cells) != dim:
            raise DataError(
                f"{path}, line {number}: should be a word and {max(dim, 1)} numbers, parted by "
                f"blanks. Got {len(cells)} numbers: {shown(line)}."
            )
        n_words += 1
        if wanted is not None and word not in wanted:
            continue
        if word in lines_of:
            raise DataError(
                f"{path}, line {number}: each word should have one line. "
                f"Got {shown(word)} again, after line {lines_of[word]}: remove one of them."
            )
        lines_of[word] = number
        rows.append(_numbers(cells, path, number))
    if promised is not None and promised[0] != n_words:
        raise DataError(
            f"{path}: should hold {promised[0]} words, as line 1 says. Got {n_words}: the file "
            "may be cut short."
        )
    if not rows:
        raise DataError(f"{path}: should hold vectors of the data's words. Got none of them.")
    return WordVectors(words=tuple(lines_of), vectors=np.stack(rows))


MOST_DIGITS = 9
"""Of a number in a word2vec header; a longer one is no count of words."""


def _counts(line: str) -> tuple[int, int] | None:
    """Return the numbers of words and dimensions if `line` is a word2vec header."""
    cells = line.split()
    if len(cells) == 2 and all(
        cell.isascii() and cell.isdecimal() and len(cell) <= MOST_DIGITS for cell in cells
    ):
        return int(cells[0]), int(cells[1])
    return None


def _numbers(cells: list[str], path: Path, number: int) -> NDArray[np.float32]:
    try:
        with np.errstate(over="ignore"):
            row = np.array([float(cell) for cell in cells]).astype(np.float32)
    except ValueError as error:
        raise DataError(
            f"{path}, line {number}: should be a word and {len(cells)} numbers. "
            f"Got {shown(' '.join(cells))}."
        ) from error
    if not np.isfinite(row).all():
        raise DataError(
            f"{path}, line {number}: numbers should be finite in single precision. "
            f"Got {shown(cells[int(np.flatnonzero(~np.isfinite(row))[0])])}."
        )
    return row


def _from_archive(path: Path, wanted: frozenset[str] | None) -> WordVectors:
    try:
        with regular_file(path) as file, np.load(file, allow_pickle=False) as archive:
            words, vectors = archive["words"], archive["vectors"]
    except DataError:
        raise
    except Exception as error:  # zipfile, zlib and numpy raise a dozen kinds on a damaged archive
        reason = " ".join(str(error).split())
        raise DataError(
            f"{path}: should be a NumPy archive with the arrays words and vectors, without "
            f"pickled objects. Got: {shown(reason)}."
        ) from error
    if getattr(words, "dtype", np.dtype(object)).kind != "U" or words.ndim != 1:
        raise DataError(f"{path}: words should be a list of strings. Got {_kind(words)}.")
    if getattr(vectors, "dtype", np.dtype(object)).kind not in "fiu":
        raise DataError(f"{path}: vectors should be real numbers. Got {_kind(vectors)}.")
    with np.errstate(over="ignore"):
        vectors = vectors.astype(np.float32)
    try:
        every = WordVectors(words=tuple(words.tolist()), vectors=vectors)
    except DataError as error:
        raise DataError(f"{path}: {error}") from error
    if wanted is None:
        return every
    rows = [row for row, word in enumerate(every.words) if word in wanted]
    if not rows:
        raise DataError(f"{path}: should hold vectors of the data's words. Got none of them.")
    return WordVectors(tuple(every.words[row] for row in rows), every.vectors[rows])


def _kind(array: object) -> str:
    if isinstance(array, np.ndarray):
        return f"{array.dtype} of shape {array.shape}"
    return type(array).__name__
