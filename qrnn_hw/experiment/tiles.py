"""The tiles of a run: where this circuit suffers least, and no worse than a floor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from circuits.definition import Architecture
from jobs.tiling.packing import Placed, choose_tiles
from jobs.tiling.tiling import Tiling, tile_step
from qrnn_hw.errors import UsageError
from qrnn_hw.submission.machine import Machine
from qrnn_hw.submission.placing import read_placement, scores_on

MOST_TILES = 1000

FLOOR = 3.0
"""Times the error of the best placement that a tile may have."""


@dataclass(frozen=True)
class Kept:
    """A tile of a run that goes on."""

    qubits: tuple[int, ...]
    error: float


def tiling_of(
    architecture: Architecture,
    machine: Machine,
    *,
    most: int | None,
    guard: int,
    seed: int,
    decoupling: str | None = None,
    kept: Path | None = None,
) -> tuple[Tiling, dict[str, Any]]:
    """Score every placement of a model exactly, and return the tiles with their scores.

    Args:
        architecture: coherent or sampled.
        machine: open.
        most: tiles at most; None is as many as are good enough.
        guard: couplings that are kept between tiles.
        seed: of the transpiler.
        decoupling: as for `transpile_step`.
        kept: scores of before, whose tiles stand; None scores anew.

    Raises:
        SpecError: the device has no `if_else` or too few qubits.
        UsageError: no working qubits hold the model.
        ConfigurationError: the scores of before cannot be read.
    """
    if kept is not None:
        document = read_placement(kept)
        chosen: Sequence[Placed] = [
            Kept(tuple(one["qubits"]), float(one["error"])) for one in document["placements"]
        ]
    else:
        chosen, document = _scored(architecture, machine, most, guard, seed, decoupling)
    tiling = tile_step(
        architecture, machine.snapshot, chosen, seed=seed, guard=guard, decoupling=decoupling
    )
    return tiling, document


def _scored(
    architecture: Architecture,
    machine: Machine,
    most: int | None,
    guard: int,
    seed: int,
    decoupling: str | None,
) -> tuple[Sequence[Placed], dict[str, Any]]:
    found = scores_on(architecture, machine, seed, decoupling)
    chosen = choose_tiles(
        found.ranked, machine.snapshot, guard=guard, most=most, worst=FLOOR * found.best.error
    )
    return chosen, replace(found, ranked=chosen).to_json() | {"n_placements": len(found.ranked)}


def parse_tiles(text: str | None) -> int | None:
    """Return the number of tiles asked for: 0 for `auto`, None where none is asked for.

    Raises:
        UsageError: it is neither `auto` nor a number from 1 on.
    """
    if text is None:
        return None
    plain = text.strip().lower()
    if plain == "auto":
        return 0
    if not (plain.isascii() and plain.isdigit()) or not 1 <= int(plain[:9]) <= MOST_TILES:
        raise UsageError(
            f"the tiles should be auto or a number from 1 to {MOST_TILES}. Got {text}."
        )
    return int(plain)
