"""The device of a report: its qubits by how well a model's answers survive on them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from calibration.working import working_qubits
from jobs.counted import counted
from qrnn_hw.report.blocks import Block, Figure, Table
from qrnn_hw.report.chip_layout import chip_layout
from qrnn_hw.report.figures import chip_figure

if TYPE_CHECKING:
    from calibration.snapshot import Snapshot

SHOWN = 10


def chip_blocks(
    document: Mapping[str, Any], snapshot: Snapshot, *, tiles: bool = False
) -> Iterator[Block]:
    """Yield the picture of a device and the best placements on it.

    Args:
        document: of `Placements.to_json`.
        snapshot: of the whole device.
        tiles: whether its placements are tiles, all in use at once.
    """
    what = (
        f"Full lines: {counted(len(document['placements']), 'tile')}"
        if tiles
        else f"Full line: the best of {document['n_placements']:,} placements"
    )
    yield Figure(
        chip_picture(document, snapshot, tiles=tiles),
        "The device: a qubit is the fuller the less the answers lose on its best placement; a "
        f"cross does not work. {what}; dotted: where the transpiler's level 3 puts the model.",
    )
    yield Table(PLACEMENT_HEADER, tuple(placement_rows(document)))


def chip_picture(document: Mapping[str, Any], snapshot: Snapshot, *, tiles: bool = False) -> str:
    """Draw the device with its placements by score, the best one (or all tiles) and level 3's.

    Args:
        document: of `Placements.to_json`.
        snapshot: of the whole device.
        tiles: whether its placements are tiles.
    """
    couplings = {tuple(sorted(r.qubits)) for r in snapshot.instructions if len(r.qubits) == 2}
    pairs = sorted((a, b) for a, b in couplings)
    listed = [one["qubits"] for one in document["placements"]]
    full, level_3 = listed if tiles else listed[:1], document["level_3"]["qubits"]
    return chip_figure(
        chip_layout(snapshot.n_qubits, pairs),
        pairs,
        document["least_error"],
        full,
        dotted=() if level_3 in full else level_3,
        out=set(range(snapshot.n_qubits)) - working_qubits(snapshot),
        label=f"placements on {snapshot.backend} by the error of the answers",
    )


def placement_rows(document: Mapping[str, Any], most: int = SHOWN) -> list[tuple[str, ...]]:
    """Return the best placements and level 3's, with error and fidelity."""
    level_3 = document["level_3"]
    listed = [(str(n + 1), one) for n, one in enumerate(document["placements"][:most])]
    return [
        (name, ",".join(map(str, one["qubits"])), f"{one['error']:.5f}", f"{one['fidelity']:.6f}")
        for name, one in [*listed, ("level 3", level_3)]
    ]


PLACEMENT_HEADER = ("", "qubits", "distance from no noise", "fidelity")
