"""Rows of the first source's table (github.com/nogi2k2/QML), from its published notebooks."""

from circuits.cells import Entangle, Rotations, chain
from circuits.definition import Architecture
from circuits.encoders import Axis, RotationEncoding

WIRES = (0, 1, 2, 3)
SOURCE = "nogi2k2/QML, published notebooks"

# RX(x[2i]) RY(x[2i+1]) RZ(x[2i]) on wire i.
_TERMS: list[tuple[int, Axis, int, float]] = []
for _wire in WIRES:
    _TERMS += [
        (_wire, "x", 2 * _wire, 1.0),
        (_wire, "y", 2 * _wire + 1, 1.0),
        (_wire, "z", 2 * _wire, 1.0),
    ]
STACKED_INPUT = RotationEncoding(tuple(_TERMS))
ROT = Rotations(WIRES, "zyz")

STACKED_3_MINIMAL = Architecture(
    name="stacked-3-minimal",
    n_qubits=4,
    n_features=8,
    encoder=(STACKED_INPUT,),
    cell=(),
    closing=(ROT, ROT, ROT, Entangle(chain(WIRES)), ROT),
    readout=(2, 3),
    summary="four qubits take ten words as rotations, then four layers of weights and one chain",
    source=SOURCE,
)
