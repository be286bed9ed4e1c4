"""The tiles of a run: where they lie, what they differ by, and which were left out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from jobs.counted import counted
from qrnn_hw.experiment.tiled_measured import TiledMeasured
from qrnn_hw.report.blocks import Block, Heading, Table, Text


def said_tiling(tiling: Mapping[str, Any]) -> str:
    """Return one line on the tiles of a document."""
    tiles, out = tiling["tiles"], tiling["left_out"]
    excess = [one["excess"] for one in tiles if one["excess"] is not None]
    spread = f", beyond shots they differ by {max(excess):.3f} of a score" if excess else ""
    bad = f"; left out for their answers: {', '.join(map(str, out))}" if out else ""
    return (
        f"tiles: {len(tiles)} with {counted(tiling['guard'], 'coupling')} "
        "between, each sequence on "
        f"{tiling['visits']}{_again(tiling)}{spread}{bad}"
    )


def tile_blocks(measured: TiledMeasured) -> Iterator[Block]:
    """Yield the tiles as a table."""
    document = measured.to_json()
    yield Heading("The tiles")
    yield Text(
        "Copies of the circuit ran side by side, each with other sequences; every sequence, "
        "canaries among them, spent its shots on several of them, one after the other. The "
        "difference is that of the scores from those of the same sequences on other tiles, the "
        "excess its size beyond what shots explain. " + said_tiling(document)
    )
    yield Table(
        ("tile", "qubits", "error of its answers", "sequences", "mean difference", "excess", ""),
        tuple(
            (
                str(number),
                ", ".join(map(str, one["qubits"])),
                f"{one['error']:.4f}",
                str(one["sequences"]),
                _number(one["mean_difference"]),
                _number(one["excess"]),
                "left out" if number in document["left_out"] else "",
            )
            for number, one in enumerate(document["tiles"])
        ),
    )


def _again(tiling: Mapping[str, Any]) -> str:
    tiles, visits = len(tiling["tiles"]), tiling["visits"]
    return " visits" if visits > tiles else ""


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
