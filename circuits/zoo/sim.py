"""QRNN_Sim v1 to v9: four inputs copied onto four hidden qubits that live through the sequence.

The code of v9 is published. Of the others only the number of weights, the two kinds of layer and
"2- and 3-layer variants" are: v1 to v8 are the readings with two or three layers of one kind and
zero, one or two final Rot layers on the read wires that give the published number of weights. For
30, 60 and 96 no other choice of that form does; v2 and v3 (36) and v6 and v7 (84) take the two
choices that there are, and v4 (48) the simple layers.

The published text says that inputs are overwritten, the code never resets them: `input_mode` is
`reset` (a mid-circuit reset ends each step) or `accumulate`.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from circuits.definition import Architecture, Layer
from circuits.layers.cells import ControlledRotations, Entangle, Rotations, ring
from circuits.layers.encoders import RotationEncoding
from circuits.layers.feedback import Reset
from circuits.zoo.row import Row

INPUTS, HIDDEN, READ = (0, 1, 2, 3), (4, 5, 6, 7), (6, 7)
CONSOLIDATION = Entangle(((4, 6), (5, 7)))

LAYERS: dict[str, tuple[Layer, ...]] = {
    "simple": (Rotations(HIDDEN, "zyz"),),
    "expressive": (
        Rotations(HIDDEN, "xyz"),
        Entangle(ring(HIDDEN)),
        Rotations(HIDDEN, "xyz"),
    ),
    "expressive-cry": (
        Rotations(HIDDEN, "xyz"),
        ControlledRotations(ring(HIDDEN)),
        Rotations(HIDDEN, "xyz"),
    ),
    "ry-cry": (
        Rotations(HIDDEN, "y"),
        ControlledRotations(ring(HIDDEN)),
        Rotations(HIDDEN, "y"),
    ),
}
"""Kinds of layer on the hidden wires, with 12, 24, 28 and 12 weights."""

# Kind, number of layers and of final Rot layers.
VARIANTS: dict[str, tuple[str, int, int]] = {
    "sim-v1": ("simple", 2, 1),
    "sim-v2": ("simple", 2, 2),
    "sim-v3": ("simple", 3, 0),
    "sim-v4": ("simple", 3, 2),
    "sim-v5": ("expressive", 2, 2),
    "sim-v6": ("expressive", 3, 2),
    "sim-v7": ("expressive-cry", 3, 0),
    "sim-v8": ("expressive-cry", 3, 2),
    "sim-v9": ("ry-cry", 3, 2),
}


def sim(
    name: str, kind: str, n_layers: int, n_final: int, *, input_mode: str, mode: Any
) -> Architecture:
    """Return a model: RY(x) on inputs, CNOT to hidden, layers, CNOT 4-6 and 5-7, each word."""
    resets = input_mode == "reset"
    return Architecture(
        name=name,
        n_qubits=8,
        n_features=4,
        encoder=(RotationEncoding(tuple((wire, "y", wire, 1.0) for wire in INPUTS)),),
        cell=(
            Entangle(tuple(zip(INPUTS, HIDDEN, strict=True))),
            *LAYERS[kind] * n_layers,
            CONSOLIDATION,
        ),
        after_cell=(Reset(INPUTS),) if resets else (),
        closing=(CONSOLIDATION, *(Rotations(READ, "zyz"),) * n_final),
        readout=READ,
        data_qubits=INPUTS if resets else (),
        modes=("coherent",),
        mode=mode,
        summary=f"inputs copied onto hidden qubits, {n_layers} {kind} layers a word, "
        f"{n_final} final Rot",
        source="nogi2k2/QML, published notebooks",
        reading=name != "sim-v9",
    )


ROWS = tuple(
    Row(
        name,
        partial(sim, name, *variant),
        {"input_mode": ("reset", "accumulate"), "mode": ("coherent",)},
    )
    for name, variant in VARIANTS.items()
)
