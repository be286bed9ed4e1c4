"""Whether copies of one experiment agree, and which of them does not belong."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2

from qrnn_hw.errors import UsageError

Array = NDArray[np.float64]

CHANCE = 1e-3
"""Of calling any of the tiles bad when all agree."""

WORTH = 0.1
"""Of the scores' range: a smaller deviation does not make a tile bad, however sure it is."""

OUTLYING = 2.0
"""Times the median tile's distance from the median that a bad one's must be."""


@dataclass(frozen=True)
class TileSpread:
    """How one tile's scores differ from those of the same sequences on other tiles."""

    tile: int
    n_compared: int
    mean: float
    """Mean difference."""

    excess: float
    """Root mean square of the difference beyond what shots explain."""

    p_value: float
    """Of the differences if they came from shots alone."""


@dataclass(frozen=True, eq=False)
class Cells:
    """Scores of sequences on tiles; a sequence has several cells, on different tiles."""

    sequence: NDArray[np.int64]  # shape (n,)
    tile: NDArray[np.int64]  # shape (n,)
    value: Array  # shape (n,)
    variance: Array  # shape (n,), of the value

    def of(self, kept: NDArray[np.bool_]) -> Cells:
        """Return some of the cells."""
        return Cells(self.sequence[kept], self.tile[kept], self.value[kept], self.variance[kept])

    def by_tile(self) -> Cells:
        """Return one cell for all visits of a sequence to one tile."""
        pairs, place = np.unique(np.stack([self.sequence, self.tile]), axis=1, return_inverse=True)
        n = np.bincount(place)
        value = np.bincount(place, self.value) / n
        return Cells(pairs[0], pairs[1], value, np.bincount(place, self.variance) / n**2)


def rotated(n: int, n_tiles: int, visits: int) -> NDArray[np.int64]:
    """Return the tiles that each of n sequences visits, so that every tile meets many others.

    Each tile gets as many visits as another, give or take the last turn's. The distance between the
    tiles of one sequence changes from turn to turn: with one distance alone tiles would meet within
    closed groups, in which bad ones may be the majority.

    Args:
        n: sequences.
        n_tiles: at least `visits`.
        visits: tiles for each sequence, all different.

    Returns:
        Shape (n, visits).
    """
    turns = np.arange(visits)
    distances = [
        d for d in range(1, max(2, n_tiles)) if len(set((d * turns % n_tiles).tolist())) == visits
    ]
    place = np.arange(n)
    distance = np.array(distances)[place // n_tiles % len(distances)]
    return np.asarray((place[:, None] + distance[:, None] * turns) % n_tiles, dtype=np.int64)


def spread(cells: Cells) -> tuple[TileSpread, ...]:
    """Compare each tile with the mean of the others, sequence by sequence.

    Tiles none of whose sequences ran elsewhere are left out.
    """
    n = int(cells.sequence.max(initial=-1)) + 1
    count, total, spread_of = (
        np.bincount(cells.sequence, weights, minlength=n)
        for weights in (None, cells.value, cells.variance)
    )
    others = count[cells.sequence] - 1
    compared = others > 0
    safe = np.maximum(others, 1)
    elsewhere = (total[cells.sequence] - cells.value) / safe
    difference = cells.value - elsewhere
    variance = cells.variance + (spread_of[cells.sequence] - cells.variance) / safe**2
    found = []
    for tile in np.unique(cells.tile[compared]).tolist():
        here = compared & (cells.tile == tile)
        d, v = difference[here], variance[here]
        statistic = float((d**2 / np.maximum(v, 1e-12)).sum())
        found.append(
            TileSpread(
                int(tile),
                int(here.sum()),
                float(d.mean()),
                float(np.sqrt(max(0.0, (d**2 - v).mean()))),
                float(chi2.sf(statistic, df=int(here.sum()))),
            )
        )
    return tuple(found)


def bad_tiles(cells: Cells, scale: float) -> tuple[int, ...]:
    """Return the tiles whose answers do not belong, the worst first.

    One after the other, since a bad one spoils what the others are compared with, the one farthest
    from the median of each sequence first. It is bad where chance explains its differences with
    less than `CHANCE` over all tiles, they are large beside the scores (`WORTH`), and it is far
    from the median beside the median tile (`OUTLYING`). At least two tiles stay.

    Args:
        cells: scores of every tile.
        scale: range of the scores, such as the largest |score| of an outcome.

    Raises:
        UsageError: the scale is not positive.
    """
    if not scale > 0:
        raise UsageError(f"the scale of the scores should be positive. Got {scale}.")
    bad: list[int] = []
    while True:
        left = cells.of(~np.isin(cells.tile, bad))
        found = spread(left)
        if len(found) <= 2:
            return tuple(bad)
        far = _from_median(left)
        worst = max(found, key=lambda one: far[one.tile])
        sure = worst.p_value < CHANCE / len(found)
        usual = float(np.median(list(far.values())))
        if not sure or worst.excess < WORTH * scale or far[worst.tile] < OUTLYING * usual:
            return tuple(bad)
        bad.append(worst.tile)


def _from_median(cells: Cells) -> dict[int, float]:
    """Return each tile's root mean square distance from the median of the sequence."""
    places = np.zeros(len(cells.sequence), dtype=np.int64)
    order = np.argsort(cells.sequence, kind="stable")
    _, first, counts = np.unique(cells.sequence[order], return_index=True, return_counts=True)
    places[order] = np.arange(len(order)) - np.repeat(first, counts)
    table = np.full((int(cells.sequence.max()) + 1, int(counts.max())), np.nan)
    table[cells.sequence, places] = cells.value
    present = ~np.isnan(table).all(axis=1)
    middle = np.zeros(len(table))
    middle[present] = np.nanmedian(table[present], axis=1)
    squared = (cells.value - middle[cells.sequence]) ** 2
    return {
        int(tile): float(np.sqrt(squared[cells.tile == tile].mean()))
        for tile in np.unique(cells.tile)
    }
