"""Word vectors: the GloVe vectors that the package carries, and the user's own file."""

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from jobs.store.archives import read_archive
from qrnn_hw.data.lines import numbered_lines, regular_file, shown
from qrnn_hw.data.tokens import has_no_blanks, normal_form
from qrnn_hw.data.vector_text import LARGEST, refuse_other_formats, text_vectors
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
        if (unfit := ~(np.abs(self.vectors) <= LARGEST)).any():
            row, column = (int(place[0]) for place in np.nonzero(unfit))
            raise DataError(
                f"vectors should be finite and at most {LARGEST:g} in size. "
                f"Got {self.vectors[row, column]:g} for {shown(self.words[row])}."
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
    """Return word vectors from the user's own file, the words in their normal form.

    A name that ends in `.npz` is a NumPy archive with `words` (n,) strings and `vectors` (n, dim)
    numbers. Any other is text as GloVe, word2vec and fastText write it: a line for each word, the
    word and then `dim` numbers parted by blanks, after an optional line with the two counts. A
    line whose word is nothing but a blank, as some published files have, is passed over.

    Of several words with one normal form, such as `Haus` and `haus`, the one that is written so
    counts, else the first: files begin with what is frequent. A word that comes twice with
    different vectors is an error: which was meant cannot be known.

    Args:
        path: the file.
        keep: the words to read, in normal form; the others' lines are passed over, which saves
            minutes and gigabytes on a published file. All words by default.

    Raises:
        DataError: one line with the file, the line number, what was expected and what was got.
    """
    path = Path(path)
    wanted = None if keep is None else frozenset(keep)
    refuse_other_formats(path)
    gathered = _Gathered(path, wanted)
    if path.suffix.lower() == ".npz":
        every = _archive(path)
        for row, word in enumerate(every.words):
            if gathered.wants(word):
                gathered.add(word, every.vectors[row], f"row {row}")
    else:
        for number, word, vector in text_vectors(path, gathered.wants):
            gathered.add(word, vector, f"line {number}")
    return gathered.vectors()


def unparted(words: Collection[str]) -> str:
    """Say what is to be done where most words without a vector may be whole sentences, or nothing.

    Args:
        words: without a vector.
    """
    if 2 * sum(map(has_no_blanks, words)) <= len(words):
        return ""
    return (
        " Most are of scripts that write no blanks between words: part them by blanks first, as "
        "the segmenter of the vectors does."
    )


class _Gathered:
    """Vectors by normal form, one each."""

    def __init__(self, path: Path, wanted: frozenset[str] | None) -> None:
        self.path, self.wanted = path, wanted
        self.rows: dict[str, NDArray[np.float32]] = {}
        self._written: dict[str, tuple[str, str]] = {}
        """The spelling of each normal form that counts, and where it is."""

    def wants(self, written: str) -> bool:
        """Tell whether a word is to be read at all."""
        word = normal_form(written)
        return bool(word.strip()) if self.wanted is None else word in self.wanted

    def add(self, written: str, row: NDArray[np.float32], place: str) -> None:
        """Take a word's vector.

        Raises:
            DataError: it was there, with another one.
        """
        word = normal_form(written)
        kept, where = self._written.get(word, (None, ""))
        if kept == written and not np.array_equal(self.rows[word], row):
            raise DataError(
                f"{self.path}, {place}: each word should have one vector. Got {shown(written)} "
                f"again, after {where}, with another: remove one of them."
            )
        if kept is None or (written == word and kept != word):
            self._written[word], self.rows[word] = (written, place), row

    def vectors(self) -> WordVectors:
        """Return what was gathered.

        Raises:
            DataError: nothing was.
        """
        if not self.rows:
            raise DataError(
                f"{self.path}: should hold vectors of the data's words. Got none of them."
                f"{unparted(self.wanted or ())}"
            )
        return WordVectors(words=tuple(self.rows), vectors=np.stack(list(self.rows.values())))


def _archive(path: Path) -> WordVectors:
    try:
        with regular_file(path):
            archive = read_archive(path)
        words, vectors = archive["words"], archive["vectors"]
    except DataError:
        raise
    except (OSError, ValueError, KeyError) as error:
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
        return WordVectors(words=tuple(words.tolist()), vectors=vectors)
    except DataError as error:
        raise DataError(f"{path}: {error}") from error


def _kind(array: object) -> str:
    if isinstance(array, np.ndarray):
        return f"{array.dtype} of shape {array.shape}"
    return type(array).__name__
