"""Quantum LSTM: four circuits a step, one for each gate, whose <Z7> the host combines.

As published nothing joins wire 7, which takes h and is read, to the inputs or the weights: the
model is input-blind and none of its 28 weights acts on its output. The `repaired` wiring ends
each gate with a chain of CNOT from wire 0 to wire 7. The rotations of the forget gate are about Z
as published, and commute with the parity that the chain measures; its weights stay without effect.
"""

from __future__ import annotations

from typing import Any

from circuits.definition import Architecture
from circuits.layers.amplitude import AmplitudeEncoding
from circuits.layers.cells import Entangle, TiedRotations, chain
from circuits.layers.controllers import FedBack
from circuits.layers.encoders import repeated_angle_encoding
from circuits.recurrence import LongShortTermMemory
from circuits.zoo.row import Row

GATES: tuple[tuple[str, tuple[tuple[str, float], ...]], ...] = (
    ("input", (("y", 1.0),)),
    ("forget", (("z", 1.0),)),
    ("candidate", (("y", 1.0), ("z", 0.3))),
    ("output", (("y", 0.6),)),
)
"""Names of the gates in the order of their weights, with axis and factor of each rotation."""


def qlstm(wiring: str, mode: Any) -> Architecture:
    """Return the model: amplitudes x[0:16] on 0-3, angles x[16:19] on wire 4, h on wire 7."""
    entangler = (Entangle(chain(tuple(range(8)))),) if wiring == "repaired" else ()
    return Architecture(
        name="qlstm",
        n_qubits=8,
        n_features=19,
        encoder=(
            AmplitudeEncoding((0, 1, 2, 3), tuple(range(16))),
            repeated_angle_encoding({4: (16, 17, 18)}, (("y", 1.0), ("z", 0.5))),
            FedBack(7, ()),
        ),
        cell=(),
        gates=tuple((TiedRotations(tuple(range(7)), terms), *entangler) for _, terms in GATES),
        readout=(7,),
        recurrence=LongShortTermMemory(),
        modes=("expectation",),
        mode=mode,
        summary="four gate circuits a step on 16 amplitudes and 3 angles; c and h on the host",
        source="nogi2k2/QML, published notebooks",
        reading=wiring != "faithful",
    )


ROWS = (Row("qlstm", qlstm, {"wiring": ("faithful", "repaired"), "mode": ("expectation",)}),)
