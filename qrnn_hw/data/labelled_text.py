"""Sentences with one of two labels: the sets the package carries and the user's own table."""

import difflib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from unicodedata import normalize

import numpy as np
from numpy.typing import NDArray

from qrnn_hw.data.lines import numbered_lines, shown
from qrnn_hw.data.target import Classes
from qrnn_hw.data.tokens import normal_form, tokenise, words
from qrnn_hw.errors import DataError, UsageError

EMBEDDED_TABLE = Path(__file__).parent / "embedded" / "uci_sentiment_labelled_sentences.tsv"
SOURCES = ("amazon", "imdb", "yelp")
EMBEDDED_NAMES = (*SOURCES, "uci")
DEFAULT_NAME = "uci"

# Below this a class may have no row in the validation or the test part of a default split.
MIN_ROWS_PER_CLASS = 10


@dataclass(frozen=True)
class LabelledText:
    """Sentences, the class of each, and where each came from."""

    name: str
    texts: tuple[str, ...]
    labels: NDArray[np.int64]  # shape: (n,)
    """0 for `classes[0]`, 1 for `classes[1]`."""
    classes: tuple[str, str]
    sources: tuple[str, ...]
    """One name a row: `amazon`, `imdb`, `yelp`, or the file of the user."""

    def __post_init__(self) -> None:
        n = len(self.texts)
        if self.labels.shape != (n,) or len(self.sources) != n:
            raise UsageError(
                "texts, labels and sources should have the same length. Got "
                f"{n}, {self.labels.shape} and {len(self.sources)}."
            )
        if not np.isin(self.labels, (0, 1)).all():
            raise UsageError(f"labels should be 0 or 1. Got {np.unique(self.labels).tolist()}.")

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def target(self) -> Classes:
        """What is learnt of a sentence."""
        return Classes(self.classes)

    @cached_property
    def groups(self) -> NDArray[np.int64]:
        """A number for each row, the same where the words that a model may read are; shape (n,).

        Case, punctuation, stop words and how accents are stored make no difference.
        """
        numbers: dict[object, int] = {}
        contents = (tokenise(text) or words(text) or normal_form(text) for text in self.texts)
        return np.array([numbers.setdefault(one, len(numbers)) for one in contents])


def dataset_name(dataset: str | None, data: Path | None, default: str = DEFAULT_NAME) -> str:
    """Return the embedded data set's name, where it or a file of the user's may be asked for.

    Args:
        dataset: asked for; None is the default.
        data: the user's own file; None without one.
        default: an embedded data set.

    Raises:
        UsageError: both are asked for.
    """
    if dataset is not None and data is not None:
        raise UsageError(
            f"either --data or --dataset should be given. Got both, {data} and {shown(dataset)}; "
            "leave one of them out."
        )
    return default if dataset is None else dataset


def load_embedded(name: str) -> LabelledText:
    """Return a data set that the package carries: `amazon`, `imdb`, `yelp`, or `uci` for all.

    Source: *Sentiment Labelled Sentences*, UCI Machine Learning Repository, CC BY 4.0; Kotzias et
    al., From Group to Individual Labels Using Deep Features, KDD 2015. Label 1 is positive.

    Raises:
        UsageError: no embedded data set has that name; the message lists the near names and all.
    """
    if name not in EMBEDDED_NAMES:
        near = difflib.get_close_matches(name.lower(), EMBEDDED_NAMES)
        meant = f" Did you mean {' or '.join(near)}?" if near else ""
        raise UsageError(
            f"the data set should be one of {', '.join(EMBEDDED_NAMES)}, or a TSV file. "
            f"Got {shown(name)}.{meant}"
        )
    rows = _rows(EMBEDDED_TABLE, ("source", "label", "text"))
    chosen = [cells for cells in rows if name in ("uci", cells[0])]
    return LabelledText(
        name=name,
        texts=tuple(text for _, _, text in chosen),
        labels=np.array([int(label) for _, label, _ in chosen], dtype=np.int64),
        classes=("0", "1"),
        sources=tuple(source for source, _, _ in chosen),
    )


def load_tsv(path: Path | str) -> LabelledText:
    """Return the user's own sentences from a tab-separated table with `label` and `text` columns.

    The first line names the columns, in any order and case; other columns are ignored. As IANA's
    `text/tab-separated-values` has it, a tab always parts two cells and quotes are ordinary
    characters. Labels are any two strings; their order is numeric if both are numbers, else
    alphabetic, and the second is the class 1.

    Raises:
        DataError: the file cannot be read, a line is malformed, or the rows are unfit for
            learning two classes; one line with the file, the line number and what was expected.
    """
    path = Path(path)
    rows = _rows(path, ("label", "text"))
    names = [normalize("NFC", label) for label, _ in rows]  # two spellings look like one class
    classes = _two_classes(path, names)
    return LabelledText(
        name=path.stem,
        texts=tuple(text for _, text in rows),
        labels=np.array([classes.index(label) for label in names], dtype=np.int64),
        classes=classes,
        sources=(path.stem,) * len(rows),
    )


def _rows(path: Path, columns: Sequence[str]) -> list[tuple[str, ...]]:
    """Return the cells of `columns` of each row of the table; none is blank."""
    lines = numbered_lines(path)
    header_number, header_line = next(lines)
    header = [name.strip().lower() for name in header_line.split("\t")]
    if any(header.count(column) != 1 for column in columns):
        raise DataError(
            f"{path}, line {header_number}: the header should name the columns "
            f"{' and '.join(columns)} once each, parted by tabs. Got {shown(header_line)}."
        )
    places = [header.index(column) for column in columns]
    rows = []
    for number, line in lines:
        cells = line.split("\t")
        if len(cells) != len(header):
            raise DataError(
                f"{path}, line {number}: should have {len(header)} cells parted by tabs, as the "
                f"header has. Got {len(cells)}: {shown(line)}."
            )
        chosen = tuple(cells[place].strip() for place in places)
        if not all(chosen):
            blank = columns[chosen.index("")]
            raise DataError(
                f"{path}, line {number}: the {blank} should not be empty. Got {shown(line)}."
            )
        rows.append(chosen)
    return rows


def _two_classes(path: Path, names: Sequence[str]) -> tuple[str, str]:
    classes = _ordered(set(names))
    if len(classes) != 2:
        first = ", ".join(shown(name) for name in classes[:5]) or "no row"
        rest = ", ..." if len(classes) > 5 else ""
        raise DataError(
            f"{path}: the label column should hold exactly two classes. "
            f"Got {len(classes)}: {first}{rest}."
        )
    for name in classes:
        n_rows = names.count(name)
        if n_rows < MIN_ROWS_PER_CLASS:
            raise DataError(
                f"{path}: each class should have at least {MIN_ROWS_PER_CLASS} rows, to be split "
                f"into training, validation and test parts. Got {n_rows} of {shown(name)}."
            )
    return classes[0], classes[1]


def _ordered(names: set[str]) -> list[str]:
    try:
        values = {name: float(name) for name in names}
    except ValueError:
        return sorted(names)
    if not all(math.isfinite(value) for value in values.values()):
        return sorted(names)
    return sorted(names, key=lambda name: (values[name], name))
