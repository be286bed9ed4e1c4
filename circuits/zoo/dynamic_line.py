"""The first dynamic model: a line of four qubits, native to heavy-hex and square lattices."""

from circuits.definition import Architecture
from circuits.layers.cells import Entangle, Rotations
from circuits.layers.encoders import dense_angle_encoding
from circuits.layers.feedback import ConditionalRotation, Measure, Reset

# Wires along the line: hidden 0, data 1, data 2, hidden 3.
HIDDEN, DATA = (0, 3), (1, 2)

DYNAMIC_LINE = Architecture(
    name="dynamic-line",
    n_qubits=4,
    n_features=4,
    encoder=(dense_angle_encoding(DATA, ("y", "z")),),
    cell=(
        Rotations(HIDDEN, "zyz"),
        Rotations(DATA, "yz"),
        Entangle(((1, 0), (2, 3), (1, 2))),
        Rotations((0, 1, 2, 3), "y"),
        Entangle(((0, 1), (3, 2))),
        Measure(DATA),
        ConditionalRotation(bit=0, wire=0, axes="y"),
        ConditionalRotation(bit=1, wire=3, axes="y"),
        Reset(DATA),
    ),
    readout=HIDDEN,
    data_qubits=DATA,
    n_bits=2,
    modes=("sampled",),
    mode="sampled",
    summary="2 hidden + 2 data qubits on a line; both data qubits are measured, fed forward "
    "and reset in every step",
    source="this project",
)
