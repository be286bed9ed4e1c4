"""Which tiles each sequence visits, and how many: complete estimates, one repetition each.

A visit holds all circuits of a sequence's estimate, so that nothing of one tile is extrapolated by
what another has read. The visits of one job are made one after the other: their scatter has the
shots in it, what changed meanwhile, and what tiles differ by.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from jobs.cost import DEFAULT_FORMULA
from qrnn_hw.errors import TooFewShotsError
from qrnn_hw.mitigation.repetitions import MOST_COST, Layout, Want, lay_out
from qrnn_hw.statistics.tile_spread import rotated

Tiles = NDArray[np.int64]

MOST_VISITS = 3
"""Tiles that a sequence runs on where more would tell no more: of a bad one, or of rare masks,
which each visit has to run by itself."""

MOST_REPEATED = 8
"""Visits that are repetitions: Student's quantile is then 2.4, with more of them down to 2.0, and
each is a circuit on another tile that a recorded device has to simulate anew."""

PATTERNS = 2
"""Ways in which sequences of unlike lengths lie on the tiles."""

GOLDEN = (5**0.5 - 1) / 2


@dataclass(frozen=True, eq=False)
class TileVisit:
    """Sequences that one tile runs in one visit."""

    tile: int
    visit: int
    items: NDArray[np.int64]  # numbers of sentences
    canaries: NDArray[np.int64]  # numbers of canaries


def sites(items: Tiles, canaries: Tiles, n_tiles: int) -> tuple[TileVisit, ...]:
    """Return the sites that run anything, visit by visit.

    Args:
        items: tile of each sentence in each visit, shape (n, visits).
        canaries: of each canary, shape (n_canaries, visits).
        n_tiles: of the chip.
    """
    found = (
        TileVisit(
            tile,
            visit,
            np.flatnonzero(items[:, visit] == tile),
            np.flatnonzero(canaries[:, visit] == tile),
        )
        for visit in range(items.shape[1])
        for tile in range(n_tiles)
    )
    return tuple(one for one in found if len(one.items) or len(one.canaries))


def tiles_of_items(lengths: NDArray[np.int64], n_tiles: int, visits: int) -> Tiles:
    """Return the tile of each sentence in each visit: in turn, the longest first."""
    found = np.empty((len(lengths), visits), dtype=np.int64)
    found[np.argsort(-lengths, kind="stable")] = rotated(len(lengths), n_tiles, visits)
    return found


def dealt(
    items: NDArray[np.int64], canaries: NDArray[np.int64], n_tiles: int, visits: int
) -> tuple[Tiles, Tiles]:
    """Return the tile of each sentence and of each canary in each visit of one job.

    What costs is a circuit of the whole chip, made anew for each way in which lengths lie beside
    each other: there are `PATTERNS` of each row, and those of one length change places in them.

    Args:
        items: length of each sentence, shape (n,).
        canaries: length of each canary, shape (n_canaries,).
        n_tiles: of the chip.
        visits: of each sequence; it may come back to a tile.

    Returns:
        Shapes (n, visits) and (n_canaries, visits).
    """
    lengths = np.concatenate([items, canaries])
    # Canaries lie evenly among the sentences of their length: tiles stand in the order of their
    # scores, and few canaries next to each other would see only the best.
    among = np.concatenate([_evenly(items), _evenly(canaries)])
    order = np.lexsort((among, -lengths))
    place = np.empty(len(lengths), dtype=np.int64)
    place[order] = np.arange(len(lengths))
    first = np.searchsorted(-lengths[order], -lengths)  # place of the first of one's length
    sizes = np.searchsorted(-lengths[order], -lengths, side="right") - first
    turns = np.array([_stride(int(size)) for size in sizes])
    found = np.empty((len(lengths), visits), dtype=np.int64)
    for visit in range(visits):
        again, pattern = divmod(visit, PATTERNS)
        moved = first + (place - first + again * turns) % sizes
        found[:, visit] = (moved + pattern * _stride(n_tiles)) % n_tiles
    return found[: len(items)], found[len(items) :]


def _evenly(lengths: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return for each sequence the middle of its share of those of its length, from 0 to 1."""
    found = np.empty(len(lengths))
    for length in set(lengths.tolist()):
        own = np.flatnonzero(lengths == length)
        found[own] = (np.arange(len(own)) + 0.5) / len(own)
    return found


def _stride(n: int) -> int:
    """Return a step that meets all of n in turn, far from the last ones each time."""
    coprime = [one for one in range(1, n + 1) if np.gcd(one, n) == 1]
    return min(coprime, key=lambda one: abs(one - GOLDEN * n))


def chosen_visits(
    wants: Callable[[int], Sequence[Want]],
    *,
    repetitions: int,
    fewest: int,
    most: int,
    at_once: int,
) -> tuple[int, Layout]:
    """Choose the number of visits, and how often each is repeated in one job.

    As many visits as cost no more than `MOST_COST` times the fewest, then as many repetitions of
    each as `lay_out` allows.

    Args:
        wants: of all visits together, by their number.
        repetitions: of a sequence's estimate, at most.
        fewest: visits.
        most: visits.
        at_once: sequences that one row of the chip holds.

    Raises:
        TooFewShotsError: too few shots for the fewest visits.
    """
    seconds = DEFAULT_FORMULA.thumb_seconds_per_execution / at_once
    price = {"seconds_per_shot": seconds, "seconds_per_job": DEFAULT_FORMULA.overhead_seconds}

    def shared(visits: int) -> list[Want]:
        return [replace(one, load=one.load / at_once) for one in wants(visits)]

    visits, listed, least = fewest, shared(fewest), 0.0
    for tried in range(fewest, most + 1):
        try:
            asked = shared(tried)
        except TooFewShotsError:  # fewer shots than circuits
            if tried == fewest:
                raise
            break
        cost = lay_out(asked, 1, **price).seconds(asked, *price.values())
        least = least or cost
        if cost > MOST_COST * least:
            break
        visits, listed = tried, asked
    return visits, lay_out(listed, max(1, repetitions // visits), **price)
