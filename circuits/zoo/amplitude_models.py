"""v4 (amplitude encoding) and v5 (amplitude and dense angle encoding): one hidden qubit."""

from __future__ import annotations

from typing import Any

from circuits.definition import Architecture
from circuits.layers.amplitude import AmplitudeEncoding
from circuits.layers.cells import Entangle, Rotations, ring
from circuits.layers.encoders import repeated_angle_encoding
from circuits.zoo.reencoded import reencoded
from circuits.zoo.row import Row

SOURCE = "nogi2k2/QML, published notebooks"


def v4(mode: Any) -> Architecture:
    """Return v4: 32 features are the amplitudes of five inputs, which all flip hidden wire 5."""
    inputs, hidden = (0, 1, 2, 3, 4), 5
    return reencoded(
        "v4",
        n_qubits=6,
        n_features=32,
        encoder=(AmplitudeEncoding(inputs, tuple(range(32))),),
        hidden=hidden,
        cell=(
            Entangle(tuple((wire, hidden) for wire in inputs)),
            Entangle(ring(inputs)),
            Rotations((*inputs, hidden), "yz"),
        ),
        mode=mode,
        summary="32 features as amplitudes, CNOT from each input to the hidden wire, CNOT ring, "
        "RY RZ",
        source=SOURCE,
        reading=False,
    )


def v5(mode: Any) -> Architecture:
    """Return v5: 16 features are amplitudes of wires 0-3, 16 are angles of 4-6; hidden wire 7."""
    dense = {4: range(16, 21), 5: range(21, 27), 6: range(27, 32)}
    hidden = 7
    pairs = ((0, 1), (1, 2), (2, 3), (4, 5), (5, 6), (3, 4), (6, 7), (0, 7), (4, 7))
    return reencoded(
        "v5",
        n_qubits=8,
        n_features=32,
        encoder=(
            AmplitudeEncoding((0, 1, 2, 3), tuple(range(16))),
            repeated_angle_encoding(dense, (("y", 1.0), ("z", 0.7))),
        ),
        hidden=hidden,
        cell=(Entangle(pairs), Rotations(tuple(range(8)), "yz")),
        mode=mode,
        summary="16 features as amplitudes, 16 as RY RZ on three wires, nine CNOT, RY RZ",
        source=SOURCE,
        reading=False,
    )


_MODES = {"mode": ("expectation", "sampled")}
ROWS = (Row("v4", v4, _MODES), Row("v5", v5, _MODES))
