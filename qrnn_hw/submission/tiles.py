"""The tiles of a run: where this circuit suffers least, and no worse than a floor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import ArrayLike

from circuits.definition import Architecture
from jobs.tiling.packing import GUARDS, Placed, choose_tiles
from jobs.tiling.tiling import Tiling, tile_step
from qrnn_hw.errors import UsageError
from qrnn_hw.models.options import one_circuit_remedy
from qrnn_hw.submission.kept_placement import check_kept, read_placement
from qrnn_hw.submission.machine import Machine
from qrnn_hw.submission.placing import LEVEL_3, scores_on

if TYPE_CHECKING:
    from jobs.transpile.probe import Probe

MOST_TILES = 1000

TILED = "tiles"
"""Option of a job that says which of its rows ran on which tile, and where their bits are."""

GUARD = 1
"""Couplings between tiles by default."""

FLOOR = 3.0
"""Times the error of the best placement that a tile may have."""


@dataclass(frozen=True)
class Tiles:
    """What is asked for of tiles."""

    most: int = 0
    """Tiles at most; 0 is as many as are good enough."""

    guard: int = GUARD

    @classmethod
    def of(cls, tiles: str | None, guard: int | None, placement: str) -> Tiles | None:
        """Return what options ask for; None where they ask for none.

        Raises:
            UsageError: they do not go together, or are out of range.
        """
        number = parse_tiles(tiles)
        check_tiles(number, guard, placement)
        return None if number is None else cls(number, GUARD if guard is None else guard)


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
    probe: Probe | None = None,
    lengths: ArrayLike | None = None,
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
        probe: inputs that placements are judged by; None takes random ones.
        lengths: of the sequences that are to run, which random ones have; None is from 1 to 10.

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
        for one in chosen:
            check_kept(architecture, machine, one.qubits)
    else:
        chosen, document = _scored(
            architecture, machine, most, guard, seed, decoupling, probe, lengths
        )
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
    probe: Probe | None,
    lengths: ArrayLike | None,
) -> tuple[Sequence[Placed], dict[str, Any]]:
    # All qubits of a tile are read by one instruction: scored as it is scheduled.
    found = scores_on(
        architecture, machine, seed, decoupling, probe=probe, alike=True, lengths=lengths
    )
    chosen = choose_tiles(
        found.ranked, machine.snapshot, guard=guard, most=most, worst=FLOOR * found.best.error
    )
    document = replace(found, ranked=chosen).to_json()
    of_all = {"n_placements": len(found.ranked), "least_error": found.least_error()}
    return chosen, document | of_all | {"tiles": len(chosen), "tiles_asked": most}


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


def check_tiles(number: int | None, guard: int | None, placement: str) -> None:
    """Refuse a guard or a placement that does not go with the tiles.

    Raises:
        UsageError: one does not.
    """
    if number is None and guard is not None:
        raise UsageError(f"a guard should come with tiles. Got {guard} without --tiles.")
    if guard is not None and guard not in GUARDS:
        raise UsageError(f"guard should be one of 0, 1, 2. Got {guard}.")
    if number is not None and placement != LEVEL_3:
        raise UsageError(
            "tiles should lie where the model loses least. Got "
            f"--placement {placement} with --tiles; leave one of them out."
        )


def check_mode(architecture: Architecture) -> None:
    """Refuse tiles of a model in rounds.

    Raises:
        UsageError: it is one.
    """
    if architecture.mode == "expectation":
        raise UsageError(
            "tiles should hold a model whose sequence is one circuit. Got "
            f"{architecture.name}, which is run in rounds; {one_circuit_remedy(architecture)}."
        )
