"""Part the rows of a data set into training, validation and test."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split

from qrnn_hw.data.labelled_text import LabelledText
from qrnn_hw.errors import UsageError

TEST_FRACTION = 0.2
VALIDATION_FRACTION = 0.15


@dataclass(frozen=True)
class Split:
    """Row numbers of the three parts, each in random order, no row in two of them."""

    train: NDArray[np.int64]  # shape: (n_train,)
    validation: NDArray[np.int64]  # shape: (n_validation,)
    test: NDArray[np.int64]  # shape: (n_test,)

    def __post_init__(self) -> None:
        rows = np.concatenate([self.train, self.validation, self.test])
        if len(np.unique(rows)) != len(rows):
            raise UsageError("no row should be in two parts of a split. Got at least one that is.")

    @property
    def development(self) -> NDArray[np.int64]:
        """All rows but the test part's: what a model that needs no validation learns from."""
        return np.concatenate([self.train, self.validation])


def split(
    labels: NDArray[np.int64],
    *,
    seed: int,
    test_fraction: float = TEST_FRACTION,
    validation_fraction: float = VALIDATION_FRACTION,
    stratified: bool = True,
) -> Split:
    """Part rows at random, the same for the same seed, with scikit-learn's `train_test_split`.

    Args:
        labels: the class of each row, shape (n,).
        seed: of the random order.
        test_fraction: share of all rows that only ever measures.
        validation_fraction: share of all rows that decides when training stops; 0 for none.
        stratified: keep the share of each class the same in all parts.

    Raises:
        UsageError: a fraction leaves a part without rows, or a stratified part without a class.
    """
    if not (0 < test_fraction < 1 and 0 <= validation_fraction < 1 - test_fraction):
        raise UsageError(
            "the test fraction should be above 0, the validation fraction 0 or more, and their "
            f"sum below 1. Got {test_fraction} and {validation_fraction}."
        )
    rows = np.arange(len(labels), dtype=np.int64)
    rest, test = _part(rows, labels, round(test_fraction * len(rows)), seed, stratified)
    n_validation = round(validation_fraction * len(rows))
    if validation_fraction == 0:
        return Split(train=rest, validation=rest[:0], test=test)
    train, validation = _part(rest, labels, n_validation, seed, stratified)
    return Split(train=train, validation=validation, test=test)


def split_one_source(
    data: LabelledText,
    tested: str,
    *,
    seed: int,
    test_fraction: float = TEST_FRACTION,
    validation_fraction: float = VALIDATION_FRACTION,
    stratified: bool = True,
) -> Split:
    """Part the rows of the source `tested`; all rows of other sources join the training part.

    With `uci` and `tested="amazon"`, the test part equals that of `split` on `amazon` alone with
    the same seed, so that accuracies with and without the other files compare row by row.

    Raises:
        UsageError: no row has that source, or as for `split`.
    """
    sources = np.array(data.sources)
    own = np.flatnonzero(sources == tested)
    if len(own) == 0:
        raise UsageError(
            f"the tested source should be one of {', '.join(sorted(set(data.sources)))}. "
            f"Got {tested!r}."
        )
    parts = split(
        data.labels[own],
        seed=seed,
        test_fraction=test_fraction,
        validation_fraction=validation_fraction,
        stratified=stratified,
    )
    others = np.flatnonzero(sources != tested)
    return Split(
        train=np.concatenate([own[parts.train], others]),
        validation=own[parts.validation],
        test=own[parts.test],
    )


def _part(
    rows: NDArray[np.int64], labels: NDArray[np.int64], n_second: int, seed: int, stratified: bool
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    least = max(1, len(np.unique(labels))) if stratified else 1
    if min(n_second, len(rows) - n_second) < least:
        raise UsageError(
            f"each part of a split should have at least {least} rows. "
            f"Got {len(rows) - n_second} and {n_second}: use more rows or other fractions."
        )
    stratify = labels[rows] if stratified else None
    if stratified and np.unique(labels[rows], return_counts=True)[1].min() < 2:
        raise UsageError("each class should have at least 2 rows to be split. Got a class with 1.")
    first, second = train_test_split(rows, test_size=n_second, random_state=seed, stratify=stratify)
    return np.asarray(first, dtype=np.int64), np.asarray(second, dtype=np.int64)
