"""What of a text is used, and what is left out or passed over."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from qrnn_hw.data.tokens import tokenise

if TYPE_CHECKING:
    from qrnn_hw.data.labelled_text import LabelledText
    from qrnn_hw.data.split import Split
    from qrnn_hw.data.vectors import WordVectors


@dataclass(frozen=True)
class Usage:
    """Counts over all sentences of a text."""

    sentences: int
    repeats_left_out: int
    """Sentences in no part of the split: others have their words, and their label or source."""

    repeats_in_two_parts: int
    """Test sentences whose words training or validation have too; 0 unless a recipe shares them."""

    words: int
    """All but stop words, however many the models read."""

    words_skipped: int
    """Those without a vector."""

    sentences_without_words: int
    """Those in which no word has a vector; a model sees one empty step."""

    def to_json(self) -> dict[str, int]:
        """Return the counts as a JSON object."""
        return asdict(self)


def usage(
    text: LabelledText,
    rows: Split,
    vectors: WordVectors,
    words_of: Callable[[str], Sequence[str]] = tokenise,
) -> Usage:
    """Count what is used of a text.

    Args:
        text: labelled sentences.
        rows: of the three parts.
        vectors: of its words.
        words_of: cuts a sentence into the words that may be read.
    """
    found = [words_of(one) for one in text.texts]
    known = [sum(word in vectors.index for word in words) for words in found]
    groups = text.groups
    return Usage(
        sentences=len(text),
        repeats_left_out=len(text) - len(rows.development) - len(rows.test),
        repeats_in_two_parts=int(np.isin(groups[rows.test], groups[rows.development]).sum()),
        words=sum(map(len, found)),
        words_skipped=sum(map(len, found)) - sum(known),
        sentences_without_words=known.count(0),
    )


def said(counts: dict[str, int]) -> str:
    """Say in one line what the JSON object of a usage counts."""
    shared = counts["repeats_in_two_parts"]
    tested = f", {shared:,} tested though training has their words" if shared else ""
    return (
        f"{counts['sentences']:,} sentences, {counts['repeats_left_out']:,} left out as repeats of "
        f"others{tested}; {counts['words_skipped']:,} of {counts['words']:,} words skipped for "
        f"want of a vector, {counts['sentences_without_words']:,} sentences with no other words"
    )


def data_lines(document: dict[str, Any]) -> list[str]:
    """Return what a run's document says of its data, one sentence a line."""
    counted = [said(document["data"])] if document["data"] else []
    return [*counted, *document.get("notes", ())]
