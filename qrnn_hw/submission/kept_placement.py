"""A choice of qubits as a document: what it says, and reading it again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jobs.counted import counted
from qrnn_hw.errors import ConfigurationError

if TYPE_CHECKING:
    from circuits.definition import Architecture
    from qrnn_hw.submission.machine import Machine

AGAIN = "placed_again"
"""In a document whether a run places its circuit again for what was trained; in that of the second
choice, what the first one scored."""


def said(document: Mapping[str, Any]) -> str:
    """Return one line on the scores of a placement."""
    own, other = document["placements"][0], document["level_3"]
    tiles, where = document.get("tiles"), ",".join(map(str, own["qubits"]))
    n, first = f"{document['n_placements']:,}", document.get(AGAIN)
    if isinstance(first, dict):
        moved = "stays" if first["qubits"] == own["qubits"] else "moves to"
        return (
            f"what was trained {moved} {where}, of {n}: its outputs are {own['error']:.4f} from "
            f"those without noise, {first['error']:.4f} where it was trained, {other['error']:.4f} "
            f"where level 3 puts it (calibration of {document['taken']})"
        )
    begin = f"placed on {where}, the best of {n}: "
    if tiles is not None:
        asked = document.get("tiles_asked") or tiles
        fewer = f" ({asked:,} were asked for, no more fit)" if asked > tiles else ""
        side_by_side = f"{counted(tiles, 'tile')} side by side{fewer}"
        begin = f"{side_by_side}, of {n} placements; the best tile is {where}: "
    return (
        begin
        + f"its answers are {own['error']:.4f} from those without noise, {other['error']:.4f} "
        f"where level 3 puts it (calibration of {document['taken']})"
    )


def check_kept(architecture: Architecture, machine: Machine, qubits: Sequence[int]) -> None:
    """Refuse qubits of a kept choice that no choice on this machine would name.

    Whether they work today is not asked: a run goes on where it began.

    Raises:
        ConfigurationError: too few, one twice, or one that the machine does not have.
    """
    n_device = machine.snapshot.n_qubits
    there = all(0 <= qubit < n_device for qubit in qubits)
    if not there or len(set(qubits)) < len(qubits) or len(qubits) < architecture.n_qubits:
        raise ConfigurationError(
            f"a kept placement should name {architecture.n_qubits} or more different qubits of the "
            f"{n_device} of {machine.name}. Got {','.join(map(str, qubits))}; remove the run's "
            "placement files, and places are chosen anew."
        )


def read_placement(path: Path) -> dict[str, Any]:
    """Return the scores that a run has kept, the qubits that it chose first.

    Raises:
        ConfigurationError: they cannot be read.
    """
    from calibration.documents import read_document

    try:
        document: dict[str, Any] = read_document(path)
        qubits = document["placements"][0]["qubits"]
        if not all(type(qubit) is int for qubit in qubits):
            raise ValueError("qubits that are no numbers")
    except (OSError, KeyError, IndexError, TypeError, ValueError) as error:
        raise ConfigurationError(
            f"the placement of a run should be a document written by this project. Got {path}, "
            f"which cannot be read ({type(error).__name__}); remove it, and places are chosen anew."
        ) from None
    return document
