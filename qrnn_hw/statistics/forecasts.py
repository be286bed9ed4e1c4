"""How good forecasts are, with intervals for rows that overlap in time.

Neighbouring rows share most of their window, so that rows drawn one by one would promise far too
much. Blocks of neighbours are drawn instead (Kunsch, Ann. Statist. 17, 1217, 1989): of n rows,
ceil(n / b) blocks of b rows with uniform starts, joined and cut at n.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qrnn_hw.errors import UsageError
from qrnn_hw.statistics.intervals import Interval

Array = NDArray[np.float64]
N_RESAMPLES = 2000


def nrmse(outputs: ArrayLike, targets: ArrayLike) -> float:
    """Return the root mean squared error over the targets' standard deviation, a mean over k.

    1 is the mean as the forecast. Arrays of shape (n,) or (n, k).

    Raises:
        UsageError: a target that never changes.
    """
    found, wanted = _columns(outputs), _columns(targets)
    spread = wanted.std(axis=0)
    if not (spread > 0).all():
        raise UsageError("a normalised error needs targets that change. Got constant ones.")
    return float((np.sqrt(((found - wanted) ** 2).mean(axis=0)) / spread).mean())


def nrmse_interval(
    outputs: ArrayLike, targets: ArrayLike, *, block: int, seed: int, level: float = 0.95
) -> Interval:
    """Return the NRMSE with its moving-block bootstrap interval.

    The deviation in the denominator is that of all rows: it is part of the measure's definition.

    Args:
        outputs: shape (n,) or (n, k).
        targets: likewise.
        block: rows of a block, such as window and horizon together.
        seed: of the resampling.
        level: of the percentile interval.
    """
    found, wanted = _columns(outputs), _columns(targets)
    value = nrmse(found, wanted)
    spread, squares = wanted.std(axis=0), (found - wanted) ** 2
    return block_interval(
        lambda rows: np.sqrt(squares[rows].mean(axis=1) / spread**2).mean(axis=-1),
        value,
        len(found),
        block=block,
        seed=seed,
        level=level,
    )


def nrmse_difference(
    ours: ArrayLike,
    theirs: ArrayLike,
    targets: ArrayLike,
    *,
    block: int,
    seed: int,
    level: float = 0.95,
) -> Interval:
    """Return the NRMSE of one forecast less that of another on the same rows; below 0 is better.

    Arguments: see `nrmse_interval`; both forecasts keep their rows together.
    """
    one, other, wanted = _columns(ours), _columns(theirs), _columns(targets)
    value = nrmse(one, wanted) - nrmse(other, wanted)
    spread = wanted.std(axis=0)
    squares = (one - wanted) ** 2, (other - wanted) ** 2

    def difference(rows: NDArray[np.int64]) -> Array:
        roots = [np.sqrt(part[rows].mean(axis=1)) / spread for part in squares]
        return np.asarray((roots[0] - roots[1]).mean(axis=-1))

    return block_interval(difference, value, len(one), block=block, seed=seed, level=level)


def block_interval(
    statistic: Callable[[NDArray[np.int64]], Array],
    value: float,
    n: int,
    *,
    block: int,
    seed: int,
    level: float = 0.95,
    n_resamples: int = N_RESAMPLES,
) -> Interval:
    """Return a statistic of n rows in time with its moving-block percentile interval.

    Args:
        statistic: of row numbers (B, n), shape (B,).
        value: of the rows as they are.
        n: at least two blocks.
        block: rows of a block.
        seed: of the resampling.
        level: the probability with which the interval is to hold the true value.
        n_resamples: B.

    Raises:
        UsageError: a block without rows, or fewer rows than two blocks.
    """
    if block < 1 or n < 2 * block:
        raise UsageError(
            f"blocks should be of at least one row, and two of them fit in. Got blocks of {block} "
            f"for {n} rows."
        )
    generator = np.random.default_rng(seed)
    starts = generator.integers(0, n - block + 1, (n_resamples, -(-n // block)))
    rows = (starts[:, :, None] + np.arange(block)).reshape(n_resamples, -1)[:, :n]
    found = np.concatenate([statistic(part) for part in np.array_split(rows, 20)])
    low, high = np.quantile(found, [(1 - level) / 2, (1 + level) / 2])
    return Interval(value, float(low), float(high), n)


def _columns(numbers: ArrayLike) -> Array:
    found = np.asarray(numbers, dtype=np.float64)
    return found[:, None] if found.ndim == 1 else found
