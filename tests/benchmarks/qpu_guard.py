"""Tiles on a twin whose neighbours disturb each other: how far apart they have to be."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from timing import Row

import circuits
from calibration.library import snapshot
from jobs.tiling.packing import distance_between
from jobs.tiling.tiled_pubs import TilePub, Tiler
from jobs.tiling.tiling import Tiling, tile_step
from jobs.transpile.probe import Probe
from jobs.twin.machine import Twin
from jobs.twin.strengths import strengths_of
from qrnn_hw.statistics.intervals import wilson
from qrnn_hw.submission.drawn_inputs import DrawnInputs

DEVICE = "fake_boston"
EFFECTS = "measurement-crosstalk=0.1,static-zz=30000"
MODEL = circuits.architecture("dynamic-line")
LINE = (2, 3, 4, 5)
"""A tile; the other lies on the same row of the chip, as near as the guard lets it."""

N, STEPS, RECOMMENDED = 96, 4, 1
DECISION = np.array([1.0, 0.0, 0.0, -1.0])


@dataclass(frozen=True)
class Place:
    """Qubits by hand."""

    qubits: tuple[int, ...]
    error: float = 0.0


def guard_rows() -> Iterator[Row]:
    """Yield for each guard what neighbours do to a tile's answers, exactly."""
    device = snapshot(DEVICE)
    drawn = _inputs()
    twin = Twin(device, strengths_of(EFFECTS), seed=3)
    for guard in (0, 1, 2):
        chosen = [Place(LINE), Place(tuple(qubit + len(LINE) + guard for qubit in LINE))]
        tiling = tile_step(MODEL, device, chosen, seed=7, guard=guard)
        together, alone = (_laws(twin, tiling, drawn, side_by_side=one) for one in (True, False))
        moved = np.abs(together - alone).sum(axis=2).max() / 2
        wanted = alone[0] @ DECISION > 0  # the labels of the best tile with the chip to itself
        labels = together @ DECISION > 0
        agree = float((labels == wanted).mean())
        by_itself = float(((alone @ DECISION > 0) == wanted).mean())
        interval = wilson(round(by_itself * labels.size), labels.size, 0.95)
        apart = distance_between(chosen, device)
        said = (
            f"{by_itself:.3f} one tile at a time ({interval.low:.3f} to {interval.high:.3f}); "
            f"distributions move by up to {moved:.4f}; {len(chosen)} tiles {apart} couplings "
            f"apart, {EFFECTS}"
        )
        holds = interval.low <= agree <= interval.high and (guard < RECOMMENDED or moved < 0.01)
        what = f"twin of {DEVICE}, guard {guard}: labels as on the best tile alone"
        yield Row(what, agree, said, interval.low, bool(holds))


def _inputs() -> DrawnInputs:
    probe = Probe.random(MODEL, n=1, steps=STEPS, seed=5)
    features = np.random.default_rng(5).uniform(0, np.pi, (N, STEPS, MODEL.n_features))
    return DrawnInputs(probe.weights[0], features)


def _laws(
    twin: Twin, tiling: Tiling, drawn: DrawnInputs, *, side_by_side: bool
) -> NDArray[np.float64]:
    """Return the exact distribution of each input on each tile, shape (tiles, n, 2**m)."""
    pubs = [TilePub(n, drawn.pub(one, None), STEPS) for n, one in enumerate(tiling.tiles)]
    groups = [pubs] if side_by_side else [[one] for one in pubs]
    laws = []
    for group in groups:
        tiled = Tiler(tiling).together([group])
        (sent,) = tiled.pubs
        for number in range(len(group)):
            circuit = sent.circuit
            registers = {register.name: register for register in circuit.cregs}
            places = tiled.layout.bits[0][number]["out"]
            keep = [circuit.find_bit(registers[name][at]).index for name, at in places]
            laws.append(twin.distributions(circuit, sent.parameters, keep))
    return np.array(laws)
