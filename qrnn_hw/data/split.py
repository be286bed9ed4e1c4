"""Part the rows of a data set into training, validation and test, nothing in two of them."""

from collections import Counter
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split

from qrnn_hw.data.labelled_text import LabelledText
from qrnn_hw.errors import DataError, UsageError

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
    groups: NDArray[np.int64] | None = None,
) -> Split:
    """Part rows at random, the same for the same seed, with scikit-learn's `train_test_split`.

    Rows of one group never stand in two parts, and of several with one label only the first
    stands in any: training would have seen the others, and a repeat measures nothing new.

    Args:
        labels: the class of each row, shape (n,).
        seed: of the random order.
        test_fraction: share of all rows that only ever measures.
        validation_fraction: share of all rows that decides when training stops; 0 for none.
        stratified: keep the share of each class the same in all parts.
        groups: a number for each row, the same for rows of one content, shape (n,); None where
            all rows differ.

    Raises:
        UsageError: a fraction leaves a part without rows, or a stratified part without a class.
        DataError: the distinct rows are too few for that.
    """
    if not (0 < test_fraction < 1 and 0 <= validation_fraction < 1 - test_fraction):
        raise UsageError(
            "the test fraction should be above 0, the validation fraction 0 or more, and their "
            f"sum below 1. Got {test_fraction} and {validation_fraction}."
        )
    rows = np.arange(len(labels), dtype=np.int64)
    rest, test = _part(rows, labels, round(test_fraction * len(rows)), seed, stratified)
    train, validation = rest, rest[:0]
    if validation_fraction > 0:
        n_validation = round(validation_fraction * len(rows))
        train, validation = _part(rest, labels, n_validation, seed, stratified)
    parts = Split(train=train, validation=validation, test=test)
    return parts if groups is None else apart(parts, labels, groups, stratified=stratified)


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
    the same seed, so that accuracies with and without the other files compare row by row. Other
    rows whose content the tested source has are left out.

    Raises:
        UsageError: no row has that source, or as for `split`.
        DataError: as for `split`.
    """
    sources = np.array(data.sources)
    own = np.flatnonzero(sources == tested)
    if len(own) == 0:
        raise UsageError(
            f"the tested source should be one of {', '.join(sorted(set(data.sources)))}. "
            f"Got {tested!r}."
        )
    groups = data.groups
    parts = split(
        data.labels[own],
        groups=groups[own],
        seed=seed,
        test_fraction=test_fraction,
        validation_fraction=validation_fraction,
        stratified=stratified,
    )
    others = np.flatnonzero((sources != tested) & ~np.isin(groups, groups[own]))
    others = others[_firsts(groups[others], data.labels[others])]
    return Split(
        train=np.concatenate([own[parts.train], others]),
        validation=own[parts.validation],
        test=own[parts.test],
    )


def apart(
    parts: Split,
    labels: NDArray[np.int64],
    groups: NDArray[np.int64],
    *,
    stratified: bool = True,
) -> Split:
    """Return a split in which no group stands in two parts, and no row repeats another.

    A group stands where its first row stood; then as few groups as it takes move from or to the
    training part, that the others have their shares of the groups again, of each set of labels
    that a group may have. A split without repeats stays as it is.

    Args:
        parts: of the n rows.
        labels: shape (n,).
        groups: shape (n,).
        stratified: keep the shares of the labels, and refuse a part without one of them.

    Raises:
        DataError: a part would be without a row, or without a class.
    """
    _, first, group_of = np.unique(groups, return_index=True, return_inverse=True)
    leaders = first[group_of]
    if (leaders == np.arange(len(labels))).all():
        return parts
    members: dict[int, list[int]] = {}
    for row in _firsts(groups, labels).tolist():
        members.setdefault(int(leaders[row]), []).append(row)
    kinds = {one: tuple(sorted(labels[rows])) * stratified for one, rows in members.items()}
    sides = {side.name: _leaders(getattr(parts, side.name), leaders) for side in fields(parts)}
    for name in ("test", "validation"):
        share = len(getattr(parts, name)) / len(labels)
        for kind, n_groups in sorted(Counter(kinds.values()).items()):
            wanted = max(round(share * n_groups), min(1, n_groups // 3)) if share else 0
            here, spare = ([g for g in sides[side] if kinds[g] == kind] for side in (name, "train"))
            leaving, coming = here[wanted:], spare[len(spare) - max(wanted - len(here), 0) :]
            sides[name] = _moved(sides[name], leaving, coming)
            sides["train"] = _moved(sides["train"], coming, leaving)
    found = {
        name: np.array([row for one in side for row in members[one]], dtype=np.int64)
        for name, side in sides.items()
    }
    for name, rows in found.items():
        asked = name == "train" or len(getattr(parts, name))
        if asked and (len(rows) == 0 or (stratified and set(labels[rows]) != set(labels))):
            raise DataError(
                f"the {name} part of a split should hold rows of each class. Got {len(members)} "
                f"distinct rows of {len(labels)}, too few: rows that repeat others are one."
            )
    return Split(**found)


def _leaders(rows: NDArray[np.int64], leaders: NDArray[np.int64]) -> list[int]:
    return [int(row) for row in rows[leaders[rows] == rows]]


def _moved(side: list[int], leaving: list[int], coming: list[int]) -> list[int]:
    gone = set(leaving)
    return [one for one in side if one not in gone] + coming


def _firsts(groups: NDArray[np.int64], labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the rows that are the first of their group with their label, in order."""
    pairs = np.stack([groups, labels], axis=1)
    return np.sort(np.unique(pairs, axis=0, return_index=True)[1])


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
