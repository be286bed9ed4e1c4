"""QRNN Adapted: eight features on four wires, both upper wires read, their sum re-encoded."""

from __future__ import annotations

from typing import Any

from circuits.definition import Architecture
from circuits.layers.cells import Entangle, Rotations, ring
from circuits.layers.encoders import repeated_angle_encoding
from circuits.recurrence import FeedTanhOfSum
from circuits.zoo.reencoded import reencoded
from circuits.zoo.row import Row

SOURCE = "nogi2k2/QML, published notebooks"


def adapted(mode: Any) -> Architecture:
    """Return the model: wire i takes features 2i and 2i+1, h = tanh(<Z2> + <Z3>) is RY on 3."""
    wires = (0, 1, 2, 3)
    return reencoded(
        "adapted",
        n_qubits=4,
        n_features=8,
        encoder=(
            repeated_angle_encoding(
                {wire: (2 * wire, 2 * wire + 1) for wire in wires},
                (("x", 1.0), ("y", 1.0), ("z", 1.0)),
            ),
        ),
        hidden=3,
        cell=(Entangle(ring(wires)), Rotations(wires, "yz")),
        readout=(2, 3),
        recurrence=FeedTanhOfSum(),
        mode=mode,
        summary="two features a wire, each as RX RY RZ, CNOT ring, RY RZ; tanh(z2 + z3) fed back",
        source=SOURCE,
        reading=False,
    )


ROWS = (Row("adapted", adapted, {"mode": ("expectation", "sampled")}),)
