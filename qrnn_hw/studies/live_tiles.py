"""Batches of shots for a sequential test on the tiles of a chip, none of them idle."""

from __future__ import annotations

from itertools import count

import numpy as np
from numpy.typing import NDArray

from jobs.executor import Executor
from jobs.spec import JobSpec
from jobs.tiling.tiled_pubs import TilePub, Tiler
from qrnn_hw.networks.encoded import Encoded
from qrnn_hw.predict import batches
from qrnn_hw.studies.adaptive import Draw


def tiled_draw(
    executor: Executor, tiler: Tiler, encoded: Encoded, *, backend: str, seed: int
) -> Draw:
    """Return a draw that runs each batch as one job on all tiles.

    Where fewer inputs are open than there are tiles, each runs on several of them at once with a
    part of its shots. The label that a test then certifies is that of the mean over these tiles;
    which they are changes from batch to batch.

    Args:
        executor: where shots come from; it takes circuits of the whole device.
        tiler: of the chip.
        encoded: the inputs that indices speak of.
        backend: name of the device.
        seed: of the first batch; each later batch takes the next, so that none repeats another.
    """
    tiles = tiler.tiling.tiles
    n_outcomes = 2 ** len(tiles[0].architecture.readout)
    numbers = count()

    def draw(rows: NDArray[np.int64], shots: int) -> NDArray[np.int64]:
        number = next(numbers)
        copies = max(1, min(len(tiles) // max(1, len(rows)), shots))
        owner = np.repeat(np.arange(len(rows)), copies)  # of each run of a row
        tile = (np.arange(len(owner)) + number) % len(tiles)
        pubs, runs = [], []
        for place, step in enumerate(tiles):
            own = np.flatnonzero(tile == place)
            for batch in batches(step, encoded.take(rows[owner[own]])):
                pubs.append(TilePub(place, batch.pub(batch.circuit), batch.length))
                runs.append(own[batch.rows])
        tiled = tiler.together([pubs])
        spec = JobSpec(
            pubs=tiled.pubs,
            shots=-(-shots // copies),
            executor=executor.name,
            backend=backend,
            seed=seed + number,
        )
        counts = np.zeros((len(rows), n_outcomes), dtype=np.int64)
        for own, result in zip(runs, tiled.split(executor.run(spec)), strict=True):
            bits = result.registers["out"].astype(np.int64)
            outcomes = bits @ (1 << np.arange(bits.shape[2]))
            for run, found in zip(own, outcomes, strict=True):
                copy = run % copies
                # The copies have `shots` together: what rounding up adds is not used.
                kept = shots * (copy + 1) // copies - shots * copy // copies
                counts[owner[run]] += np.bincount(found[:kept], minlength=n_outcomes)
        return counts

    return draw
