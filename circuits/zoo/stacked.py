"""Stacked models: four qubits take the ten words as rotations, then come all the weights.

No weight and no entangler stands between two words, so that the words act as one rotation a wire.
"""

from typing import Any

from circuits.definition import Architecture
from circuits.layers.cells import Entangle, Rotations, chain, ring
from circuits.layers.encoders import Axis, RotationEncoding
from circuits.zoo.row import Row, fixed

WIRES = (0, 1, 2, 3)
SOURCE = "nogi2k2/QML, published notebooks"


def _input() -> RotationEncoding:
    """Return RX(x[2i]) RY(x[2i+1]) RZ(x[2i]) on wire i."""
    terms: list[tuple[int, Axis, int, float]] = []
    for wire in WIRES:
        terms += [
            (wire, "x", 2 * wire, 1.0),
            (wire, "y", 2 * wire + 1, 1.0),
            (wire, "z", 2 * wire, 1.0),
        ]
    return RotationEncoding(tuple(terms))


ROT = Rotations(WIRES, "zyz")
RING = Entangle(ring(WIRES))


def _stacked(name: str, closing: tuple[Any, ...], summary: str, reading: bool) -> Architecture:
    return Architecture(
        name=name,
        n_qubits=4,
        n_features=8,
        encoder=(_input(),),
        cell=(),
        closing=closing,
        readout=(2, 3),
        summary=summary,
        source=SOURCE,
        reading=reading,
    )


STACKED_2_FINAL_ROT = _stacked(
    "stacked-2-final-rot",
    (ROT, RING, ROT, RING, ROT),
    "ten words as rotations, two layers of Rot and CNOT ring, a final layer of Rot",
    reading=False,
)
STACKED_3_FINAL_ROT = _stacked(
    "stacked-3-final-rot",
    (ROT, RING, ROT, RING, ROT, ROT),
    "ten words as rotations, three layers of Rot with two CNOT rings between, a final layer of Rot",
    reading=True,
)
STACKED_3_ENHANCED = _stacked(
    "stacked-3-enhanced",
    (ROT, RING, ROT, RING, ROT, RING, Rotations(WIRES, "xyz")),
    "ten words as rotations, three layers of Rot, each followed by a CNOT ring, then RX RY RZ",
    reading=True,
)


def stacked_3_minimal(entangler: str = "chain", mode: Any = "coherent") -> Architecture:
    """Return three layers of Rot, one chain (notebook) or ring (table) of CNOT, a final Rot."""
    pairs = chain(WIRES) if entangler == "chain" else ring(WIRES)
    row = _stacked(
        "stacked-3-minimal",
        (ROT, ROT, ROT, Entangle(pairs), ROT),
        f"ten words as rotations, three layers of Rot, one CNOT {entangler}, a final layer of Rot",
        reading=False,
    )
    return row.with_options(mode=mode)


ROWS = (
    fixed(STACKED_2_FINAL_ROT),
    fixed(STACKED_3_FINAL_ROT),
    fixed(STACKED_3_ENHANCED),
    Row(
        "stacked-3-minimal",
        stacked_3_minimal,
        {"entangler": ("chain", "ring"), "mode": ("coherent",)},
    ),
)
