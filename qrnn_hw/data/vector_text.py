"""Word vectors as text: a line for each word, as GloVe, word2vec and fastText write them."""

import codecs
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, islice, takewhile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from qrnn_hw.data.lines import numbered_lines, regular_file, shown
from qrnn_hw.errors import DataError

LARGEST = 1e6
"""Of a number in a vector; those of trained vectors are near 1, and sums of 3e38 overflow."""

OTHER_FORMATS = {
    (b"\x1f\x8b", ".gz"): "a gzip archive: unpack it first (gunzip)",
    (b"PK\x03\x04", ".zip"): "a zip archive: unpack it first (unzip)",
    (b"BZh", ".bz2"): "a bzip2 archive: unpack it first (bunzip2)",
    (b"\xfd7zXZ", ".xz"): "an xz archive: unpack it first (unxz)",
    (b"\xba\x16\x4f\x2f", ".bin"): "the binary format of word2vec or fastText: take the text "
    "format instead (.vec, or gensim's save_word2vec_format with binary=False)",
    (b"\x80", ".model"): "a pickled model: write its vectors as text first (gensim's "
    "save_word2vec_format)",
    (b"\x93NUMPY", ".npy"): "an array without words: write an .npz with words and vectors",
    (b"\x89HDF", ".h5"): "HDF5: write an .npz with words and vectors",
}
"""How a file begins that is known by its name or its first bytes, and what is to be done."""


def refuse_other_formats(path: Path) -> None:
    """Refuse archives and binary files, known by their names or first bytes.

    Raises:
        DataError: it is one, or cannot be read; the message names what to do instead.
    """
    with regular_file(path) as file:
        start = file.read(4096)
    name = path.name.lower()
    if _COUNTS_BEFORE_BYTES.match(start) and not _is_text(start):
        name += ".bin"
    for (magic, suffix), what in OTHER_FORMATS.items():
        if name.endswith(suffix) or (start.startswith(magic) and not name.endswith(".npz")):
            raise DataError(f"{path}: word vectors should be text or an .npz archive. Got {what}.")


_COUNTS_BEFORE_BYTES = re.compile(rb"\d+ \d+\n")
"""How word2vec's binary files begin, as its text files do."""


def _is_text(start: bytes) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(start)
    except UnicodeDecodeError:
        return False
    return b"\0" not in start


LOOKED_AT = 100
"""Lines from which the number of dimensions is seen, where no first line gives it."""

_BLANKS = re.compile(r"[ \t]+")
"""What parts cells; `str.split` would also cut at U+0085 and the other blanks of Unicode."""

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)


def text_vectors(
    path: Path, wants: Callable[[str], bool]
) -> Iterator[tuple[int, str, NDArray[np.float32]]]:
    """Yield (line number, word, vector) of a file as GloVe, word2vec and fastText write it.

    Args:
        path: the file.
        wants: tells of a word whether its vector is to be read; other lines are passed over.

    Raises:
        DataError: one line with the file, the line number, what was expected and what was got.
    """
    lines = (
        (number, line, _BLANKS.split(line.rstrip(" \t"))) for number, line in numbered_lines(path)
    )
    first = list(islice(lines, LOOKED_AT))
    promised = _counts(first[0][2], [cells for _, _, cells in first[1:]])
    if promised is not None:
        del first[0]
    dim = promised[1] if promised is not None else _dimensions([cells for _, _, cells in first])
    n_words = 0
    for number, line, cells in chain(first, lines):
        n_words += 1
        # From the right, because a few published vocabularies hold words with blanks.
        parts, numbers = cells[:-dim], cells[len(cells) - dim :]
        if dim < 1 or not parts or (len(parts) > 1 and all(map(_NUMBER.fullmatch, parts[1:]))):
            raise DataError(
                f"{path}, line {number}: should be a word and {max(dim, 1)} numbers, parted by "
                f"blanks. Got {len(cells) - 1} after the word: {shown(line)}."
            )
        word = " ".join(parts).strip(" ")
        if wants(word):
            yield number, word, _numbers(numbers, path, number)
    if promised is not None and promised[0] != n_words:
        raise DataError(
            f"{path}: should hold {promised[0]} words, as line 1 says. Got {n_words}: the file "
            "may be cut short."
        )


def _dimensions(lines: Sequence[Sequence[str]]) -> int:
    """Return the length of the vectors that most lines have; of equal ones the longer."""
    found = Counter(
        min(len(cells) - 1, sum(1 for _ in takewhile(_NUMBER.fullmatch, reversed(cells))))
        for cells in lines
    )
    return max(found, key=lambda dim: (found[dim], dim))


MOST_DIGITS = 9
"""Of a number in a word2vec header; a longer one is no count of words."""


def _counts(line: Sequence[str], following: Sequence[Sequence[str]]) -> tuple[int, int] | None:
    """Return the numbers of words and dimensions if the cells of line 1 are a word2vec header."""
    cells = [cell for cell in line if cell]
    if len(cells) != 2 or not all(
        cell.isascii() and cell.isdecimal() and len(cell) <= MOST_DIGITS for cell in cells
    ):
        return None
    n_words, dim = map(int, cells)
    # The vector of a blank also begins with a blank.
    is_vector = not line[0] and (not following or _dimensions(following) != dim)
    return None if is_vector else (n_words, dim)


def _numbers(cells: Sequence[str], path: Path, number: int) -> NDArray[np.float32]:
    try:
        values = [_number(cell) for cell in cells]
    except ValueError as error:
        raise DataError(
            f"{path}, line {number}: should be a word and {len(cells)} numbers. "
            f"Got {shown(' '.join(cells))}."
        ) from error
    for cell, value in zip(cells, values, strict=True):
        if not abs(value) <= LARGEST:
            raise DataError(
                f"{path}, line {number}: numbers should be finite and at most {LARGEST:g} in "
                f"size. Got {shown(cell)}."
            )
    return np.array(values, dtype=np.float32)


def _number(cell: str) -> float:
    if not cell.isascii() or "_" in cell:  # of Python's own numerals
        raise ValueError(cell)
    return float(cell)
