"""Sentences with labels: the sets the package carries and the user's own table."""

import difflib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from unicodedata import normalize

import numpy as np
from numpy.typing import NDArray

from qrnn_hw.data.class_names import (
    numbered_classes,
)
from qrnn_hw.data.lines import shown
from qrnn_hw.data.table import DataTable, columns_shown, has_column, read_table
from qrnn_hw.data.target import Classes, Target, known_names
from qrnn_hw.data.tokens import normal_form, tokenise, words
from qrnn_hw.errors import DataError, UsageError

EMBEDDED_TABLE = Path(__file__).parent / "embedded" / "uci_sentiment_labelled_sentences.tsv"
SOURCES = ("amazon", "imdb", "yelp")
EMBEDDED_NAMES = (*SOURCES, "uci")
DEFAULT_NAME = "uci"


@dataclass(frozen=True)
class LabelledText:
    """Sentences, the class of each, and where each came from."""

    name: str
    texts: tuple[str, ...]
    labels: NDArray[np.int64]  # shape: (n,)
    """The place of each row's class in `classes`."""
    classes: tuple[str, ...]
    sources: tuple[str, ...]
    """One name a row: `amazon`, `imdb`, `yelp`, or the file of the user."""

    def __post_init__(self) -> None:
        n = len(self.texts)
        if self.labels.shape != (n,) or len(self.sources) != n:
            raise UsageError(
                "texts, labels and sources should have the same length. Got "
                f"{n}, {self.labels.shape} and {len(self.sources)}."
            )
        if not np.isin(self.labels, range(len(self.classes))).all():
            raise UsageError(
                f"labels should be whole numbers below {len(self.classes)}. "
                f"Got {np.unique(self.labels).tolist()}."
            )

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
    table = read_table(EMBEDDED_TABLE)
    rows = zip(*(table.cells(column) for column in ("source", "label", "text")), strict=True)
    chosen = [cells for cells in rows if name in ("uci", cells[0])]
    return LabelledText(
        name=name,
        texts=tuple(text for _, _, text in chosen),
        labels=np.array([int(label) for _, label, _ in chosen], dtype=np.int64),
        classes=("0", "1"),
        sources=tuple(source for source, _, _ in chosen),
    )


def labelled_text(
    table: DataTable, text: str, label: str, *, known: Target | None = None
) -> LabelledText:
    """Return the sentences of a table, of any number of rows, and the class of each.

    Labels are any strings; their order is numeric if all are numbers, else alphabetic.

    Args:
        table: with columns of text and of labels, in any order and case; others are ignored.
        text: name of the column of sentences.
        label: name of the column of classes.
        known: what a file that is trained on teaches, where this one is to test on.

    Raises:
        DataError: a column is missing, a cell is empty, or there is one class only.
    """
    texts, labels = _columns(table, text, label)
    classes, numbers = numbered_classes(table.path, labels, known=known_names(known))
    stem = table.path.stem
    return LabelledText(stem, tuple(texts), numbers, classes, (stem,) * len(texts))


def _columns(table: DataTable, text: str, label: str) -> tuple[list[str], list[str]]:
    """Return texts and labels, none empty; two spellings of an accent look like one label."""
    if missing := [name for name in (label, text) if not has_column(table, name)]:
        raise DataError(
            f"{table.header}: the header should name the columns {label} and {text}, of labels "
            f"and of texts. Got none called {missing[0]} among {columns_shown(table.names)}; "
            "--label and --text name others."
        )
    texts, labels = table.cells(text), table.cells(label)
    for name, cells in ((text, texts), (label, labels)):
        if not all(cells):
            raise DataError(
                f"{table.place(cells.index(''), name)}: should not be empty. Got a gap."
            )
    return texts, [normalize("NFC", one) for one in labels]
