"""Part rows by time, and groups of rows at random, none in two parts."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from sklearn.model_selection import GroupShuffleSplit, StratifiedGroupKFold

from qrnn_hw.data.sequences import Sequences
from qrnn_hw.data.split import Split
from qrnn_hw.errors import DataError, UsageError


def split_time(
    n_rows: int, gap: int = 0, *, test_fraction: float, validation_fraction: float
) -> Split:
    """Part rows that are in the order of time: the last are tested, those before validate.

    Args:
        n_rows: in all.
        gap: rows left out between two parts: a target that lies `gap` steps further than the next
            would else be known to training before the test rows' own inputs are.
        test_fraction: of all rows.
        validation_fraction: of all rows.

    Raises:
        DataError: a part would be empty.
    """
    n_test, n_validation = round(test_fraction * n_rows), round(validation_fraction * n_rows)
    n_train = n_rows - n_test - n_validation - 2 * gap
    if min(n_test, n_validation, n_train) < 1:
        raise DataError(
            "a series should have rows for training, validation and test, in this order in time. "
            f"Got {n_rows} windows{f' and {gap} between two parts' if gap else ''}, too few: use "
            "a longer series, or a shorter window or horizon."
        )
    rows = np.arange(n_rows, dtype=np.int64)
    return Split(
        train=rows[:n_train],
        validation=rows[n_train + gap : n_train + gap + n_validation],
        test=rows[n_rows - n_test :],
    )


def split_groups(
    sequences: Sequences,
    labels: NDArray[np.int64] | None,
    *,
    seed: int,
    test_fraction: float,
    validation_fraction: float,
    tested: NDArray[np.int64] | None = None,
    by_content: bool = True,
) -> Split:
    """Part whole groups at random.

    Classes keep their shares as nearly as whole groups allow.

    Args:
        sequences: with their groups.
        labels: the class of each row, shape (n,); None where rows have none.
        seed: of the random order.
        test_fraction: of all rows, nearly.
        validation_fraction: of all rows, nearly.
        tested: rows that are the test part whatever the seed, in random order; others of their
            groups are left out.
        by_content: whether rows of one content are of one group too.

    Raises:
        DataError: too few groups, or a part without a class that others have.
        UsageError: rows to be tested, and none else.
    """
    groups = _joined(sequences) if by_content else sequences.groups
    if tested is None:
        rest, test = _part(np.arange(len(sequences)), groups, labels, test_fraction, seed)
    else:
        # A source may list its rows class by class: the first few should be like the whole.
        test = np.random.default_rng(seed).permutation(tested)
        rest = np.flatnonzero(~np.isin(groups, groups[tested]))
        if not len(rest):
            raise UsageError("there should be rows to train on. Got only rows to be tested.")
    share = validation_fraction / (1 - test_fraction)
    train, validation = _part(rest, groups, labels, share, seed)
    if labels is not None:
        for name, rows in (("training", train), ("validation", validation), ("test", test)):
            if set(labels[rows].tolist()) != set(labels.tolist()) and tested is None:
                raise DataError(
                    f"the {name} part of a split should hold rows of each class. Got "
                    f"{len(np.unique(groups))} groups of rows, too few of some class."
                )
    return Split(train=train, validation=validation, test=test)


def _part(
    rows: NDArray[np.int64],
    groups: NDArray[np.int64],
    labels: NDArray[np.int64] | None,
    share: float,
    seed: int,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the rows without and with a share of them, each in random order."""
    n_groups = len(np.unique(groups[rows]))
    if n_groups < 3:
        raise DataError(
            "rows should be of at least 3 groups, to be split into training, validation and test "
            f"parts. Got {n_groups}: rows of one content or one group are never parted."
        )
    if labels is None:
        splitter = GroupShuffleSplit(n_splits=1, test_size=share, random_state=seed)
        first, second = next(splitter.split(rows, groups=groups[rows]))
    else:
        most = int(np.bincount(labels[rows]).max())
        n_folds = min(max(2, round(1 / share)), n_groups, max(2, most))
        folds = StratifiedGroupKFold(n_splits=n_folds, shuffle=True, random_state=seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of classes with fewer rows than folds
            first, second = next(folds.split(rows, labels[rows], groups[rows]))
    generator = np.random.default_rng(seed)
    return rows[generator.permutation(first)], rows[generator.permutation(second)]


def _joined(sequences: Sequences) -> NDArray[np.int64]:
    """Return a number for each row, the same for rows of one group or of one content."""
    n_rows = len(sequences)
    contents = np.unique(np.array(sequences.identities), return_inverse=True)[1]
    groups = np.unique(sequences.groups, return_inverse=True)[1]
    # Rows, contents and groups are the nodes of a graph; what hangs together is one group.
    n_nodes = n_rows + contents.max() + groups.max() + 2
    rows = np.arange(n_rows)
    ends = np.concatenate([n_rows + contents, n_rows + contents.max() + 1 + groups])
    links = coo_matrix((np.ones(2 * n_rows), (np.tile(rows, 2), ends)), shape=(n_nodes, n_nodes))
    return np.asarray(connected_components(links, directed=False)[1][:n_rows], dtype=np.int64)
