"""What a reader returns: sequences with their target, and how they may be split and scaled."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from qrnn_hw.data.group_split import split_groups, split_time
from qrnn_hw.data.labelled_text import LabelledText
from qrnn_hw.data.read_options import ReadOptions
from qrnn_hw.data.scaling import Scaling, fit_scaling
from qrnn_hw.data.sequences import Sequences
from qrnn_hw.data.series import Series
from qrnn_hw.data.split import TEST_FRACTION, VALIDATION_FRACTION, Split, split, split_one_source
from qrnn_hw.data.target import Classes, Target, check_targets
from qrnn_hw.data.vectors import WordVectors

Order = Literal["random", "groups", "time", "given"]


@dataclass(frozen=True, eq=False)
class Parts:
    """The three parts of a data set, ready for training: scaled where numbers were read."""

    training: Sequences
    validation: Sequences
    test: Sequences
    rows: Split
    """Of the data set, in the order of the parts."""

    scaling: Scaling | None
    """Fitted on the training rows; None where the readers' values have a scale of their own."""


@dataclass(frozen=True, eq=False)
class Dataset:
    """Sequences with their targets, as they were read, not scaled."""

    name: str
    sequences: Sequences
    target: Target
    features: tuple[str, ...]
    """Names of the d numbers of a step."""

    order: Order
    """How rows are parted: `random`, repeats of a row left out; `groups`, whole groups at random;
    `time`, the last rows test what the first have taught; `given`, the test rows came with the
    data."""

    is_scaled: bool = True
    """Whether features and numbers are brought to mean 0 and deviation 1 before training."""

    gap: int = 0
    """Rows left out between two parts in time, which look ahead into the next one."""

    tested: NDArray[np.int64] | None = None
    """Rows that the data names as its test part."""

    text: LabelledText | None = None
    """The sentences, where they are text."""

    tested_source: str | None = None
    """The source of sentences that alone is tested; the others help to train."""

    vectors: WordVectors | None = None
    """Of the words of the sentences."""

    series: Series | None = None
    """The whole series, where rows are windows of one."""

    share_read: NDArray[np.float64] | None = None  # shape: (n,)
    """Of each text's words that have a vector, the share that is read."""

    notes: tuple[str, ...] = ()
    """Sentences for the report: what was read, and how."""

    reading: ReadOptions = field(default_factory=ReadOptions)
    """As it was asked to be read; what is asked of a trained network is read the same way."""

    path: Path | None = None
    """Its file; None is a data set by its name, or one that was made in memory."""

    def __repr__(self) -> str:
        """Return how large the data are and what is learnt, without their numbers."""
        n, steps, width = self.sequences.values.shape
        shown = ", ".join(self.target.names[:6]) + ", ..." * (len(self.target.names) > 6)
        kind = type(self.target).__name__.lower()
        return f"Dataset({self.name!r}: {n} rows of {steps} steps of {width}; {kind} {shown})"

    def __post_init__(self) -> None:
        """Check that the targets are those that the sequences have."""
        check_targets(self.target, self.sequences)

    def __len__(self) -> int:
        return len(self.sequences)

    def split(
        self,
        seed: int,
        *,
        test_fraction: float = TEST_FRACTION,
        validation_fraction: float = VALIDATION_FRACTION,
    ) -> Split:
        """Part the rows as they may be parted, the same for the same seed.

        Raises:
            UsageError, DataError: a part would be empty, or without a class.
        """
        fractions: dict[str, Any] = {
            "test_fraction": test_fraction,
            "validation_fraction": validation_fraction,
        }
        labels = self.labels
        if self.order == "time":
            return split_time(len(self), self.gap, **fractions)
        if self.text is not None and self.tested_source is not None:
            return split_one_source(self.text, self.tested_source, seed=seed, **fractions)
        if self.order == "random" and labels is not None:
            return split(labels, seed=seed, groups=self.sequences.groups, **fractions)
        # Sentences of one content are those of the same words, as their groups have it.
        return split_groups(
            self.sequences,
            labels,
            seed=seed,
            tested=self.tested,
            by_content=self.text is None,
            **fractions,
        )

    def parts(self, seed: int, *, rows: Split | None = None) -> Parts:
        """Return the three parts, scaled by the training part's own numbers.

        Args:
            seed: of the split.
            rows: a split of the caller's; by default `split(seed)`.

        Raises:
            UsageError, DataError: as for `split`.
        """
        rows = self.split(seed) if rows is None else rows
        scaling, sequences = None, self.sequences
        if self.is_scaled:
            scaling = fit_scaling(sequences, rows.train, self.target)
            sequences = scaling.apply(sequences)
        return Parts(
            training=sequences.take(rows.train),
            validation=sequences.take(rows.validation),
            test=sequences.take(rows.test),
            rows=rows,
            scaling=scaling,
        )

    @property
    def labels(self) -> NDArray[np.int64] | None:
        """The class of each row, where it has one."""
        if isinstance(self.target, Classes) and not self.target.per_step:
            return np.asarray(self.sequences.targets)
        return None


def sequences_note(lengths: NDArray[np.int64], n_features: int) -> str:
    """Say how many sequences there are, how long they are and how wide."""
    steps = str(lengths.max())
    if lengths.min() < lengths.max():
        steps = f"{lengths.min()} to {steps}"
    numbers = "one number" if n_features == 1 else f"{n_features} numbers"
    return f"{len(lengths):,} sequences of {steps} steps, {numbers} each."
